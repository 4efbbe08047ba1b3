"""Every window has one digest, in both places, whatever happens to the run that signs it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest

from shared import digests, examination, sealing
from shared.digests import SETTLE_SECONDS, WINDOW_SECONDS, Stored
from shared.errors import CloudError, DigestsUnusable
from shared.examination import Auditor
from shared.ports import Received
from shared.sealing import Sealed, Sealer
from tests.unit.audit_trails import COPY, FIRST, OWN, chain
from tests.unit.fake_logs import Calls, Clock, FakeLogstore, FakeMacs, at


class Vault:
    """An audit log, its digests' two places, and the runs that sign it."""

    def __init__(self) -> None:
        self.clock, self.calls = Clock(at(FIRST * WINDOW_SECONDS)), Calls()
        self.audit, self.copy, self.own = (
            FakeLogstore(self.clock, self.calls, self.clock.now) for _ in range(3)
        )
        self.macs = FakeMacs(self.calls)

    def settle(self, windows: int) -> None:
        """Go on until that many windows since the first have settled."""
        self.clock.now = at((FIRST + windows) * WINDOW_SECONDS + SETTLE_SECONDS)

    def seal(self) -> Sealed:
        return sealing.seal(self.sealer())

    def sealer(self) -> Sealer:
        return Sealer(self.audit, {COPY: self.copy, OWN: self.own}, self.macs, self.clock)

    def held(self, place: FakeLogstore) -> list[Stored]:
        """Each digest once, whatever it was written how often."""
        return digests.assembled(place.held)

    def findings(self) -> list[str]:
        auditor = Auditor(self.audit, {COPY: self.copy, OWN: self.own}, self.macs, self.clock)
        self.calls.breaks_at = 0
        return [finding.kind for finding in examination.examine(auditor).findings]


@pytest.fixture
def vault() -> Vault:
    """Two attempts in the first and the third window; the second is empty."""
    vault = Vault()
    vault.clock.now += timedelta(seconds=5)
    vault.audit.put_logs(chain("op-1", 3))
    vault.clock.now += timedelta(seconds=2 * WINDOW_SECONDS)
    vault.audit.put_logs(chain("op-2", 2))
    vault.calls.made = 0
    return vault


def test_window_that_is_not_over_is_left_alone(vault: Vault) -> None:
    """Until it has settled, something may still arrive in it."""
    vault.settle(1)
    vault.clock.now -= timedelta(seconds=1)

    before = vault.seal()
    vault.settle(1)
    after = vault.seal()

    assert (Sealed((), 0), Sealed((FIRST,), 0)) == (before, after)


def test_every_window_has_a_digest_that_names_the_former(vault: Vault) -> None:
    """From the log's creation on, the empty one too; the places hold the same."""
    vault.settle(3)

    assert Sealed((FIRST, FIRST + 1, FIRST + 2), 0) == vault.seal()

    documents = [stored.sound for stored in vault.held(vault.own)]
    assert [[("op-1/run", 0, 2, 3)], [], [("op-2/run", 0, 1, 2)]] == [
        [(a.chain_id, a.first, a.last, a.rows) for a in d.attempts] for d in documents if d
    ]
    assert ["", *(d.digest for d in documents[:-1] if d)] == [d.previous for d in documents if d]
    assert vault.held(vault.copy) == vault.held(vault.own)
    assert [] == vault.findings()


def test_second_run_goes_on_where_the_first_ended(vault: Vault) -> None:
    """And does nothing if there is nothing to do."""
    vault.settle(1)
    vault.seal()
    nothing = vault.seal()
    vault.settle(3)

    assert (Sealed((), 0), Sealed((FIRST + 1, FIRST + 2), 0)) == (nothing, vault.seal())


