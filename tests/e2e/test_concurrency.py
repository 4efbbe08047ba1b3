"""Deliveries, repeats and kills at once: one stored key per application at every moment.

No clock is moved here: the functions' timeout, and with it their leases, are short enough to be
waited for, so that everything that overlaps does so as it would in production.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from demo import actors, leaks
from demo.stage import Stage
from shared import deliveries, handover
from shared.deliveries import Delivery
from tests.e2e.conftest import furnish, until
from tests.faults import evidence, invariants
from tests.faults.tree import deployed
from tests.unit.samples import approved_body

SEED = 20261125
TICKETS = int(os.environ.get("AKW_CROWD", "6"))  # 20 by `make crowd`: five deliveries each
DELIVERIES = 100  # of one ticket
SWEEPER = "akw-cleanup"
OVER = ("Succeeded", "Failed")
TIMEOUT_SECONDS = 85  # of akw-issue and akw-revoke: their leases last one second longer
AT_ONCE = 24  # runs of akw-issue: more than two cores serve in the time that a call may take
KILLED = [
    ("ram", "CreatePolicy"), ("ims", "CreateUser"), ("ram", "CreateAccessKey"),
    ("kms", "PutSecretValue"), ("kms", "UpdateSecretVersionStage"), ("sls", "PutLogs"),
]  # fmt: skip


@pytest.fixture(scope="module")
def brisk_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """akwarden with short timeouts and FC's own limit on how many issue at once; what its functions
    do is as deployed."""
    brisk = deployed(tmp_path_factory.mktemp("brisk")) / "s.yaml"
    text = brisk.read_text(encoding="utf-8")
    text = re.sub(r"timeout: (?:[1-9]\d\d)\b", f"timeout: {TIMEOUT_SECONDS}", text)
    named = "functionName: akw-issue\n"
    assert 1 == text.count(named)
    text = text.replace(
        named, f"{named}      concurrencyConfig: {{reservedConcurrency: {AT_ONCE}}}\n")
    brisk.write_text(text, encoding="utf-8")
    stage = Stage(
        calm=True, max_lag_seconds=1, quiet=True, functions=brisk,
        choices={"fc_retry_interval_seconds": 1.0},
    )  # fmt: skip
    furnish(stage)
    yield stage
    stage.stop()


class Crowd:
    """Approved tickets, each of an application of its own, and all that is done to them."""

    def __init__(self, stage: Stage, seed: int, tickets: int) -> None:
        self.stage, self.random = stage, random.Random(seed)
        self.secret = actors.webhook_secret(stage)
        self.applications = [f"c{tickets}n{number:02d}x" for number in range(tickets)]
        now = datetime.now(UTC)
        self.bodies = {name: approved_body(now=now, application=name, id=f"T-{name}")
                       for name in self.applications}  # fmt: skip
        self.began = len(stage.manage("GET", "/history")["calls"])
        self.replies: list[str] = []

    def kill_some(self) -> None:
        """Half of the applications lose the function that works for them at one of its calls."""
        for number, name in enumerate(self.applications[::2]):
            for product, action in self.random.sample(KILLED, k=2 if number == 0 else 1):
                self.stage.manage("POST", "/faults", {
                    "kind": self.random.choice(("kill-before", "kill-after")), "event": name,
                    "product": product, "action": action, "function": "akw-issue",
                })  # fmt: skip

    def deliver(self, each: int) -> None:
        """All at once and in no order: three of five by webhook, two as the duplicates that FC
        itself makes of what it has accepted."""
        jobs = [(name, self._post if number % 5 < 3 else self._duplicate)
                for name in self.applications for number in range(each)]  # fmt: skip
        self.random.shuffle(jobs)
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(lambda job: job[1](job[0]), jobs))

    def _post(self, name: str) -> None:
        self._send(self.bodies[name])

    def _send(self, body: bytes) -> None:
        """As a ticket system does: 503 says that it is to be sent again."""
        def accepted() -> bool:
            headers = actors.signed_headers(self.secret, body)
            status, answer = actors.deliver(self.stage, body, headers)
            self.replies.append(json.dumps(answer))
            assert status in (202, 503)
            return status == 202

        until(accepted)

    def _duplicate(self, name: str) -> None:
        delivery = deliveries.parse(self.bodies[name], source="standard-webhooks")
        assert isinstance(delivery, Delivery)
        payload = handover.payload(delivery, datetime.now(UTC))
        self.stage.manage("POST", "/invoke/akw-issue", json.loads(payload))

    def withdraw(self) -> None:
        """Every ticket, once, all at once."""
        def post(name: str) -> None:
            body = approved_body(now=datetime.now(UTC), application=name, id=f"T-{name}",
                                 type="accesskey.ticket.revoked", status="revoked")  # fmt: skip
            self._send(body)

        with ThreadPoolExecutor(10) as pool:
            list(pool.map(post, self.applications))

    def settle(self) -> None:
        """Wait until every task has ended well; leases of the killed are waited for."""
        def work() -> list[dict[str, Any]]:
            return [task for task in tasks_of(self.stage) if task["function"] != SWEEPER]

        until(lambda: all(task["state"] in OVER for task in work()), seconds=8 * TIMEOUT_SECONDS)
        assert [] == [task for task in work() if task["state"] == "Failed"]

    def evidence(self, revoked_from: int = 0) -> list[evidence.Evidence]:
        history = self.stage.manage("GET", f"/history?since={self.began}")["calls"]
        state = self.stage.manage("GET", "/state")
        return [evidence.of(name, f"T-{name}", history, state, revoked_from=revoked_from,
                            max_lag_seconds=1) for name in self.applications]  # fmt: skip

    def keys(self) -> int:
        """How many keys the crowd's users have, and so whether any is one too many."""
        ram = self.stage.manage("GET", "/state")["ram"]
        names = {f"akw-{name}-prod" for name in self.applications}
        ours = {user["id"] for name, user in ram["users"].items() if name in names}
        return sum(key["user_id"] in ours for key in ram["keys"].values())

    def changes_so_far(self) -> int:
        history = self.stage.manage("GET", f"/history?since={self.began}")["calls"]
        return max((int(call["order"]) for call in history), default=0)


