"""Changing rows: what queries see; PullLogs goes on showing what was written.

Source: "Modify and delete log data" (only where enableModify was set at creation) and
CreateDeleteLogsTask (soft deletion). RAM action names of UpdateLogs and DeleteLogs are ours:
their pages name none.
"""

from __future__ import annotations

import json
import uuid

from emulator.call import Call
from emulator.sls import documents, errors
from emulator.sls.logstores import found
from emulator.sls.reading import matching
from emulator.sls.search import split
from emulator.sls.state import Row
from emulator.wire import Response


def update_logs(call: Call) -> Response:
    """UpdateLogs: `partial` changes the given fields, `full` replaces all."""
    rows, document = _chosen(call)
    mode = documents.text(document, "updateMode", "partial")
    if mode not in ("partial", "full"):
        raise errors.parameter_invalid("The parameter updateMode is invalid.")
    fields = _fields(documents.text(document, "data"))
    for row in rows:
        tags = {f"__tag__:{key}" for key, _ in row.tags}
        own = {key: value for key, value in row.fields.items() if key not in tags}
        row.replaced = fields if mode == "full" else own | fields
    return _affected(rows)


def delete_logs(call: Call) -> Response:
    """DeleteLogs: the rows are gone from every query."""
    rows, _ = _chosen(call)
    for row in rows:
        row.deleted = True
    return _affected(rows)


def create_delete_task(call: Call) -> Response:
    """CreateDeleteLogsTask: soft deletion, possible in every logstore; done at once here."""
    store = found(call)
    document = documents.body(call)
    rows = matching(call, store, document, _search_only(call, document))
    for row in rows:
        row.deleted = True
    task_id = uuid.uuid4().hex
    store.delete_tasks[task_id] = {
        "taskId": task_id, "progress": 100, "query": documents.text(document, "query", ""),
        "from": documents.integer(document, "from"), "to": documents.integer(document, "to"),
    }  # fmt: skip
    return Response.json(200, {"taskId": task_id})


def get_delete_task(call: Call) -> Response:
    task = found(call).delete_tasks.get(call.parameters["task"])
    if task is None:
        raise errors.parameter_invalid("delete log task does not exist")
    return Response.json(200, task)


def list_delete_tasks(call: Call) -> Response:
    tasks = list(found(call).delete_tasks.values())
    return Response.json(200, {"count": len(tasks), "total": len(tasks), "tasks": tasks})


def _chosen(call: Call) -> tuple[list[Row], documents.Document]:
    """The rows that `rowId`, or else `query` with `from` and `to`, names."""
    store = found(call)
    document = documents.body(call)
    if not store.settings["enableModify"]:
        raise errors.parameter_invalid(f"logstore {store.name} does not enable modify")
    row_id = documents.text(document, "rowId", "")
    if row_id:
        rows = [row for row in store.rows if row.row_id == row_id and not row.deleted]
    elif document.get("query"):
        rows = matching(call, store, document, _search_only(call, document))
    else:
        raise errors.parameter_invalid("rowId or query is required")
    return rows, document


def _search_only(call: Call, document: documents.Document) -> str:
    query = documents.text(document, "query", "")
    call.entry.parameters["query"] = query
    search, statement = split(query)
    if statement is not None:
        raise errors.parameter_invalid("an analytic statement is not supported here")
    return search


def _fields(text: str) -> dict[str, str]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or not all(isinstance(v, str) for v in data.values()):
        raise errors.parameter_invalid("The parameter data is invalid.")
    return data


def _affected(rows: list[Row]) -> Response:
    """The page has `affectedRows` and a header, the Python SDK reads `affected_rows`."""
    count = len(rows)
    return Response.json(
        200, {"affected_rows": count, "affectedRows": count},
        {"x-log-affectedrows": str(count)},
    )
