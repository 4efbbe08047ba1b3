"""Asynchronous: somebody asked in a chat what is theirs; read-only, told to them alone."""

from __future__ import annotations

import logging
import os
from typing import Any

from shared import bootstrap, hints, lookups
from shared.chat import messages
from shared.chat.messages import Reply
from shared.errors import CloudError
from shared.refusals import Denied

log = logging.getLogger(__name__)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point. The return value is kept by FC: no text of anybody's."""
    message = messages.of_event(event, (*hints.CHATS, *hints.UNSIGNED_CHATS))
    if isinstance(message, Denied):
        log.error("event refused: %s at %s", message.reason, message.where or "-")
        return {"status": "refused", "reason": message.reason}
    shelf, chat = bootstrap.shelf(message.kind, os.environ, context.function)
    try:
        reply = lookups.answer(shelf, message)
    except CloudError as err:
        log.error("not looked up: %s", err)
        reply = Reply(shelf.say("unavailable"))
    chat.reply(message.reply, reply)
    return {"status": "told"}
