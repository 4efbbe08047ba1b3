"""Dashboard and alerts: made by provisioning, each query asked of rows that the product wrote."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import time_machine
from aliyun.log import GetLogsRequest

from demo import actors
from demo.stage import Stage
from deploy import watching
from shared import bootstrap, rotation_runs
from tests.e2e.chat import text_of
from tests.e2e.conftest import Scene, pass_time, until
from tests.e2e.ordering import publish
from tests.e2e.test_break_glass import broken
from tests.e2e.test_cleanup import NEVER, PAST_THE_GUARD, died, fault, swept
from tests.e2e.test_revoke import issued, withdraw
from tests.e2e.test_roles import with_policy

LIFECYCLE = bootstrap.lifecycle()
# With every key too old on its first day: nothing else of the alert changes.
STRICT = replace(LIFECYCLE, cleanup=replace(LIFECYCLE.cleanup, too_old_days=0))
Found = list[dict[str, str]]


class Watch:
    """Asks the queries as SLS would."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._charts = {chart.title: chart for chart in watching.charts()}
        self._alerts = {alert.name: alert for alert in watching.alerts(STRICT)}

    def chart(self, title: str) -> Found:
        chart = self._charts.pop(title)
        found = self._ask("audit", chart.query, chart.hours * 3600)
        for row in found:
            assert {chart.x, *chart.y} == set(row), title
        return found

    def alert(self, name: str) -> Found:
        alert = self._alerts.pop(name)
        return self._ask(alert.logstore or "audit", alert.query, alert.minutes * 60)

    @property
    def left(self) -> set[str]:
        return {*self._charts, *self._alerts}

    def _ask(self, logstore: str, query: str, seconds: int) -> Found:
        now = int(self._stage.now().timestamp())
        with time_machine.travel(self._stage.now(), tick=True), self._stage.proxied():
            answer = actors.administrator(self._stage).log_client().get_logs(GetLogsRequest(
                actors.PROJECT, logstore, now - seconds, now + 60, query=query))  # fmt: skip
        return [dict(row.get_contents()) for row in answer.get_logs()]


def timer(scene: Scene, function: str, name: str) -> None:
    request_id = scene.stage.manage("POST", f"/timers/{function}/{name}")["request_id"]
    until(lambda: [t for t in scene.stage.manage("GET", "/tasks")["tasks"]
                   if t["request_id"] == request_id and t["state"] in ("Succeeded", "Failed")])


def take_inventory(scene: Scene) -> None:
    hour = rotation_runs.turn_of(f"akw-{scene.application}-prod")
    at = (scene.stage.now() - timedelta(days=1)).replace(hour=hour)
    request_id = scene.stage.manage("POST", "/invoke/akw-rotate", {
        "triggerName": "turn", "triggerTime": f"{at:%Y-%m-%dT%H:%M:%SZ}", "payload": "",
    })["request_id"]  # fmt: skip
    until(lambda: [t for t in scene.stage.manage("GET", "/tasks")["tasks"]
                   if t["request_id"] == request_id and t["state"] == "Succeeded"])


