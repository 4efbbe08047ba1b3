"""Rows that SLS did not acknowledge go first with the next write of the same run.

Without this, an attempt that goes on after a failed write (revocation's denial, the removal of a
key in hand) would leave a gap in its chain, which an auditor could not tell from a deleted row.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

from shared.audit import Row
from shared.errors import CloudError
from shared.ports import AuditLog

MOST_ROWS = 1000  # in one request, of at most 10 MB (PutLogs, "Limits"); a row has a few KB


class Outbox:
    """Implements `ports.AuditLog` on another one, for one invocation and all its threads."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._held: list[Row] = []
        self._lock = threading.Lock()

    def put_logs(self, rows: Sequence[Row]) -> None:
        """PutLogs of what is held and of these, in as many requests as it takes: all of it is
        acknowledged when this returns. A row whose write was in doubt may so be stored twice, under
        the same event id and hash."""
        with self._lock:
            held, self._held = self._held, []
        known = {row.get("event_id") for row in held}
        batch = [*held, *(row for row in rows if row.get("event_id") not in known)]
        for first in range(0, len(batch), MOST_ROWS):
            try:
                self._log.put_logs(batch[first : first + MOST_ROWS])
            except CloudError:
                with self._lock:
                    self._held = batch[first:] + self._held
                raise

    def get_logs(self, query: str, since: datetime, until: datetime) -> Sequence[Row]:
        return self._log.get_logs(query, since, until)

    def select_logs(self, query: str, since: datetime, until: datetime) -> Sequence[Row]:
        return self._log.select_logs(query, since, until)
