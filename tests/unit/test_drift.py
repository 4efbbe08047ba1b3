"""A changed policy is put back to what was approved, and to nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from shared import drift, grants
from shared.drift import Irreparable, PutBack
from shared.ledger import LiveGrant
from shared.ports import Attached, PolicyVersion

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


def test_unreadable_documents_are_not_equal() -> None:
    """An approved digest is never the empty one, so that two unreadable texts do not match."""
    assert Irreparable() == drift.of_document(GRANT, "{", "{", [])


def test_what_is_given_by_hand_is_told() -> None:
    more = Attached("System", "AdministratorAccess")

    assert [more] == drift.strange(GRANT, [OWN, more])
    assert not drift.detached(GRANT, [OWN, more])
    assert drift.detached(GRANT, [more])
