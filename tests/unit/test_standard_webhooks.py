"""Standard Webhooks 1.0 signatures: the published vector, rotation, age, and odd input; the
standard's own library signs, and refuses what we refuse."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import standard_webhooks
from tests import signing
from tests.unit.strategies import brief

# Published in the specification's test vectors and in every one of its libraries.
KEY = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
ID, TIMESTAMP = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330

SENT_AT = datetime.fromtimestamp(TIMESTAMP, UTC)
SECRETS = (Secret(f"whsec_{KEY}"),)
OTHER = Secret("whsec_" + base64.b64encode(b"another secret of 24 byt").decode())
HEADERS = {
    "webhook-id": ID, "webhook-timestamp": str(TIMESTAMP), "webhook-signature": SIGNATURE,
}  # fmt: skip
WRONG = "v1," + base64.b64encode(b"0" * 32).decode()


@pytest.fixture(autouse=True)
def then() -> Iterator[None]:
    """The library reads the clock itself."""
    with time_machine.travel(SENT_AT, tick=False):
        yield


def verified(body: bytes = BODY, secrets: tuple[Secret, ...] = SECRETS,
             now: datetime = SENT_AT, **headers: str) -> Denied | None:  # fmt: skip
    with time_machine.travel(now, tick=False):
        return standard_webhooks.verify(body, changed(headers), secrets, now)


def accepted(body: bytes = BODY, now: datetime = SENT_AT, **headers: str) -> bool:
    """Whether the standard's own library takes the same."""
    with time_machine.travel(now, tick=False):
        return signing.webhook_accepted(KEY, changed(headers), body)


def changed(headers: dict[str, str]) -> dict[str, str]:
    return HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}


def test_published_vector_is_accepted() -> None:
    """With and without the secret's prefix."""
    assert verified() is None
    assert verified(secrets=(Secret(KEY),)) is None
    assert SIGNATURE == Webhook(KEY).sign(ID, SENT_AT, BODY.decode())
    assert accepted()


def test_several_signatures_are_accepted() -> None:
    """The sender rotates: any of its signatures will do, of other versions too."""
    assert verified(webhook_signature=f"{WRONG} {SIGNATURE}") is None
    assert verified(webhook_signature=f"v1a,{WRONG[3:]} {SIGNATURE}") is None


def test_several_secrets_are_accepted() -> None:
    """We rotate: any of our secrets will do, in any order."""
    assert verified(secrets=(OTHER, *SECRETS)) is None
    assert verified(secrets=(*SECRETS, OTHER)) is None


REFUSED: dict[str, dict[str, str]] = {
    "wrong_signature": {"webhook_signature": WRONG},
    "no_signature": {"webhook_signature": ""},
    "version_only": {"webhook_signature": "v1"},
    "no_version": {"webhook_signature": SIGNATURE[3:]},
    "other_version": {"webhook_signature": "v2" + SIGNATURE[2:]},
    "not_base64": {"webhook_signature": "v1,***"},
    "not_ascii": {"webhook_signature": "v1,é"},
    "other_id": {"webhook_id": "msg_other"},
    "no_id": {"webhook_id": ""},
    "other_timestamp": {"webhook_timestamp": str(TIMESTAMP + 1)},
    "no_timestamp": {"webhook_timestamp": ""},
    "fraction": {"webhook_timestamp": f"{TIMESTAMP}.0"},
    "exponent": {"webhook_timestamp": "1.614265330e9"},
    "negative": {"webhook_timestamp": f"-{TIMESTAMP}"},
    "space": {"webhook_timestamp": f" {TIMESTAMP}"},
    "other_digits": {"webhook_timestamp": "١٦١٤٢٦٥٣٣٠"},
    "endless_timestamp": {"webhook_timestamp": "9" * 400},
    "year_33658": {"webhook_timestamp": "9" * 12},
}
# The library reads a time as Python does, and signs whole seconds.
LAXER = {"fraction", "exponent", "space", "other_digits"}


