"""Which documents are policies, and which are not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.policy.language import MalformedPolicy, parse

GOOD: dict[str, Any] = {"Effect": "Allow", "Action": "oss:Get*", "Resource": "*"}
TRUSTED = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": "acs:ram::1:root"}}


def document(*statements: Any, version: Any = "1") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def without(name: str, **more: Any) -> dict[str, Any]:
    return {k: v for k, v in GOOD.items() if k != name} | more


@pytest.mark.parametrize(
    "statement",
    [
        GOOD,
        GOOD | {"Effect": "Deny", "Action": ["a:b", "*"], "Resource": ["*"]},
        without("Action", NotAction="ram:*"),
        GOOD | {"Resource": ["acs:oss:*:*:bucket/*", "acs:oss:::b:c:d"]},
        GOOD | {"Condition": {"IpAddress": {"acs:SourceIp": ["10.0.0.0/8"]}}},
        GOOD | {"Condition": {}},
        GOOD | {"Sid": "one"},
    ],
)
def test_policy_is_accepted(statement: dict[str, Any]) -> None:
    """Strings and lists of strings are the same."""
    assert len(parse(document(statement))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "[]", '"1"', "[" * 100_000,
        document(), document(GOOD, version=1), document(GOOD, version="2"),
        json.dumps({"Version": "1", "Statement": GOOD}),
        json.dumps({"Version": "1", "Statement": [GOOD], "Id": "x"}),
        document("x"), document(GOOD | {"NotResource": "*"}),
        document(GOOD | {"Effect": "allow"}), document(GOOD | {"Effect": ["Allow"]}),
        document(without("Action")), document(GOOD | {"NotAction": "a:b"}),
        document(GOOD | {"Action": []}), document(without("Action", NotAction=[])),
        document(GOOD | {"Action": ["oss"]}), document(GOOD | {"Action": "oss:Get Object"}),
        document(GOOD | {"Action": [1]}), document(GOOD | {"Action": "\ud800:x"}),
        document(without("Resource")), document(GOOD | {"Resource": []}),
        document(GOOD | {"Resource": "bucket"}), document(GOOD | {"Resource": {"a": "b"}}),
        document(GOOD | {"Principal": {"RAM": "x"}}),
        document(GOOD | {"Condition": []}), document(GOOD | {"Condition": {"Equals": {}}}),
        document(GOOD | {"Condition": {"StringEquals": {}}}),
        document(GOOD | {"Condition": {"StringEquals": {"k": 1}}}),
        document(GOOD | {"Condition": {"Bool": {"k": True}}}),
    ],
)  # fmt: skip
def test_document_is_refused(text: str) -> None:
    """With a text that can be printed, whatever the document held."""
    with pytest.raises(MalformedPolicy) as raised:
        parse(text)

    assert str(raised.value).encode()


@pytest.mark.parametrize(
    "principal",
    ["x", [], {}, {"Nobody": "x"}, {"RAM": []}, {"RAM": 1}, None],
)
def test_principal_is_refused(principal: Any) -> None:
    """An empty principal must never come to mean everybody."""
    with pytest.raises(MalformedPolicy):
        parse(document(TRUSTED | {"Principal": principal}), principal=True)


def test_trust_policy_needs_a_principal_and_no_resource() -> None:
    """Resource defaults to everything there."""
    (statement,) = parse(document(TRUSTED), principal=True)

    assert (statement.resources, statement.principals) == (("*",), {"RAM": ("acs:ram::1:root",)})
    with pytest.raises(MalformedPolicy):
        parse(document(GOOD), principal=True)


def test_statement_object_is_accepted_only_when_asked_for() -> None:
    """Third-party samples have it; whether RAM takes it is not documented."""
    text = json.dumps({"Version": "1", "Statement": GOOD})

    assert len(parse(text, statement_object=True)) == 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["Effect", "Action", "Resource", "Condition", "Principal", "x"]), inner
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(_JSON), st.booleans())
def test_parsing_only_ever_refuses(statements: list[Any], principal: bool) -> None:
    """Any JSON is either a policy or malformed."""
    said = "a policy"
    try:
        parse(document(*statements), principal=principal)
    except MalformedPolicy as reason:
        said = str(reason)

    assert said.encode()
