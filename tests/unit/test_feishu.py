"""Feishu's signature and encryption: the published vector, and Feishu's own SDK as the judge of the
requests that the other tests send."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from lark_oapi import AESCipher, EventDispatcherHandler
from lark_oapi.core.model import RawRequest

from demo import feishu as vendor
from shared import bootstrap
from shared.errors import ConfigError
from shared.hints import Hint
from shared.http_event import Inbound
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import feishu, feishu_envelope
from shared.sources.heard import Heard
from tests import signing
from tests.unit.strategies import brief

PLACE = bootstrap.places()["feishu"]
CHANNELS = feishu.channels(Secret(vendor.channel_secret()))


def hear(headers: dict[str, str], body: bytes) -> Heard | Denied:
    lower = {name.lower(): value for name, value in headers.items()}
    return feishu.hear(Inbound("POST", "/feishu", lower, body), CHANNELS, PLACE, datetime.now(UTC))


def test_published_vector_is_opened() -> None:
    """By the cipher that `hear` uses: the text is no event."""
    key, text = "test key", "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="

    assert "hello world" == AESCipher(key).decrypt_str(text)
    channel = feishu_envelope.Channel(Secret(key), Secret("token"))
    assert feishu_envelope.content_of(channel, text) is None  # "hello world" is not JSON
    assert b"hello world" == feishu_envelope.plain(channel, text)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_feishus_own_sdk_takes_the_requests_of_these_tests(version: str) -> None:
    """So that nothing here is signed by our own idea of a signature."""
    seen: list[Any] = []
    builder = EventDispatcherHandler.builder(vendor.ENCRYPT_KEY, vendor.TOKEN)
    builder.register_p1_customized_event("approval_instance", seen.append)
    builder.register_p2_customized_event("approval.instance.status_changed_v4", seen.append)
    event = vendor.changed("81D31358-93AF-92D6-7425-01A5D67C4E71")
    headers, body = vendor.request(event if version == "v1" else vendor.in_v2(event))
    request = RawRequest()
    request.headers, request.body = headers, body

    response = builder.build().do(request)

    assert (200, 1) == (response.status_code, len(seen))
    heard = hear(headers, body)
    assert isinstance(heard, Heard)
    assert isinstance(heard.hint, Hint)
    assert ("feishu", "81D31358-93AF-92D6-7425-01A5D67C4E71") == (
        heard.hint.kind, heard.hint.record)


Spoiled = tuple[dict[str, str], bytes]
EVENT = vendor.changed("81D31358-93AF-92D6-7425-01A5D67C4E71")
OLD = datetime.now(UTC) - timedelta(hours=2)


def _other(**headers: str) -> Callable[[], Spoiled]:
    """A good request, but for these headers."""
    def request() -> Spoiled:
        good, body = vendor.request(EVENT)
        return good | {name.replace("_", "-"): text for name, text in headers.items()}, body

    return request


def _reserialised() -> Spoiled:
    headers, body = vendor.request(EVENT)
    return headers, json.dumps(json.loads(body), indent=1).encode()


# Each with what Feishu's SDK says of it: it knows no age, and looks at a token that is there only.
REFUSED: dict[str, tuple[Callable[[], Spoiled], str, bool]] = {
    "other_key": (lambda: vendor.request(EVENT, encrypt_key="guessed"), "invalid_signature", False),
    "wrong_signature": (_other(X_Lark_Signature="0" * 64), "invalid_signature", False),
    "empty_signature": (_other(X_Lark_Signature=""), "invalid_signature", False),
    "other_nonce": (_other(X_Lark_Request_Nonce="another"), "invalid_signature", False),
    "other_time": (_other(X_Lark_Request_Timestamp="1795780800"), "invalid_signature", False),
    "unsigned": (lambda: ({}, vendor.request(EVENT)[1]), "invalid_signature", False),
    "reserialised": (_reserialised, "invalid_signature", False),
    "other_token": (lambda: vendor.request(EVENT | {"token": "guessed"}),
                    "invalid_signature", False),
    "other_token_in_v2": (lambda: vendor.request(vendor.in_v2(EVENT | {"token": "guessed"})),
                          "invalid_signature", False),
    "plain": (lambda: (vendor.request(EVENT)[0], json.dumps(EVENT).encode()),
              "missing_field", False),
    "no_json": (lambda: (vendor.request(EVENT)[0], b"\xff"), "not_json", False),
    "no_token": (lambda: vendor.request({k: v for k, v in EVENT.items() if k != "token"}),
                 "invalid_signature", True),
    "old": (lambda: vendor.request(EVENT, at=OLD.timestamp()), "delivery_too_old", True),
    "time_in_other_digits": (lambda: vendor.request(EVENT, stamp="١٧٩٥٧٨٠٨٠٠"),
                             "invalid_signature", True),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_refused_by_feishus_own_sdk(case: str) -> None:
    """So that bad is not our own idea either; what the SDK takes beyond it stands in the table."""
    request, reason, theirs = REFUSED[case]
    headers, body = request()

    found = hear(headers, body)

    assert (True, reason) == (isinstance(found, Denied), getattr(found, "reason", ""))
    assert theirs == signing.feishu_accepted(vendor.ENCRYPT_KEY, vendor.TOKEN, headers, body)


@given(st.dictionaries(st.sampled_from(["type", "token", "event", "header", "challenge", "uuid"]),
                       st.none() | st.text(max_size=5) | st.integers()
                       | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)))
@brief
def test_no_event_raises(event: dict[str, Any]) -> None:
    assert isinstance(hear(*vendor.request(event)), Denied)


@given(st.binary(max_size=80))
@brief
def test_no_cipher_text_raises(text: bytes) -> None:
    body = json.dumps({"encrypt": base64.b64encode(text).decode()}).encode()

    assert isinstance(hear({}, body), Denied)


def test_secret_that_is_rotated_is_known_by_either(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = json.loads(vendor.channel_secret())[0], {
        "encrypt_key": "the new key", "verification_token": vendor.TOKEN}  # fmt: skip
    monkeypatch.setattr("tests.unit.test_feishu.CHANNELS",
                        feishu.channels(Secret(json.dumps([new, old]))))  # fmt: skip
    event = vendor.changed("A-1")

    assert all(isinstance(hear(*vendor.request(event, encrypt_key=key)), Heard)
               for key in (vendor.ENCRYPT_KEY, "the new key"))  # fmt: skip


@pytest.mark.parametrize("value", [
    "", "{}", "[]", "[{}]", '[{"encrypt_key": "", "verification_token": "t"}]',
    '[{"encrypt_key": "k", "verification_token": ""}]', "[1]",
])  # fmt: skip
def test_without_an_encrypt_key_there_is_no_channel(value: str) -> None:
    """Feishu would sign nothing."""
    with pytest.raises(ConfigError) as raised:
        feishu.channels(Secret(value))
    assert (None, None) == (raised.value.__cause__, raised.value.__context__)


def test_short_cipher_text_is_none() -> None:
    """Shorter than its own beginning."""
    cipher = Cipher(algorithms.AES(b"k" * 32), modes.CBC(b"i" * 16)).encryptor()
    text = base64.b64encode(cipher.update(b"x" * 16)[:8]).decode()

    assert Denied("invalid_signature") == hear({}, json.dumps({"encrypt": text}).encode())