def test_every_query_answers_what_it_is_for(
    scene: Scene, travels: contextlib.ExitStack, may: Callable[..., None]
) -> None:
    """One story with a bit of everything; a query that nobody asked here fails the test."""
    watch = Watch(scene.stage)
    key = issued(scene)["access_key_id"]
    with_policy(scene, "akw-issue", without="ram:CreateUser")
    scene.stage.manage("POST", "/choices", {"fc_retry_interval_seconds": NEVER})
    scene.deliver(scene.body(id="T-denied", application=f"{scene.application}-b"))
    denied = replace(scene, application=f"{scene.application}-b")
    until(lambda: denied.audit("outcome: failure and phase: result"))
    with_policy(scene, "akw-issue")
    take_inventory(scene)
    timer(scene, "akw-posture", "check")
    timer(scene, "akw-fetch", "missed")
    fault(scene, "outage", "slack", "PostMessage", seconds=60)
    for _ in range(watching.FAILURES):  # of as many addresses
        timer(scene, "akw-notify", "minute")
    publish(scene, "no key at all")
    many = replace(scene, application=f"{scene.application}-d")
    may(account=(9, 1))
    scene.deliver(many.body(id="T-many"))
    until(many.audit)
    may()
    other = replace(scene, application=f"{scene.application}-c")
    died(other, "akw-issue", "kill-after", "ims", "CreateUser")
    user = f"akw-{scene.application}-prod"

    assert ["1"] == [row["issued"] for row in watch.chart("issued_per_day")]
    assert {"NoPermission"} <= {row["why"] for row in watch.chart("failures_by_reason")}
    assert [(key, user, "alice", "Active", "0")] == [
        (row["access_key_id"], row["holder"], row["requester"], row["status"], row["days"])
        for row in watch.chart("oldest_keys")]  # fmt: skip
    assert [("carol@example.com", "1", "1"), ("dave@example.com", "1", "1")] == [
        (row["person"], row["approvals"], row["applications"])
        for row in watch.chart("approvals_by_person")]  # fmt: skip
    opened = watch.chart("intents_without_result")
    assert {("user.created", other.application)} <= {
        (row["change"], row["application"]) for row in opened}  # fmt: skip
    assert {"fail"} <= {row["result"] for row in watch.chart("posture")}
    assert ["fail"] == [row["outcome"] for row in watch.alert("akw-posture")]
    assert ["1"] == [row["looks"] for row in watch.alert("akw-posture-silent")]
    assert ["1"] == [row["looks"] for row in watch.alert("akw-fetch-silent")]
    assert [("slack", "cloud_outcome_unknown", "3")] == [
        (row["way"], row["code"], row["failures"]) for row in watch.alert("akw-notify-failing")]
    assert ("CreateUser", "NoPermission") in {
        (row["cloud_action"], row["error_code"]) for row in watch.alert("akw-refused")}  # fmt: skip
    assert [(key, user)] == [
        (row["access_key_id"], row["holder"]) for row in watch.alert("akw-old-key")]  # fmt: skip
    assert ["1"] == [row["events"] for row in watch.alert("akw-leak-unreadable")]
    assert [("too_many_for_account at limits.account.alive", "1")] == [
        (row["reason"], row["tickets"]) for row in watch.alert("akw-account-limit")]  # fmt: skip

    pass_time(scene, travels, 0)
    glass = broken(replace(scene, application=f"{scene.application}-d"))
    incident = text_of(glass.told(2)[0]).partition(":")[0]
    clock = scene.stage.now()
    pass_time(scene, travels, 3601 - clock.minute * 60 - clock.second)
    timer(scene, "akw-notify", "minute")  # in the first minute of an hour
    assert [True] == [int(row["looks"]) > 0 for row in watch.alert("akw-notify-silent")]
    assert [(incident, "carol@example.com")] == [
        (row["ticket_id"], row["requester"]) for row in watch.alert("akw-break-glass")]
    assert [(incident, "PD-431", "open")] == [
        (row["ticket_id"], row["incident"], row["review"]) for row in watch.chart("break_glass")]
    fault(scene, "error", "ram", "DeleteUser", times=0)
    withdraw(scene)
    until(lambda: scene.audit('event_type: "ticket.revoked" and phase: result'))
    pass_time(scene, travels, 1200)
    assert {other.application} <= {row["application"] for row in watch.alert("akw-unanswered")}
    timer(scene, "akw-digest", "window")  # ten minutes of it are over by now
    assert [True] == [int(row["digests"]) > 0 for row in watch.alert("akw-silent")]
    swept(scene)
    assert [f"user/{user}"] == [row["resources"] for row in watch.alert("akw-revocation-open")]
    assert {"revocation_unfinished"} <= {row["reason"] for row in watch.chart("findings")}
    assert {"revocation_unfinished"} <= {row["reason"] for row in watch.alert("akw-findings")}
    scene.stage.manage("DELETE", "/faults")
    pass_time(scene, travels, PAST_THE_GUARD)
    swept(scene)
    assert [("withdrawn", "1")] == [
        (row["reason"], row["grants"]) for row in watch.chart("ended_by_reason")]  # fmt: skip
    assert set() == watch.left


def test_quiet_log_gives_no_alarm(
    scene: Scene, travels: contextlib.ExitStack
) -> None:
    """One grant, nothing else: no alert has rows, so that the two which wait for silence fire."""
    issued(scene)
    watch = Watch(scene.stage)

    found = {alert.name: watch.alert(alert.name) for alert in watching.alerts(LIFECYCLE)}

    assert {} == {name: rows for name, rows in found.items() if rows}


def test_provisioning_makes_them_once_and_puts_them_right(scene: Scene) -> None:
    """What an operator has moved about in the console is overwritten; what is as it should be is
    left."""
    first, second, third = list[str](), list[str](), list[str]()
    scene.stage.provision(first.append, watched=True)
    scene.stage.provision(second.append, watched=True)
    with scene.stage.proxied():
        client = actors.administrator(scene.stage).log_client()
        job = client.get_alert(actors.PROJECT, "akw-silent").get_entity()
        job["configuration"]["muteUntil"] = 4_000_000_000
        client.update_alert(actors.PROJECT, json.dumps(job))
    scene.stage.provision(third.append, watched=True)

    def told(lines: list[str], what: str) -> list[str]:
        return [line for line in lines if line.startswith(("dashboard", "alert"))
                and line.endswith(what)]  # fmt: skip

    many = 1 + len(watching.alerts(LIFECYCLE))
    assert (many, many) == (len(told(first, "created")), len(told(second, "exists")))
    assert ["alert akw-silent: updated"] == told(third, "updated")


def test_alerts_are_what_sls_asks_for() -> None:
    """Its limits: a name of letters, digits and hyphens, a window of a day and a bit, a hundred
    charts; and every alert says what to do."""
    alerts = watching.alerts(LIFECYCLE)

    assert all(re.fullmatch(r"[a-z][a-z0-9-]{1,62}", alert.name) for alert in alerts)
    assert all(alert.advice and alert.minutes <= 26 * 60 for alert in alerts)
    assert len({alert.name for alert in alerts}) == len(alerts)
