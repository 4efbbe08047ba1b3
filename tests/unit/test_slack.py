"""Slack's signature and its age; Slack's own library signs, and judges what we refuse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from demo import slack as vendor
from shared import bootstrap
from shared.chat.messages import Message
from shared.http_event import Inbound
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import slack
from tests import signing

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
STAMP = "1795780800"  # NOW
PLACE = bootstrap.places()["slack"]
CHANNELS = slack.channels(Secret(vendor.channel_secret()))
BODY, _ = vendor.command("alice", "whoami")
Headers = dict[str, str]


def heard(headers: Headers, body: bytes = BODY, now: datetime = NOW) -> object:
    lower = {name.lower(): value for name, value in headers.items()}
    return slack.hear(Inbound("POST", "/slack", lower, body), CHANNELS, PLACE, now)


def accepted(headers: Headers, body: bytes = BODY, now: datetime = NOW) -> bool:
    """Whether Slack's library takes the same."""
    with time_machine.travel(now, tick=False):
        return signing.slack_accepted(vendor.SECRET, headers, body)


def test_request_of_slacks_library_is_taken() -> None:
    headers = vendor.signed(BODY, stamp=STAMP)

    assert isinstance(heard(headers), Message)
    assert accepted(headers)


@pytest.mark.parametrize(("stamp", "theirs"), [
    ("soon", False), ("", False), (f"{STAMP}.0", False), ("1.7957808e9", False),
    ("-1", False), ("9" * 12, False), ("9" * 400, False),
    # int() of Python takes these
    ("١٧٩٥٧٨٠٨٠٠", True), (f" {STAMP}", True), ("1_795_780_800", True), (f"+{STAMP}", True),
])  # fmt: skip
def test_timestamp_that_is_none_is_refused(stamp: str, theirs: bool) -> None:
    """Signed as it is: only the time is wrong."""
    headers = vendor.signed(BODY, stamp=stamp)

    assert Denied("invalid_signature") == heard(headers)
    assert theirs == accepted(headers)


@pytest.mark.parametrize(("late", "reason"), [
    (300, ""), (301, "delivery_too_old"), (86_400, "delivery_too_old"), (-300, ""),
    (-301, "delivery_from_the_future"),
])  # fmt: skip
def test_age_is_five_minutes_either_way(late: int, reason: str) -> None:
    """As in Slack's library."""
    headers, now = vendor.signed(BODY, stamp=STAMP), NOW + timedelta(seconds=late)

    found = heard(headers, now=now)

    assert isinstance(found, Message) if not reason else Denied(reason) == found
    assert (not reason) == accepted(headers, now=now)


def _with(**changes: str) -> Callable[[Headers], Headers]:
    return lambda headers: headers | {
        name.replace("_", "-"): value for name, value in changes.items()}


@pytest.mark.parametrize("spoil", [
    lambda headers: {}, _with(X_Slack_Signature=""), _with(X_Slack_Signature="v0="),
    _with(X_Slack_Signature="v0=é"), _with(X_Slack_Request_Timestamp="1795780801"),
    lambda headers: headers | {"X-Slack-Signature": headers["X-Slack-Signature"].upper()},
    lambda headers: headers | {"X-Slack-Signature": headers["X-Slack-Signature"][3:]},
    lambda headers: headers | {"X-Slack-Signature": "v1" + headers["X-Slack-Signature"][2:]},
    lambda headers: headers | {"X-Slack-Signature": ",".join([headers["X-Slack-Signature"]] * 2)},
    lambda headers: vendor.signed(BODY, stamp=STAMP, secret="guessed-by-somebody"),
])  # fmt: skip
def test_wrong_signature_is_refused(spoil: Callable[[Headers], Headers]) -> None:
    """By Slack's library, too."""
    headers = spoil(vendor.signed(BODY, stamp=STAMP))

    assert Denied("invalid_signature") == heard(headers)
    assert not accepted(headers)


@pytest.mark.parametrize("body", [b"", BODY + b"&x=1", BODY.replace(b"&", b";"), b"\xff\xfe"])
def test_changed_body_is_refused(body: bytes) -> None:
    headers = vendor.signed(BODY, stamp=STAMP)

    assert Denied("invalid_signature") == heard(headers, body)
    assert not accepted(headers, body)
