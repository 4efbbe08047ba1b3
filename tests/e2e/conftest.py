"""One local cloud for all end-to-end tests, akwarden provisioned in it, and a watch for leaks.

Tests use applications of their own, so that they need no clean cloud; what a test did is told by
the history since it began.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from demo import actors, leaks, vendors
from demo.stage import Stage
from tests.faults.tree import deployed, limit
from tests.unit.samples import approved_body

_numbers = itertools.count(1)
RETRY_SECONDS = 0.5  # between FC's tries of a task
SEARCHES: dict[Stage, leaks.Search] = {}  # one for each stage, so that nothing is left out between
DECISIVE: set[tuple[str, str]] = set()  # (role, action) that were the deciding Allow of a call


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is deployed on the stage: a copy, with limits that no test reaches by chance."""
    return deployed(tmp_path_factory.mktemp("deployed"))


@pytest.fixture(scope="session")
def stage(tree: Path) -> Iterator[Stage]:
    """A calm cloud: no propagation delay, no throttling, no index lag."""
    choices = {"fc_retry_interval_seconds": RETRY_SECONDS, "fc_timers": False}
    settings = {"AKWARDEN_SOURCES": ",".join(vendors.ALL), "AKWARDEN_CHAT_APPROVALS": "all",
                "AKWARDEN_CHAT_REQUESTS": "9999", "AKWARDEN_BREAK_GLASS": "on",
                "AKWARDEN_NOTIFY": "slack,feishu-chat,dingtalk,webhook"}  # fmt: skip
    stage = Stage(calm=True, max_lag_seconds=1, quiet=True, choices=choices, settings=settings,
                  functions=tree / "s.yaml")  # fmt: skip
    furnish(stage)
    yield stage
    stage.stop()


def furnish(stage: Stage) -> None:
    """Provision akwarden and the demo's roles into an empty cloud."""
    stage.provision(lambda line: None)
    actors.prepare(stage)
    vendors.connect(stage)


@pytest.fixture
def may(tree: Path) -> Iterator[Callable[..., None]]:
    """Sets the stage's limits, (issued in 24 hours, alive) each; lifts them after the test."""
    yield lambda **most: limit(tree, **most)
    limit(tree)