def test_every_ticket_of_a_crowd_makes_one_key_and_none_once_it_is_revoked(
    brisk_stage: Stage,
) -> None:
    """I1 and I2 at every moment, under a sweep that goes on beside it; and once the tickets are
    revoked no delivery, no retry and no timer ever makes a key again."""
    crowd = Crowd(brisk_stage, SEED, TICKETS)
    crowd.kill_some()
    with sweeping(brisk_stage):
        crowd.deliver(5)
        crowd.settle()

    assert {} == violated(crowd.evidence(), invariants.end_one_usable_key)
    fired = sum(rule["fired"] for rule in brisk_stage.manage("GET", "/faults")["rules"])
    brisk_stage.manage("DELETE", "/faults")
    keys = crowd.keys()
    sys.stdout.write(f"{5 * TICKETS} deliveries, {fired} kills: {keys} keys; ")
    assert TICKETS == keys
    assert fired >= TICKETS // 2
    revoked_from = crowd.changes_so_far()

    with sweeping(brisk_stage):
        crowd.withdraw()
        crowd.deliver(5)
        crowd.settle()
    for trigger in timers(brisk_stage):
        brisk_stage.manage("POST", f"/timers/{trigger}")
    crowd.settle()

    assert {} == violated(crowd.evidence(revoked_from), invariants.end_nothing_left)
    assert 0 == crowd.keys()
    leaks.assert_none(brisk_stage, crowd.replies)


def test_hundred_deliveries_of_one_ticket_and_a_sweep_make_one_key(brisk_stage: Stage) -> None:
    """One stored key at every moment, made by one CreateAccessKey."""
    crowd = Crowd(brisk_stage, SEED, 1)

    with sweeping(brisk_stage):
        crowd.deliver(DELIVERIES)
        crowd.settle()

    (case,) = crowd.evidence()
    assert {} == invariants.violations(case, invariants.end_one_usable_key)
    assert 1 == [change["action"] for change in case.changes].count("CreateAccessKey")
    leaks.assert_none(brisk_stage, crowd.replies)


def test_one_ticket_makes_one_grant_whatever_else_it_says(brisk_stage: Stage) -> None:
    """I5: the same ticket for three applications at once gives a key to one of them at most, also
    once the others have waited for its lease."""
    now, secret = datetime.now(UTC), actors.webhook_secret(brisk_stage)
    before = len(tasks_of(brisk_stage))
    bodies = [approved_body(now=now, application=f"three{letter}", id="T-three")
              for letter in "abc"]  # fmt: skip
    brisk_stage.manage("POST", "/faults", {
        "kind": "delay", "product": "ims", "action": "CreateUser", "times": 0, "seconds": 0.3,
    })  # fmt: skip

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda body: actors.deliver(
            brisk_stage, body, actors.signed_headers(secret, body)), bodies))  # fmt: skip

    until(lambda: all(task["state"] in OVER for task in tasks_of(brisk_stage)[before:]),
          seconds=4 * TIMEOUT_SECONDS)  # fmt: skip
    brisk_stage.manage("DELETE", "/faults")
    users = brisk_stage.manage("GET", "/state")["ram"]["users"]
    assert 3 == len(tasks_of(brisk_stage)[before:])
    assert 1 == len([name for name in users if "three" in name])


def violated(
    cases: list[evidence.Evidence], end: Callable[[evidence.Evidence], list[str]]
) -> dict[str, dict[str, list[str]]]:
    """Violations by application; empty if there are none."""
    found = {case.application: invariants.violations(case, end) for case in cases}
    return {name: problems for name, problems in found.items() if problems}


def timers(stage: Stage) -> list[str]:
    """`<function>/<trigger>` of every timer that is deployed."""
    listed = stage.manage("GET", "/functions")["functions"]
    return [f"{f['name']}/{name}" for f in listed for name in f.get("timers", [])]


def tasks_of(stage: Stage) -> list[dict[str, Any]]:
    """But those of the minute's timer that tells people: none are told here."""
    tasks: list[dict[str, Any]] = stage.manage("GET", "/tasks")["tasks"]
    return [task for task in tasks if task["function"] != "akw-notify"]


def swept(stage: Stage) -> bool:
    """Whether no sweep is at work."""
    return all(task["state"] in OVER for task in tasks_of(stage) if task["function"] == SWEEPER)


@contextlib.contextmanager
def sweeping(stage: Stage) -> Iterator[None]:
    """The reconciler, again and again, while something else goes on."""
    over = threading.Event()

    def sweep() -> None:
        while not over.wait(0.5):
            stage.manage("POST", f"/timers/{SWEEPER}/sweep")
            until(lambda: swept(stage), seconds=2 * TIMEOUT_SECONDS)

    thread = threading.Thread(target=sweep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
