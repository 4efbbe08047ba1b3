"""The storage itself is changed, which no API of SLS can: the digests still tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from aliyun.log import IndexConfig, LogClient

from deploy import audit_index
from emulator.sls.protobuf import Log, LogGroup
from emulator.sls.state import Row as StoredRow
from shared import digests, examination, sealing
from shared.adapters.kms_mac import KmsMacAdapter
from shared.adapters.sls_reader import AuditReaderAdapter
from shared.adapters.tea import Credentials, Endpoint
from shared.audit import Attempt, Change, row_hash
from shared.digests import SETTLE_SECONDS, WINDOW_SECONDS
from shared.examination import Auditor
from shared.sealing import Sealer
from tests.integration.clouds import ADMIN_ID, ADMIN_SECRET, LocalCloud

AUDIT, COPY = "akwarden-audit", "akwarden-digests"


class House:
    """The audit log with its two digest logstores, and one attempt of four rows that is signed."""

    def __init__(self, local: LocalCloud, endpoint: Endpoint, admin: Credentials) -> None:
        client = LogClient("http://cn-hangzhou.log.aliyuncs.com", ADMIN_ID, ADMIN_SECRET,
                           source="test", auth_version="v4", region="cn-hangzhou")  # fmt: skip
        for project in (AUDIT, COPY):
            client.create_project(project, "")
        for project, name, index in ((AUDIT, "audit", audit_index.document()),
                                     (AUDIT, "digests", audit_index.of_digests()),
                                     (COPY, "digests", audit_index.of_digests())):  # fmt: skip
            client.create_logstore(project, name, shard_count=2, append_meta=True)
            config = IndexConfig()
            config.from_json(index)
            client.create_index(project, name, config)
        self.local = local
        self.log, *places = (
            AuditReaderAdapter(endpoint, admin, project=project, logstore=name, source="test")
            for project, name in ((AUDIT, "audit"), (COPY, "digests"), (AUDIT, "digests"))
        )
        self.places = dict(zip((COPY, AUDIT), places, strict=True))
        self.macs = KmsMacAdapter(endpoint, admin, key_id="key-emulator-mac01")
        attempt = Attempt("op-1", "run-1", {"chain_id": "op-1/run-1", "requester_id": "alice"})
        changes = [Change(f"event.{n}", "ram", "CreateUser") for n in range(4)]
        self.log.put_logs(attempt.intents(changes, datetime.now(UTC)))
        now = datetime.now(UTC).timestamp()
        self.later = (digests.window_of(now) + 1) * WINDOW_SECONDS + SETTLE_SECONDS + 2
        sealing.seal(Sealer(self.log, self.places, self.macs, lambda: self.at(0)))

    def at(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(self.later + seconds, UTC)

    def classes(self) -> set[str]:
        auditor = Auditor(self.log, self.places, self.macs, lambda: self.at(400))
        return {finding.kind for finding in examination.examine(auditor).findings}

    def tamper(self, change: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> None:
        """Change what is stored, in what queries and what pulls read."""
        store = self.local.cloud.sls.logstore(AUDIT, "audit")
        for shard in store.shards:
            for stored in shard.groups:
                old = stored.group
                rows = change([dict(log.contents) for log in old.logs])
                logs = tuple(Log(old.logs[0].time, tuple(row.items())) for row in rows)
                stored.group = LogGroup(logs, old.topic, old.source, old.tags)
        groups = [stored for shard in store.shards for stored in shard.groups]
        store.rows.clear()
        for stored in groups:
            for log in stored.group.logs:
                group = stored.group
                store.rows.append(StoredRow(store.next_seq, log, group.topic, group.source,
                                            group.tags, stored.received_at, "request"))  # fmt: skip


@pytest.fixture
def house(local: LocalCloud, endpoint: Endpoint, admin: Credentials) -> House:
    return House(local, endpoint, admin)


def rehashed(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    last = ""
    for row in rows:
        row |= {"requester_id": "mallory", "prev_hash": last}
        last = row["hash"] = row_hash(row)
    return rows


TAMPERINGS: dict[str, tuple[Callable[[list[dict[str, str]]], Any], set[str]]] = {
    "nothing": (lambda rows: rows, set()),
    "one byte": (lambda rows: [rows[0] | {"requester_id": "alicf"}, *rows[1:]], {"altered"}),
    "a row in the middle": (lambda rows: rows[:1] + rows[2:], {"missing"}),
    "the last row": (lambda rows: rows[:-1], {"missing"}),
    "numbers swapped": (lambda rows: [
        rows[0], rows[1] | {"seq": "2"}, rows[2] | {"seq": "1"}, rows[3]], {"reordered"}),
    "order of arrival": (lambda rows: rows[::-1], set()),
    "hashed anew": (rehashed, {"forged"}),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERINGS)
def test_changed_storage_has_its_class(house: House, name: str) -> None:
    """Neither queries nor pulls show what was written; what was signed does."""
    change, expected = TAMPERINGS[name]

    house.tamper(change)

    assert expected == house.classes()


def test_whole_log_gone_is_missing(house: House) -> None:
    """The digests know of the attempt, in the other project too."""
    store = house.local.cloud.sls.logstore(AUDIT, "audit")
    store.rows.clear()
    for shard in store.shards:
        shard.groups.clear()

    assert {"missing"} == house.classes()


def test_unsigned_attempt_in_signed_time_is_forged(house: House) -> None:
    """Slipped into the storage of a window whose digest was made."""
    def added(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        attempt = Attempt("op-2", "run-1", {"chain_id": "op-2/run-1"})
        change = Change("event.0", "ram", "CreateUser")
        return rows + [dict(row) for row in attempt.intents([change], datetime.now(UTC))]

    house.tamper(added)

    assert {"forged"} == house.classes()