@dataclass
class Scene:
    """What one test does to the stage: deliveries out, answers and history back."""

    stage: Stage
    secret: str
    application: str
    began: int
    replies: list[str] = field(default_factory=list)
    sent: tuple[dict[str, str], bytes] = ({}, b"")  # headers and body of the newest delivery

    def body(self, **changes: Any) -> bytes:
        """A valid approval of this scene's application, as bytes to be signed."""
        values = {"application": self.application, "id": f"T-{self.application}"} | changes
        return approved_body(now=datetime.now(UTC), **values)

    def deliver(self, body: bytes, **signing: Any) -> tuple[int, dict[str, Any]]:
        """Sign and POST; the status and the answer."""
        return self.send(body, actors.signed_headers(self.secret, body, **signing))

    def send(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.sent = headers, body
        status, answer = actors.deliver(self.stage, body, headers)
        self.replies.append(json.dumps(answer))
        return status, answer

    def history(self) -> list[dict[str, Any]]:
        """Calls since the test began."""
        calls: list[dict[str, Any]] = self.stage.manage("GET", f"/history?since={self.began}")[
            "calls"
        ]
        return calls

    def changes(self) -> list[dict[str, Any]]:
        """Calls that changed RAM, KMS or a function's queue since the test began."""
        outside = ("InvokeHTTPTrigger", "PutLogs")  # the delivery itself, and the audit of it
        refusals = {task["request_id"] for task in self.refusals()}
        return [c for c in self.history() if c["changed"] and c["action"] not in outside
                and c["request_id"] not in refusals]  # fmt: skip

    def refusals(self) -> list[dict[str, Any]]:
        """Tasks, of any test, that put on record what an ingress has refused, and do no more."""
        tasks: list[dict[str, Any]] = self.stage.manage(
            "GET", "/tasks?event=akwarden.refusal/1")["tasks"]
        return tasks

    def settled(self, count: int = 1) -> list[dict[str, Any]]:
        """The scene's tasks once `count` of them have ended."""

        def ended() -> list[dict[str, Any]] | None:
            tasks = [t for t in self.tasks() if t["state"] in ("Succeeded", "Failed")]
            return tasks if len(tasks) >= count else None

        return until(ended)

    def tasks(self) -> list[dict[str, Any]]:
        """Tasks that were accepted since the test began, without refusals."""
        accepted = {c["request_id"] for c in self.history() if c["action"] == "InvokeFunction"}
        accepted -= {task["request_id"] for task in self.refusals()}
        tasks = self.stage.manage("GET", "/tasks")["tasks"]
        return [t for t in tasks if t["request_id"] in accepted]

    def outcome(self) -> dict[str, Any]:
        """The worker's own answer to the scene's one task."""
        task = self.settled()[-1]
        assert task["state"] == "Succeeded", task
        return dict(json.loads(task["return_payload"]))

    def state(self) -> dict[str, Any]:
        return dict(self.stage.manage("GET", "/state"))

    def audit(self, query: str = "*") -> list[dict[str, str]]:
        """This application's audit rows, oldest first."""
        rows = actors.audit_rows(
            self.stage, f'application: "{self.application}" and ({query})'
        )
        return sorted(rows, key=lambda row: (row["time_ms"], row["chain_id"], int(row["seq"])))


def until(probe: Callable[[], Any], seconds: float = 60) -> Any:
    """The probe's first true value; fails the test if there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = probe()
        if value:
            return value
        time.sleep(0.05)
    pytest.fail("nothing happened in time")


@pytest.fixture
def travels(stage: Stage) -> Iterator[contextlib.ExitStack]:
    """For tests that move the cloud's time, and by this stack their own with it (`pass_time`): an
    empty cloud before, and a furnished one, in the present, after."""
    refurnish(stage)
    with contextlib.ExitStack() as travels:
        yield travels
    refurnish(stage)


def refurnish(stage: Stage) -> None:
    """An empty cloud, furnished anew."""
    stage.manage("POST", "/reset")
    stage.manage("POST", "/choices", {"fc_retry_interval_seconds": RETRY_SECONDS})
    furnish(stage)


def pass_time(scene: Scene, travels: contextlib.ExitStack, seconds: float) -> None:
    """For the cloud, and for this process, which signs by its own clock."""
    scene.stage.manage("POST", "/clock", {"advance_seconds": seconds})
    travels.enter_context(time_machine.travel(scene.stage.now(), tick=True))


@pytest.fixture
def scene(request: pytest.FixtureRequest, stage: Stage) -> Iterator[Scene]:
    """A fresh application; after the test, every sink is searched for every secret: while they are
    there, so that what empties the cloud is set up before, and torn down after."""
    if "travels" in request.fixturenames:
        request.getfixturevalue("travels")
    with watched(stage) as scene:
        yield scene


@contextlib.contextmanager
def watched(stage: Stage, *, search: bool = True) -> Iterator[Scene]:
    """A scene on a furnished stage, and afterwards the checks that every test ends with; `search`
    for secrets takes minutes where there are thousands of them."""
    began = len(stage.manage("GET", "/history")["calls"])
    scene = Scene(stage, actors.webhook_secret(stage), f"app{next(_numbers)}", began)
    yield scene
    stage.manage("DELETE", "/faults")
    if search:
        SEARCHES.setdefault(stage, leaks.Search(stage)).assert_none(scene.replies)
    remember_decisions(scene.history())


def remember_decisions(calls: list[dict[str, Any]]) -> None:
    """Keep which action of which akwarden role decided a call, for the least-privilege test."""
    for call in calls:
        _, _, session = call["principal"].partition(":assumed-role/")
        role = session.split("/")[0]
        for decision in call["decisions"]:
            if role.startswith("akw-") and decision["effect"] == "Allow":
                policy = decision["policy"]
                if policy == f"Custom:akwarden-{role}":
                    DECISIVE.add((role, decision["action"]))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep for the check of all runs together what this one has needed, and of which files."""
    if kept := os.environ.get("AKW_DECISIVE"):
        here = Path(__file__).parent
        files = {item.path.name for item in session.items if item.path.parent == here}
        Path(kept).parent.mkdir(parents=True, exist_ok=True)
        Path(kept).write_text(json.dumps({"files": sorted(files), "decisive": sorted(DECISIVE)}),
                              encoding="utf-8")  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What was needed is known when all other end-to-end tests are over."""
    items.sort(key=lambda item: item.name == "test_granted_is_what_was_needed")
