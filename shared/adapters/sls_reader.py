"""SLS as an auditor reads it: GetLogStore, GetCursor and PullLogs beside the queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from shared.adapters.sls import AuditLogAdapter, answer
from shared.errors import CloudUnknown
from shared.ports import Received

GROUPS = 1000  # log groups of one PullLogs, the most there are
RECEIVE_TIME = "__tag__:__receive_time__"  # SLS adds it because the logstore has appendMeta
ONE_DAY, ONE_SECOND = timedelta(days=1), timedelta(seconds=1)


class AuditReaderAdapter(AuditLogAdapter):
    """Implements `ports.DigestLog`, and so `ports.AuditReader`, on one logstore."""

    def created_at(self) -> datetime:
        """GetLogStore."""
        response: Any = answer(
            "GetLogStore", lambda: self._client.get_logstore(self._project, self._logstore)
        )
        created = response.get_body().get("createTime")
        if not isinstance(created, int):
            raise CloudUnknown("GetLogStore")
        return datetime.fromtimestamp(created, UTC)

    def pull_logs(self, since: datetime, until: datetime) -> Sequence[Received]:
        """ListShards, and for each GetCursor twice, then PullLogs from one to the other."""
        shards: Any = answer(
            "ListShards", lambda: self._client.list_shards(self._project, self._logstore)
        )
        return [
            received
            for shard in shards.get_shards_info()
            for received in self._pulled(int(shard["shardID"]), since, until)
        ]

    def query_logs(self, since: datetime, until: datetime) -> Sequence[Received]:
        """GetLogs of everything, a day at a time so that no offset grows without bound."""
        found: list[Received] = []
        since = since.replace(microsecond=0)  # SLS takes whole seconds, and no empty interval
        while since < until:
            end = min(since + ONE_DAY, until.replace(microsecond=0) + ONE_SECOND)
            found += [_received(dict(row)) for row in self.get_logs("*", since, end)]
            since = end
        return found

    def _pulled(self, shard: int, since: datetime, until: datetime) -> Iterator[Received]:
        cursor, end = self._cursor(shard, since), self._cursor(shard, until)
        while cursor != end:
            response: Any = answer("PullLogs", partial(
                self._client.pull_logs, self._project, self._logstore, shard, cursor, GROUPS,
                end_cursor=end,
            ))  # fmt: skip
            for group in response.get_loggroup_list().LogGroups:
                tags = {f"__tag__:{_text(tag.Key)}": _text(tag.Value) for tag in group.LogTags}
                for log in group.Logs:
                    row = {_text(pair.Key): _text(pair.Value) for pair in log.Contents}
                    yield _received(row | tags)
            following = response.get_next_cursor()
            if following == cursor:  # not at the end, and no step nearer to it
                raise CloudUnknown("PullLogs")
            cursor = following

    def _cursor(self, shard: int, at: datetime) -> str:
        """The first group received at or after that time; the shard's end if there is none."""
        moment = int(at.timestamp()) or "begin"
        response: Any = answer("GetCursor", partial(
            self._client.get_cursor, self._project, self._logstore, shard, moment
        ))  # fmt: skip
        return str(response.get_cursor())


def _received(row: dict[str, str]) -> Received:
    stamp = row.get(RECEIVE_TIME, "")
    own = {name: value for name, value in row.items() if not name.startswith("__")}
    return Received(own, int(stamp) if stamp.isascii() and stamp.isdigit() else None)


def _text(value: str | bytes) -> str:
    """The SDK parses a group as text, and as bytes if any of it is no UTF-8."""
    return value if isinstance(value, str) else value.decode(errors="replace")
