"""Jira Cloud with Service Management: issues, their approvals and changes, and a search.

Source: Jira Cloud REST API v2, "Get issue", "Get changelogs", v3, "Search for issues using JQL";
Service Management REST API, "Get approvals". A record is `{"issue", "approvals", "changes"}`.
Choices: one site, and a search that reads `project in (…)` and the two times of `created` only.
"""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from emulator.errors import ProductError
from emulator.vendors.state import Vendor
from emulator.wire import Request, Response

if TYPE_CHECKING:
    from emulator.cloud import Cloud

NAME, HOST = "jira", "example.atlassian.net"
SECRETS = ("api_token",)
MOST_PER_PAGE = 50
_PATHS = (
    (re.compile(r"/rest/api/2/issue/([^/]+)"), "GetIssue"),
    (re.compile(r"/rest/api/2/issue/([^/]+)/changelog"), "GetChangelogs"),
    (re.compile(r"/rest/servicedeskapi/request/([^/]+)/approval"), "GetApprovals"),
    (re.compile(r"/rest/api/3/search/jql"), "SearchIssues"),
)
_PROJECTS = re.compile(r'project in \(([^)]*)\)')
_CREATED = re.compile(r'created ([<>]=) "([0-9: -]{16})"')


def action_of(method: str, path: str) -> str:
    """The name that the history and faults use; empty if there is no such API."""
    found = (name for pattern, name in _PATHS if pattern.fullmatch(path))
    return next(found, "") if method == "GET" else ""


def refused(refusal: ProductError, request_id: str) -> Response:
    """As Jira says it: texts, and the status is what counts."""
    return Response.json(refusal.status, {"errorMessages": [refusal.message], "errors": {}})


def get_issue(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    return dict(_record(cloud, request)["issue"])


def get_approvals(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    values = _record(cloud, request)["approvals"]
    start, size = _paging(request, "start", "limit")
    page = values[start : start + size]
    return {"size": len(page), "start": start, "limit": size, "values": page,
            "isLastPage": start + size >= len(values)}  # fmt: skip


def get_changelogs(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    values = _record(cloud, request)["changes"]
    start, size = _paging(request, "startAt", "maxResults")
    return {"startAt": start, "maxResults": size, "total": len(values),
            "isLast": start + size >= len(values),
            "values": values[start : start + size]}  # fmt: skip


def search_issues(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    vendor, query = _authenticated(cloud, request), dict(request.query)
    jql = query.get("jql", "")
    projects = set(re.findall(r'"([^"]+)"', (_PROJECTS.search(jql) or [""])[0]))
    bounds = {sign: datetime.fromisoformat(text).replace(tzinfo=UTC)
              for sign, text in _CREATED.findall(jql)}  # fmt: skip
    if not projects or set(bounds) != {"<=", ">="}:
        raise ProductError(400, "BadRequest", "the JQL query cannot be read")
    matching = []
    for key, one in vendor.records.items():
        created = datetime.fromisoformat(one["issue"]["fields"]["created"])
        ours = one["issue"]["fields"]["project"]["key"] in projects
        if ours and bounds[">="] <= created <= bounds["<="]:
            matching.append({"id": key, "key": key})
    start, size = int(query.get("nextPageToken") or "0"), int(query.get("maxResults", "50"))
    more = start + size < len(matching)
    return {"issues": matching[start : start + size], "isLast": not more,
            **({"nextPageToken": str(start + size)} if more else {})}  # fmt: skip


ACTIONS = {"GetIssue": get_issue, "GetApprovals": get_approvals, "GetChangelogs": get_changelogs,
           "SearchIssues": search_issues}  # fmt: skip


def _paging(request: Request, start: str, size: str) -> tuple[int, int]:
    query = dict(request.query)
    return int(query.get(start, "0")), min(MOST_PER_PAGE, int(query.get(size, "50")))


def _record(cloud: Cloud, request: Request) -> dict[str, Any]:
    vendor = _authenticated(cloud, request)
    keys = (found[1] for pattern, _ in _PATHS[:3] if (found := pattern.fullmatch(request.path)))
    record = vendor.records.get(next(keys, ""))
    if record is None:
        raise ProductError(404, "NotFound", "Issue does not exist or you do not have permission")
    return record


def _authenticated(cloud: Cloud, request: Request) -> Vendor:
    vendor = cloud.vendors[NAME]
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    own = f"{vendor.app.get('email')}:{vendor.app.get('api_token')}"
    if not vendor.app or scheme != "Basic" or b64decode(value).decode() != own:
        raise ProductError(401, "Unauthorized", "Client must be authenticated")
    return vendor
