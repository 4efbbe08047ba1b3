"""Every operation: its request line, the right it needs, and what runs.

Resources: RAM authorisation of SLS (`acs:log:{region}:{account}:project/…`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from emulator.call import Call
from emulator.sls import (
    changing,
    documents,
    indexes,
    logstores,
    projects,
    pulling,
    reading,
    writing,
)
from emulator.sls.entities import DASHBOARDS, JOBS, SAVED_SEARCHES, Kind
from emulator.wire import Request, Response

Run = Callable[[Call], Response]
PROJECT = "project/{project}"
STORE = "project/{project}/logstore/{logstore}"


@dataclass(frozen=True)
class Operation:
    """`when` is a query parameter that the request must carry, `has_project` whether Host must
    name a project (None: it may); `named_by` is the body's property that completes `resource` on
    creation."""

    name: str
    method: str
    path: str
    run: Run
    permission: str
    resource: str
    when: tuple[str, str] | None = None
    has_project: bool | None = True
    writes: bool = False
    named_by: str = ""

    def captured(self, request: Request, project: str) -> dict[str, str] | None:
        """What the path names, decoded; None if this is another operation's request."""
        if request.method != self.method or self.has_project not in (None, bool(project)):
            return None
        if self.when and self.when not in request.query:
            return None
        pattern, given = self.path.split("/"), request.path.split("/")
        if len(pattern) != len(given):
            return None
        found = {"project": project} if project else {}
        for expected, value in zip(pattern, given, strict=True):
            if expected.startswith("{") and value:
                found[expected[1:-1]] = unquote(value)
            elif expected != value:
                return None
        return found

    def needs(self, call: Call) -> list[tuple[str, str]]:
        """The (action, resource) pairs that RAM must allow."""
        prefix = f"acs:log:{call.cloud.region}:{call.cloud.account_id}:"
        if self.resource == "tagged":
            names = projects.tagged_names(call) or ["*"]
            return [(self.permission, f"{prefix}project/{name}") for name in names]
        resource = self.resource
        if self.named_by:
            name = documents.body(call).get(self.named_by)
            resource += name if isinstance(name, str) else ""
        for name in ("project", "logstore", "name"):
            resource = resource.replace("{" + name + "}", call.parameters.get(name, ""))
        return [(self.permission, prefix + resource)]


def _read(name: str, method: str, path: str, run: Run, permission: str = "",
          resource: str = STORE, when: tuple[str, str] | None = None) -> Operation:  # fmt: skip
    return Operation(name, method, path, run, f"log:{permission or name}", resource, when)


def _write(name: str, method: str, path: str, run: Run, permission: str = "",
           resource: str = STORE, named_by: str = "") -> Operation:  # fmt: skip
    return Operation(name, method, path, run, f"log:{permission or name}", resource,
                     writes=True, named_by=named_by)  # fmt: skip


def _entity(kind: Kind, name: str, path: str, resource: str) -> tuple[Operation, ...]:
    every, one = f"project/{{project}}/{resource}/", f"project/{{project}}/{resource}/{{name}}"
    return (
        _write(f"Create{name}", "POST", path, kind.create, "", every, kind.name_property),
        _read(f"List{name}", "GET", path, kind.list_all, "", every + "*"),
        _read(f"Get{name}", "GET", path + "/{name}", kind.get, "", one),
        _write(f"Update{name}", "PUT", path + "/{name}", kind.update, "", one),
        _write(f"Delete{name}", "DELETE", path + "/{name}", kind.delete, "", one),
    )


_L = "/logstores/{logstore}"
_S = _L + "/shards/{shard}"

