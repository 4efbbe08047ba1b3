"""GitHub's GraphQL API: an issue with its comments, and the issues of a repository.

Source: GitHub GraphQL API, "Issue", "IssueCommentConnection", "IssueConnection". Choices: a query
is known by the name of its operation and answered with all the fields that it may ask for; pages
are of a size that tests can set (`page_size` of the app).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator.errors import ProductError
from emulator.vendors.state import Vendor
from emulator.wire import Request, Response

if TYPE_CHECKING:
    from emulator.cloud import Cloud

NAME, HOST = "github", "api.github.com"
SECRETS = ("token",)
_OPERATION = re.compile(r"\s*query\s+(\w+)")


def action_of(method: str, path: str) -> str:
    """One for all queries: which it is stands in the body."""
    return "Query" if (method, path) == ("POST", "/graphql") else ""


def refused(refusal: ProductError, request_id: str) -> Response:
    return Response.json(refusal.status, {"message": refusal.message})


def query(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Issues are kept by `<repository's name>.<number>`."""
    vendor = cloud.vendors[NAME]
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not vendor.app or token != vendor.app.get("token"):
        raise ProductError(401, "BadCredentials", "Bad credentials")
    operation = _OPERATION.match(str(body.get("query", "")))
    given = body.get("variables") or {}
    if operation and operation[1] == "GetIssue":
        return _issue(vendor, given)
    if operation and operation[1] == "ListIssues":
        return _issues(vendor, given)
    raise ProductError(400, "BadRequest", "Problems parsing JSON")


def _issue(vendor: Vendor, given: dict[str, Any]) -> dict[str, Any]:
    issue = vendor.records.get(f"{given['name']}.{given['number']}")
    if issue is None:
        return {"data": {"repository": {"issue": None}},
                "errors": [{"type": "NOT_FOUND", "path": ["repository", "issue"]}]}  # fmt: skip
    shown = {**issue, "comments": _connection(vendor, issue["comments"], given.get("after"))}
    return {"data": {"repository": {"issue": shown}}}


def _issues(vendor: Vendor, given: dict[str, Any]) -> dict[str, Any]:
    full = f"{given['owner']}/{given['name']}"
    nodes = sorted(
        ({"number": one["number"], "createdAt": one["createdAt"]} for one in
         vendor.records.values() if one["repository"]["nameWithOwner"] == full),
        key=lambda one: str(one["createdAt"]), reverse=True)  # fmt: skip
    return {"data": {"repository": {"issues": _connection(vendor, nodes, given.get("after"))}}}


def _connection(vendor: Vendor, nodes: list[Any], after: str | None) -> dict[str, Any]:
    size, start = int(vendor.app.get("page_size", "100")), int(after or "0")
    end = start + size
    return {"nodes": nodes[start:end],
            "pageInfo": {"hasNextPage": end < len(nodes), "endCursor": str(end)}}  # fmt: skip


ACTIONS = {"Query": query}
