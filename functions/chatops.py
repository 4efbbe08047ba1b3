"""HTTP: somebody typed a command or pressed a button in a chat; verified, answered or handed over.

Imports no cloud SDK: the chat waits three seconds, and a cold start is mostly imports.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from shared import bootstrap, chatting, hints, http_event
from shared.chat import words
from shared.chat.messages import Checked, Reply, escaped
from shared.errors import CloudError, ConfigError
from shared.http_event import Inbound, answer
from shared.refusals import REASONS, Denied
from shared.sources import slack_window

log = logging.getLogger(__name__)
SECRETS = bootstrap.IngressSecrets()


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point; always an explicit answer."""
    inbound = http_event.parse(event)
    if inbound is None:
        return refused(Denied("not_json"))
    try:
        outcome = _taken(inbound)
    except CloudError as err:  # who typed it is told, where a status would only say "failed"
        log.error("not handed over: %s", err)
        language = bootstrap.settings().chat_language
        return answer(200, shown(Reply(words.say(language, "unavailable"))))
    except ConfigError as err:
        log.error("configuration: %s", "; ".join(err.problems))
        return answer(500, {"status": "unavailable", "reason": err.reason})
    except Exception as err:  # the outermost edge: the log gets no text
        log.error("defect: %s", type(err).__name__)
        return answer(500, {"status": "unavailable", "reason": "internal_error"})
    if isinstance(outcome, Denied):
        return refused(outcome)
    return answer(200, shown(outcome) if outcome else {})


def _taken(inbound: Inbound) -> Reply | Checked | Denied | None:
    """By its path: `/slack`."""
    kind = inbound.path.strip("/")
    if kind not in hints.CHATS:
        return Denied("unknown_path")
    counter = bootstrap.counter(kind, SECRETS, os.environ)
    if isinstance(counter, Denied):
        return counter
    return chatting.take(inbound, counter, bootstrap.now())


def shown(reply: Reply | Checked) -> dict[str, Any]:
    """For whoever asked, alone: plain text, without marks."""
    if isinstance(reply, Checked):
        return slack_window.answered(reply)
    return {"response_type": "ephemeral", "mrkdwn": False, "text": escaped(reply.text)}


def refused(denied: Denied) -> dict[str, Any]:
    """What is not the chat's."""
    log.warning("refused: %s at %s", denied.reason, denied.where or "-")
    status, sentence = REASONS[denied.reason]
    return answer(status, {"status": "refused", "reason": denied.reason, "message": sentence})
