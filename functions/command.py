"""Asynchronous: what somebody asked for in a chat is done, and they are told as it goes on.

A run that dies is run again by FC; what was done before is found and not done twice. Where the
cloud does not do its part, whoever asked is told so, and asks again.
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from shared import audit, bootstrap, hints, naming, refused_deliveries
from shared.chat import messages
from shared.commanding import dispatch
from shared.errors import CloudError
from shared.refusals import Denied
from shared.refused_deliveries import Refusal

log = logging.getLogger(__name__)
PATIENCE_SECONDS = 90  # what is not over by then is told by `status`


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point. The return value is kept by FC: no text of anybody's."""
    end = time.monotonic() + PATIENCE_SECONDS
    kinds = (*hints.CHATS, *hints.UNSIGNED_CHATS)
    message = refused_deliveries.of_event(event, kinds) or messages.of_event(event)
    if isinstance(message, Refusal):  # nobody's, but one that the ingress has refused
        audit_log, attempt = bootstrap.refusal_log(message, os.environ, context)
        refused_deliveries.record(audit_log, attempt, message, bootstrap.now())
        return {"status": "recorded", "source": message.kind, "reason": message.reason}
    if isinstance(message, Denied):
        log.error("event refused: %s at %s", message.reason, message.where or "-")
        return {"status": "refused", "reason": message.reason}
    current, desk, chat = bootstrap.desk_of_commands(
        message.kind, os.environ, context.function, lambda: end - time.monotonic())  # fmt: skip

    def record(ticket: str, application: str) -> audit.Attempt:
        return audit.attempt(
            audit.Subject(message.kind, ticket, application, ""),
            naming.operation_id(message.kind, f"{ticket} {message.event}", "chat"),
            fc_request_id=context.request_id, fc_function=context.function.name,
            account_id=current.account_id, region=current.region, trigger="chat",
            broker_version=bootstrap.VERSION,
        )  # fmt: skip

    told = 0
    for reply in dispatch.answers(desk, message, record):
        try:
            chat.reply(message.reply, reply)
            told += 1
        except CloudError as err:  # what is done is done; `status` tells it, too
            log.error("not told: %s", err)
    return {"status": "done", "told": told}
