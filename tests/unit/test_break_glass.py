"""Access without approval: who, where, by which templates, how long; and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from shared import approvals, bootstrap, grants, handover, rules, tickets
from shared.approvals import Approved
from shared.chat import grammar
from shared.chat.grammar import Command
from shared.chat.messages import Message
from shared.commanding import break_glass
from shared.deliveries import Delivery
from shared.errors import ConfigError
from shared.refusals import Denied
from shared.rules import Rules
from shared.tickets import Ticket
from tests.unit.samples import ACCOUNT_ID, NOW, approved_ticket, person

RULES = bootstrap.rules()
CAROL = person("carol@example.com", email="carol@example.com")


def ticket(at: datetime = NOW, **changes: Any) -> Ticket:
    values = {"requester": CAROL, "ttl_seconds": 4 * 3600, "approvals": [
        {"approver": CAROL, "decision": "approve", "at": at.isoformat()}]} | changes  # fmt: skip
    found = tickets.parse(approved_ticket(NOW, **values), source="slack")
    assert isinstance(found, Ticket), found
    return found


def decided(of: Ticket, known: Rules = RULES, now: datetime = NOW) -> Approved | Denied:
    return approvals.break_glass(of, "PD-431", known, now)


def test_who_is_named_has_it_for_the_incident() -> None:
    carol = "carol@example.com"

    assert Approved((carol,), NOW, "PD-431", frozenset({carol})) == decided(ticket())


@pytest.mark.parametrize(("changes", "reason"), [
    ({"requester": person("alice")}, "break_glass_not_allowed"),
    ({"requester": person("erin")}, "break_glass_not_allowed"),  # approves, but is not named
    ({"beneficiary": person("alice")}, "break_glass_not_allowed"),
    ({"approvals": []}, "break_glass_not_allowed"),
    ({"environment": "dev"}, "break_glass_off"),
    ({"environment": "nowhere"}, "break_glass_off"),
    ({"ttl_seconds": 4 * 3600 + 1}, "ttl_out_of_range"),
    ({"ttl_seconds": 3599}, "ttl_out_of_range"),
    ({"necessity_confirmed": False}, "necessity_not_confirmed"),
    ({"network": {"source_ips": []}}, "source_ips_required"),
    ({"permissions": [{"template": "kms-secret-prefix-read", "parameters": {}}]},
     "template_not_allowed"),
])  # fmt: skip
def test_what_goes_beyond_is_refused(changes: dict[str, Any], reason: str) -> None:
    outcome = decided(ticket(**changes))

    assert isinstance(outcome, Denied)
    assert reason == outcome.reason


def test_another_vote_old_wishes_and_no_rule_are_refused() -> None:
    votes = [{"approver": CAROL, "decision": "approve", "at": NOW.isoformat()},
             {"approver": person("dave"), "decision": "approve", "at": NOW.isoformat()}]

    assert Denied("break_glass_not_allowed", "approvals") == decided(ticket(approvals=votes))
    assert Denied("approval_too_old", "approvals") == decided(ticket(NOW - timedelta(minutes=31)))
    assert Denied("approval_too_old", "approvals") == decided(ticket(NOW + timedelta(minutes=11)))
    assert Denied("break_glass_off", "environment") == decided(
        ticket(), replace(RULES, break_glass=None))


def test_it_is_off_unless_it_is_switched_on() -> None:
    current: Any = SimpleNamespace(break_glass="off", ways=("slack",))
    assert bootstrap.rules_of(current).break_glass is None
    current.break_glass = "on"
    assert bootstrap.rules_of(current).break_glass is not None
    current.ways = ()  # everybody has to be told
    assert bootstrap.rules_of(current).break_glass is None


def event(**changes: Any) -> bytes:
    delivery = Delivery(break_glass.KIND, "issue", NOW, ticket(), "PD-431")
    return json.dumps(json.loads(handover.payload(delivery, NOW)) | changes).encode()


def test_only_a_chat_can_bring_it_and_only_to_issue() -> None:
    case = handover.case_of(event(), "issue", "extend", "amend")
    assert isinstance(case, handover.Case)
    assert ("PD-431", "issue") == (case.incident, case.action)
    for changes in ({"source": "standard-webhooks"}, {"source": "dingtalk"}, {"incident": 7},
                    {"type": "accesskey.ticket.extended"}, {"incident": "a b"},
                    {"incident": "x" * 65}):  # fmt: skip
        assert Denied("invalid_value", "incident") == handover.case_of(
            event(**changes), "issue", "extend", "amend"), changes


def test_signed_tags_say_what_it_was() -> None:
    """So that no extension and no amendment takes it for an approved one."""
    from shared.secrecy import Secret

    approved = decided(ticket())
    assert isinstance(approved, Approved)
    planned = grants.plan(ticket(), approved, bootstrap.templates(),
                          bootstrap.assets(_settings()), Secret("k"))  # fmt: skip
    assert isinstance(planned, grants.Grant), planned
    assert ("PD-431", "PD-431") == (planned.incident, planned.tags[grants.INCIDENT])
    altered = {**planned.tags, grants.INCIDENT: ""}
    assert grants.verified(planned.user, planned.tags, planned.description, Secret("k"))
    del altered[grants.INCIDENT]
    assert not grants.verified(planned.user, altered, planned.description, Secret("k"))


def _settings() -> Any:
    return SimpleNamespace(account_id=ACCOUNT_ID, region="cn-hangzhou", audit_project="p",
                           audit_logstore="audit", digest_project="d")  # fmt: skip


@pytest.mark.parametrize(("change", "problem"), [
    ("ttl_max_seconds = 14401", "ttl_max_seconds: must be an integer from 3600 to 14400"),
    ('environments = ["nowhere"]', "nowhere is no environment"),
    ('templates = ["no-such"]', "no-such: not allowed in prod"),
    ('people = ["carol@example.com", "dave@example.com", "erin@example.com", "frank@example.com", '
     '"grace@example.com"]', "leaves nobody in prod"),
    ('people = ["dave@example.com", "erin@example.com", "frank@example.com"]',
     "break_glass.people: leaves nobody in prod who could review it for payments"),
])  # fmt: skip
def test_config_says_what_is_wrong(change: str, problem: str) -> None:
    text = (bootstrap.CONFIG / "rules.toml").read_text(encoding="utf-8")
    before, _, table = text.partition("[break_glass]\n")
    name = change.partition(" ")[0]
    lines = [change if line.startswith(name) else line for line in table.splitlines()]

    with pytest.raises(ConfigError) as caught:
        rules.load(f"{before}[break_glass]\n" + "\n".join(lines))
    assert problem in "; ".join(caught.value.problems)


MESSAGE = Message("slack", "T1/U1", "https://app.slack.com/client/T1/C1", "command 1",
                  "/commands/T1/1", "help")  # fmt: skip


@pytest.mark.parametrize(("fields", "reason"), [
    ({"incident": "what? ever"}, "invalid_value"), ({"action": "extend"}, "invalid_value"),
    ({"ttl": "5h"}, "ttl_out_of_range"), ({"ttl": "soon"}, "invalid_value"),
    ({"beneficiary": "alice@example.com"}, "break_glass_not_allowed"),
    ({"bucket": "orders*"}, "wildcard_not_allowed"),
])  # fmt: skip
def test_wish_in_a_chat_is_refused_before_it_is_handed_over(
    fields: dict[str, str], reason: str
) -> None:
    desk: Any = SimpleNamespace(rules=RULES, account_id=ACCOUNT_ID, now=lambda: NOW,
                                terms=SimpleNamespace(
                                    templates=bootstrap.templates(),
                                    assets=bootstrap.assets(_settings())))  # fmt: skip
    example = grammar.parse(grammar.VERBS[grammar.BREAK_GLASS].example)
    assert isinstance(example, Command)
    wished = replace(example, fields={**example.fields, **fields})

    outcome = break_glass._wish(desk, "carol@example.com", wished, MESSAGE, NOW)
    fine = break_glass._wish(desk, "carol@example.com", example, MESSAGE, NOW)

    assert isinstance(outcome, Denied)
    assert reason == outcome.reason
    assert isinstance(fine, Delivery), fine
    assert ("PD-431", 2 * 3600) == (fine.incident, fine.ticket.ttl_seconds)
