"""From a record to a key, in memory: what a look hands over is served by the worker, which decides
by the same audit log."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared import audit, bootstrap, casework, fetching, handover, naming
from shared.casework import Outcome, Rulebook
from shared.errors import RecordPending
from shared.handover import Case
from shared.hints import Hint
from shared.secrecy import Secret
from tests.unit.fakes import FakeKms, World
from tests.unit.fetching_scene import Scene, attempt
from tests.unit.samples import ACCOUNT_ID, ASSETS, NOW, RULES, TEMPLATES

BOOK = Rulebook(RULES, TEMPLATES, ASSETS, "ledger", bootstrap.places(), bootstrap.people())


class Kms(FakeKms):
    """With the key that signs grants."""

    def get_secret_value(self, name: str) -> Secret:
        assert name == "ledger"
        return Secret("ledger")


@dataclass
class Way:
    """One source and one cloud, whose functions keep to one audit log."""

    scene: Scene
    cloud: World = field(default_factory=lambda: World(now=NOW))

    def __post_init__(self) -> None:
        self.cloud.rows = self.scene.rows

    def look(self, record: str) -> list[Outcome]:
        """An event's: what the worker made of what was handed over; nothing if nothing was."""
        before = len(self.scene.functions.payloads)
        hint = Hint(self.scene.kind, record)
        try:
            fetching.fetch(self.scene.fetcher(), hint, attempt(hint))
        except RecordPending:
            return []
        return [self._served(event) for event in self.scene.functions.payloads[before:]]

    def _served(self, event: bytes) -> Outcome:
        case = handover.case_of(event, "issue")
        assert isinstance(case, Case), case
        return serve(self.cloud, case)


def serve(cloud: World, case: Case) -> Outcome:
    """A run of the worker."""
    record = audit.attempt(
        audit.Subject.of(case.ticket),
        naming.operation_id(case.ticket.source, case.ticket.id, case.action), fc_request_id="2",
        fc_function="akw-issue", account_id=ACCOUNT_ID, region="cn-hangzhou", trigger="webhook",
        broker_version="0",
    )  # fmt: skip
    return casework.serve(cloud.broker(kms=Kms(cloud)), BOOK, case, record)
