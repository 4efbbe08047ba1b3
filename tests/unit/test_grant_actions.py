"""Who may switch a grant off and on again in a chat, and where."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from shared import bootstrap
from shared.audit import Row
from shared.chat import grammar
from shared.chat.messages import Message
from shared.chat.terms import Terms
from shared.commanding import dispatch
from shared.commanding.desk import Desk
from shared.policies import Assets
from shared.rotation import DISABLE, ENABLE
from shared.rotation_runs import Wish, of_event
from shared.rules import Rules
from shared.secrecy import Secret
from tests.unit.samples import NOW, with_list

ASSETS = Assets("1234567890123456", "cn-hangzhou", "akwarden-audit", "akwarden-digests")
MESSAGE = Message("slack", "T0AKWARDEN/UALICE", "https://app.slack.com/client/T1/C1", "command 1",
                  "/commands/T1/1")  # fmt: skip
RULES = bootstrap.rules()
OFF, ON = "rotation_disable", "rotation_enable"


class Log:
    """One grant of alice's, with what was last done to its key; and what akw-rotate wrote then."""

    def __init__(self, last: str, environment: str, secret: str, then: Row) -> None:
        self.last, self.environment, self.secret, self.then = last, environment, secret, then

    def select_logs(self, query: str, since: datetime, until: datetime) -> list[dict[str, str]]:
        ticket = {"ticket_system": "slack", "ticket_id": "AK-1"}
        if "max_by(reason" in query:
            return [ticket | {"last": self.last}] if self.last else []
        if "access_key_id like" in query:
            return [ticket] if "like '%0001'" in query else []
        if "ticket.revoked" in query or 'ticket_id: "AK-1"' not in query:
            return []
        return [ticket | {"application": "orders", "environment": self.environment, "secret":
                          self.secret, "requester": "alice@example.com", "issued_ms": "1"}]

    def get_logs(self, query: str, since: datetime, until: datetime) -> list[Row]:
        return [self.then]


class Functions:
    """Takes tasks, once each."""

    def __init__(self) -> None:
        self.wishes: list[Wish] = []

    def invoke_async(self, function: str, payload: bytes, task_id: str) -> bool:
        if function == "akw-revoke":
            return True
        wish = of_event(payload)
        assert (function, True) == ("akw-rotate", isinstance(wish, Wish))
        self.wishes += [wish] if isinstance(wish, Wish) else []
        return True


def row(event: str, reason: str, seconds: float = 1) -> Row:
    return {"event_type": event, "outcome": "success", "reason": reason, "phase": "result",
            "access_key_id": "LTAI5tSomeKey00000000001",
            "time_ms": str(int((NOW.timestamp() + seconds) * 1000))}  # fmt: skip


def said(
    text: str, who: str, *, last: str = "", environment: str = "dev", mode: str = "non-production",
    secret: str = "akw/orders/dev", then: Row | None = None, rules: Rules = RULES,
) -> tuple[str, list[str]]:  # fmt: skip
    """The last answer, and what was asked of akw-rotate. All answers are private."""
    functions, patience = Functions(), [1.0, 1.0, 0.0]
    log: Any = Log(last, environment, secret, then or row("key.disabled", OFF))
    desk = Desk(
        people=SimpleNamespace(of=lambda *_: who, address=lambda _, id: id),  # type: ignore[arg-type]
        rules=rules,
        terms=Terms(rules, {}, ASSETS, mode), key=Secret("a key"), most_requests=1, language="en",
        issuing=True, functions=functions, audit_log=log,  # type: ignore[arg-type]
        account_id="1234567890123456", now=lambda: NOW, sleep=lambda _: None,
        remaining_seconds=lambda: patience.pop(0),
    )  # fmt: skip
    message = Message(**{name: getattr(MESSAGE, name) for name in MESSAGE.__dataclass_fields__}
                      | {"text": text})  # fmt: skip
    replies = list(dispatch.act(desk, message, lambda *_: pytest.fail("recorded")))
    assert not any(reply.public for reply in replies)
    return replies[-1].text, [wish.asked.why for wish in functions.wishes]


ALICE, BOB, CAROL, ERIN = (f"{name}@example.com" for name in ("alice", "bob", "carol", "erin"))


