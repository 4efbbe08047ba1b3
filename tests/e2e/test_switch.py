"""A grant is switched off and on again: by the chat, by the command, and no sweep minds it."""

from __future__ import annotations

import pytest

from tests.e2e.chat import asked, id_of, press, say, text_of
from tests.e2e.conftest import Scene, until
from tests.e2e.test_housekeeping import Pass, pass_days
from tests.e2e.test_revoke import issued, remains
from tests.e2e.test_rotate import keys_of, read, works

__all__ = ["pass_days"]  # a fixture
INACTIVE = "InvalidAccessKeyId.Inactive"


def test_grant_is_switched_off_and_on_again_in_a_chat(scene: Scene) -> None:
    """Off by those it concerns, on by whoever may approve there; all else stays as it was."""
    card = asked(scene)
    ticket = id_of(card)
    press(scene, "bob", card).told(2)
    key = read(scene, f"akw/{scene.application}/dev")
    assert "is not yours" in text_of(say(scene, "erin", f"disable {ticket}").told()[0])

    _, off = say(scene, "alice", f"disable {ticket}").told(2)
    assert ("ephemeral", True) == (off["response_type"], "is disabled" in text_of(off))
    until(lambda: works(scene, key) == INACTIVE)
    for words in (f"status {ticket}", f"list app={scene.application}"):
        assert text_of(say(scene, "alice", words).told()[0]).endswith(", disabled")
    assert f"`enable {ticket}` comes first" in text_of(
        say(scene, "alice", f"rotate {ticket}").told()[0])
    _, again = say(scene, "alice", f"停用 {ticket}").told(2)
    assert "there is nothing left to change (already_disabled)" in text_of(again)
    assert key.access_key_id == read(scene, f"akw/{scene.application}/dev").access_key_id

    assert "not by who asked for it" in text_of(say(scene, "alice", f"enable {ticket}").told()[0])
    _, on = say(scene, "bob", f"enable {ticket}").told(2)
    assert f"The key of {ticket} works again." == text_of(on)
    until(lambda: works(scene, key) == "")
    assert text_of(say(scene, "alice", f"status {ticket}").told()[0]).endswith(", live")

    say(scene, "bob", f"disable {ticket}").told(2)
    _, ended = say(scene, "alice", f"revoke {ticket}").told(2)
    assert f"The grant of {ticket} is ended: its key is gone." == text_of(ended)
    until(lambda: not remains(scene))


def test_no_sweep_undoes_it_or_tells_of_it_and_it_ends_on_its_day(
    scene: Scene, pass_days: Pass, capsys: pytest.CaptureFixture[str]
) -> None:
    """By `make rotate`; days of sweeps, looks and turns, then the end that was approved."""
    from deploy import rotate as command

    issued(scene, ttl_seconds=20 * 86_400)
    (key,) = keys_of(scene)

    def switch(how: str) -> tuple[int, str]:
        given = ["--application", scene.application, "--environment", "prod", how]
        with scene.stage.proxied():
            code = command.rotated(
                scene.stage.administrator_environment(), command.wish_of(command.arguments(given)))
        streams = capsys.readouterr()
        return code, streams.out + streams.err

    assert (1, True) == (switch("--enable")[0], "nothing_to_enable" in switch("--enable")[1])
    code, told = switch("--disable")
    assert (0, True) == (code, "a key was disabled" in told)
    for _ in range(3):
        pass_days(2)
        for path in ("/timers/akw-cleanup/sweep", "/timers/akw-cleanup/deep",
                     "/timers/akw-rotate/turn"):  # fmt: skip
            scene.stage.manage("POST", path)
        until(lambda: all(task["state"] in ("Succeeded", "Failed")
                          for task in scene.stage.manage("GET", "/tasks")["tasks"]))  # fmt: skip
        assert [] == scene.audit('event_type: "sweep.finding" or phase: intent')
        assert {key: "Inactive"} == keys_of(scene)

    code, told = switch("--enable")
    assert ((0, True), {key: "Active"}) == ((code, "a key works again" in told), keys_of(scene))
    switch("--disable")
    pass_days(15)
    scene.stage.manage("POST", "/timers/akw-cleanup/sweep")
    until(lambda: not remains(scene))
