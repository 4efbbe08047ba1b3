"""DingTalk's events as they were seen: two spellings of what signs them, and two units of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest

from demo import dingtalk as vendor
from shared import bootstrap
from shared.hints import Hint
from shared.http_event import Inbound
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import dingtalk
from shared.sources.heard import Heard

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SECONDS = 1795780800  # NOW
PLACE = bootstrap.places()["dingtalk"]
CHANNELS = dingtalk.channels(Secret(vendor.channel_secret()))
OTHER_NAMES = {"signature": "msg_signature", "timestamp": "timeStamp"}
Names = dict[str, str]


def hear(
    stamp: str, names: Names | None = None, change: Callable[[Names], object] = lambda query: None
) -> Heard | Denied:
    """A finished approval, signed with that timestamp, its parameters under those names."""
    text, body = vendor.request(vendor.finished("proc-1"), stamp=stamp)
    query = {(names or {}).get(name, name): value for name, value in parse_qsl(text)}
    change(query)
    return dingtalk.hear(Inbound("POST", "/dingtalk", {}, body, query), CHANNELS, PLACE, NOW)


def is_taken(found: Heard | Denied) -> bool:
    return isinstance(found, Heard) and isinstance(found.hint, Hint)


@pytest.mark.parametrize("names", [
    {}, OTHER_NAMES, {"signature": "msg_signature"}, {"timestamp": "timeStamp"},
])  # fmt: skip
@pytest.mark.parametrize("stamp", [str(SECONDS), f"{SECONDS}000"])
def test_either_name_and_either_unit_counts(names: Names, stamp: str) -> None:
    assert is_taken(hear(stamp, names))


@pytest.mark.parametrize(("spoilt", "value"), [
    ("msg_signature", "0" * 40), ("timeStamp", str(SECONDS + 1)), ("msg_signature", None),
    ("timeStamp", None), ("msg_signature", "é\udc80"), ("nonce", "another"),
])  # fmt: skip
def test_other_names_are_verified_as_well(spoilt: str, value: str | None) -> None:
    def change(query: Names) -> None:
        query.pop(spoilt)
        query |= {spoilt: value} if value else {}

    assert Denied("invalid_signature") == hear(str(SECONDS), OTHER_NAMES, change)


def test_of_two_spellings_the_same_one_is_signed_and_dated() -> None:
    """A fresh time in the other spelling makes no old signature new."""
    old = str(SECONDS - 7200)

    assert Denied("delivery_too_old") == hear(
        old, OTHER_NAMES, lambda query: query.update(timestamp=str(SECONDS)))
    assert Denied("invalid_signature") == hear(
        old, {}, lambda query: query.update(timeStamp=str(SECONDS)))


@pytest.mark.parametrize(("late", "reason"), [
    (3600, ""), (3601, "delivery_too_old"), (-3600, ""), (-3601, "delivery_from_the_future"),
])  # fmt: skip
@pytest.mark.parametrize("unit", [1, 1000])
def test_age_is_an_hour_in_either_unit(late: int, reason: str, unit: int) -> None:
    found = hear(str((SECONDS - late) * unit))

    assert is_taken(found) if not reason else Denied(reason) == found


@pytest.mark.parametrize("stamp", [
    "soon", "", "-1795780800", "1795780800.5", "1e9", " 1795780800", "١٧٩٥٧٨٠٨٠٠", "9" * 14,
])  # fmt: skip
def test_timestamp_that_is_none_is_refused(stamp: str) -> None:
    """Signed as it is."""
    assert Denied("invalid_signature") == hear(stamp)


@pytest.mark.parametrize("stamp", ["1", "99999999999", "100000000000", "9" * 13])
def test_any_number_is_answered_with_its_age(stamp: str) -> None:
    """Around the bound between the units, and at both ends."""
    found = hear(stamp)

    assert isinstance(found, Denied)
    assert found.reason in ("delivery_too_old", "delivery_from_the_future")


def test_what_the_demo_sends_is_fresh() -> None:
    """Else all of the above would be refused for another reason."""
    query, body = vendor.request(vendor.finished("proc-1"))
    inbound = Inbound("POST", "/dingtalk", {}, body, dict(parse_qsl(query)))

    assert is_taken(dingtalk.hear(inbound, CHANNELS, PLACE, datetime.now(UTC)))
    late = datetime.fromtimestamp(time.time(), UTC) + timedelta(hours=2)
    assert Denied("delivery_too_old") == dingtalk.hear(inbound, CHANNELS, PLACE, late)
