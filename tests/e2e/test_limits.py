"""How many grants a person, an application and the account may have: one more makes nothing."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shared import deliveries, handover
from shared.deliveries import Delivery
from shared.refusals import REASONS
from shared.rules import MOST_GRANTS
from tests.e2e.chat import asked, id_of, press, text_of
from tests.e2e.conftest import Scene, until
from tests.e2e.test_cleanup import fault
from tests.e2e.test_revoke import answer_of, ended, issued, revoked
from tests.unit.samples import person

ANY = MOST_GRANTS


def ask(scene: Scene, name: str, **changes: Any) -> dict[str, Any]:
    """A ticket for one more application of the scene; what the worker answered."""
    application = f"{scene.application}-{name}"
    return issued(scene, application=application, id=f"T-{application}", **changes)


def assert_nothing_is_made(scene: Scene, name: str, reason: str) -> None:
    """No user, policy or secret of the application; nothing announced; the refusal is on record."""
    application = f"{scene.application}-{name}" if name else scene.application
    state = scene.state()
    made = [*state["ram"]["users"], *state["ram"]["policies"], *state["kms"]["secrets"]]
    rows = until(replace(scene, application=application).audit)
    assert [] == [thing for thing in made if application in thing]
    assert [("note", "ticket.rejected", reason)] == [
        (row["phase"], row["event_type"], row["reason"]) for row in rows
        if row["ticket_id"] == rows[-1]["ticket_id"]]  # fmt: skip


def test_person_who_has_enough_is_refused_and_another_is_served(
    scene: Scene, may: Callable[..., None]
) -> None:
    """Under any spelling of the name, and whoever approves."""
    may(person=(2, ANY))
    name = f"zoe-{scene.application}"
    first = ask(scene, "a", requester=person(name))
    second = ask(scene, "b", requester=person(f"{name}+x@example.com", email=f"{name}@example.com"))

    third = ask(scene, "c", requester=person(name.upper()))
    other = ask(scene, "d", requester=person(f"yan-{scene.application}"))

    assert ["issued", "issued", "issued"] == [first["status"], second["status"], other["status"]]
    assert "too_many_for_person" == third["reason"]
    assert_nothing_is_made(
        scene, "c", "too_many_for_person at limits.person.issued_in_24_hours")  # fmt: skip


def test_application_that_had_enough_today_is_refused_though_they_have_ended(
    scene: Scene, may: Callable[..., None]
) -> None:
    """A day's count is not lowered by an end; another application is served."""
    may(application=(1, ANY))
    issued(scene)
    revoked(scene)

    again = issued(scene, id=f"T-{scene.application}-again")

    assert "too_many_for_application" == again["reason"]
    assert_nothing_is_made(
        scene, "", "too_many_for_application at limits.application.issued_in_24_hours")
    assert "issued" == ask(scene, "other")["status"]


def test_account_has_room_again_once_a_grant_has_ended(
    scene: Scene, may: Callable[..., None], travels: contextlib.ExitStack
) -> None:
    """Alive at once, whoever asks for whatever."""
    may(account=(ANY, 1))
    issued(scene)

    refused = ask(scene, "b", requester=person("yan"))
    revoked(scene)
    served = ask(scene, "c")

    assert "too_many_for_account" == refused["reason"]
    assert_nothing_is_made(scene, "b", "too_many_for_account at limits.account.alive")
    assert "issued" == served["status"]


def test_retry_and_repeat_do_not_count_themselves(
    scene: Scene, may: Callable[..., None]
) -> None:
    """The first attempt fails, FC's retry makes the grant, and FC runs it a third time."""
    may(application=(1, 1))
    fault(scene, "error", "ims", "CreateUser", status=400, code="InvalidParameter")
    body = scene.body()
    scene.deliver(body)
    first = answer_of(scene, "akw-issue")

    delivery = deliveries.parse(body, source="standard-webhooks")
    assert isinstance(delivery, Delivery)
    repeat = scene.stage.manage("POST", "/invoke/akw-issue", json.loads(
        handover.payload(delivery, datetime.now(UTC))))["request_id"]  # fmt: skip
    (third,) = until(lambda: [task for task in scene.stage.manage("GET", "/tasks")["tasks"]
                              if (task["request_id"], task["state"]) == (repeat, "Succeeded")])

    assert ("issued", 2) == (first["status"], ended(scene, "akw-issue")[0]["attempts"])
    assert first == json.loads(third["return_payload"])
    assert [] == scene.audit('event_type: "ticket.rejected"')
    keys = [c for c in scene.history() if c["action"] == "CreateAccessKey"]
    assert 1 == len(keys)


def test_unreadable_count_issues_nothing_until_it_can_be_read(scene: Scene) -> None:
    """Only this statement fails, as long as it likes: FC tries again, and then there is the key."""
    fault(scene, "error", "sls", "GetLogs", function="akw-issue", contains="count_if", times=0,
          status=400, code="ParameterInvalid")  # fmt: skip
    scene.deliver(scene.body())
    until(lambda: scene.tasks() and scene.tasks()[-1]["attempts"] > 1)

    assert {"InvokeFunction"} == {call["action"] for call in scene.changes()}
    assert [] == scene.audit()

    scene.stage.manage("DELETE", "/faults")
    assert "issued" == answer_of(scene, "akw-issue")["status"]


def test_refusal_is_told_in_the_chat(scene: Scene, may: Callable[..., None]) -> None:
    """Approved there, refused by the worker: with the sentence that says what to do. 0 is none."""
    may(application=(0, ANY))
    card = asked(scene)

    _, refused = press(scene, "bob", card).told(2)

    assert f"{id_of(card)} was refused: " in text_of(refused)
    assert REASONS["too_many_for_application"][1] in text_of(refused)
