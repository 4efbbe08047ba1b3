"""A form as Slack shows it in a window (modal), and what people wrote in it.

Source: Slack, Block Kit reference: "Input block", "Plain-text input", "Static select",
"Checkboxes", "View submission payload"; the limits are theirs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.chat import words

if TYPE_CHECKING:  # an ingress imports what it runs
    from shared.chat.form import Question
    from shared.chat.messages import Checked

CALLBACK = "request"
MOST_CHOICES = 100  # of a select; what is beyond can be typed
MOST_TEXT = 3000  # characters of an input, and of private_metadata
MOST_FIELDS = 50


def view(
    questions: tuple[Question, ...], language: str, *, channel: str, response_url: str,
    now: datetime,
) -> dict[str, Any]:  # fmt: skip
    """The window. It carries where the answers go, as of the command that asked for it."""
    back = {"channel": channel, "response_url": response_url, "opened_at": int(now.timestamp())}
    return {
        "type": "modal", "callback_id": CALLBACK, "private_metadata": json.dumps(back),
        "title": _text(words.say(language, "form")),
        "submit": _text(words.say(language, "form_submit")),
        "close": _text(words.say(language, "form_close")),
        "blocks": [_block(one, language) for one in questions],
    }  # fmt: skip


def _block(question: Question, language: str) -> dict[str, Any]:
    return {
        "type": "input", "block_id": question.field, "optional": not question.needed,
        "label": _text(words.say(language, question.label)),
        "element": {"action_id": question.field, **_element(question, language)},
    }  # fmt: skip


def _element(question: Question, language: str) -> dict[str, Any]:
    if question.kind == "tick":
        label = words.say(language, "form_yes")
        return {"type": "checkboxes", "options": [
            {"text": _text(label), "value": value} for value in question.choices]}  # fmt: skip
    if question.kind == "choice":
        return {"type": "static_select", "options": [
            {"text": _text(value), "value": value}
            for value in question.choices[:MOST_CHOICES]]}  # fmt: skip
    return {"type": "plain_text_input", "multiline": question.kind == "lines",
            "max_length": question.longest,
            **({"initial_value": question.initial} if question.initial else {})}  # fmt: skip


def _text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def answers(state: Mapping[str, Any]) -> dict[str, str]:
    """What was written, by field; of a box its value if it is ticked. Raises ValueError, KeyError,
    TypeError or AttributeError for what is no state of a view."""
    found = {}
    if len(state["values"]) > MOST_FIELDS:
        raise ValueError("too many fields")
    for name, elements in state["values"].items():
        element = elements[name]
        chosen = element.get("selected_options") or [element.get("selected_option") or {}]
        text = element.get("value") or chosen[0].get("value") or ""
        if not isinstance(text, str) or len(text) > MOST_TEXT:
            raise ValueError("no text")
        found[name] = text
    return found


def way_back(metadata: str) -> tuple[str, str, datetime]:
    """Channel, response_url and when it was opened, of the window's `private_metadata`; raises as
    `answers` does."""
    content = json.loads(metadata)
    at = content["opened_at"]
    if not isinstance(at, int) or not 0 <= at < 10**11:
        raise ValueError("no moment")
    return content["channel"], content["response_url"], datetime.fromtimestamp(at, UTC)


def answered(checked: Checked) -> dict[str, Any]:
    """The answer to a window that was sent: it closes, or shows what is wrong beside each field."""
    if checked.problems:
        return {"response_action": "errors", "errors": dict(checked.problems)}
    return {"response_action": "clear"}
