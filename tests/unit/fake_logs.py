"""Logstores and the MAC key without a cloud, for what reads and signs the audit log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.audit import Row
from shared.errors import CloudUnknown
from shared.ports import Received
from tests.unit.audit_trails import KEY_ID, mac
from tests.unit.samples import NOW


@dataclass
class Calls:
    """Counts calls of the run under test, and breaks off before or after the nth."""

    made: int = 0
    breaks_at: int = 0
    before: bool = True

    def __call__(self, act: Callable[[], None] = lambda: None) -> None:
        self.made += 1
        broken = self.made == self.breaks_at
        if not (broken and self.before):
            act()
        if broken:
            raise CloudUnknown("Fake")


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class FakeLogstore:
    """`ports.DigestLog`: what was put, with the clock's time of receipt."""

    clock: Clock
    calls: Calls = field(default_factory=Calls)
    created: datetime = NOW
    held: list[Received] = field(default_factory=list)

    def created_at(self) -> datetime:
        self.calls()
        return self.created

    def put_logs(self, rows: Sequence[Row]) -> None:
        stamp = int(self.clock.now.timestamp())
        self.calls(lambda: self.held.extend(Received(row, stamp) for row in rows))

    def pull_logs(self, since: datetime, until: datetime) -> Sequence[Received]:
        self.calls()
        return [r for r in self.held if since.timestamp() <= (r.received_at or 0)
                and (r.received_at or 0) < until.timestamp()]  # fmt: skip

    def query_logs(self, since: datetime, until: datetime) -> Sequence[Received]:
        return self.pull_logs(since, until)


@dataclass
class FakeMacs:
    """`ports.Macs` with the trails' key, or with one of another name."""

    calls: Calls = field(default_factory=Calls)
    key_id: str = KEY_ID

    def generate_mac(self, message: bytes) -> str:
        self.calls()
        return mac(message.decode().split("\n")[1])

    def verify_mac(self, message: bytes, given: str) -> bool:
        self.calls()
        return mac(message.decode().split("\n")[1]) == given


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
