"""GitHub's issues: answers of a form, odd events, odd records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo import github as vendor
from shared import bootstrap
from shared.errors import ConfigError
from shared.http_event import Inbound
from shared.records import github as records
from shared.records.record import CLOSED, PENDING, WITHDRAWN, Record, Standing
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import github
from shared.sources.heard import Heard
from tests.unit.strategies import brief

PLACE = bootstrap.places()["github"]
CHANNELS = github.channels(Secret(vendor.channel_secret()))
VALUES = st.none() | st.text(max_size=5) | st.integers() | st.lists(st.integers(), max_size=2)
OBJECTS = VALUES | st.dictionaries(st.text(max_size=5), VALUES, max_size=2)


def issue(**changes: Any) -> dict[str, Any]:
    return vendor.issue(7, vendor.body("orders"), **changes)


@given(st.dictionaries(st.sampled_from(["action", "issue", "repository", "comment"]), OBJECTS))
@brief
def test_no_event_raises(event: dict[str, Any]) -> None:
    headers, body = vendor.request(vendor.commented(1) | event)
    lower = {name.lower(): value for name, value in headers.items()}
    inbound = Inbound("POST", "/github", lower, body)

    assert isinstance(github.hear(inbound, CHANNELS, PLACE, datetime.now(UTC)), Heard | Denied)


@given(st.dictionaries(st.sampled_from(sorted(issue())), OBJECTS))
@brief
def test_no_record_raises(changes: dict[str, Any]) -> None:
    assert isinstance(records.record("r.7", issue() | changes, PLACE), Record | Denied)
    assert isinstance(records.standing("r.7", issue() | changes, PLACE), Standing | Denied)


@pytest.mark.parametrize(("answer", "value"), [
    ("_No response_", None), ("", None), ("- [ ] yes", None), ("- [X] yes\n- [ ] no", "yes"),
    ("```text\na b=1\nc d=2\n```", "a b=1\nc d=2"), ("plain", "plain"), ("a\r\nb", "a\nb"),
])  # fmt: skip
def test_answers_of_an_issue_form(answer: str, value: str | None) -> None:
    found = records.record("r.7", issue(body=f"### Purpose\n\n{answer}\n\n### TTL\n\n30d"), PLACE)

    assert isinstance(found, Record)
    assert (value, "30d") == (found.fields.get("purpose"), found.fields["ttl"])


@pytest.mark.parametrize(("change", "standing"), [
    ({"state": "CLOSED", "stateReason": "NOT_PLANNED"}, Standing(WITHDRAWN, "r.7")),
    ({"state": "CLOSED", "stateReason": "NOT_PLANNED", "body": None}, Standing(WITHDRAWN, "r.7")),
    ({"comments": []}, Standing(PENDING)),
    ({"comments": [], "state": "CLOSED", "stateReason": "COMPLETED"}, Standing(CLOSED)),
    ({"repository": {"nameWithOwner": "other/one"}}, Denied("record_not_found", "record")),
])  # fmt: skip
def test_where_an_issue_stands(change: dict[str, Any], standing: object) -> None:
    assert standing == records.standing("r.7", issue() | change, PLACE)


@pytest.mark.parametrize("value", ["", "{}", "[]", '["short"]', "[1]"])
def test_weak_or_misplaced_secret_is_refused(value: str) -> None:
    with pytest.raises(ConfigError) as raised:
        github.channels(Secret(value))
    assert (None, None) == (raised.value.__cause__, raised.value.__context__)
