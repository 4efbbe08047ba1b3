"""Slack's commands, buttons and windows: a form under an HMAC of its bytes and of a timestamp.

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
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from shared import vendor_secrets
from shared.chat.messages import ACTIONS, REPLY_PATH, Filled, Message
from shared.http_event import Inbound
from shared.places import Place
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import slack_window

if TYPE_CHECKING:  # an ingress imports what it runs
    from shared.chat.form import Question

KIND = "slack"
HOST = "hooks.slack.com"
TOLERANCE = timedelta(minutes=5)
MOST_FIELDS = 100
_VERSION = "v0"
_ID = re.compile(r"[A-Z0-9]{1,32}")


@dataclass(frozen=True)
class Channels:
    """The app's signing secrets, and its bot's token (empty: there is none), which opens windows
    and is for nothing else."""

    signing: tuple[Secret, ...]
    bot_token: Secret


def channels(value: Secret) -> Channels:
    """`["…"]`, or with a token `{"signing_secrets": ["…"], "bot_token": "xoxb-…"}`."""
    return Channels(*vendor_secrets.texts_and_more(value, "Slack", "signing_secrets", "bot_token"))


def hear(
    inbound: Inbound, known: Channels, place: Place, now: datetime
) -> Message | Filled | Denied | None:
    """Verify and read; None for what wants an empty answer: Slack's check of the certificate, and
    buttons and windows that are none of ours (links)."""
    refused = _unsigned(inbound, known.signing) or _stale(inbound, now)
    if refused:
        return refused
    try:
        form = dict(parse_qsl(inbound.body.decode(), keep_blank_values=True, strict_parsing=True,
                              errors="strict", max_num_fields=MOST_FIELDS))  # fmt: skip
        if form.get("ssl_check") == "1":
            return None
        if "payload" in form:
            return _acted(json.loads(form["payload"]), place)
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
        reply=form["response_url"], text=form["text"], trigger=form["trigger_id"])  # fmt: skip


def _acted(content: Any, place: Place) -> Message | Filled | Denied | None:
    team, user = content["user"]["team_id"], content["user"]["id"]
    if denied := _other(team, content["api_app_id"], place):
        return denied
    if content["type"] == "block_actions":
        return _pressed(content, team, user)
    return _filled(content["view"], team, user) if content["type"] == "view_submission" else None


def _filled(view: Any, team: str, user: str) -> Filled | None:
    """Its metadata was ours when the window was opened, and comes back under Slack's signature;
    where answers go is looked at as of any other message."""
    if view["callback_id"] != slack_window.CALLBACK:
        return None
    if not _ID.fullmatch(view["id"]):
        raise ValueError("no id")
    channel, url, opened_at = slack_window.way_back(view["private_metadata"])
    message = _message(team, user, channel, event=f"view {view['id']}", reply=url)
    return Filled(message, slack_window.answers(view["state"]), opened_at)


def window(
    message: Message, questions: tuple[Question, ...], language: str, now: datetime
) -> dict[str, Any]:
    """The form, to be shown to whoever typed that message."""
    return slack_window.view(
        questions, language, channel=message.url.rpartition("/")[2],
        response_url=f"https://{HOST}{message.reply}", now=now)  # fmt: skip


def _pressed(content: Any, team: str, user: str) -> Message | None:
    pressed = content["actions"][0]
    if pressed["action_id"] not in ACTIONS:
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
