"""What is run under faults. To add a workflow, add a line to WORKFLOWS.

A workflow first prepares its application without faults, then does the one thing that is to be
broken, and says what must be there in the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient

from shared import deliveries, handover, housekeeping, rotation_runs
from shared.deliveries import Delivery
from shared.rotation import ASKED, Asked
from shared.rotation_runs import Wish
from tests.faults import invariants
from tests.faults.evidence import SOURCE, Evidence, later
from tests.unit.samples import approved_body

APPROVAL, ISSUE, REVOKE, CLEANUP = "akw-approval", "akw-issue", "akw-revoke", "akw-cleanup"
ROTATE = "akw-rotate"
WIDER = '{"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:*"],"Resource":["*"]}]}'
SWEEP, DEEP = "sweep", "deep"  # timers of akw-cleanup


@dataclass(frozen=True)
class Trigger:
    """What sets a workflow in motion: a webhook, an event that a function is handed, a timer, or
    what an administrator does by hand."""

    body: bytes = b""
    function: str = APPROVAL  # by its HTTP address; any other by an asynchronous event
    timer: str = ""
    by_hand: Callable[[RamClient], object] | None = None


Step = Callable[[str, datetime], list[Trigger]]  # of an application, now


@dataclass(frozen=True)
class Workflow:
    """`functions` are those whose calls are broken; the steps of `prepare` run before, each to its
    end, `act` under faults. `revokes`: the ticket may be revoked in this story; `crowded`: several
    runs of a function meet, so that there is no one order of its calls to be recorded;
    `abandoned_after`: while it is prepared the function is killed after this call, and its event
    expires, so that nobody comes back to it; `alone`: a run works on all applications, so that it
    needs a cloud of its own; `daily`: its timer comes again, after all else; `rotates`: a second
    key is made beside the first."""

    name: str
    functions: tuple[str, ...]
    prepare: tuple[Step, ...]
    act: Step
    end: Callable[[Evidence], list[str]]
    revokes: bool = False
    purges: bool = False
    crowded: bool = False
    abandoned_after: tuple[str, str] = ("", "")
    alone: bool = False
    daily: bool = False
    rotates: bool = False


def approved(application: str, now: datetime) -> list[Trigger]:
    """The ticket system's webhook."""
    return [Trigger(ticket_body(application, now))]


def approved_again(application: str, now: datetime) -> list[Trigger]:
    """The same webhook, and a duplicate that comes to the worker under another task id."""
    body = ticket_body(application, now)
    delivery = deliveries.parse(body, source=SOURCE)
    assert isinstance(delivery, Delivery)
    return [Trigger(body), Trigger(handover.payload(delivery, now), ISSUE)]


def duplicated(application: str, now: datetime) -> list[Trigger]:
    """A duplicate alone, as a late retry or a second submission would bring it."""
    return approved_again(application, now)[1:]


def withdrawn(application: str, now: datetime) -> list[Trigger]:
    """The ticket system takes the approval back."""
    return [Trigger(ticket_body(
        application, now, type="accesskey.ticket.revoked", status="revoked"))]  # fmt: skip


def prolonged(application: str, now: datetime) -> list[Trigger]:
    """A later ticket puts the end off."""
    changes: dict[str, Any] = {"type": "accesskey.ticket.extended", "ttl_seconds": 60 * 86_400,
                               "id": later(ticket_id(application))}  # fmt: skip
    return [Trigger(approved_body(now=now, application=application, **changes))]


def amended(application: str, now: datetime) -> list[Trigger]:
    """A later ticket changes what the grant allows, and from where."""
    logs = {"project": "orders-logs", "logstore": invariants.AMENDED_LOGSTORE}
    changes: dict[str, Any] = {
        "type": "accesskey.ticket.amended", "id": later(ticket_id(application)),
        "permissions": [{"template": "sls-logstore-write", "parameters": logs}],
        "network": {"source_ips": [invariants.AMENDED_ADDRESS]},
    }  # fmt: skip
    return [Trigger(approved_body(now=now, application=application, **changes))]


