"""The cloud's own records carry the grant, and nobody without the ledger key can change it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared import approvals, grants, networks, tickets
from shared.approvals import Approved
from shared.grants import Grant
from shared.refusals import Denied
from shared.secrecy import Secret
from tests.unit.samples import ASSETS, NOW, RULES, TEMPLATES, approved_ticket, self_service_ticket
from tests.unit.strategies import brief, json_values

LEDGER_KEY = Secret("ledger-key")


def planned(content: dict[str, Any], key: Secret = LEDGER_KEY) -> Grant | Denied:
    ticket = tickets.parse(content, source="standard-webhooks")
    assert isinstance(ticket, tickets.Ticket)
    approved = approvals.decide(ticket, RULES, NOW)
    assert isinstance(approved, Approved)
    return grants.plan(ticket, approved, TEMPLATES, ASSETS, key)


def grant_of(content: dict[str, Any]) -> Grant:
    grant = planned(content)
    assert isinstance(grant, Grant)
    return grant


APPLICATION = grant_of(approved_ticket())
SELF_SERVICE = grant_of(self_service_ticket())
texts = st.text(st.characters(codec="utf-8"), max_size=20)


def verified(grant: Grant, **changes: Any) -> bool:
    user, tags = changes.get("user", grant.user), changes.get("tags", grant.tags)
    description = changes.get("description", grant.description)
    return grants.verified(user, tags, description, changes.get("key", LEDGER_KEY))


def test_grant_names_user_policy_and_secret() -> None:
    """An application's grant is made of its own names, and of a key."""
    assert "akw-orders-prod" == APPLICATION.user == APPLICATION.policy
    assert "akw/orders/prod" == APPLICATION.secret
    assert APPLICATION.holds_key


def test_self_service_grant_is_the_existing_users() -> None:
    """It names the user of the ticket, no key, and carries its facts in the description."""
    facts = json.loads(SELF_SERVICE.description)["grant"]

    assert "heidi" == SELF_SERVICE.user
    assert not SELF_SERVICE.holds_key
    assert "REQ-1042" == facts["ticket"]


def test_tags_hold_the_promise() -> None:
    """Whoever reads the user knows ticket, people and end, without another record."""
    tags = dict(APPLICATION.tags)

    assert ("REQ-1042", "alice") == (tags["akw:ticket"], tags["akw:requester"])
    assert {"carol@example.com", "dave@example.com"} == {
        tags["akw:approver-1"], tags["akw:approver-2"],
    }  # fmt: skip
    assert "2026-10-01T08:00:00Z" == tags["akw:expires"]  # 30 days after the last approval
    assert ("standard-webhooks", "REQ-1042") == grants.ticket_of(tags)[:2]
    assert 20 >= len(tags)  # RAM, "Limitations": tags of one user


def test_untagged_user_has_no_ticket() -> None:
    """Somebody's own user is not one of ours."""
    assert ("", "", "") == grants.ticket_of({"team": "orders"})


def test_late_attempt_plans_the_same_grant() -> None:
    """The end counts from the approval: a retry hours later finds itself in what it made."""
    assert grant_of(approved_ticket()) == APPLICATION


@pytest.mark.parametrize("grant", [APPLICATION, SELF_SERVICE], ids=["application", "self_service"])
def test_own_signature_is_known(grant: Grant) -> None:
    """What was planned verifies; a foreign tag beside ours does not matter."""
    assert verified(grant)
    assert verified(grant, tags={**grant.tags, "team": "orders"})


@pytest.mark.parametrize("grant", [APPLICATION, SELF_SERVICE], ids=["application", "self_service"])
def test_other_ledger_key_does_not_verify(grant: Grant) -> None:
    """Without the key nobody can make a grant."""
    assert not verified(grant, key=Secret("another"))


@given(st.sampled_from(sorted(APPLICATION.tags)), texts)
@brief
def test_changed_tag_is_detected(name: str, value: str) -> None:
    """Every one of our tags is under the signature, the signature's own included."""
    assume(value != APPLICATION.tags[name])

    assert not verified(APPLICATION, tags={**APPLICATION.tags, name: value})


@pytest.mark.parametrize("name", sorted(APPLICATION.tags))
def test_missing_tag_is_detected(name: str) -> None:
    """A tag that was removed is a changed grant."""
    tags = {key: value for key, value in APPLICATION.tags.items() if key != name}

    assert not verified(APPLICATION, tags=tags)


@given(texts, texts)
@brief
def test_added_tag_is_detected(name: str, value: str) -> None:
    """Nobody adds an approver."""
    assume(f"akw:{name}" not in APPLICATION.tags)

    assert not verified(APPLICATION, tags={**APPLICATION.tags, f"akw:{name}": value})


