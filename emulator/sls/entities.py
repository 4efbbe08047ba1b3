"""Dashboards, saved searches and jobs (alerts): kept and given back, checked where a page says how.

Source: CreateDashboard, CreateSavedSearch, CreateAlert (configuration version 2.0). Statuses of
the NotExist and AlreadyExist errors are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from emulator.call import Call
from emulator.errors import ProductError
from emulator.sls import documents, errors
from emulator.sls.documents import Document
from emulator.wire import Response

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,62}")
_MAX_HELD = 100
_ALERT_REQUIRED = ("autoAnnotation", "groupConfiguration", "noDataFire", "queryList",
                   "sendResolved", "severityConfigurations", "threshold", "version")  # fmt: skip
_ALERT_QUERY_REQUIRED = ("project", "region", "store", "storeType", "query", "start", "end",
                         "timeSpanType")  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One kind of entity: the property that names it, its list's name, its refusals."""

    plural: str
    name_property: str
    missing: tuple[int, str, str]
    exists: tuple[int, str, str]
    check: Callable[[Document], None]

    # -- the operations -------------------------------------------------------------------

    def create(self, call: Call) -> Response:
        held = self._held(call)
        document = documents.body(call)
        name = document.get(self.name_property)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise errors.parameter_invalid(f"The parameter {self.name_property} is invalid.")
        self.check(document)
        if name in held:
            raise _refusal(self.exists, name)
        if len(held) >= _MAX_HELD:
            raise errors.quota_exceeded(f"A project holds at most {_MAX_HELD} {self.plural}.")
        now = int(call.cloud.clock.time())
        held[name] = {**document, "createTime": now, "lastModifiedTime": now}
        return documents.done()

    def get(self, call: Call) -> Response:
        return Response.json(200, self._found(call))

    def update(self, call: Call) -> Response:
        former = self._found(call)
        document = documents.body(call)
        name = call.parameters["name"]
        if document.get(self.name_property, name) != name:
            raise errors.parameter_invalid(f"The parameter {self.name_property} is invalid.")
        self.check(document)
        self._held(call)[name] = {
            self.name_property: name, **document, "createTime": former["createTime"],
            "lastModifiedTime": int(call.cloud.clock.time()),
        }  # fmt: skip
        return documents.done()

    def delete(self, call: Call) -> Response:
        self._found(call)
        del self._held(call)[call.parameters["name"]]
        return documents.done()

    def list_all(self, call: Call) -> Response:
        """Names for dashboards and saved searches, whole jobs (of a `jobType`) for jobs."""
        held = self._held(call)
        wanted = call.parameters.get("jobType", "")
        names = [name for name in sorted(held) if not wanted or held[name].get("type") == wanted]
        shown = documents.page(call, names)
        found = {"count": len(shown), "total": len(names)}
        if self is JOBS:
            return Response.json(200, {**found, "results": [held[name] for name in shown]})
        return Response.json(200, {**found, self.plural: shown})

    def switch(self, call: Call) -> Response:
        """EnableAlert and DisableAlert."""
        statuses = {"enable": "ENABLED", "disable": "DISABLED"}
        job = self._found(call)
        job["status"] = statuses[call.parameters["action"]]
        return documents.done()

    # -- what they share ------------------------------------------------------------------

    def _held(self, call: Call) -> dict[str, Document]:
        project = call.cloud.sls.project(call.parameters["project"])
        return project.entities.setdefault(self.plural, {})

    def _found(self, call: Call) -> Document:
        name = call.parameters["name"]
        held = self._held(call)
        if name not in held:
            raise _refusal(self.missing, name)
        return held[name]


def _refusal(error: tuple[int, str, str], name: str) -> ProductError:
    status, code, message = error
    return ProductError(status, code, message.replace("{name}", name))


def _check_dashboard(document: Document) -> None:
    charts = document.get("charts", [])
    if not isinstance(charts, list) or not all(isinstance(chart, dict) for chart in charts):
        raise errors.post_body_invalid("charts must be a list of objects")
    if len(charts) > _MAX_HELD:
        raise errors.quota_exceeded(f"A dashboard holds at most {_MAX_HELD} charts.")
    titles: set[str] = set()
    for chart in charts:
        title = documents.text(chart, "title")
        if title in titles:
            raise errors.post_body_invalid(f"Duplicate chart title: {title}")
        titles.add(title)


def _check_savedsearch(document: Document) -> None:
    for name in ("logstore", "searchQuery", "displayName"):
        documents.text(document, name)


def _check_job(document: Document) -> None:
    documents.text(document, "displayName")
    kind = documents.text(document, "type", "Alert")
    configuration = document.get("configuration")
    if not isinstance(configuration, dict) or not isinstance(document.get("schedule"), dict):
        raise errors.parameter_invalid("configuration and schedule are required")
    if kind != "Alert" or configuration.get("version") != "2.0":
        return  # other jobs, and alerts of the former shape, are kept as they are
    _require(configuration, _ALERT_REQUIRED, "configuration")
    queries = configuration["queryList"]
    if not isinstance(queries, list) or not 1 <= len(queries) <= 3:
        raise errors.parameter_invalid("configuration.queryList must hold 1 to 3 queries")
    for query in queries:
        _require(query, _ALERT_QUERY_REQUIRED, "configuration.queryList")


def _require(document: object, names: tuple[str, ...], where: str) -> None:
    if not isinstance(document, dict):
        raise errors.parameter_invalid(f"{where} is invalid")
    for name in names:
        if name not in document:
            raise errors.parameter_invalid(f"{where}.{name} is required")


DASHBOARDS = Kind(
    "dashboards", "dashboardName",
    (404, "DashboardNotExist", "specified dashboard does not exist"),
    (400, "ParameterInvalid", "specified dashboard already exists"),
    _check_dashboard,
)
SAVED_SEARCHES = Kind(
    "savedsearches", "savedsearchName",
    (404, "SavedSearchNotExist", "specified savedsearch does not exist"),
    (400, "ParameterInvalid", "specified savedsearch already exists"),
    _check_savedsearch,
)
JOBS = Kind(
    "jobs", "name",
    (404, "JobNotExist", "Job {name} does not exist"),
    (400, "JobAlreadyExist", "Job {name} already exists"),
    _check_job,
)
