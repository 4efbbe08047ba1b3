"""A write that was not acknowledged leaves no gap in a chain of the same run."""

from __future__ import annotations

from datetime import datetime

import pytest

from shared.audit import Attempt, Change
from shared.audit_outbox import MOST_ROWS, Outbox
from shared.errors import CloudError, CloudUnknown
from tests.unit.fake_logs import Calls, Clock, FakeLogstore
from tests.unit.samples import NOW


class FakeAudit(FakeLogstore):
    """With the two reads that an audit log has beside the write."""

    def get_logs(self, query: str, since: datetime, until: datetime) -> list[dict[str, str]]:
        return [{"query": query}]

    def select_logs(self, query: str, since: datetime, until: datetime) -> list[dict[str, str]]:
        return [{"statement": query}]


def written(log: FakeAudit) -> list[str]:
    return [received.row["seq"] for received in log.held]


@pytest.mark.parametrize(("before", "expected"), [(True, "0123"), (False, "010123")])
def test_unacknowledged_rows_go_first_with_the_next(before: bool, expected: str) -> None:
    """Once or, if they had arrived all the same, twice; the error still passes on."""
    log = FakeAudit(Clock(), Calls(breaks_at=1, before=before))
    outbox, attempt = Outbox(log), Attempt("op", "run", {"chain_id": "op/run"})
    changes = [Change("user.created", "ims", "CreateUser"), Change("key.created", "ram", "X")]

    with pytest.raises(CloudUnknown):
        outbox.put_logs(attempt.intents(changes, NOW))
    outbox.put_logs(attempt.results(NOW))

    assert list(expected) == written(log)


def test_rows_that_the_caller_sends_again_are_not_doubled() -> None:
    """A revocation writes its late intents anew."""
    log = FakeAudit(Clock(), Calls(breaks_at=1))
    outbox, attempt = Outbox(log), Attempt("op", "run", {"chain_id": "op/run"})
    rows = attempt.intents([Change("user.created", "ims", "CreateUser")], NOW)

    with pytest.raises(CloudError):
        outbox.put_logs(rows)
    outbox.put_logs(rows)
    outbox.put_logs(attempt.results(NOW))

    assert ["0", "1"] == written(log)


def test_many_rows_go_in_several_requests() -> None:
    """An outage in a bulk run holds more than one request may bring; what is through stays so."""
    log = FakeAudit(Clock(), Calls(breaks_at=1))
    outbox, attempt = Outbox(log), Attempt("op", "run", {"chain_id": "op/run"})
    change = Change("user.created", "ims", "CreateUser")
    rows = [row for _ in range(2 * MOST_ROWS + 1) for row in attempt.intents([change], NOW)]
    with pytest.raises(CloudError):
        outbox.put_logs(rows[:-1])
    log.calls.breaks_at = 3  # the second of the requests that it takes now

    with pytest.raises(CloudError):
        outbox.put_logs(rows[-1:])

    assert MOST_ROWS == len(log.held)
    outbox.put_logs([])
    assert 5 == log.calls.made
    assert [row["seq"] for row in rows] == written(log)


def test_reads_pass_through() -> None:
    """What is held is not on record, so no read shows it."""
    outbox = Outbox(FakeAudit(Clock()))

    assert [{"query": "*"}] == outbox.get_logs("*", NOW, NOW)
    assert [{"statement": "*"}] == outbox.select_logs("*", NOW, NOW)
