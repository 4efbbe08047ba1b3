"""How a decision is made: explicit deny, then allow, then implicit deny."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.clock import iso
from emulator.policy.conditions import OPERATORS
from emulator.policy.evaluation import NamedPolicy, decide, resource_matches
from emulator.policy.language import Statement, parse
from tests.emulator.sdk import allow, deny, key_of, ram

ROLE = "acs:ram:*:1:user/broker-1"


def policy(name: str, *statements: dict[str, Any]) -> NamedPolicy:
    text = json.dumps({"Version": "1", "Statement": list(statements)})
    return NamedPolicy(name, tuple(parse(text)))


@pytest.mark.parametrize(
    ("statements", "effect", "index"),
    [
        ([], "ImplicitDeny", -1),
        ([allow("ram:GetUser")], "Allow", 0),
        ([allow("oss:*"), allow("RAM:getuser")], "Allow", 1),
        ([allow("ram:Get????")], "Allow", 0),
        ([allow("ram:Get???")], "ImplicitDeny", -1),
        ([allow("*"), deny("ram:Get*")], "ExplicitDeny", 1),
        ([deny("ram:Get*"), allow("*")], "ExplicitDeny", 0),
        ([allow("*"), deny("ram:GetUser", on="acs:ram:*:1:user/other")], "Allow", 0),
        ([allow("*", on="acs:ram:*:1:user/broker-*")], "Allow", 0),
        ([allow("*", on="acs:ram:*:1:user/x-*")], "ImplicitDeny", -1),
        ([allow("*", on="acs:ram::1:user/*")], "Allow", 0),
        ([allow("*", on="acs:ram:::user/*")], "Allow", 0),
        ([allow("*", on="acs:ram:*:2:user/*")], "ImplicitDeny", -1),
        ([{"Effect": "Allow", "NotAction": "ram:*", "Resource": "*"}], "ImplicitDeny", -1),
        ([{"Effect": "Allow", "NotAction": "oss:*", "Resource": "*"}], "Allow", 0),
        ([{"Effect": "Deny", "NotAction": "oss:*", "Resource": "*"}], "ExplicitDeny", 0),
    ],
)
def test_decision(statements: list[dict[str, Any]], effect: str, index: int) -> None:
    """The deciding statement is cited by its index."""
    given_policy = policy("p", *statements) if statements else NamedPolicy("p", ())

    decision = decide("ram:GetUser", ROLE, {}, [given_policy])

    assert (decision.effect, decision.statement) == (effect, index)


def test_conditions_are_and_ed_and_deny_needs_its_condition() -> None:
    """Keys and operators are AND-ed; a deny whose condition fails says nothing."""
    both = {"StringEquals": {"a": "1", "b": "2"}, "Bool": {"c": "true"}}
    policies = [policy("p", allow("*", Condition=both),
                       deny("*", Condition={"IpAddress": {"ip": "10.0.0.0/8"}}))]  # fmt: skip
    context = {"a": ("1",), "b": ("2",), "c": ("true",), "ip": ("11.0.0.1",)}

    effects = [
        decide("x:y", "*", context | changes, policies).effect
        for changes in ({}, {"b": ("3",)}, {"c": ("false",)}, {"ip": ("10.0.0.1",)})
    ]

    assert effects == ["Allow", "ImplicitDeny", "ImplicitDeny", "ExplicitDeny"]


def test_deny_in_any_policy_wins() -> None:
    """The order of policies does not matter."""
    policies = [policy("first", allow("*")), policy("second", deny("ram:*"))]

    for order in (policies, policies[::-1]):
        decision = decide("ram:GetUser", ROLE, {}, order)
        assert (decision.effect, decision.policy) == ("ExplicitDeny", "second")


@pytest.mark.parametrize(
    ("pattern", "resource", "matches"),
    [
        ("*", "anything", True),
        ("acs:ram:*:1:user/broker-*", "acs:ram:*:1:user/*", False),
        ("acs:ram:*:1:user/*", "acs:ram:*:1:user/*", True),
        ("acs:ram:*:1:*", "acs:ram:*:system:policy/AdministratorAccess", False),
        ("acs:ram:*:*:policy/*", "acs:ram:*:system:policy/AdministratorAccess", True),
        ("acs:ram:*:system:policy/Read*", "acs:ram:*:system:policy/ReadOnlyAccess", True),
        ("acs:oss:cn-hangzhou:1:b", "acs:oss:cn-beijing:1:b", False),
        ("acs:kms:*:1:secret/a:b", "acs:kms:cn:1:secret/a:b", True),
        ("acs:ram:*:1:user/*", "acs:oss:*:1:user/x", False),
    ],
)
def test_resource_patterns(pattern: str, resource: str, matches: bool) -> None:
    """Segment by segment: a wildcard of one part never eats another."""
    assert resource_matches(pattern, resource) is matches


_STATEMENTS = st.builds(
    Statement,
    st.sampled_from(["Allow", "Deny"]),
    st.lists(st.text(), max_size=3).map(tuple), st.lists(st.text(), max_size=3).map(tuple),
    st.lists(st.text(), max_size=3).map(tuple),
    st.lists(
        st.tuples(st.sampled_from(sorted(OPERATORS)), st.sampled_from("ab"),
                  st.lists(st.text(), max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    st.dictionaries(st.sampled_from(["RAM", "Service"]), st.lists(st.text()).map(tuple)),
)  # fmt: skip


@given(
    st.lists(_STATEMENTS, max_size=3), st.text(), st.text(),
    st.dictionaries(st.sampled_from("ab"), st.lists(st.text(), max_size=2).map(tuple)),
)  # fmt: skip
def test_evaluation_never_raises(
    statements: list[Statement], action: str, resource: str, context: dict[str, tuple[str, ...]]
) -> None:
    """Any statement, any resource, any context: one of three effects."""
    policies = [NamedPolicy("p", tuple(statements))]

    decision = decide(action, resource, context, policies, principal_arns=["acs:ram::1:user/u"])

    assert decision.effect in ("Allow", "ExplicitDeny", "ImplicitDeny")
    if decision.effect != "ImplicitDeny":
        assert statements[decision.statement].effect == decision.effect.removeprefix("Explicit")


def test_source_ip_of_the_proxy_decides_a_live_call(emulator: Any) -> None:
    """The caller's address is the user name of the proxy URL, and policies see it."""
    inside = {"IpAddress": {"acs:SourceIp": ["198.51.100.0/24"]}}
    key = key_of(ram(emulator), "u", allow("ram:ListUsers", Condition=inside))
    proxy = f"http://198.51.100.7:x@{emulator.endpoint}"

    assert ram(emulator, *key).refusal("ListUsers") == (403, "NoPermission")
    assert ram(emulator, *key, http_proxy=proxy)("ListUsers")["IsTruncated"] is False


def test_time_decides_a_live_call(emulator: Any) -> None:
    """acs:CurrentTime is the emulator's."""
    end = iso(emulator.cloud.clock.now() + timedelta(seconds=60))
    until = {"DateLessThan": {"acs:CurrentTime": end}}
    client = ram(emulator, *key_of(ram(emulator), "u", allow("ram:ListUsers", Condition=until)))
    assert client("ListUsers")["IsTruncated"] is False

    emulator.cloud.clock.advance(61)

    assert client.refusal("ListUsers") == (403, "NoPermission")
