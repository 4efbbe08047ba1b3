"""Jira Cloud's issues with their approvals and changes, as one record.

Source: Jira Cloud REST API v2, "Get issue", "Get changelogs", v3, "Search for issues using JQL";
Service Management REST API, "Get approvals". Basic authentication with an API token.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared import vendor_secrets
from shared.adapters.tea import Endpoint
from shared.adapters.vendor import VendorApi
from shared.errors import CloudUnknown, NotFound
from shared.places import Place
from shared.secrecy import Secret

PAGE_SIZE = 50


class Adapter:
    """Implements `ports.Records`; `secret` is JSON: `{"email", "api_token"}`."""

    def __init__(self, place: Place, secret: Secret, endpoint: Endpoint) -> None:
        self._place = place
        self._api = VendorApi(place.tenant, endpoint)
        self._authorization = _basic(secret)

    def get(self, record: str) -> Mapping[str, Any] | None:
        try:
            issue = self._call("GetIssue", f"/rest/api/2/issue/{record}")
        except NotFound:
            return None
        return {
            "issue": issue,
            "approvals": self._pages("GetApprovals",
                                     f"/rest/servicedeskapi/request/{record}/approval",
                                     "start", "limit"),
            "changes": self._pages("GetChangelogs", f"/rest/api/2/issue/{record}/changelog",
                                   "startAt", "maxResults"),
        }  # fmt: skip

    def finished(self, since: datetime, until: datetime) -> Sequence[str]:
        """All issues of our projects that were made in that time; which are decided is seen when
        they are read."""
        projects = ", ".join(f'"{key}"' for key in self._place.forms)
        jql = (f'project in ({projects}) AND created >= "{_minute(since)}" '
               f'AND created <= "{_minute(until)}" ORDER BY created')  # fmt: skip
        found: list[str] = []
        query = {"jql": jql, "fields": "created", "maxResults": str(PAGE_SIZE)}
        while True:
            answer = self._call("SearchIssues", "/rest/api/3/search/jql", query)
            if not isinstance(answer.get("issues"), list):
                raise CloudUnknown("SearchIssues")
            found += [str(issue["key"]) for issue in answer["issues"]]
            token = answer.get("nextPageToken")
            if not token:
                return found
            if token == query.get("nextPageToken"):
                raise CloudUnknown("SearchIssues")  # cut short
            query["nextPageToken"] = str(token)

    def _pages(self, action: str, path: str, start: str, size: str) -> list[Any]:
        """All values of a list that comes in pages."""
        found: list[Any] = []
        while True:
            answer = self._call(action, path, {start: str(len(found)), size: str(PAGE_SIZE)})
            values = answer.get("values")
            last = answer.get("isLastPage", answer.get("isLast"))
            if not isinstance(values, list) or (not values and last is not True):
                raise CloudUnknown(action)
            found += values
            if last is True:
                return found

    def _call(
        self, action: str, path: str, query: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        headers = {"Authorization": self._authorization.reveal(), "Accept": "application/json"}
        return self._api.call(action, "GET", path, headers=headers, query=query)


def _basic(secret: Secret) -> Secret:
    given = vendor_secrets.members(secret, "Jira", "email", "api_token")
    text = f"{given['email']}:{given['api_token']}"
    return Secret("Basic " + b64encode(text.encode()).decode())


def _minute(at: datetime) -> str:
    """JQL's dates are as fine as that, in the time zone of the account: give it UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
