"""A cloud in which a batch of cases is run side by side, each on an application of its own.

What makes it quick: faults are aimed by the event that a function is running, so that forty cases
share one emulator; nobody waits in real time for a lease or a retry, because the queue's retries
are far away and the clock jumps over them once for the whole batch, when nothing runs any more.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from alibabacloud_ram20150501.client import Client as RamClient

from demo import actors, leaks
from demo.stage import Stage
from tests.e2e.conftest import furnish
from tests.faults import evidence, invariants, kinds
from tests.faults.cases import Case, Verdict
from tests.faults.recording import calls_of
from tests.faults.tree import Change, copied
from tests.faults.workflows import (
    APPROVAL,
    CLEANUP,
    DEEP,
    SWEEP,
    WORKFLOWS,
    Trigger,
    Workflow,
    ticket_id,
)

MAX_LAG_SECONDS = 2
SETTINGS = {
    "AKWARDEN_CONNECT_TIMEOUT_MS": "1000", "AKWARDEN_READ_TIMEOUT_MS": "2000",
    "AKWARDEN_AUDIT_TIMEOUT_MS": "1000",
}  # fmt: skip
# Longer than a lease (the function's timeout and the lag bound): after a jump nothing is held. And
# longer than any batch takes on a busy machine: what is to be tried again waits for the jump.
JUMP_SECONDS, RETRY_SECONDS = 1000, 900
LAST_CHANGE_SECONDS = 60  # what was prepared is visible to all: the same calls follow every time
ROUNDS = 10  # FC tries nine times
EVENT_SECONDS = 86_500  # longer than FC keeps an event: what waits for a retry expires
GUARD_SECONDS = 700  # older than any running function
SWEEPS = (SWEEP, DEEP)  # one may leave the next some
# Functions that run at once: more would only wait for the two cores, unless they wait for time.
AT_WORK, WAITING_AT_WORK = 5, 24
OVER = ("Succeeded", "Failed", "Stopped", "Expired")
WAITING = (*OVER, "Retrying")
PATIENCE_SECONDS = 900.0
# Provisioning speaks through this process's proxy variables, so one arena at a time.
_PROXIED = threading.Lock()


class Stuck(Exception):
    """The cloud does not come to rest: a defect of the matrix, or of the emulator."""


@dataclass
class Run:
    """A case at work: its application, what is still to be delivered, its fault rules."""

    case: Case
    application: str
    due: list[Trigger] = field(default_factory=list)
    rules: dict[int, str] = field(default_factory=dict)  # rule id: the fault it stands for
    fired: set[str] = field(default_factory=set)
    replies: list[str] = field(default_factory=list)
    revoked_from: int = 0

    @property
    def flow(self) -> Workflow:
        return WORKFLOWS[self.case.workflow]


class Arena:
    """One emulator with akwarden's functions, in a copy of the tree with these changes."""

    def __init__(self, *, https: bool = False, changes: Sequence[Change] = ()) -> None:
        self._home = tempfile.mkdtemp(prefix="akwarden-faults-")
        root = copied(Path(self._home), changes)
        with _PROXIED:
            self.stage = Stage(
                calm=True, max_lag_seconds=MAX_LAG_SECONDS, quiet=True, functions=root / "s.yaml",
                choices={"fc_retry_interval_seconds": RETRY_SECONDS},
                settings=SETTINGS | {"AKWARDEN_PROTOCOL": "https" if https else "http"},
            )  # fmt: skip

    def stop(self) -> None:
        self.stage.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    # -- a batch ----------------------------------------------------------------------------

    def run(self, cases: Sequence[Case]) -> list[Verdict]:
        """Run the cases side by side in an empty cloud and judge each."""
        self._empty()
        runs = [Run(case, f"m{number:04d}x") for number, case in enumerate(cases)]
        self._prepare(runs)
        for run in runs:
            self._arm(run)
        self._settle(runs, [run.flow.act(run.application, self._approved_at) for run in runs])
        return self._judged(runs)

    def _prepare(self, runs: Sequence[Run]) -> None:
        """The steps that come before, without faults; a ticket may be revoked from its last one
        on if that is what the step does, else from the act on."""
        stages = max(len(run.flow.prepare) for run in runs)
        for number in range(stages):
            self._abandon(runs)
            self._settle(runs, [
                [trigger for step in run.flow.prepare[number : number + 1]
                 for trigger in step(run.application, self._approved_at)]
                for run in runs
            ])  # fmt: skip
            if any(run.flow.abandoned_after[0] for run in runs):
                self.stage.manage("DELETE", "/faults")
            if number == 0:
                placed = max(call["order"] for call in self._calls())
                for run in runs:
                    run.revoked_from = placed if run.flow.revokes else 0
        self._jump(LAST_CHANGE_SECONDS)

    def _abandon(self, runs: Sequence[Run]) -> None:
        """Break off for good what is to be found later."""
        for run in runs:
            product, action = run.flow.abandoned_after
            if product:
                self.stage.manage("POST", "/faults", {
                    "kind": "kill-after", "product": product, "action": action,
                    "event": run.application, "times": 0,
                })  # fmt: skip

    def recorded(self, workflow: str) -> list[kinds.Call]:
        """The calls of a clean run: those that its functions make under no fault at all."""
        self._empty()
        run = Run(Case(workflow), "m0000x")
        self._prepare([run])
        began = self._calls()[-1]["seq"]
        self.stage.manage("POST", "/clock", {"advance_seconds": 0})  # cold: secrets are read anew
        self._settle([run], [run.flow.act(run.application, self._approved_at)])
        return list(calls_of(self._calls(began), run.flow.functions))

    def _empty(self) -> None:
        self._quiet_since = 0
        with _PROXIED:
            self.stage.manage("POST", "/reset")
            furnish(self.stage)
            self._secret = actors.webhook_secret(self.stage)
        self._approved_at = self._now()  # of every ticket: a repeat is the same to the letter

    def _arm(self, run: Run) -> None:
        for fault in run.case.faults:
            for rule in fault.rules:
                aim = {} if run.flow.alone else {"event": run.application}
                made = self.stage.manage("POST", "/faults", rule | aim)
                run.rules[made["id"]] = str(fault)

    # -- until all is over ------------------------------------------------------------------

    def _settle(self, runs: Sequence[Run], triggers: Sequence[list[Trigger]]) -> None:
        """Deliver, and let retries come, until every task of every run is over."""
        for run, due in zip(runs, triggers, strict=True):
            run.due = list(due)
        for number in range(ROUNDS):
            for run in runs:
                self._deliver(run)
            self._rest()
            tasks = self._tasks()
            if not any(run.due for run in runs) and all(t["state"] in OVER for t in tasks):
                return
            if number == 1:
                self._end_outages(runs)
            expiring = any(run.flow.abandoned_after[0] for run in runs) and number == 0
            self._jump(EVENT_SECONDS if expiring else JUMP_SECONDS)

    def _sweep(self) -> bool:
        """Let the reconciler run until it must have found everything; whether there is one."""
        timers = {f["name"]: f["timers"] for f in self._manage("/functions")["functions"]}
        if not timers.get(CLEANUP):
            return False
        for timer in SWEEPS:
            self._jump(GUARD_SECONDS)
            self.stage.manage("POST", f"/timers/{CLEANUP}/{timer}")
            self._rest()
        return True

    def _jump(self, seconds: float) -> None:
        self.stage.manage("POST", "/clock", {"advance_seconds": seconds})

    def _deliver(self, run: Run) -> None:
        """Send what is due; what is not accepted stays due, as a sender would send it again."""
        for trigger in list(run.due):
            most = WAITING_AT_WORK if run.case.waits else AT_WORK
            if run.case.reads_secrets_anew:
                self._jump(0)  # ends warm instances, which know the webhook secrets already
            while sum(task["state"] not in WAITING for task in self._tasks()) >= most:
                time.sleep(0.02)
            if trigger.by_hand:
                with _PROXIED, self.stage.proxied():
                    config = actors.administrator(self.stage).config("ram.aliyuncs.com")
                    trigger.by_hand(RamClient(config))
                run.due.remove(trigger)
                continue
            if trigger.timer:
                self.stage.manage("POST", f"/timers/{trigger.function}/{trigger.timer}")
                run.due.remove(trigger)
                continue
            if trigger.function != APPROVAL:
                self.stage.manage("POST", f"/invoke/{trigger.function}", json.loads(trigger.body))
                run.due.remove(trigger)
                continue
            at = int(self._now().timestamp())
            headers = actors.signed_headers(self._secret, trigger.body, at=at)
            status, answer = _posted(self.stage, trigger.body, headers)
            run.replies.append(json.dumps(answer))
            if status < 500:
                run.due.remove(trigger)

    def _rest(self) -> None:
        """Wait until nothing runs, and no call that somebody has given up is still at work."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            if all(task["state"] in WAITING for task in self._tasks()) and not any(
                call["status"] == 0 for call in self._calls(self._quiet_since)
            ):
                self._quiet_since = self._calls()[-1]["seq"]
                return
            time.sleep(0.05)
        raise Stuck([task for task in self._tasks() if task["state"] not in WAITING])

    _quiet_since = 0

    def _end_outages(self, runs: Sequence[Run]) -> None:
        """What lasts is over when the second retry begins."""
        self._note_fired(runs)
        for run in runs:
            for rule, fault in list(run.rules.items()):
                if fault.rpartition("=")[2] in kinds.LASTING:
                    self.stage.manage("DELETE", f"/faults/{rule}")
                    del run.rules[rule]

    def _note_fired(self, runs: Sequence[Run]) -> None:
        fired = {rule["id"] for rule in self._manage("/faults")["rules"] if rule["fired"]}
        for run in runs:
            run.fired |= {fault for rule, fault in run.rules.items() if rule in fired}

    # -- what is left -----------------------------------------------------------------------

    def _judged(self, runs: Sequence[Run]) -> list[Verdict]:
        self._note_fired(runs)
        self.stage.manage("DELETE", "/faults")
        daily = [run for run in runs if run.flow.daily]
        if daily:
            self._jump(GUARD_SECONDS)
            self._settle(
                daily, [run.flow.act(run.application, self._approved_at) for run in daily])
        swept = self._sweep()
        history, state = self._calls(), self._manage("/state")
        leaky = self._leaks(runs, history, state)
        return [self._verdict(run, history, state, leaky, swept) for run in runs]

    def _verdict(
        self, run: Run, history: list[dict[str, Any]], state: dict[str, Any], leaky: list[str],
        swept: bool,
    ) -> Verdict:
        found = evidence.of(
            run.application, ticket_id(run.application), history, state,
            revoked_from=run.revoked_from, purged=run.flow.purges,
            max_lag_seconds=MAX_LAG_SECONDS, swept=swept, rotates=run.flow.rotates,
        )  # fmt: skip
        violated = invariants.violations(found, run.flow.end)
        if leaky:
            violated["I4"] = [f"a secret stands in {sink}" for sink in leaky]
        tasks = self._manage(f"/tasks?event={run.application}")["tasks"]
        wanted = ("Succeeded", "Expired") if run.flow.abandoned_after[0] else ("Succeeded",)
        failed = [f"{t['function']} ended {t['state']}" for t in tasks if t["state"] not in wanted]
        if failed or run.due:
            violated.setdefault("END", []).extend([*failed, *("not accepted" for _ in run.due)])
        missed = tuple(
            str(fault) for fault in run.case.faults
            if str(fault) not in run.fired and fault.kind not in kinds.MAY_MISS
        )  # fmt: skip
        return Verdict(run.case, violated, missed, sum(t["attempts"] for t in tasks))

    def _leaks(self, runs: Sequence[Run], history: Any, state: Any) -> list[str]:
        """I4, over the whole cloud: the sinks in which some secret stands."""
        sinks = [("HTTP reply", reply) for run in runs for reply in run.replies]
        sinks += [("/history", json.dumps(history)), ("/state", json.dumps(state))]
        sinks += [(path, json.dumps(self._manage(path))) for path in ("/logs", "/tasks")]
        for file in Path(self.stage.scratch).rglob("*"):
            if file.is_file():
                sinks.append((str(file), file.read_text(encoding="utf-8", errors="replace")))
        return leaks.found_in(sinks, leaks.secrets_of(self.stage))

    # -- the management port ----------------------------------------------------------------

    def _manage(self, path: str) -> Any:
        return self.stage.manage("GET", path)

    def _now(self) -> datetime:
        return datetime.fromisoformat(self._manage("/clock")["now"])

    def _tasks(self) -> list[dict[str, Any]]:
        return list(self._manage("/tasks")["tasks"])

    def _calls(self, since: int = 0) -> list[dict[str, Any]]:
        return list(self._manage(f"/history?since={since}")["calls"])


def _posted(stage: Stage, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """The answer to a webhook; one that does not come is a 503 to its sender."""
    try:
        return actors.deliver(stage, body, headers)
    except (OSError, ValueError):
        return 503, {}
