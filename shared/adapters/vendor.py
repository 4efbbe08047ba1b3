"""HTTPS calls to a vendor's API with `requests`, patiently; its answers are JSON.

The vendors' own SDKs are 88 and 101 MB for the two or three calls that are made here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import requests

from shared.adapters.tea import Endpoint
from shared.errors import CloudError, CloudRefused, CloudUnknown, NotFound, Throttled

TRIES, PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 3, 0.5, 5.0
NO_SUCH, TOO_MANY, SERVERS_FAULT = 404, 429, 500


class VendorApi:
    """One vendor's host. A call may be repeated if it reads, asks for a token, or bears what makes
    a repetition known; another one that says something to people takes `tries=1`.

    `zero_is_success`: an answer of any status is a refusal unless its `code` is 0.
    """

    def __init__(self, host: str, endpoint: Endpoint, *, zero_is_success: bool = False) -> None:
        self._zero_is_success = zero_is_success
        self._url = f"{endpoint.protocol}://{host}"
        self._timeout = (endpoint.connect_timeout_ms / 1000, endpoint.read_timeout_ms / 1000)
        self._session = requests.Session()
        if endpoint.ca_file:
            self._session.verify = endpoint.ca_file

    def call(
        self, action: str, method: str, path: str, *, headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None, body: Any = None,
        throttled: tuple[str, ...] = (), tries: int = TRIES,
    ) -> dict[str, Any]:  # fmt: skip
        """The answer's JSON object; NotFound, Throttled, CloudRefused or CloudUnknown. `throttled`
        are the vendor's codes of too many calls that come with another status than 429."""
        for attempt in range(1, tries + 1):
            failure: CloudError = CloudUnknown(action)
            response = None
            with suppress(requests.RequestException):
                response = self._session.request(
                    method, self._url + path, headers=dict(headers or {}), params=query, json=body,
                    timeout=self._timeout, allow_redirects=False,  # the token is for this host
                )  # fmt: skip
            content = _json(response)
            refused = response is not None and not response.ok
            if self._zero_is_success and content is not None:
                refused = content.get("code") != 0
            if response is not None and content is not None and not refused:
                return content
            if response is not None and refused and response.status_code < SERVERS_FAULT:
                failure = _refusal(action, response, content or {}, throttled)
            patient = isinstance(failure, CloudUnknown | Throttled)
            if not patient or attempt == tries:
                break
            asked = float(getattr(failure, "retry_after_seconds", 0.0))
            time.sleep(min(LONGEST_PAUSE_SECONDS, max(asked, PAUSE_SECONDS * attempt)))
        raise failure


def _json(response: requests.Response | None) -> dict[str, Any] | None:
    if response is None:
        return None
    try:
        content = response.json()
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _refusal(
    action: str, response: requests.Response, content: Mapping[str, Any],
    throttled: tuple[str, ...],
) -> CloudRefused:  # fmt: skip
    """The vendor's code, never its text."""
    status = response.status_code
    code = str(content.get("code") or f"Http{status}")
    request_id = str(content.get("requestid") or "")[:64]
    if status == TOO_MANY or code in throttled:
        refused = Throttled(action, code, status, request_id)
        given = response.headers.get("Retry-After", "")
        refused.retry_after_seconds = float(given) if given.isdigit() else 0.0
        return refused
    kind = NotFound if status == NO_SUCH else CloudRefused
    return kind(action, code, status, request_id)
