"""Projects, logstores and their rows: what SLS holds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from emulator.sls import errors
from emulator.sls.protobuf import Log, LogGroup

FOREVER_DAYS = 3650
DAY_SECONDS = 86_400


@dataclass
class Row:
    """One stored log. `replaced` and `deleted` are what queries see instead of what was written;
    PullLogs never does."""

    seq: int
    log: Log
    topic: str
    source: str
    tags: tuple[tuple[str, str], ...]
    received_at: float
    request_id: str
    row_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    replaced: dict[str, str] | None = None
    deleted: bool = False
    _shown: tuple[dict[str, str] | None, dict[str, str]] | None = None

    @property
    def fields(self) -> dict[str, str]:
        """The log's own fields and its tags, as queries see them; not to be changed. Kept, because
        a search looks at every row."""
        if self._shown is None or self._shown[0] is not self.replaced:
            found = dict(self.log.contents) if self.replaced is None else dict(self.replaced)
            tags = {f"__tag__:{key}": value for key, value in self.tags}
            self._shown = (self.replaced, found | tags)
        return self._shown[1]


@dataclass
class StoredGroup:
    """A log group as it was received; the unit of PullLogs."""

    group: LogGroup
    received_at: float


@dataclass
class Shard:
    """One shard: hash keys in [`begin`, `end`). `dropped` groups have outlived the ttl, so the
    cursor of `groups[0]` is `dropped`."""

    id: int
    begin: int
    end: int
    created_at: float
    groups: list[StoredGroup] = field(default_factory=list)
    dropped: int = 0


@dataclass
class Index:
    """An index as GetIndex returns it. A field is indexed in rows received since its entry."""

    definition: dict[str, Any]
    created_at: float
    modified_at: float
    key_since: dict[str, float] = field(default_factory=dict)
    line_since: float | None = None

    @property
    def keys(self) -> dict[str, dict[str, Any]]:
        return dict(self.definition.get("keys", {}))

    @property
    def line(self) -> dict[str, Any] | None:
        return self.definition.get("line")

    @property
    def max_text_bytes(self) -> int:
        return int(self.definition.get("max_text_len", 2048))


@dataclass
class LogStore:
    """`settings` are the properties as GetLogStore returns them."""

    name: str
    settings: dict[str, Any]
    created_at: float
    modified_at: float
    shards: list[Shard]
    rows: list[Row] = field(default_factory=list)
    index: Index | None = None
    delete_tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    next_seq: int = 1
    _by_value: dict[str, tuple[int, dict[str, list[Row]]]] = field(default_factory=dict)

    def candidates(self, exact: tuple[str, str] | None) -> list[Row]:
        """All rows that could hold a field with exactly that value; all there are for None, and
        where rows may be changed."""
        if exact is None or self.settings["enableModify"]:
            return self.rows
        key, value = exact
        seen, by_value = self._by_value.get(key, (0, {}))
        for row in self.rows[seen:]:
            by_value.setdefault(row.fields.get(key, ""), []).append(row)
        self._by_value[key] = (len(self.rows), by_value)
        return by_value.get(value, [])

    def append(self, shard: Shard, group: LogGroup, received_at: float, request_id: str) -> None:
        """Store a group; nothing is ever recognised as a repetition."""
        shard.groups.append(StoredGroup(group, received_at))
        for log in group.logs:
            self.rows.append(Row(self.next_seq, log, group.topic, group.source, group.tags,
                                 received_at, request_id))  # fmt: skip
            self.next_seq += 1

    def drop_expired(self, now: float) -> None:
        """Forget what was received longer ago than the ttl."""
        days = int(self.settings["ttl"])
        if days >= FOREVER_DAYS:
            return
        oldest = now - days * DAY_SECONDS
        kept_rows = [row for row in self.rows if row.received_at >= oldest]
        if len(kept_rows) < len(self.rows):
            self.rows = kept_rows
            self._by_value.clear()
        for shard in self.shards:
            kept = [group for group in shard.groups if group.received_at >= oldest]
            shard.dropped += len(shard.groups) - len(kept)
            shard.groups = kept


@dataclass
class Project:
    """`entities` holds dashboards, saved searches and jobs by kind and name."""

    name: str
    description: str
    created_at: float
    modified_at: float
    resource_group_id: str = ""
    redundancy: str = "LRS"
    tags: dict[str, str] = field(default_factory=dict)
    logstores: dict[str, LogStore] = field(default_factory=dict)
    entities: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)


class SlsState:
    """What SLS holds for one account in one region."""

    def __init__(self, account_id: str, region: str) -> None:
        self.account_id, self.region = account_id, region
        self.projects: dict[str, Project] = {}

    def project(self, name: str) -> Project:
        """The project; ProjectNotExist if there is none."""
        if name not in self.projects:
            raise errors.project_missing(name)
        return self.projects[name]

    def logstore(self, project: str, name: str) -> LogStore:
        """The logstore; ProjectNotExist or LogStoreNotExist if there is none."""
        found = self.project(project).logstores.get(name)
        if found is None:
            raise errors.logstore_missing(name)
        return found

    def rows(self, project: str, logstore: str) -> Iterator[dict[str, Any]]:
        """Every row ever kept, in order of arrival, as the snapshot shows it."""
        for row in self.logstore(project, logstore).rows:
            yield {
                "seq": row.seq, "time": row.log.time, "topic": row.topic, "source": row.source,
                "contents": dict(row.log.contents), "tags": dict(row.tags),
                "received_at": row.received_at, "request_id": row.request_id,
                "replaced": row.replaced, "deleted": row.deleted,
            }  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """Projects with their logstores, rows included: tests check the audit trail here."""
        return {"projects": {
            project.name: {
                "description": project.description,
                "tags": dict(project.tags),
                "entities": {kind: sorted(held) for kind, held in project.entities.items()},
                "logstores": {
                    store.name: {
                        "settings": dict(store.settings),
                        "index": store.index.definition if store.index else None,
                        "rows": list(self.rows(project.name, store.name)),
                    }
                    for store in project.logstores.values()
                },
            }
            for project in self.projects.values()
        }}  # fmt: skip
