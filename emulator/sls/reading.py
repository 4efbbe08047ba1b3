"""GetLogs (v2 and v1), GetHistograms: search, then an analytic statement if there is one."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass
from typing import Any

from emulator.call import Call
from emulator.sls import compression, documents, errors
from emulator.sls.logstores import found
from emulator.sls.search import compile_search, exact_term, split
from emulator.sls.sql import run
from emulator.sls.state import Index, LogStore, Row
from emulator.wire import Request, Response

MAX_LINES = 100
_MAX_BUCKETS = 60
_BUCKET_SECONDS = (1, 2, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass
class Result:
    """The rows of an answer and what its `meta` says of them."""

    data: list[dict[str, str]]
    columns: list[str]
    types: list[str]
    read: int
    search: str
    statement: str | None
    elapsed_ms: int


def get_logs(call: Call) -> Response:
    """GetLogsV2: the parameters are a JSON body, the answer lz4 if that is accepted."""
    result = _query(call, documents.body(call))
    body = json.dumps({"meta": _meta(result), "data": result.data}, ensure_ascii=False).encode()
    content, headers = compression.answer_body(call.request.headers, body)
    return Response(200, content, {"Content-Type": "application/json", **headers})


def text(request: Request) -> str:
    """The parameters in a request's body, for fault rules that aim by them."""
    return request.body.decode(errors="replace")


def get_logs_v1(call: Call) -> Response:
    """GetLogs: the parameters are the query, what v2 has in `meta` is in headers."""
    result = _query(call, dict(call.parameters))
    return Response.json(200, result.data, {
        "x-log-progress": "Complete",
        "x-log-count": str(len(result.data)),
        "x-log-processed-rows": str(result.read),
        "x-log-elapsed-millisecond": str(result.elapsed_ms),
        "x-log-has-sql": str(result.statement is not None).lower(),
    })  # fmt: skip


def get_histograms(call: Call) -> Response:
    """GetHistograms: how many rows the search statement finds, in equal steps of time."""
    document: documents.Document = dict(call.parameters)
    begin, end = _interval(document)
    rows, _, _ = _search(call, found(call), document)
    step = next((s for s in _BUCKET_SECONDS if (end - begin) / s <= _MAX_BUCKETS), 0)
    step = step or -(-(end - begin) // _MAX_BUCKETS)
    bounds = [begin, *range(begin - begin % step + step, end, step), end]
    counts = [
        {"from": low, "to": high, "progress": "Complete",
         "count": sum(low <= row.log.time < high for row in rows)}
        for low, high in itertools.pairwise(bounds)
    ]  # fmt: skip
    return Response.json(200, counts, {
        "x-log-progress": "Complete", "x-log-count": str(len(rows)),
    })  # fmt: skip


def get_project_logs(call: Call) -> Response:
    """GetProjectLogs: SQL over several logstores is not offered here, and says so."""
    call.cloud.sls.project(call.parameters["project"])
    raise errors.parameter_invalid("ErrorType:NotSupported.ErrorMessage:project level SQL")


def matching(call: Call, store: LogStore, document: documents.Document, search: str) -> list[Row]:
    """The rows that a search statement finds, by time and then arrival."""
    if store.index is None:
        raise errors.index_missing("logstore without index config")
    begin, end = _interval(document)
    topic = documents.text(document, "topic", "")
    matches = compile_search(search, store.index)
    newest = call.cloud.clock.time() - call.cloud.choices.sls_index_lag_seconds
    rows = [
        row for row in store.candidates(exact_term(search, store.index))
        if store.index.created_at <= row.received_at <= newest
        and not row.deleted and begin <= row.log.time < end
        and (not topic or row.topic == topic) and matches(row)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row.log.time, row.seq))


def _query(call: Call, document: documents.Document) -> Result:
    started = time.monotonic()
    store = found(call)
    rows, search, statement = _search(call, store, document)
    if statement is None:
        data = _page(store, rows, document)
        columns, types = sorted({name for row in data for name in row}), list[str]()
    else:
        data, columns, types = _analysed(call, store, rows, statement)
    elapsed_ms = int((time.monotonic() - started) * 1000)
    return Result(data, columns, types, len(rows), search, statement, elapsed_ms)


def _search(
    call: Call, store: LogStore, document: documents.Document
) -> tuple[list[Row], str, str | None]:
    query = documents.text(document, "query", "")
    call.entry.parameters["query"] = query
    if document.get("session"):
        raise errors.parameter_invalid("scan mode is not supported")
    search, statement = split(query)
    return matching(call, store, document, search), search, statement


def _analysed(
    call: Call, store: LogStore, rows: list[Row], statement: str
) -> tuple[list[dict[str, str]], list[str], list[str]]:
    if store.settings["mode"] != "standard":
        raise errors.parameter_invalid("SQL is not supported by a logstore of mode query")
    index: Index = store.index  # type: ignore[assignment]  # matching() has refused None
    null = call.cloud.choices.sls_null_cell
    return run(statement, rows, index, store.name, null, call.cloud.clock.time())


def _interval(document: documents.Document) -> tuple[int, int]:
    begin, end = documents.integer(document, "from"), documents.integer(document, "to")
    if begin >= end:
        raise errors.parameter_invalid("The parameter from must be less than to")
    return begin, end


def _page(store: LogStore, rows: list[Row], document: documents.Document) -> list[dict[str, str]]:
    offset = documents.integer(document, "offset", 0)
    line = min(documents.integer(document, "line", MAX_LINES), MAX_LINES)
    if documents.boolean(document, "reverse"):
        rows = rows[::-1]
    return [_cells(store, row) for row in rows[offset : offset + line]]


def _cells(store: LogStore, row: Row) -> dict[str, str]:
    cells = {"__time__": str(row.log.time), "__source__": row.source, "__topic__": row.topic}
    if row.log.time_ns is not None:
        cells["__time_ns_part__"] = str(row.log.time_ns)
    if store.settings["enableModify"]:
        cells["__rowid__"] = row.row_id
    return cells | row.fields


def _meta(result: Result) -> dict[str, Any]:
    has_sql = result.statement is not None
    return {
        "progress": "Complete", "count": len(result.data), "processedRows": result.read,
        "elapsedMillisecond": result.elapsed_ms, "hasSQL": has_sql, "whereQuery": result.search,
        "aggQuery": result.statement or "", "keys": result.columns, "columnTypes": result.types,
        "cpuSec": 0.0, "cpuCores": 0, "mode": 0, "isAccurate": True, "powerSql": False,
        "limited": len(result.data) if has_sql else 0, "processedBytes": 0, "terms": [],
        "telementryType": "", "insertedSQL": "",
    }  # fmt: skip
