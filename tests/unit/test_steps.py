"""Nothing is changed that was not announced, and every outcome is kept."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from shared.audit import Attempt, Change, Outcome
from shared.errors import (
    AkwardenError,
    CloudRefused,
    CloudUnknown,
    LeaseHeld,
    NotFound,
    NotPermitted,
    StateChanged,
)
from shared.ports import NewKey
from shared.secrecy import Secret
from shared.steps import AlreadySo, side_by_side, step, unless_so

MADE = Change("user.created", "ims", "CreateUser")
NOW = datetime(2026, 9, 1, tzinfo=UTC)


def record() -> Attempt:
    return Attempt("op-1", "run-1", {}, changes=[MADE])


def test_unannounced_change_is_never_made() -> None:
    """A change that is not in the plan becomes a call that does nothing."""
    calls: list[str] = []
    attempt = record()

    value = step(attempt, "policy.created", lambda: calls.append("made"))()

    assert value is None
    assert ([], {}) == (calls, attempt.outcomes)


def test_change_with_another_target_is_not_announced() -> None:
    """An intent for one key is none for the next."""
    attempt = Attempt("op-1", "run-1", {}, changes=[Change("key.deleted", "ram", "D", "LTAI1")])
    calls: list[str] = []

    step(attempt, "key.deleted", lambda: calls.append("LTAI2"), target="LTAI2")()

    assert [] == calls


@pytest.mark.parametrize(
    ("value", "request_id"),
    [("request-1", "request-1"), (NewKey("id", Secret("s"), NOW, "request-2"), "request-2")],
)
def test_success_keeps_the_request_id(value: object, request_id: str) -> None:
    """The id that joins ActionTrail, whether the call answers with it or carries it."""
    attempt = record()

    assert value is step(attempt, "user.created", lambda: value)()
    assert Outcome("success", request_id, 200) == attempt.outcomes[MADE]


FAILURES: dict[str, tuple[Exception, Outcome]] = {
    "refused": (
        CloudRefused("CreateUser", "LimitExceeded.User", 409, "r-1"),
        Outcome("failure", "r-1", 409, "LimitExceeded.User"),
    ),
    "not_permitted": (
        NotPermitted("CreateUser", "NoPermission", 403, "r-2"),
        Outcome("failure", "r-2", 403, "NoPermission"),
    ),
    "unknown": (CloudUnknown("CreateUser"), Outcome("unknown", code="cloud_outcome_unknown")),
    "lease_held": (LeaseHeld(NOW), Outcome("failure", code="lease_held")),
    "state_changed": (StateChanged("other"), Outcome("failure", code="state_changed")),
    "defect": (ZeroDivisionError(), Outcome("unknown")),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_failure_is_kept_and_passed_on(failure: str) -> None:
    """A no is a failure, silence is unknown, and so is a change that a defect has cut short."""
    error, outcome = FAILURES[failure]
    attempt = record()

    def call() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        step(attempt, "user.created", call)()

    assert error is raised.value
    assert outcome == attempt.outcomes[MADE]
    assert (outcome.outcome == "unknown") == attempt.in_doubt


def test_running_change_is_unknown() -> None:
    """If the process is asked while the call runs, or dies in it, nobody knows."""
    attempt = record()
    seen: list[str] = []

    step(attempt, "user.created", lambda: seen.append(attempt.outcomes[MADE].outcome))()

    assert ["unknown"] == seen


def test_calls_run_at_the_same_time() -> None:
    """Each waits for the other: one after the other they would never end."""
    both = threading.Barrier(2, timeout=10)

    values = side_by_side(lambda: (both.wait(), "one")[1], lambda: (both.wait(), "two")[1])

    assert ["one", "two"] == values


def test_all_calls_are_awaited_before_the_error() -> None:
    """No call is left running unwatched while the caller cleans up."""
    failed, ended = threading.Event(), threading.Event()

    def fail() -> None:
        failed.set()
        raise CloudUnknown("CreateUser")

    def slow() -> None:
        failed.wait(10)
        ended.set()

    with pytest.raises(CloudUnknown):
        side_by_side(fail, slow)

    assert ended.is_set()


def test_first_error_in_order_is_raised() -> None:
    """Two failures: the caller sees the same one every time."""

    def fail(reason: str) -> None:
        raise StateChanged(reason)

    with pytest.raises(AkwardenError, match="first"):
        side_by_side(lambda: fail("first"), lambda: fail("second"))


def gone() -> str:
    raise NotFound("DeleteUser", "EntityNotExist.User", 404, "request-3")


def test_what_is_so_already_is_a_success_that_says_so() -> None:
    """The service's own words stay with it, so that nobody takes it for our doing."""
    attempt = record()

    value = step(attempt, "user.created", unless_so(gone, NotFound))()

    assert AlreadySo("request-3", 404, "EntityNotExist.User") == value
    expected = Outcome("success", "request-3", 404, "EntityNotExist.User", "already so")
    assert {MADE: expected} == attempt.outcomes


def test_other_refusal_is_no_success() -> None:
    """Only the named kinds of refusal mean that it is so already."""
    attempt = record()

    with pytest.raises(NotFound):
        step(attempt, "user.created", unless_so(gone, NotPermitted))()

    assert "failure" == attempt.outcomes[MADE].outcome
