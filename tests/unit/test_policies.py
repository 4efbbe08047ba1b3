"""The one policy document: nothing but the templates' rights, and never akwarden's own assets."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import policies, templates, tickets
from shared.policies import document
from shared.refusals import REASONS, Denied
from shared.tickets import Ticket
from tests.unit.samples import ACCOUNT_ID, ASSETS, TEMPLATES, approved_ticket, self_service_ticket
from tests.unit.strategies import thorough

_KEY = "key-hzz62f1cb66fa42qo"
_EXAMPLES = [
    {"template": t.name, "parameters": {n: p.example for n, p in t.parameters.items()}}
    for t in TEMPLATES.values()
]
_FOR_APPLICATIONS = [p for p in _EXAMPLES if not TEMPLATES[str(p["template"])].self_service]
_SELF_SERVICE = [p for p in _EXAMPLES if TEMPLATES[str(p["template"])].self_service]


def ticket(content: dict[str, Any]) -> Ticket:
    parsed = tickets.parse(content, source="test")
    assert isinstance(parsed, Ticket), parsed
    return parsed


def asking(*permissions: dict[str, Any], **changes: Any) -> Ticket:
    return ticket(approved_ticket(permissions=list(permissions), **changes))


def asking_for_self(*permissions: dict[str, Any], **changes: Any) -> Ticket:
    return ticket(self_service_ticket(permissions=list(permissions), **changes))


def permission(template: str, **parameters: str) -> dict[str, Any]:
    return {"template": template, "parameters": parameters}


def statements(asked: Ticket) -> list[dict[str, Any]]:
    text = document(asked, TEMPLATES, ASSETS)
    assert isinstance(text, str), text
    found: list[dict[str, Any]] = json.loads(text)["Statement"]
    return found


def allows(asked: Ticket) -> list[dict[str, Any]]:
    return [s for s in statements(asked) if s["Effect"] == "Allow"]


def test_sample_becomes_the_policy_that_it_asks_for() -> None:
    """One action on one logstore, from the ticket's address."""
    expected = {
        "Effect": "Allow",
        "Action": ["log:PostLogStoreLogs"],
        "Resource": [
            f"acs:log:cn-hangzhou:{ACCOUNT_ID}:project/orders-logs/logstore/application"
        ],
        "Condition": {"IpAddress": {"acs:SourceIp": ["198.51.100.7"]}},
    }

    assert [expected] == allows(ticket(approved_ticket()))


def test_every_document_denies_own_assets_and_key_management() -> None:
    """The account-wide switch "allow users to manage AccessKeys" cannot widen a grant."""
    own, keys = (s for s in statements(ticket(approved_ticket())) if s["Effect"] == "Deny")

    assert (["*"], ASSETS.resources()) == (own["Action"], own["Resource"])
    assert ["*"] == keys["Resource"]
    assert {
        "ram:CreateAccessKey", "ram:UpdateAccessKey", "ram:DeleteAccessKey", "ram:ListAccessKeys",
        "ram:SetAccessKeyPolicy", "ram:RestoreAccessKeyFromRecycleBin",
    } < set(keys["Action"])  # fmt: skip
    assert "Condition" not in own
    assert "Condition" not in keys


@pytest.mark.parametrize("asked", _SELF_SERVICE, ids=lambda p: str(p["template"]))
def test_self_service_is_scoped_to_the_one_user(asked: dict[str, Any]) -> None:
    """A user's own keys and nothing else; only what RAM cannot scope stands on `*`."""
    found = statements(asking_for_self(asked))

    for statement in found[:-1]:
        assert "Allow" == statement["Effect"]
        star = statement["Resource"] == ["*"]
        assert star or [f"acs:ram:*:{ACCOUNT_ID}:user/heidi"] == statement["Resource"]
        assert not star or ["ram:ListAccessKeysInRecycleBin"] == statement["Action"]
    assert ("Deny", ASSETS.resources()) == (found[-1]["Effect"], found[-1]["Resource"])