def ticket_body(application: str, now: datetime, **changes: Any) -> bytes:
    return approved_body(now=now, application=application, id=ticket_id(application), **changes)


def ticket_id(application: str) -> str:
    return f"T-{application}"


def swept(application: str, now: datetime) -> list[Trigger]:
    """The reconciler's timer."""
    return [Trigger(function=CLEANUP, timer=SWEEP)]


def widened(application: str, now: datetime) -> list[Trigger]:
    """Somebody gives the application more than was approved."""
    request = ram_models.CreatePolicyVersionRequest(
        policy_name=f"akw-{application}-prod", policy_document=WIDER, set_as_default=True)
    return [Trigger(by_hand=lambda ram: ram.create_policy_version(request))]


def looked_at(application: str, now: datetime) -> list[Trigger]:
    """The timer of the daily look, at the application's hour."""
    for hour in range(rotation_runs.HOURS):
        if housekeeping.has_turn(f"akw-{application}-prod", now.replace(hour=hour)):
            event = {"triggerName": "turn", "triggerTime": f"2026-01-01T{hour:02}:00:00Z"}
            return [Trigger(json.dumps(event).encode(), CLEANUP)]
    raise AssertionError(application)


def ordered(reason: str) -> Callable[[str, datetime], list[Trigger]]:
    """An order to revoke the application's grant, as `akw-revoke` is handed one."""

    def act(application: str, now: datetime) -> list[Trigger]:
        order = {"id": f"order-{application}", "reason": reason, "at_most": 1,
                 "selector": {"by": "application", "application": application},
                 "ordered_by": "operator@example.com"}  # fmt: skip
        content = {"format": "1", "type": "akwarden.revocation.ordered", "order": order}
        return [Trigger(json.dumps(content).encode(), REVOKE)]

    return act


def rotated(application: str, now: datetime) -> list[Trigger]:
    """Somebody asks for a new key."""
    wish = Wish(application, "prod", Asked(ASKED))
    return [Trigger(rotation_runs.payload(wish), ROTATE)]


WORKFLOWS = {flow.name: flow for flow in (
    Workflow("issue", (APPROVAL, ISSUE), (), approved, invariants.end_one_usable_key),
    Workflow("issue again", (APPROVAL, ISSUE), (approved,), approved_again,
             invariants.end_one_usable_key),
    Workflow("issue twice at once", (ISSUE,), (), approved_again,
             invariants.end_one_usable_key, crowded=True),
    Workflow("issue after revoke", (ISSUE,), (approved, withdrawn), duplicated,
             invariants.end_nothing_left, revokes=True),
    Workflow("revoke withdrawn", (APPROVAL, REVOKE), (approved,), withdrawn,
             invariants.end_nothing_left, revokes=True),
    Workflow("revoke ended", (REVOKE,), (approved,), ordered("ended"),
             invariants.end_nothing_left, revokes=True),
    Workflow("revoke leaked", (REVOKE,), (approved,), ordered("leaked"),
             invariants.end_nothing_left, revokes=True, purges=True),
    Workflow("revoke offboarded", (REVOKE,), (approved,), ordered("offboarded"),
             invariants.end_nothing_left, revokes=True, purges=True),
    Workflow("rotate", (ROTATE,), (approved,), rotated, invariants.end_two_usable_keys,
             rotates=True),
    Workflow("revoke a rotation", (REVOKE,), (approved, rotated), ordered("leaked"),
             invariants.end_nothing_left, revokes=True, purges=True, rotates=True),
    Workflow("extend", (APPROVAL, ISSUE), (approved,), prolonged, invariants.end_extended),
    Workflow("amend", (APPROVAL, ISSUE), (approved,), amended, invariants.end_amended),
    Workflow("daily look", (CLEANUP,), (approved, widened), looked_at, invariants.end_put_back,
             alone=True, daily=True),
    Workflow("reconcile", (CLEANUP,), (approved,), swept, invariants.end_nothing_abandoned,
             abandoned_after=("ram", "CreateAccessKey"), alone=True),
)}  # fmt: skip