@given(texts, st.sampled_from([APPLICATION, SELF_SERVICE]))
@brief
def test_changed_user_is_detected(user: str, grant: Grant) -> None:
    """A grant cannot be moved to another user."""
    assume(user != grant.user)

    assert not verified(grant, user=user)


@given(st.data(), st.sampled_from([APPLICATION, SELF_SERVICE]), texts)
@brief
def test_changed_description_is_detected(data: st.DataObject, grant: Grant, text: str) -> None:
    """Any other text, even another spelling of the same JSON, is not what we wrote."""
    start = data.draw(st.integers(0, len(grant.description)))
    end = data.draw(st.integers(start, min(len(grant.description), start + 20)))
    description = grant.description[:start] + text + grant.description[end:]
    assume(description != grant.description)

    assert not verified(grant, description=description)


@pytest.mark.parametrize("grant", [APPLICATION, SELF_SERVICE], ids=["application", "self_service"])
def test_other_spelling_of_the_same_description_is_detected(grant: Grant) -> None:
    """Spaces, order, or a key twice: another reader might see another grant in it."""
    content = json.loads(grant.description)
    spellings = [
        json.dumps(content),
        json.dumps(dict(reversed(content.items())), separators=(",", ":")),
        grant.description.replace("{", '{"akw":"0",', 1),
        grant.description + "\n",
    ]

    assert [False] * 4 == [verified(grant, description=text) for text in spellings]


@given(st.dictionaries(st.sampled_from(["akw", "sig", "grant", "source_ips"]), json_values))
@brief
def test_any_description_is_answered(content: dict[str, Any]) -> None:
    """Whoever can write a description cannot make the check fail with an exception."""
    description = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    assert not verified(APPLICATION, description=description)


@pytest.mark.parametrize(
    "description",
    ["", "null", "[]", "[" * 1024, '"text"', "{}", '{"sig":1}', '{"sig":"é"}',
     '{"grant":"x","sig":"0"}', '{"grant":[1],"sig":"0"}', '{"grant":{},"sig":"\ud800"}'],
)  # fmt: skip
def test_description_of_somebody_else_is_not_verified(description: str) -> None:
    """Odd shapes are a no, not an exception."""
    assert not verified(APPLICATION, description=description)


def test_grant_that_fits_no_description_is_refused() -> None:
    """The description must hold all that a lost policy is rebuilt from: 1,024 characters."""
    permissions = [
        {"template": "sls-logstore-write",
         "parameters": {"project": "p" * 60, "logstore": f"{number}" + "l" * 60}}
        for number in range(5)
    ]  # fmt: skip
    addresses = [f"198.51.100.{number}" for number in range(networks.MAX_SOURCE_IPS)]

    refused = planned(
        approved_ticket(permissions=permissions, network={"source_ips": addresses})
    )

    assert Denied("grant_too_long", "permissions") == refused


@given(st.lists(st.sampled_from(["carol", "dave", "erin", "frank"]), min_size=2, unique=True))
@brief
def test_every_planned_grant_fits_its_limits(approvers: list[str]) -> None:
    """Tags of 128 characters, a description of 1,024, for any accepted ticket."""
    given_at = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    content = approved_ticket(approvals=[
        {"approver": {"id": name, "email": f"{name}@example.com"}, "decision": "approve",
         "at": given_at} for name in approvers
    ])  # fmt: skip

    grant = grant_of(content)

    assert 128 >= max(len(value) for value in grant.tags.values())
    assert 1024 >= len(grant.description)


def test_self_service_policy_says_whose_it_is() -> None:
    """Source, ticket and user; an application's policy says none of them."""
    assert ("standard-webhooks", "REQ-1042", "heidi") == grants.self_service_of(
        SELF_SERVICE.description
    )
    assert ("", "", "") == grants.self_service_of(APPLICATION.description)


@given(json_values)
@brief
def test_any_description_can_be_asked_whose_it_is(content: Any) -> None:
    """Never raises, whatever somebody wrote there."""
    assert 3 == len(grants.self_service_of(json.dumps(content)))
    assert ("", "", "") == grants.self_service_of("[" * 100_000)


def test_digest_is_of_the_policys_content() -> None:
    """RAM may give a document back with other spaces; a word more is another document."""
    content = json.loads(APPLICATION.document)
    spaced = json.dumps(content, indent=2)
    wider = json.dumps(content | {"Statement": [*content["Statement"], {"Effect": "Allow"}]})

    assert APPLICATION.tags["akw:document"] == grants.document_digest(spaced)
    assert grants.document_digest(spaced) != grants.document_digest(wider)
    assert "" == grants.document_digest("{") == grants.document_digest("[" * 100_000)