def test_source_ips_are_a_condition_of_every_allow() -> None:
    """They stand beside a template's own condition, never in its place."""
    asked = asking(*_FOR_APPLICATIONS, network={"source_ips": ["198.51.100.7", "203.0.113.0/24"]})

    conditions = [statement["Condition"] for statement in allows(asked)]

    assert all(
        {"acs:SourceIp": ["198.51.100.7", "203.0.113.0/24"]} == condition["IpAddress"]
        for condition in conditions
    )
    assert {"oss:Prefix": ["exports/*"]} in [c.get("StringLike") for c in conditions]


_TOUCHING = {
    "own_secrets": permission("kms-secret-prefix-read", prefix="akw/", key_id=_KEY),
    "one_own_secret": permission("kms-secret-prefix-read", prefix="akw/orders/", key_id=_KEY),
    "own_secrets_by_case": permission("kms-secret-prefix-read", prefix="AKW/", key_id=_KEY),
    "audit_project": permission("sls-logstore-write", project="akwarden-audit", logstore="audit"),
}


@pytest.mark.parametrize("name", _TOUCHING)
def test_parameter_that_reaches_own_assets_is_refused(name: str) -> None:
    """The Deny would stop it too; but nobody is to approve such a thing by mistake."""
    denied = document(asking(_FOR_APPLICATIONS[0], _TOUCHING[name]), TEMPLATES, ASSETS)

    assert Denied("own_assets_touched", "permissions[1].parameters") == denied


@pytest.mark.parametrize("user", ["akw-orders-prod", "AKW-x"])
def test_self_service_on_own_users_is_refused(user: str) -> None:
    """akwarden's own RAM users never manage their keys."""
    asked = asking_for_self(permission("self-service-access-key-manage", user_name=user))

    assert Denied("own_assets_touched", "permissions[0].parameters") == document(
        asked, TEMPLATES, ASSETS
    )


def test_prefix_beside_the_own_one_is_allowed() -> None:
    """`akwa/` begins like `akw/` but is not its."""
    asked = asking(permission("kms-secret-prefix-read", prefix="akwa/", key_id=_KEY))

    assert isinstance(document(asked, TEMPLATES, ASSETS), str)


