"""A conversation in Slack, from "who am I" to the end of a key: played, and written down.

`python -m demo.chat` plays it in a cloud of its own and writes `docs/chatops.md`.
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo import actors, slack, vendors
from demo.stage import ROOT, Cloud, Stage

PAGE = ROOT / "docs" / "chatops.md"
PATIENCE_SECONDS = 90
HEAD = """# A conversation

Played by `python -m demo.chat` in the local cloud, which writes this page; a test plays it again
and compares. Ids and the application's name are replaced by others. What starts with a name was
typed or done in Slack, what follows is what was answered, and to whom. Setting it up:
[Slack](sources/slack.md).

"""
WORDS = (
    'request app={app} env=dev template=sls-logstore-write project=orders-logs logstore=app '
    'usecase=on-premises readers=orders-reader ttl=7d confirm=yes '
    'reason="the order system writes its logs"'
)
WRITTEN = {
    "application": "", "environment": "dev", "template": "sls-logstore-write",
    "parameters": "project=orders-logs\nlogstore=app", "ttl": "7d",
    "purpose": "the order system writes its logs", "use_case": "on-premises",
    "consumers": "orders-reader",
}  # fmt: skip


@dataclass
class Conversation:
    """One in a served cloud; `lines` is what was said so far."""

    stage: Cloud
    lines: list[str] = field(default_factory=list)

    def says(self, name: str, text: str, answers: int) -> list[dict[str, Any]]:
        """Somebody types a command; so many answers are waited for."""
        body, path = slack.command(name, text)
        self.lines.append(f"{name}: /accesskey {text}")
        return self._sent(body, path, answers)

    def presses(self, name: str, message: dict[str, Any], action: str, answers: int) -> None:
        """Somebody presses a button of a message."""
        button = slack.buttons(message)[action]
        self.lines.append(f"{name}: presses [{button['text']['text']}]")
        body, path = slack.pressed(name, button)
        self._sent(body, path, answers)

    def fills(
        self, name: str, window: dict[str, Any], values: dict[str, str], answers: int
    ) -> list[dict[str, Any]]:
        """Somebody fills the window in and sends it."""
        told = [f"[{field}: {', '.join(value.split(chr(10)))}]" for field, value in values.items()]
        self.lines.append(f"{name}: fills in {' '.join(told)}")
        body, path = slack.filled(name, window, values)
        if answers:
            return self._sent(body, path, answers)
        _, answer = slack.send(self.stage, body)
        for place, wrong in answer["errors"].items():
            self.lines.append(f"  (beside {place}) {_indented(wrong)}")
        return []

    def opens(self, name: str, text: str) -> dict[str, Any]:
        """Somebody types a command that is answered with a window."""
        body, path = slack.command(name, text)
        self.lines.append(f"{name}: /accesskey {text}")
        self._sent(body, path, 0)
        (window,) = slack.windows(self.stage, body)
        view = window["view"]
        labels = [f"[{block['label']['text']}]" for block in view["blocks"]]
        self.lines.append(f"  (a window) {view['title']['text']}: {' '.join(labels)}")
        return window

    def _sent(self, body: bytes, path: str, answers: int) -> list[dict[str, Any]]:
        status, answer = slack.send(self.stage, body)
        if status != 200:
            raise RuntimeError(f"Slack was answered {status}: {answer.get('reason')}")
        if not answers:
            self.lines.append(f"  (only to them) {_indented(answer['text'])}")
        end = time.monotonic() + PATIENCE_SECONDS
        while len(found := slack.answers(self.stage, path)) < answers:
            if time.monotonic() > end:
                raise RuntimeError(f"{len(found)} answers of {answers}")
            time.sleep(0.1)
        for one in found[:answers]:
            for_all = one["response_type"] == "in_channel"
            buttons = "".join(f" [{b['text']['text']}]" for b in slack.buttons(one).values())
            text = _indented(one["blocks"][0]["text"]["text"])
            whom = "to the channel" if for_all else "only to them"
            self.lines.append(f"  ({whom}) {text}{buttons}")
        return found


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def play_short(stage: Cloud, application: str) -> list[str]:
    """A request and its approval."""
    talk = Conversation(stage)
    (card, *_) = talk.says("alice", WORDS.format(app=application), 1)
    talk.presses("bob", card, "approve", 2)
    return talk.lines


def play(stage: Cloud, application: str) -> list[str]:
    """The whole story; RuntimeError where it takes another way."""
    talk = Conversation(stage)
    talk.says("alice", "whoami", 1)
    talk.says("alice", "reqest", 0)
    window = talk.opens("alice", "request")
    talk.fills("alice", window, WRITTEN | {"application": application}, 0)
    ticked = {"application": application, "necessity_confirmed": "yes"}
    (card, *_) = talk.fills("alice", window, WRITTEN | ticked, 1)
    ticket = card["blocks"][0]["text"]["text"].partition(":")[0]
    talk.presses("alice", card, "approve", 1)
    talk.says("bob", f"list pending app={application}", 1)
    talk.presses("bob", card, "approve", 2)
    talk.says("alice", f"status {ticket}", 1)
    talk.says("alice", f"rotate {ticket}", 2)
    talk.says("alice", f"disable {ticket}", 2)
    talk.says("alice", f"enable {ticket}", 1)
    talk.says("bob", f"enable {ticket}", 2)
    talk.says("erin", f"revoke {ticket}", 1)
    talk.says("alice", "my key is LTAI5tAbCdEfGhIjKlMnOpQr, please check", 0)
    talk.says("alice", f"revoke {ticket} reason=withdrawn", 2)
    talk.says("alice", f"status {ticket}", 1)
    return [_without_chance(line, application) for line in talk.lines]


def _without_chance(line: str, application: str) -> str:
    """The same in every run."""
    line = line.replace(application, "orders")
    line = re.sub(r"AK-[A-Z2-7]{4}-[A-Z2-7]{4}", "AK-7Q2K-5FXM", line)
    line = re.sub(r"LTAI…[A-Za-z0-9]{4}", "LTAI…p2Qx", line)
    return re.sub(r"since \d{4}-\d\d-\d\d", "since 2026-11-27", line)


def page(lines: list[str]) -> str:
    """docs/chatops.md."""
    text = "\n".join(lines)
    return f"{HEAD}```\n{text}\n```\n"


def main() -> int:
    """Play it in a cloud of its own, and write the page."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    with Stage(quiet=True, settings={"AKWARDEN_SOURCES": "slack"}) as stage:
        stage.provision(lambda _: None)
        actors.prepare(stage)
        vendors.connect(stage, ["slack"])
        lines = play(stage, "orders-chat")
    target.write_text(page(lines), encoding="utf-8")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
