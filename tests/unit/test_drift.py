"""A changed policy is put back to what was approved, and to nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import drift, grants
from shared.drift import LOOSENED, NARROWED, UNREADABLE, Irreparable, PutBack
from shared.ledger import LiveGrant
from shared.ports import Attached, PolicyVersion
from tests.unit.strategies import brief

APPROVED = json.dumps({
    "Version": "1", "Statement": [{"Effect": "Allow", "Action": ["oss:GetObject"]}],
})  # fmt: skip
WIDER = APPROVED.replace("oss:GetObject", "oss:*")
OWN = Attached("Custom", "akw-orders-prod")
AT = datetime(2026, 11, 1, tzinfo=UTC)
GRANT = LiveGrant(
    "akw-orders-prod", "orders", "prod", "s", "T-1", "d", "alice", ("carol",), AT, AT, (), (),
    grants.document_digest(APPROVED),
)


@pytest.mark.parametrize(("current", "rebuilt", "others", "expected"), [
    (APPROVED, None, [], None),
    (json.dumps(json.loads(APPROVED), indent=1), WIDER, [], None),
    (WIDER, APPROVED, [], PutBack(document=APPROVED)),
    (WIDER, APPROVED, [("v1", APPROVED)], PutBack(version="v1")),
    (WIDER, WIDER, [("v1", "{}"), ("v3", APPROVED)], PutBack(version="v3")),
    (WIDER, WIDER, [("v1", "{}")], Irreparable()),
    (WIDER, None, [], Irreparable()),
    ("", APPROVED, [], PutBack(document=APPROVED)),
    ("not json", None, [], Irreparable()),
])  # fmt: skip
def test_what_was_approved_counts(
    current: str, rebuilt: str | None, others: list[tuple[str, str]],
    expected: PutBack | Irreparable | None,
) -> None:
    """Neither today's template nor an older version is right because it is there."""
    versions = [(PolicyVersion(name, is_default=False), text) for name, text in others]

    assert expected == drift.of_document(GRANT, current, rebuilt, versions)


def _network(*addresses: str, **changes: object) -> str:
    statement = {"Type": "ClassicWhiteList", "IPList": list(addresses)}
    return json.dumps({"Version": 1, "Status": "Active", "Statements": [statement]} | changes)


@pytest.mark.parametrize(("text", "expected"), [
    (_network("198.51.100.7", "203.0.113.0/24"), ""),
    (_network("203.0.113.0/24", "198.51.100.7/32", "198.51.100.7"), ""),
    (_network("203.0.113.0/25"), NARROWED),
    (_network("192.0.2.1/32"), NARROWED),
    (_network(), LOOSENED),
    (_network("203.0.113.0/24", "198.51.100.8"), LOOSENED),
    (_network("203.0.112.0/23"), LOOSENED),
    (_network("0.0.0.0/0"), LOOSENED),
    (_network("::/0"), LOOSENED),
    (_network("198.51.100.7", "203.0.113.0/24", Status="Inactive"), LOOSENED),
    (_network("198.51.100.7", Statements=[]), LOOSENED),
    (_network(Statements=[{"Type": "VPCWhiteList", "Value": "vpc-1", "IPList": []}]), LOOSENED),
    ("{}", LOOSENED),
    ("", UNREADABLE),
    ("[]", UNREADABLE),
    (_network("somewhere"), UNREADABLE),
    (_network(Statements=[{"Type": "ClassicWhiteList"}]), UNREADABLE),
    (_network(Statements=[7]), UNREADABLE),
])  # fmt: skip
def test_network_is_as_approved_or_more_or_less(text: str, expected: str) -> None:
    """By its addresses, however they are spelled; what cannot be read is neither."""
    grant = replace(GRANT, source_ips=("198.51.100.7", "203.0.113.0/24"))

    assert expected == drift.of_network(grant, text)


@given(st.text())
@brief
def test_any_network_text_has_an_answer(text: str) -> None:
    """It comes from outside."""
    assert drift.of_network(GRANT, text) in ("", LOOSENED, NARROWED, UNREADABLE)


def test_unreadable_documents_are_not_equal() -> None:
    """An approved digest is never the empty one, so that two unreadable texts do not match."""
    assert Irreparable() == drift.of_document(GRANT, "{", "{", [])


def test_what_is_given_by_hand_is_told() -> None:
    more = Attached("System", "AdministratorAccess")

    assert [more] == drift.strange(GRANT, [OWN, more])
    assert not drift.detached(GRANT, [OWN, more])
    assert drift.detached(GRANT, [more])