@pytest.mark.parametrize("case", REFUSED)
def test_odd_headers_are_refused(case: str) -> None:
    """Every one is the same answer, never an exception."""
    assert Denied("invalid_signature") == verified(**REFUSED[case])
    assert (case in LAXER) == accepted(**REFUSED[case])


def test_missing_headers_are_refused() -> None:
    """An unsigned request, and one that lacks any of the three."""
    assert Denied("invalid_signature") == standard_webhooks.verify(BODY, {}, SECRETS, SENT_AT)
    for name in HEADERS:
        some = {key: value for key, value in HEADERS.items() if key != name}
        assert Denied("invalid_signature") == standard_webhooks.verify(
            BODY, some, SECRETS, SENT_AT
        )
        assert not signing.webhook_accepted(KEY, some, BODY)


@pytest.mark.parametrize(
    "body", [b"", BODY + b" ", b'{"test":2432232314}', BODY.replace(b"2", b"3"), b"\xff\xfe"]
)
def test_changed_body_is_refused(body: bytes) -> None:
    """The signature is over the raw bytes, not over the JSON they mean."""
    assert Denied("invalid_signature") == verified(body)
    assert not accepted(body)


def test_body_that_is_no_text_is_refused() -> None:
    """Even if it is rightly signed: JSON is UTF-8."""
    body = b'{"test": "\xff"}'
    headers = signing.by_hand(KEY, body, delivery=ID, stamp=str(TIMESTAMP))

    assert headers | {"webhook-signature": SIGNATURE} == signing.by_hand(
        KEY, BODY, delivery=ID, stamp=str(TIMESTAMP))  # fmt: skip
    assert Denied("invalid_signature") == standard_webhooks.verify(body, headers, SECRETS, SENT_AT)
    assert not signing.webhook_accepted(KEY, headers, body)


@pytest.mark.parametrize(
    "secrets",
    [(), (OTHER,), (Secret(""),), (Secret("whsec_"),), (Secret("not base64 é"),)],
    ids=["none", "other", "empty", "prefix_only", "garbage"],
)
def test_without_the_secret_nothing_is_accepted(secrets: tuple[Secret, ...]) -> None:
    """A missing or broken secret opens no door."""
    assert Denied("invalid_signature") == verified(secrets=secrets)


@pytest.mark.parametrize("body", [BODY, b"changed"])
@pytest.mark.parametrize(
    ("seconds", "reason"),
    [(301, "delivery_too_old"), (86400 * 365, "delivery_too_old"),
     (-301, "delivery_from_the_future")],
)  # fmt: skip
def test_stale_and_future_deliveries_are_refused(
    body: bytes, seconds: int, reason: str
) -> None:
    """A replay is refused by its age, and the sender learns that it was the age."""
    now = SENT_AT + timedelta(seconds=seconds)

    assert Denied(reason) == verified(body, now=now)
    assert not accepted(body, now)


@pytest.mark.parametrize("seconds", [-300, -1, 0, 1, 300])
def test_five_minutes_either_way_are_fine(seconds: int) -> None:
    """Clocks differ and networks wait."""
    now = SENT_AT + timedelta(seconds=seconds)

    assert verified(now=now) is None
    assert accepted(now=now)


@given(st.binary(max_size=40), st.text(max_size=30), st.text(max_size=20), st.text(max_size=60))
@brief
def test_any_request_is_answered(
    body: bytes, delivery: str, timestamp: str, signatures: str
) -> None:
    """Nothing that a stranger can send raises."""
    headers = {
        "webhook-id": delivery, "webhook-timestamp": timestamp, "webhook-signature": signatures,
    }  # fmt: skip

    assert isinstance(standard_webhooks.verify(body, headers, SECRETS, SENT_AT), Denied)


@given(st.integers(0, 10**15).map(str))
@brief
def test_any_timestamp_is_answered(timestamp: str) -> None:
    """Up to the end of the calendar and beyond."""
    refused = verified(webhook_timestamp=timestamp, webhook_signature=WRONG)

    assert isinstance(refused, Denied)
