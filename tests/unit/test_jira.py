"""The HMAC of a body: the published vectors of GitHub and Atlassian, and Jira's odd events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo import jira as vendor
from shared import bootstrap
from shared.errors import ConfigError
from shared.http_event import Inbound
from shared.records import jira as records
from shared.records.record import Record, Standing
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import hmac_body, jira
from shared.sources.heard import Heard
from tests.unit.strategies import brief

PLACE = bootstrap.places()["jira"]
CHANNELS = jira.channels(Secret(vendor.channel_secret()))
EVERYBODY = Secret("It's a Secret to Everybody")


@pytest.mark.parametrize(("body", "signature"), [
    # GitHub, "Validating webhook deliveries"; Atlassian, "Secure webhooks".
    (b"Hello, World!", "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
    (b"Hello World!", "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"),
])  # fmt: skip
def test_published_vectors(body: bytes, signature: str) -> None:
    other = Secret("the newer one")

    assert hmac_body.signed(body, f"sha256={signature}", [other, EVERYBODY])
    assert not hmac_body.signed(body + b" ", f"sha256={signature}", [other, EVERYBODY])
    assert not hmac_body.signed(body, signature, [EVERYBODY])
    assert not hmac_body.signed(body, f"sha256={signature}", [])
    assert not hmac_body.signed(body, "sha256=\u00e4\ud800", [EVERYBODY])


def hear(event: Any) -> Heard | Denied:
    headers, body = vendor.request(event)
    lower = {name.lower(): value for name, value in headers.items()}
    return jira.hear(Inbound("POST", "/jira", lower, body), CHANNELS, PLACE, datetime.now(UTC))


VALUES = st.none() | st.text(max_size=5) | st.integers() | st.lists(st.integers(), max_size=2)


@given(st.dictionaries(st.sampled_from(["webhookEvent", "issue", "changelog", "timestamp"]),
                       VALUES | st.dictionaries(st.text(max_size=5), VALUES, max_size=2)))
@brief
def test_no_event_raises(event: dict[str, Any]) -> None:
    assert isinstance(hear(vendor.moved("AKW-1") | event), Heard | Denied)


@pytest.mark.parametrize("event", [[], "x", 1, None])
def test_event_that_is_no_object_is_taken(event: object) -> None:
    """Signed, and about nothing that we know."""
    assert Heard(None, jira.TAKEN) == hear(event)


@given(st.dictionaries(st.sampled_from(["issue", "approvals", "changes"]), VALUES
                       | st.dictionaries(st.text(max_size=5), VALUES, max_size=2)))
@brief
def test_no_record_raises(changes: dict[str, Any]) -> None:
    content = vendor.record(vendor.form("orders")) | changes

    assert isinstance(records.record("AKW-1", content, PLACE), Record | Denied)
    assert isinstance(records.standing("AKW-1", content, PLACE), Standing | Denied)


@pytest.mark.parametrize("value", ["", "{}", "[]", '["short"]', "[1]", '"a text of some length"'])
def test_weak_or_misplaced_secret_is_refused(value: str) -> None:
    with pytest.raises(ConfigError) as raised:
        jira.channels(Secret(value))
    assert (None, None) == (raised.value.__cause__, raised.value.__context__)


def test_secret_that_is_rotated_is_known_by_either() -> None:
    known = jira.channels(Secret(json.dumps(["a newer secret of ours", vendor.SECRET])))

    assert ["a newer secret of ours", vendor.SECRET] == [one.reveal() for one in known]