OPERATIONS: tuple[Operation, ...] = (
    _write("PutLogs", "POST", _L + "/shards/lb", writing.put_balanced, "PostLogStoreLogs"),
    _write("PutLogs", "POST", _L + "/shards/route", writing.put_routed, "PostLogStoreLogs"),
    _read("GetLogs", "POST", _L + "/logs", reading.get_logs, "GetLogStoreLogs"),
    _read("GetLogs", "GET", _L, reading.get_logs_v1, "GetLogStoreLogs", when=("type", "log")),
    _read("GetHistograms", "GET", _L, reading.get_histograms, "GetLogStoreHistogram",
          when=("type", "histogram")),
    _read("GetProjectLogs", "GET", "/logs", reading.get_project_logs, "GetProjectLogs", PROJECT),
    _read("ListShards", "GET", _L + "/shards", logstores.list_shards),
    _read("PullLogs", "GET", _S, pulling.pull_logs, "GetCursorOrData", when=("type", "log")),
    _read("GetCursor", "GET", _S, pulling.get_cursor, "GetCursorOrData", when=("type", "cursor")),
    _read("GetCursorTime", "GET", _S, pulling.get_cursor_time, "GetCursorOrData",
          when=("type", "cursor_time")),
    _write("UpdateLogs", "POST", _L + "/updatelogs", changing.update_logs),
    _write("DeleteLogs", "POST", _L + "/deletelogs", changing.delete_logs),
    _write("CreateDeleteLogsTask", "POST", _L + "/deletelogtasks", changing.create_delete_task),
    _read("ListDeleteLogsTasks", "GET", _L + "/deletelogtasks", changing.list_delete_tasks),
    _read("GetDeleteLogsTask", "GET", _L + "/deletelogtasks/{task}", changing.get_delete_task),
    _write("CreateIndex", "POST", _L + "/index", indexes.create),
    _write("UpdateIndex", "PUT", _L + "/index", indexes.update),
    _read("GetIndex", "GET", _L + "/index", indexes.get),
    _write("DeleteIndex", "DELETE", _L + "/index", indexes.delete),
    _write("UpdateLogStoreModification", "PUT", _L + "/modification", logstores.enable_modify,
           "UpdateLogStore"),
    _write("CreateLogStore", "POST", "/logstores", logstores.create, "",
           "project/{project}/logstore/", "logstoreName"),
    _read("ListLogStores", "GET", "/logstores", logstores.list_all, "",
          "project/{project}/logstore/*"),
    _read("GetLogStore", "GET", _L, logstores.get),
    _write("UpdateLogStore", "PUT", _L, logstores.update),
    _write("DeleteLogStore", "DELETE", _L, logstores.delete),
    # The newer SDK sends these three to the endpoint itself, the older one to the project's host.
    Operation("CreateProject", "POST", "/", projects.create, "log:CreateProject", "project/",
              has_project=None, writes=True, named_by="projectName"),
    Operation("TagResources", "POST", "/tag", projects.tag, "log:TagResources", "tagged",
              has_project=None, writes=True),
    Operation("UntagResources", "POST", "/untag", projects.untag, "log:UntagResources", "tagged",
              has_project=None, writes=True),
    _read("GetProject", "GET", "/", projects.get, "", PROJECT),
    _write("UpdateProject", "PUT", "/", projects.update, "", PROJECT),
    _write("DeleteProject", "DELETE", "/", projects.delete, "", PROJECT),
    Operation("ListProject", "GET", "/", projects.list_all, "log:ListProject", "project/*",
              has_project=False),
    Operation("ListTagResources", "GET", "/tags", projects.list_tags, "log:ListTagResources",
              "tagged", has_project=False),
    Operation("EnableAlert", "PUT", "/jobs/{name}", JOBS.switch, "log:UpdateJob",
              "project/{project}/job/{name}", ("action", "enable"), writes=True),
    Operation("DisableAlert", "PUT", "/jobs/{name}", JOBS.switch, "log:UpdateJob",
              "project/{project}/job/{name}", ("action", "disable"), writes=True),
    *_entity(DASHBOARDS, "Dashboard", "/dashboards", "dashboard"),
    *_entity(SAVED_SEARCHES, "SavedSearch", "/savedsearches", "savedsearch"),
    *_entity(JOBS, "Job", "/jobs", "job"),
)  # fmt: skip


def route(request: Request, project: str) -> tuple[Operation | None, dict[str, str]]:
    """The operation that a request asks for, with what its path names."""
    for operation in OPERATIONS:
        captured = operation.captured(request, project)
        if captured is not None:
            return operation, captured
    return None, {"project": project} if project else {}