_PARAMETERS: dict[str, tuple[dict[str, str], Denied]] = {
    "missing": (
        {"bucket": "data"}, Denied("parameter_missing", "permissions[0].parameters.prefix"),
    ),
    "unknown": (
        {"bucket": "data", "prefix": "a/", "action": "oss:*"},
        Denied("parameter_unknown", "permissions[0].parameters"),
    ),
    "wildcard": (
        {"bucket": "data", "prefix": "a*/"},
        Denied("wildcard_not_allowed", "permissions[0].parameters.prefix"),
    ),
    "one_wildcard": (
        {"bucket": "dat?", "prefix": "a/"},
        Denied("wildcard_not_allowed", "permissions[0].parameters.bucket"),
    ),
    "prefix_without_slash": (
        {"bucket": "data", "prefix": "team-a"},
        Denied("parameter_invalid", "permissions[0].parameters.prefix"),
    ),
    "too_long": (
        {"bucket": "data", "prefix": "a" * 200 + "/"},
        Denied("parameter_invalid", "permissions[0].parameters.prefix"),
    ),
    "placeholder": (
        {"bucket": "{account}", "prefix": "a/"},
        Denied("parameter_invalid", "permissions[0].parameters.bucket"),
    ),
    "colon": (
        {"bucket": "data:x", "prefix": "a/"},
        Denied("parameter_invalid", "permissions[0].parameters.bucket"),
    ),
    "quote": (
        {"bucket": 'data"]', "prefix": "a/"},
        Denied("parameter_invalid", "permissions[0].parameters.bucket"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _PARAMETERS)
def test_parameter_that_does_not_fit_is_refused(name: str) -> None:
    """A ticket fills a template; it never shapes the policy."""
    parameters, expected = _PARAMETERS[name]

    asked = asking(permission("oss-prefix-read", **parameters))

    assert expected == document(asked, TEMPLATES, ASSETS)


def test_wildcard_is_refused_even_where_a_pattern_forgot_it() -> None:
    """A careless template does not open the door."""
    text = """
[careless]
title = "Careless"
description = "Takes anything."
self_service = false
[careless.parameters.bucket]
pattern = ".*"
description = "The bucket."
example = "orders"
max_length = 63
[[careless.statements]]
Action = ["oss:GetObject"]
Resource = ["acs:oss:*:{account}:{bucket}"]
"""

    asked = asking(permission("careless", bucket="*"))

    assert Denied("wildcard_not_allowed", "permissions[0].parameters.bucket") == document(
        asked, templates.load(text), ASSETS
    )


def test_unknown_template_is_refused() -> None:
    """Only what config/templates.toml holds can be asked for."""
    asked = asking(_FOR_APPLICATIONS[0], permission("oss-everything"))

    assert Denied("unknown_template", "permissions[1].template") == document(
        asked, TEMPLATES, ASSETS
    )


_HEIDI = permission("self-service-access-key-manage", user_name="heidi")
_IVAN = permission("self-service-access-key-create", user_name="ivan")


@pytest.mark.parametrize("mix", [[_HEIDI, _IVAN], [_HEIDI, _FOR_APPLICATIONS[0]]])
def test_self_service_stands_alone(mix: list[dict[str, Any]]) -> None:
    """Beside it, an application's permissions would go to a person, or two people share one."""
    expected = Denied("mixed_self_service", "permissions")

    assert expected == document(asking_for_self(*mix), TEMPLATES, ASSETS)
    assert expected == document(asking(*reversed(mix)), TEMPLATES, ASSETS)


_ROLE = f"acs:ram::{ACCOUNT_ID}:role/"


@pytest.mark.parametrize(
    ("consumers", "expected"),
    [
        ([], Denied("consumers_required", "consumers")),
        ([_ROLE + "a", _ROLE + "akw-issue"], Denied("own_assets_touched", "consumers[1]")),
        (["acs:ram::9999999999999999:role/orders-reader"],
         Denied("consumer_not_allowed", "consumers[0]")),
    ],
)  # fmt: skip
def test_readers_are_roles_of_this_account_and_not_our_own(
    consumers: list[str], expected: Denied
) -> None:
    """A secret is read by the application it is for, and stays in the account."""
    asked = asking(_FOR_APPLICATIONS[0], consumers=consumers)

    assert expected == document(asked, TEMPLATES, ASSETS)


def test_self_service_with_readers_is_refused() -> None:
    """There is no secret that they could read: whoever wrote that expects something else."""
    asked = asking_for_self(_HEIDI, consumers=[_ROLE + "orders-reader"])

    assert Denied("consumers_unexpected", "consumers") == document(asked, TEMPLATES, ASSETS)


@pytest.mark.parametrize("field", ["rotation_days", "rotation_wait_days"])
def test_self_service_with_a_rotation_is_refused(field: str) -> None:
    """Its keys are their holder's own."""
    asked = asking_for_self(_HEIDI, **{field: 7})

    assert Denied("rotation_unexpected", "rotation_days") == document(asked, TEMPLATES, ASSETS)


def test_self_service_that_replaces_a_key_is_refused() -> None:
    """It makes none."""
    asked = asking_for_self(_HEIDI, replaces="orders-by-hand")

    assert Denied("replaces_unexpected", "replaces") == document(asked, TEMPLATES, ASSETS)


def _long(count: int) -> Ticket:
    permissions = [
        permission("oss-prefix-read-write", bucket=f"{i}" * 63, prefix=f"{i}" * 199 + "/")
        for i in range(count)
    ]
    ips = [f"2001:db8:{i:x}:1111:2222:3333:4444:5555" for i in range(16)]
    return asking(*permissions, network={"source_ips": ips})


def test_policy_that_is_too_long_is_refused() -> None:
    """RAM, "Limitations": a custom policy has at most 6,144 characters."""
    assert isinstance(document(_long(1), TEMPLATES, ASSETS), str)
    assert Denied("policy_too_long") == document(_long(5), TEMPLATES, ASSETS)


def test_longest_policy_is_exactly_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit itself is allowed."""
    text = document(ticket(approved_ticket()), TEMPLATES, ASSETS)
    assert isinstance(text, str)

    for limit, expected in ((len(text), text), (len(text) - 1, Denied("policy_too_long"))):
        monkeypatch.setattr(policies, "MAX_DOCUMENT_CHARACTERS", limit)
        assert expected == document(ticket(approved_ticket()), TEMPLATES, ASSETS)


def _triples(found: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {
        (action, resource, json.dumps(statement.get("Condition"), sort_keys=True))
        for statement in found
        for action, resource in product(statement["Action"], statement["Resource"])
    }


@given(st.lists(st.sampled_from(_FOR_APPLICATIONS), min_size=1, max_size=5), st.randoms())
@thorough
def test_merging_keeps_the_rights_and_the_order_does_not_matter(
    permissions: list[dict[str, Any]], random: Any
) -> None:
    """One document allows what the permissions allow apart, no more and no less, and is the same
    for the same ticket, so that a drifted policy can be told by comparing texts."""
    shuffled = random.sample(permissions, len(permissions))

    together = document(asking(*permissions), TEMPLATES, ASSETS)

    apart: set[tuple[str, str, str]] = set()
    for one in permissions:
        apart |= _triples(allows(asking(one)))
    assert apart == _triples(allows(asking(*permissions)))
    assert together == document(asking(*shuffled), TEMPLATES, ASSETS)


def test_equal_statements_are_merged() -> None:
    """Two logstores of one project make one statement."""
    two = [
        permission("sls-logstore-write", project="orders-logs", logstore=store)
        for store in ("audit", "trace")
    ]

    (statement,) = allows(asking(*two))

    assert 2 == len(statement["Resource"])


_values = st.sampled_from([
    "orders", "orders/", "akw/", "akw", "a/b/", "*", "a*/", "?", "akwarden-audit", "{region}",
    "../", "key-12345678", "heidi", "akw-x", "", "a:b", '"', "x" * 250,
])  # fmt: skip


@given(
    st.lists(
        st.builds(
            lambda name, values, extra: permission(
                name,
                **dict(zip(TEMPLATES[name].parameters, values, strict=False)),
                **({"more": "x"} if extra else {}),
            ),
            st.sampled_from(sorted(TEMPLATES)),
            st.lists(_values, min_size=2, max_size=2),
            st.integers(0, 9).map(lambda n: n == 0),
        ),
        min_size=1,
        max_size=3,
    ),
    st.booleans(),
)
@thorough
def test_document_never_allows_what_no_template_allows(
    permissions: list[dict[str, Any]], with_consumers: bool
) -> None:
    """Whatever fills the parameters: only the named templates' actions, only on resources that
    begin as the templates say, nothing of our own, and no wildcard that a parameter brought."""
    asked = asking(*permissions, consumers=[_ROLE + "r"] if with_consumers else [])
    text = document(asked, TEMPLATES, ASSETS)
    if isinstance(text, Denied):
        assert text.reason in REASONS
        return

    named = [TEMPLATES[p.template] for p in asked.permissions]
    actions = {a for t in named for s in t.statements for a in s["Action"]}
    most_stars = max(r.count("*") for t in named for s in t.statements for r in s["Resource"])
    assert len(text) <= 6144
    for statement in json.loads(text)["Statement"]:
        assert set(statement) <= {"Effect", "Action", "Resource", "Condition"}
        if statement["Effect"] == "Deny":
            continue
        assert set(statement["Action"]) <= actions
        for resource in statement["Resource"]:
            assert resource.count("*") <= most_stars
            assert "{" not in resource
            assert not resource.partition(f":{ACCOUNT_ID}:")[2].startswith(
                ("secret/akw/", "project/akwarden-audit", "user/akw-")
            )


def test_own_assets_follow_the_settings() -> None:
    """Another project, prefix or region is protected as well as the usual ones."""
    assets = replace(ASSETS, audit_project="orders-logs", region="eu-central-1")

    denied = document(ticket(approved_ticket()), TEMPLATES, assets)

    assert Denied("own_assets_touched", "permissions[0].parameters") == denied
