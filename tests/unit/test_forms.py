"""What people fill in becomes a ticket's content, or a refusal that names the field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import forms, tickets
from shared.fields import Refused
from tests.unit.samples import ACCOUNT_ID, approval, person
from tests.unit.strategies import brief

FILLED = {
    "application": "orders", "environment": "prod", "use_case": "on-premises",
    "purpose": "The order service writes its logs to SLS.", "template": "sls-logstore-write",
    "project": "orders-logs", "logstore": "app", "consumers": "orders-reader",
    "source_ips": "198.51.100.7", "ttl": "30d", "necessity_confirmed": "yes",
}  # fmt: skip


def content(**changes: str) -> dict[str, Any]:
    return forms.content(FILLED | changes, account_id=ACCOUNT_ID)


def test_form_is_a_ticket() -> None:
    """With what its record adds."""
    given = content() | {
        "id": "proc-1", "url": "https://tickets.example.com/1", "title": "t", "status": "approved",
        "requester": person("alice"), "approvals": [approval("carol")],
    }  # fmt: skip

    ticket = tickets.parse(given, source="dingtalk")

    assert isinstance(ticket, tickets.Ticket), ticket
    assert ("orders", "prod", 30 * 86_400, True) == (
        ticket.application, ticket.environment, ticket.ttl_seconds, ticket.necessity_confirmed)
    assert (f"acs:ram::{ACCOUNT_ID}:role/orders-reader",) == ticket.consumers
    (permission,) = ticket.permissions
    assert {"project": "orders-logs", "logstore": "app"} == dict(permission.parameters)


@pytest.mark.parametrize(("text", "seconds"), [
    ("30d", 30 * 86_400), ("30", 30 * 86_400), ("12h", 43_200), ("4w", 28 * 86_400),
    (" 30 天 ", 30 * 86_400), ("2周", 14 * 86_400), ("8小时", 28_800), ("1D", 86_400),
])  # fmt: skip
def test_lifetimes_as_people_write_them(text: str, seconds: int) -> None:
    assert seconds == forms.seconds(text)


@pytest.mark.parametrize("text", ["", "soon", "1.5d", "-1d", "30 d d", "1e3", "٣٠d", "999999d"])
def test_what_is_no_lifetime_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        forms.seconds(text)
    assert "ttl" == refused.value.denied.where


@pytest.mark.parametrize(("text", "confirmed"), [
    ("yes", True), ("是", True), ('["是"]', True), ("True", True), ("已确认", True),
    ("", False), ("no", False), ("否", False), ("maybe yes", False),
])  # fmt: skip
def test_only_a_clear_yes_confirms(text: str, confirmed: bool) -> None:
    assert confirmed is content(necessity_confirmed=text)["necessity_confirmed"]


def test_lists_are_parted_as_people_part_them() -> None:
    given = content(
        source_ips="198.51.100.7，198.51.100.8\n203.0.113.0/24; 2001:db8::1",
        consumers=f"orders-reader、acs:ram::{ACCOUNT_ID}:role/orders-other",
    )

    assert ["198.51.100.7", "198.51.100.8", "203.0.113.0/24", "2001:db8::1"] == (
        given["network"]["source_ips"])
    assert [f"acs:ram::{ACCOUNT_ID}:role/orders-{name}" for name in ("reader", "other")] == (
        given["consumers"])


def test_several_permissions_have_a_line_each() -> None:
    given = {k: v for k, v in FILLED.items() if k not in ("template", "project", "logstore")}
    given["permissions"] = ("sls-logstore-write project=orders-logs, logstore=app\n"
                            "\n oss-prefix-read  bucket=orders prefix: exports/")  # fmt: skip

    found = forms.content(given, account_id=ACCOUNT_ID)["permissions"]

    assert [
        {"template": "sls-logstore-write",
         "parameters": {"project": "orders-logs", "logstore": "app"}},
        {"template": "oss-prefix-read", "parameters": {"bucket": "orders", "prefix": "exports/"}},
    ] == found  # fmt: skip


@pytest.mark.parametrize(("changes", "where"), [
    ({"template": ""}, "template"),
    ({"template": "", "project": "", "logstore": ""}, "permissions"),
    ({"template": "", "project": "", "logstore": "", "permissions": "a b=1 and more"},
     "permissions[0].parameters"),
    ({"template": "", "project": "", "logstore": "", "permissions": "a b=1 b=2"},
     "permissions[0].parameters"),
    ({"rotation_days": "thirty"}, "rotation_days"), ({"rotation_wait_days": "-1"},
                                                     "rotation_wait_days"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_its_field(
    changes: dict[str, str], where: str
) -> None:
    with pytest.raises(Refused) as refused:
        content(**changes)
    assert where == refused.value.denied.where


@pytest.mark.parametrize(("action", "kind"), [
    ("", "approved"), ("issue", "approved"), ("Extend ", "extended"), ("amend", "amended"),
])  # fmt: skip
def test_form_says_what_it_is_for(action: str, kind: str) -> None:
    assert f"accesskey.ticket.{kind}" == forms.event_type({"action": action})


def test_no_form_revokes() -> None:
    """That is the record's own withdrawal."""
    with pytest.raises(Refused):
        forms.event_type({"action": "revoke"})


@given(st.dictionaries(st.sampled_from(sorted({*forms.NAMES, "bucket"})), st.text(max_size=30)))
@brief
def test_no_form_raises_anything_else(fields: dict[str, str]) -> None:
    try:
        made = forms.content(fields, account_id=ACCOUNT_ID)
        forms.event_type(fields)
    except Refused:
        return
    assert made["permissions"]
