"""Slack's slash commands and buttons: a form under an HMAC of its bytes and of a timestamp.

Source: Slack, "Verifying requests from Slack", "Enabling interactivity with slash commands",
"Handling user interaction". Slack's own library is not used here: its import alone takes longer
than an answer may; the tests compare with it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from shared import vendor_secrets
from shared.chat.messages import APPROVE, REJECT, REPLY_PATH, Message
from shared.http_event import Inbound
from shared.places import Place
from shared.refusals import Denied
from shared.secrecy import Secret

KIND = "slack"
HOST = "hooks.slack.com"
TOLERANCE = timedelta(minutes=5)
MOST_FIELDS = 100
_VERSION = "v0"
_ID = re.compile(r"[A-Z0-9]{1,32}")


def channels(value: Secret) -> tuple[Secret, ...]:
    """The app's signing secrets."""
    return vendor_secrets.texts(value, "Slack")


def hear(
    inbound: Inbound, known: Sequence[Secret], place: Place, now: datetime
) -> Message | Denied | None:
    """Verify and read; None for what wants an empty answer: Slack's check of the certificate, and
    buttons that are none of ours (links)."""
    refused = _unsigned(inbound, known) or _stale(inbound, now)
    if refused:
        return refused
    try:
        form = dict(parse_qsl(inbound.body.decode(), keep_blank_values=True, strict_parsing=True,
                              errors="strict", max_num_fields=MOST_FIELDS))  # fmt: skip
        if form.get("ssl_check") == "1":
            return None
        if "payload" in form:
            return _pressed(json.loads(form["payload"]), place)
        return _typed(form, place)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError):
        return Denied("payload_malformed")


def _unsigned(inbound: Inbound, known: Sequence[Secret]) -> Denied | None:
    headers = inbound.headers
    given = headers.get("x-slack-signature", "").encode(errors="replace")
    stamp = headers.get("x-slack-request-timestamp", "").encode(errors="replace")
    text = b":".join((_VERSION.encode(), stamp, inbound.body))
    for secret in known:
        own = hmac.new(secret.reveal().encode(), text, hashlib.sha256).hexdigest()
        if hmac.compare_digest(f"{_VERSION}={own}".encode(), given):
            return None
    return Denied("invalid_signature")


def _stale(inbound: Inbound, now: datetime) -> Denied | None:
    text = inbound.headers.get("x-slack-request-timestamp", "")
    if not text.isascii() or not text.isdigit() or len(text) > 11:
        return Denied("invalid_signature")
    sent_at = datetime.fromtimestamp(int(text), UTC)
    if sent_at < now - TOLERANCE:
        return Denied("delivery_too_old")
    return Denied("delivery_from_the_future") if sent_at > now + TOLERANCE else None


def _typed(form: Mapping[str, str], place: Place) -> Message | Denied:
    team, user = form["team_id"], form["user_id"]
    return _other(team, form["api_app_id"], place) or _message(
        team, user, form["channel_id"], event=f"command {form['trigger_id']}",
        reply=form["response_url"], text=form["text"])  # fmt: skip


def _pressed(content: Any, place: Place) -> Message | Denied | None:
    team, user = content["user"]["team_id"], content["user"]["id"]
    denied = _other(team, content["api_app_id"], place)
    if denied or content["type"] != "block_actions":
        return denied
    pressed = content["actions"][0]
    if pressed["action_id"] not in (APPROVE, REJECT):
        return None
    return _message(
        team, user, content["channel"]["id"], reply=content["response_url"],
        event=f"action {content['trigger_id']} {pressed['action_ts']}",
        action=pressed["action_id"], offer=pressed["value"])  # fmt: skip


def _other(team: object, app: object, place: Place) -> Denied | None:
    """Whether it is another workspace's, or another app's."""
    ours = team == place.tenant and app in place.forms
    return None if ours else Denied("other_tenant")


def _message(team: str, user: str, channel: str, *, reply: str, **more: str) -> Message:
    """Answers may go to Slack alone: the path is kept, the host is ours to know."""
    if not all(_ID.fullmatch(one) for one in (user, channel)):
        raise ValueError("no id")
    url = urlsplit(reply)
    if (url.scheme, url.netloc) != ("https", HOST) or not REPLY_PATH.fullmatch(url.path):
        raise ValueError("no response_url")
    return Message(KIND, f"{team}/{user}", f"https://app.slack.com/client/{team}/{channel}",
                   reply=url.path, **more)  # fmt: skip
