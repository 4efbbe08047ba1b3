"""SLS: the audit logstore. PutLogs is at-least-once, so every row brings its own event id."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from aliyun.log import GetLogsRequest, LogClient, LogException, LogItem, PutLogsRequest

from shared.adapters.tea import Credentials, Endpoint
from shared.audit import SCHEMA, Row
from shared.errors import (
    CloudError,
    CloudRefused,
    CloudUnknown,
    NotFound,
    NotPermitted,
    Throttled,
)

T = TypeVar("T")

# The SDK itself repeats 5xx answers (10 times, 1 s apart) and, over https only, nothing else;
# quota refusals it never repeats. Ours comes on top for those.
TRIES, UNKNOWN_TRIES, PAUSE_SECONDS = 4, 2, 0.5
QUOTA_CODES = ("WriteQuotaExceed", "ShardWriteQuotaExceed", "ReadQuotaExceed", "ServerBusy")
PAGE_ROWS = 100


class AuditLogAdapter:
    """Implements `ports.AuditLog` on one logstore."""

    def __init__(
        self, endpoint: Endpoint, credentials: Credentials, *, project: str, logstore: str,
        source: str, schema: str = SCHEMA,
    ) -> None:  # fmt: skip
        token = credentials.security_token
        self._client = LogClient(
            f"{endpoint.protocol}://{endpoint.region}.log.aliyuncs.com",
            credentials.access_key_id,
            credentials.secret.reveal(),
            securityToken=token.reveal() if token else None,
            source=source,  # else the SDK looks up this host's address at construction
            auth_version="v4",  # v1 sets the process's locale on every request
            region=endpoint.region,
        )
        self._client.timeout = endpoint.audit_timeout_ms / 1000  # type: ignore[assignment] # requests takes fractions
        self._project, self._logstore, self._source = project, logstore, source
        self._schema = schema

    def put_logs(self, rows: Sequence[Row]) -> None:
        """PutLogs, all rows in one request: acknowledged when this returns."""
        items = [LogItem(int(time.time()), contents=list(row.items())) for row in rows]
        request = PutLogsRequest(
            self._project, self._logstore, topic="akwarden", source=self._source,
            logitems=items, logtags=[("schema", self._schema)],
        )  # fmt: skip
        answer("PutLogs", lambda: self._client.put_logs(request))

    def get_logs(self, query: str, since: datetime, until: datetime) -> Sequence[Row]:
        """GetLogs by a search (no SQL), all pages, oldest first. CloudUnknown if SLS does not
        get to the end of it: a page whose progress is `Incomplete` may lack rows."""
        rows: list[dict[str, str]] = []
        while True:
            request = GetLogsRequest(
                self._project, self._logstore, int(since.timestamp()), int(until.timestamp()),
                query=query, line=PAGE_ROWS, offset=len(rows),
            )  # fmt: skip
            response: Any = answer("GetLogs", partial(self._complete, request))
            page = [log.get_contents() for log in response.get_logs()]
            rows += page
            if len(page) < PAGE_ROWS:
                return rows

    def select_logs(self, query: str, since: datetime, until: datetime) -> Sequence[Row]:
        """GetLogs of an analytic statement: one answer, as many rows as its `limit` says."""
        request = GetLogsRequest(
            self._project, self._logstore, int(since.timestamp()), int(until.timestamp()),
            query=query,
        )  # fmt: skip
        response: Any = answer("GetLogs", partial(self._complete, request))
        return [log.get_contents() for log in response.get_logs()]

    def _complete(self, request: GetLogsRequest) -> Any:
        response = self._client.get_logs(request)
        if not response.is_completed():  # the SDK has asked five times by then
            raise CloudUnknown("GetLogs")
        return response


def answer(action: str, call: Callable[[], T]) -> T:
    """Call with patience for quotas; raises CloudRefused or CloudUnknown without the SDK's text."""
    unknown = 0
    for remaining in reversed(range(TRIES)):
        try:
            return call()
        except LogException as err:
            failure = translated(action, err)
        except (OSError, ValueError):  # requests' errors are OSErrors; a bad body is a ValueError
            failure = CloudUnknown(action)
        # Repeatable: rows carry their own event ids, so one that arrives twice counts once. But
        # the SDK has tried for a while already, so only once more.
        in_doubt = isinstance(failure, CloudUnknown)
        unknown += in_doubt
        again = isinstance(failure, Throttled) or (in_doubt and unknown < UNKNOWN_TRIES)
        if not again or remaining == 0:
            raise failure
        time.sleep(PAUSE_SECONDS)
    raise CloudUnknown(action)


def translated(action: str, err: LogException) -> CloudError:
    """Our error for the SDK's: SLS answers a missing permission with 401, not 403."""
    code, status = str(err.get_error_code()), int(err.get_resp_status() or 0)
    request_id = str(err.get_request_id() or "")
    if code in QUOTA_CODES or status == 429:
        return Throttled(action, code, status, request_id)
    if status >= 500 or code in ("LogRequestError", "BadResponse", "InvalidResponse"):
        return CloudUnknown(action)
    if code in ("ProjectNotExist", "LogStoreNotExist"):
        return NotFound(action, code, status, request_id)
    kind = NotPermitted if status in (401, 403) else CloudRefused
    return kind(action, code, status, request_id)
