"""HTTP: somebody typed a command or pressed a button in a chat; verified, answered or handed over.

Imports no cloud SDK: the chat waits three seconds, and a cold start is mostly imports.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from shared import bootstrap, chatting, hints, http_event, naming
from shared.chat import words
from shared.chat.messages import Checked, Reply, escaped
from shared.errors import CloudError, ConfigError
from shared.http_event import Inbound, answer
from shared.refusals import REASONS, Denied
from shared.sources import slack_window
from shared.sources.heard import Heard

log = logging.getLogger(__name__)
SECRETS = bootstrap.IngressSecrets()
KINDS = {"slack": "slack", "feishu": "feishu-chat", "dingtalk": "dingtalk-robot"}  # by the path


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point; always an explicit answer."""
    inbound = http_event.parse(event)
    if inbound is None:
        return refused(Denied("not_json"))
    try:
        outcome = _taken(inbound)
    except CloudError as err:
        log.error("not handed over: %s", err)
        if _kind(inbound) in hints.BOTS:  # Feishu sends again what was typed
            return answer(503, {"status": "unavailable", "reason": err.reason})
        # who typed it is told, where a status would only say "failed"
        language = bootstrap.settings().chat_language
        return answer(200, shown(Reply(words.say(language, "unavailable"))))
    except ConfigError as err:
        log.error("configuration: %s", "; ".join(err.problems))
        return answer(500, {"status": "unavailable", "reason": err.reason})
    except Exception as err:  # the outermost edge: the log gets no text
        log.error("defect: %s", type(err).__name__)
        return answer(500, {"status": "unavailable", "reason": "internal_error"})
    if isinstance(outcome, Denied):
        bootstrap.put_on_record(
            naming.COMMAND_FUNCTION, _kind(inbound), outcome, inbound.body, os.environ)  # fmt: skip
        return refused(outcome)
    if isinstance(outcome, Heard):
        return answer(200, outcome.answer)
    if isinstance(outcome, Reply) and _kind(inbound) in hints.BOTS:
        return answer(200, toast(outcome))
    return answer(200, shown(outcome) if outcome else {})


def _kind(inbound: Inbound) -> str:
    return KINDS.get(inbound.path.strip("/"), "")


def _taken(inbound: Inbound) -> Reply | Checked | Heard | Denied | None:
    """By its path: `/slack`, `/feishu`, `/dingtalk`."""
    kind = _kind(inbound)
    if not kind:
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


def toast(reply: Reply) -> dict[str, Any]:
    """The notice that whoever has pressed a button in Feishu sees for a moment."""
    return {"toast": {"type": "info", "content": reply.text}}


def refused(denied: Denied) -> dict[str, Any]:
    """What is not the chat's."""
    log.warning("refused: %s at %s", denied.reason, denied.where or "-")
    status, sentence = REASONS[denied.reason]
    return answer(status, {"status": "refused", "reason": denied.reason, "message": sentence})