@pytest.mark.parametrize(("who", "environment", "mode", "told"), [
    (BOB, "dev", "non-production", "works again"), (CAROL, "prod", "all", "works again"),
    (CAROL, "prod", "non-production", "chat_may_not_approve"),
    (BOB, "dev", "off", "chat_may_not_approve"), (BOB, "prod", "all", "is not yours"),
    (ALICE, "dev", "all", "not by who asked for it"), (ERIN, "dev", "all", "is not yours"),
])  # fmt: skip
def test_enabling_takes_who_may_approve_there(
    who: str, environment: str, mode: str, told: str
) -> None:
    """Where a chat may approve; never whoever asked for the grant."""
    answer, asked = said("enable AK-1", who, last=OFF, environment=environment, mode=mode,
                         then=row("key.enabled", ON))  # fmt: skip

    assert told in answer
    assert [ENABLE] * (told == "works again") == asked


@pytest.mark.parametrize("command", ["enable", "disable", "rotate", "revoke"])
def test_application_with_a_list_is_for_those_who_are_on_it(command: str) -> None:
    """And for whoever asked; a list of another application changes nothing."""
    listed, others = with_list("orders", ["carol"]), with_list("orders-eu", ["carol"])
    answers = {who: said(f"{command} AK-1", who, mode="all", rules=listed)[0]
               for who in (ALICE, BOB, CAROL)}  # fmt: skip

    assert {BOB} == {who for who, told in answers.items() if "is not yours" in told}
    assert "is not yours" not in said(f"{command} AK-1", BOB, mode="all", rules=others)[0]


@pytest.mark.parametrize(("who", "told"), [
    (ALICE, "is disabled: nothing"), (BOB, "is disabled: nothing"), (ERIN, "is not yours")])
def test_disabling_is_for_all_whom_it_concerns(who: str, told: str) -> None:
    """Wherever chats may approve: it only takes away."""
    answer, asked = said("disable AK-1", who, mode="off")

    assert told in answer
    assert [DISABLE] * (who != ERIN) == asked


@pytest.mark.parametrize(("then", "told"), [
    (row("key.disabled", OFF), "is disabled: nothing"),
    (row("sweep.finding", "already_disabled"), "nothing left to change (already_disabled)"),
    (row("sweep.finding", "revocation_on_record"), "nothing left to change (revocation_on_record)"),
    (row("key.disabled", "rotation_due"), "still being worked on"),
    (row("key.disabled", OFF, seconds=-1), "still being worked on"),
    (row("key.enabled", ON), "still being worked on"),
    (row("sweep.finding", "key_too_old"), "still being worked on"),
])  # fmt: skip
def test_what_came_of_it_is_told_by_what_is_on_record(then: Row, told: str) -> None:
    assert told in said("disable AK-1", BOB, then=then)[0]


@pytest.mark.parametrize(("target", "found"), [
    ("AK-1", True), ("0001", True), ("LTAI…0001", True), ("LTAI...0001", True),
    ("LTAI…0002", False), ("STSX…0001", False), ("LTAI…0001x", False), ("LTAI", False),
])  # fmt: skip
def test_grant_is_found_by_its_keys_id_as_messages_show_it(target: str, found: bool) -> None:
    answer, asked = said(f"disable {target}", BOB)

    assert (found, [DISABLE] * found) == ("is disabled: nothing" in answer, asked)
    assert found or "has no live grant" in answer


def test_grant_without_a_key_of_ours_has_nothing_to_switch() -> None:
    assert ("AK-1 has no key of its own: see `revoke`.", []) == said("disable AK-1", BOB, secret="")


@pytest.mark.parametrize(("last", "answered"), [(OFF, True), (ON, False), ("", False),
                                                ("rotation_due", False)])  # fmt: skip
def test_what_is_disabled_is_not_rotated(last: str, answered: bool) -> None:
    answer, asked = said("rotate AK-1", BOB, last=last)

    assert (answered, not answered) == ("comes first" in answer, asked == ["asked"])
    assert grammar.parse("恢复 AK-1") == grammar.Command(grammar.ENABLE, "AK-1")