def test_catching_up_is_bounded_and_goes_on(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit into one run waits for the next."""
    monkeypatch.setattr(sealing, "MOST_WINDOWS", 2)
    vault.settle(3)

    assert [Sealed((FIRST, FIRST + 1), 1), Sealed((FIRST + 2,), 0)] == [vault.seal(), vault.seal()]
    assert [] == vault.findings()


def test_run_out_of_time_stops_between_windows(vault: Vault) -> None:
    """Never within one."""
    vault.settle(3)

    sealed = sealing.seal(vault.sealer(), time_left=iter([True, False]).__next__)

    assert Sealed((FIRST,), 2) == sealed


def calls_of_a_run() -> int:
    vault = Vault()
    vault.settle(3)
    vault.seal()
    return vault.calls.made


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("nth", range(1, calls_of_a_run() + 1))
def test_broken_run_leaves_no_gap_and_no_fork(vault: Vault, nth: int, before: bool) -> None:
    """Each call of it, before and after it did what it does."""
    vault.settle(3)
    vault.calls.breaks_at, vault.calls.before = nth, before

    with contextlib.suppress(CloudError):
        vault.seal()
    vault.calls.breaks_at = 0
    vault.settle(4)
    vault.seal()
    vault.clock.now += timedelta(seconds=400)

    assert [] == vault.findings()
    for place in (vault.copy, vault.own):
        assert list(range(FIRST, FIRST + 4)) == [s.number for s in vault.held(place)]


def test_two_runs_at_once_write_the_same(vault: Vault) -> None:
    """What the second reads before the first has written makes the same documents."""
    vault.settle(3)
    sleeper = Vault()
    sleeper.clock, sleeper.audit = vault.clock, vault.audit

    vault.seal()
    sleeper.seal()
    vault.copy.held += sleeper.copy.held
    vault.own.held += sleeper.own.held

    assert [] == vault.findings()
    assert 3 == len(vault.held(vault.own))


def test_digest_is_found_however_long_ago(vault: Vault) -> None:
    """A timer that was off for a month goes on with the window where it stopped."""
    vault.settle(1)
    vault.seal()
    vault.settle(1 + 30 * 144)

    assert (FIRST + 1, FIRST + 2) == vault.seal().windows[:2]


def test_digest_in_one_place_only_is_copied_first(vault: Vault) -> None:
    """As it was signed: a run may have ended between the two writes."""
    vault.settle(1)
    vault.seal()
    vault.own.held.clear()

    vault.seal()

    assert vault.held(vault.copy) == vault.held(vault.own)


def test_strangers_digest_is_not_continued(vault: Vault) -> None:
    """A document for a later window, with a MAC that is not ours, would let windows be skipped."""
    vault.settle(1)
    vault.seal()
    ours = vault.held(vault.own)[0]
    text = digests.document(FIRST + 100, [], ours.digest)
    vault.own.put_logs(digests.rows(replace(
        ours, number=FIRST + 100, text=text, digest=digests.digest(text))))  # fmt: skip
    vault.settle(2)

    assert Sealed((FIRST + 1,), 0) == vault.seal()
    assert "forged" in vault.findings()


def test_another_key_does_not_begin_a_second_chain(vault: Vault) -> None:
    """Digests that today's key did not sign: a person must look."""
    vault.settle(1)
    vault.seal()
    vault.macs.key_id = "key-other"
    vault.settle(2)

    with pytest.raises(DigestsUnusable):
        vault.seal()

    assert 1 == len(vault.held(vault.own))


def test_long_document_is_stored_in_parts(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under one signature; broken off in between, it is written again as a whole."""
    monkeypatch.setattr(digests, "PART_CHARACTERS", 100)
    vault.settle(1)
    vault.calls.breaks_at = 11  # in the middle of the copy's parts
    with contextlib.suppress(CloudError):
        vault.seal()
    partial = vault.held(vault.copy)
    vault.calls.breaks_at = 0
    vault.seal()
    vault.clock.now += timedelta(seconds=400)

    assert [None] == [stored.text for stored in partial]
    assert vault.held(vault.copy) == vault.held(vault.own)
    assert len(vault.copy.held) > 3
    assert [] == vault.findings()


def test_garbage_in_the_log_is_signed_as_it_is(vault: Vault) -> None:
    """Whoever may write audit rows cannot stop the signing."""
    vault.audit.held += [
        Received({"chain_id": "x", "seq": "two"}, FIRST * WINDOW_SECONDS + 9),
        Received({"message": "hello"}, FIRST * WINDOW_SECONDS + 9),
    ]
    vault.settle(1)

    vault.seal()

    (stored,) = vault.held(vault.own)
    assert stored.sound
    assert ["", "op-1/run", "x"] == [a.chain_id for a in stored.sound.attempts]


@pytest.mark.parametrize("own_too", [False, True], ids=["log", "log_and_its_digests"])
@pytest.mark.parametrize("later_seconds", [60, 3600, 4500])
def test_log_that_was_deleted_and_made_anew_is_missed(
    vault: Vault, later_seconds: int, own_too: bool
) -> None:
    """The digests' copy is older than the new log, and knows what the old one held."""
    vault.settle(3)
    vault.seal()
    vault.clock.now += timedelta(hours=2)
    wiped = [vault.audit, vault.own] if own_too else [vault.audit]
    for store in wiped:
        store.held.clear()
        store.created = vault.clock.now

    vault.clock.now += timedelta(seconds=later_seconds)

    assert "missing" in vault.findings()
