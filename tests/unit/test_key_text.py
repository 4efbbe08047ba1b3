"""Text like an AccessKey is found in every spelling, and ordinary text is let through."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.key_text import holds_access_key
from tests.unit.samples import approved_body, self_service_ticket
from tests.unit.strategies import brief

_ID = "LTAI5tExampleExampleExam"  # 24 characters, as RAM's samples; never existed
_SECRET = "exampleEXAMPLE0123456789abcdef"  # 30 characters, as RAM's samples

_KEYS = {
    "id": f"please use {_ID} for now",
    "short_id": "LTAI1234567890ab",
    "id_in_a_word": f"key{_ID}.",
    "temporary_id": "STS.NUexampleEXAMPLE0123456789",
    "console_id": "TMP.3KexampleEXAMPLE0123456789",
    "json_escapes": "\\u004cTAI5tExampleExampleExam",
    "double_json_escapes": "\\\\u004C\\\\u0054AI5tExampleExampleExam",
    "percent_escapes": "https://x.example/?k=%4CTAI5tExampleExampleExam",
    "full_width": "ＬＴＡＩ5tExampleExampleExam",
    "zero_width": "LT\u200bAI5tExampleExampleExam",
    "soft_hyphen_escaped": "LT\\u00adAI5tExampleExampleExam",
    "labelled_secret": f"AccessKeySecret: {_SECRET}",
    "labelled_in_json": json.dumps({"AccessKeySecret": _SECRET}),
    "labelled_in_json_in_json": json.dumps(json.dumps({"access_key_secret": _SECRET})),
    "environment_variable": f"ALIBABA_CLOUD_ACCESS_KEY_SECRET='{_SECRET}'",
    "spoken": f"the Access Key Secret is {_SECRET}",
    "next_line": f"AccessKey Secret:\\n{_SECRET}\\n",
    "short_label": f"sk={_SECRET}",
}


@pytest.mark.parametrize("name", _KEYS)
def test_key_is_found(name: str) -> None:
    """Whoever pastes a key into a ticket gets it dropped, however it was quoted on the way."""
    assert holds_access_key(_KEYS[name])


_ORDINARY = {
    "short": "LTAI is how the ids begin",
    "sample_of_the_page": "LTAI5t****************",
    "lower_case": "ltai5texampleexampleexam",
    "talk": "The AccessKeySecret is stored in KMS and nobody sees it; the secret is rotated.",
    "sts": "STS.AssumeRole is recommended instead, see sts.aliyuncs.com",
    "sha256": "secret manager digest " + "0123456789abcdef" * 4,
    "unlabelled": f"commit {_SECRET} of the branch",
    "longer_than_a_secret": f"AccessKeySecret: {_SECRET}x",
    "a_word_that_ends_in_sk": f"task={_SECRET}",
    "uuid": "secret: 123e4567-e89b-12d3-a456-426614174000",
    "webhook": approved_body().decode(),
    "self_service": json.dumps(self_service_ticket()),
}


@pytest.mark.parametrize("name", _ORDINARY)
def test_ordinary_text_is_let_through(name: str) -> None:
    """A ticket that only talks about keys is not refused."""
    assert not holds_access_key(_ORDINARY[name])


@given(st.text(max_size=60), st.text(max_size=60))
@brief
def test_id_is_found_in_any_text_around_it(before: str, after: str) -> None:
    """Also as JSON escapes of every character; no text makes the search fail."""
    escaped = "".join(f"\\u{ord(c):04x}" for c in _ID)

    assert holds_access_key(f"{before}{_ID}{after}")
    assert holds_access_key(json.dumps(before) + escaped + json.dumps(after))


def test_large_body_is_searched_in_time() -> None:
    """Repetitions of what patterns begin with cost no more than other text."""
    for piece in ("access key ", "LTAI ", "secret is ", "\\u0", "sk____"):
        assert not holds_access_key(piece * (98_304 // len(piece)) + "!")


def test_run_of_backslashes_is_searched_once() -> None:
    """96 KiB of them would take minutes if the search began anew at each."""
    run = "\\" * 90_000

    assert not holds_access_key(run)
    assert not holds_access_key(run + "u00")
    assert holds_access_key(run + "u004cTAI5tExampleExampleExam")
