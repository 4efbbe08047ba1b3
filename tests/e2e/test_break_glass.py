"""Break-glass: access in an incident without approval, for hours, told to everybody, reviewed."""

from __future__ import annotations

import contextlib

from demo import actors
from tests.e2e.chat import Said, say, text_of
from tests.e2e.conftest import Scene, pass_time, until
from tests.e2e.test_cleanup import fault, swept
from tests.e2e.test_notifications import posted, run
from tests.e2e.test_revoke import remains


def broken(scene: Scene, name: str = "carol", **changes: str) -> Said:
    fields = {
        "incident": "PD-431", "app": scene.application, "env": "prod",
        "template": "sls-logstore-write", "project": "orders-logs", "logstore": "app",
        "ip": "198.51.100.7", "usecase": "cli", "readers": "orders-reader", "ttl": "2h",
        "confirm": "yes", "reason": "the order system is stuck",
    } | changes  # fmt: skip
    return say(scene, name, "break-glass " + " ".join(f'{k}="{v}"' for k, v in fields.items() if v))


def created_keys(scene: Scene) -> int:
    return len([call for call in scene.history() if call["action"] == "CreateAccessKey"])


def test_key_without_approval_is_told_to_everybody_reviewed_and_over_by_itself(
    scene: Scene, travels: contextlib.ExitStack
) -> None:
    taken, issued = broken(scene).told(2)
    ticket = text_of(taken).partition(":")[0]
    assert "in_channel" == taken["response_type"]
    assert "BREAK-GLASS. carol@example.com takes access without approval" in text_of(taken)
    assert f"{ticket} is issued" in text_of(issued)
    key = actors.read_key(scene.stage, actors.assume(scene.stage, actors.READER),
                          f"akw/{scene.application}/prod")  # fmt: skip
    assert "user/akw-" in actors.identity(scene.stage, key, "198.51.100.7")
    (row,) = scene.audit('event_type: "key.issued" and phase: result')
    assert ("break_glass", "carol@example.com") == (row["policy_decision"], row["approver_id"])
    assert "PD-431" == row["reason"]

    run(scene)
    paths = {one["path"] for one in posted(scene) if "BREAK-GLASS" in str(one)}
    assert {"C0KEYS", "UCAROL", "UDAVE", "UERIN", "UFRANK", "UGRACE"} == paths

    for who in ("carol", "alice"):
        (answer,) = say(scene, who, f"review {ticket} ticket=SEC-1").told()
        assert "is reviewed by somebody who may approve there" in text_of(answer), who
    (answer,) = say(scene, "erin", f"review {ticket} ticket=SEC-1").told()
    assert f"{ticket} is reviewed by erin@example.com: SEC-1." == text_of(answer)
    (answer,) = say(scene, "dave", f"review {ticket} ticket=SEC-2").told()
    assert f"{ticket} is reviewed already." == text_of(answer)
    (row,) = scene.audit('event_type: "break_glass.reviewed"')
    assert ("erin@example.com", "SEC-1") == (row["approver_id"], row["reason"])

    pass_time(scene, travels, 2 * 3600 + 700)
    swept(scene)
    until(lambda: not remains(scene))


def test_it_cannot_be_made_longer_or_wider(scene: Scene) -> None:
    """By a ticket that everybody has approved, either: it has to be one of its own."""
    broken(scene).told(2)
    for kind in ("extended", "amended"):
        scene.deliver(scene.body(
            type=f"accesskey.ticket.{kind}", id=f"T-{kind}", environment="prod",
            consumers=[f"acs:ram::{actors.ACCOUNT}:role/orders-reader"]))  # fmt: skip
    until(lambda: len(scene.audit('event_type: "ticket.rejected"')) == 2)
    assert {"break_glass_stays_as_it_is at application"} == {
        row["reason"] for row in scene.audit('event_type: "ticket.rejected"')}  # fmt: skip


def test_killed_command_takes_access_once(scene: Scene) -> None:
    """It dies when it has handed it over: the run after it hands over the very same."""
    fault(scene, "kill-after", "fc", "InvokeFunction", function="akw-command")

    taken, issued = broken(scene).told(2)

    assert "BREAK-GLASS" in text_of(taken)
    assert "is issued" in text_of(issued)
    assert 1 == created_keys(scene)
    assert [] == scene.audit('event_type: "ticket.rejected"')


def test_who_is_not_named_and_what_goes_beyond_gets_nothing(scene: Scene) -> None:
    for name, changes, reason in (
        ("alice", {}, "break_glass_not_allowed"), ("erin", {}, "break_glass_not_allowed"),
        ("carol", {"ttl": "5h"}, "ttl_out_of_range"), ("carol", {"env": "dev"}, "break_glass_off"),
        ("carol", {"template": "oss-prefix-read-write"}, "template_not_allowed"),
    ):  # fmt: skip
        (answer,) = broken(scene, name, **changes).told()
        assert ("ephemeral", True) == (answer["response_type"], reason in text_of(answer)), reason
    for lacking in ("incident", "reason"):
        assert "missing" in broken(scene, **{lacking: ""}).text
    (answer,) = say(scene, "erin", "review AK-AAAA-AAAA ticket=SEC-1").told()
    assert "AK-AAAA-AAAA is no access without approval." == text_of(answer)
    assert 0 == created_keys(scene)
    assert {"fc"} == {call["product"] for call in scene.changes()}
