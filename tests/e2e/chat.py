"""People in a chat: what they say, and what they are answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from demo import slack
from tests.e2e.conftest import Scene, until


@dataclass
class Said:
    """One message: how the ingress answered, and where later answers are found."""

    scene: Scene
    status: int
    answer: dict[str, Any]
    path: str
    body: bytes = b""

    @property
    def text(self) -> str:
        """What the ingress answered at once."""
        return str(self.answer.get("text", ""))

    def told(self, count: int = 1, seconds: float = 60) -> list[dict[str, Any]]:
        """The first so many answers that came later."""
        found: list[dict[str, Any]] = until(
            lambda: (all := slack.answers(self.scene.stage, self.path)) and len(all) >= count
            and all, seconds)  # fmt: skip
        self.scene.replies += [str(one) for one in found]
        return found[:count]


def say(scene: Scene, name: str, text: str, **changes: str) -> Said:
    """Somebody types `/accesskey <text>`."""
    body, path = slack.command(name, text, **changes)
    status, answer = slack.send(scene.stage, body)
    scene.replies.append(str(answer))
    return Said(scene, status, answer, path, body)


def window(scene: Scene, name: str = "alice") -> dict[str, Any]:
    """The window that opens for whoever types `request` and no more."""
    said = say(scene, name, "request")
    (found,) = slack.windows(scene.stage, said.body)
    return found


def fill(
    scene: Scene, name: str, shown: dict[str, Any], payload: dict[str, Any] | None = None,
    **changes: str,
) -> Said:  # fmt: skip
    """Somebody fills a window in and sends it; `payload` changes what Slack tells of it."""
    values = {
        "application": scene.application, "environment": "dev", "template": "sls-logstore-write",
        "parameters": "project=orders-logs\nlogstore = app", "ttl": "7d",
        "purpose": "the order system writes its logs", "use_case": "on-premises",
        "consumers": "orders-reader", "necessity_confirmed": "yes",
    } | changes  # fmt: skip
    body, path = slack.filled(name, shown, values, **payload or {})
    status, answer = slack.send(scene.stage, body)
    scene.replies.append(str(answer))
    return Said(scene, status, answer, path, body)


def press(scene: Scene, name: str, message: dict[str, Any], action: str = "approve") -> Said:
    """Somebody presses a button of that message."""
    body, path = slack.pressed(name, slack.buttons(message)[action])
    status, answer = slack.send(scene.stage, body)
    return Said(scene, status, answer, path)


def asked(scene: Scene, name: str = "alice", **changes: str) -> dict[str, Any]:
    """A request for this scene's application, as it stands in the channel."""
    return say(scene, name, request(scene, **changes)).told()[0]


def request(scene: Scene, **changes: str) -> str:
    fields = {
        "app": scene.application, "env": "dev", "template": "sls-logstore-write",
        "project": "orders-logs", "logstore": "app", "usecase": "on-premises",
        "readers": "orders-reader", "ttl": "7d", "confirm": "yes",
        "reason": "the order system writes its logs",
    } | changes  # fmt: skip
    return "request " + " ".join(f'{k}="{v}"' for k, v in fields.items() if v)


def id_of(message: dict[str, Any]) -> str:
    """The ticket's, of a card."""
    return str(message["blocks"][0]["text"]["text"].partition(":")[0])


def text_of(message: dict[str, Any]) -> str:
    return str(message["blocks"][0]["text"]["text"])
