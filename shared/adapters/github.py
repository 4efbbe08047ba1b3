"""GitHub's issues with all their comments, by the GraphQL API: REST does not say when a body was
edited.

Source: GitHub GraphQL API, "Issue", "IssueCommentConnection"; "Forming calls with GraphQL".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared import timestamps, vendor_secrets
from shared.adapters.tea import Endpoint
from shared.adapters.vendor import VendorApi
from shared.errors import CloudRefused, CloudUnknown
from shared.places import Place
from shared.secrecy import Secret

HOST = "api.github.com"
MOST_PAGES = 100
_ISSUE = """query GetIssue($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) { issue(number: $number) {
    number url title body state stateReason createdAt lastEditedAt
    repository { nameWithOwner }
    author { __typename ... on User { databaseId } }
    comments(first: 100, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { body createdAt lastEditedAt author { __typename ... on User { databaseId } } }
    }
  } }
}"""
_LIST = """query ListIssues($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    issues(first: 100, after: $after, orderBy: {field: CREATED_AT, direction: DESC}) {
      pageInfo { hasNextPage endCursor }
      nodes { number createdAt }
    }
  }
}"""


class Adapter:
    """Implements `ports.Records`; `secret` is JSON: `{"token"}`, of an app or a person that may
    read the issues of the repositories."""

    def __init__(self, place: Place, secret: Secret, endpoint: Endpoint) -> None:
        self._place = place
        self._api = VendorApi(HOST, endpoint)
        self._token = Secret(vendor_secrets.members(secret, "GitHub", "token")["token"])

    def get(self, record: str) -> Mapping[str, Any] | None:
        name, _, number = record.rpartition(".")
        repository = f"{self._place.tenant}/{name}"
        if repository not in self._place.forms or not number.isdigit():
            return None
        issue: dict[str, Any] = {}
        comments: list[Any] = []
        after: str | None = None
        for _ in range(MOST_PAGES):
            answer = self._ask("GetIssue", _ISSUE, repository, number=int(number), after=after)
            if answer.get("issue") is None:
                return None
            issue = dict(answer["issue"])
            nodes, after = _page("GetIssue", issue.pop("comments", None), after)
            comments += nodes
            if after is None:
                return issue | {"comments": comments}
        raise CloudUnknown("GetIssue")

    def finished(self, since: datetime, until: datetime) -> Sequence[str]:
        """All issues of our repositories that were made in that time; which are approved is seen
        when they are read."""
        found: list[str] = []
        for repository in self._place.forms:
            after: str | None = None
            for _ in range(MOST_PAGES):
                answer = self._ask("ListIssues", _LIST, repository, after=after)
                nodes, after = _page("ListIssues", answer.get("issues"), after)
                ages = [(timestamps.parse(str(one["createdAt"])), one["number"]) for one in nodes]
                found += [f"{repository.partition('/')[2]}.{number}" for at, number in ages
                          if at and since <= at <= until]  # fmt: skip
                if after is None or any(at and at < since for at, _ in ages):
                    break
            else:
                raise CloudUnknown("ListIssues")
        return found

    def _ask(self, action: str, query: str, repository: str, **more: Any) -> Mapping[str, Any]:
        owner, _, name = repository.partition("/")
        answer = self._api.call(
            action, "POST", "/graphql", headers={"Authorization": f"Bearer {self._token.reveal()}"},
            body={"query": query, "variables": {"owner": owner, "name": name, **more}},
        )  # fmt: skip
        data = answer.get("data")
        found = data.get("repository") if isinstance(data, dict) else None
        errors = [one for one in answer.get("errors") or [] if isinstance(one, dict)]
        types = sorted({str(one.get("type")) for one in errors})
        if types == ["NOT_FOUND"]:
            return {}
        if types:  # with status 200, as GraphQL has it
            raise CloudRefused(action, types[0], 200, "")
        if not isinstance(found, dict):
            raise CloudUnknown(action)
        return found


def _page(action: str, connection: Any, after: str | None) -> tuple[list[Any], str | None]:
    """The nodes, and where the next page begins; CloudUnknown where that leads nowhere."""
    try:
        nodes, info = connection["nodes"], connection["pageInfo"]
        cursor = info["endCursor"] if info["hasNextPage"] else None
    except (KeyError, TypeError):
        raise CloudUnknown(action) from None
    if not isinstance(nodes, list) or (cursor is not None and cursor == after):
        raise CloudUnknown(action)
    return nodes, cursor
