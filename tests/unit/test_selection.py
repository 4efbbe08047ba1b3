"""Which grants an order means: nothing more, nothing less, and nothing unclear in silence."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.orders import Order, Selector
from shared.ports import ListedPolicy, User
from shared.selection import named, select, standing

SOURCE = "standard-webhooks"


def user(name: str, **changes: str) -> User:
    tags = {"format": "1", "mode": "application", "source": SOURCE, "ticket": f"T-{name}",
            "requester": "alice", "sig": "x"} | changes  # fmt: skip
    return User(f"id-{name}", name, {f"akw:{k}": v for k, v in tags.items() if v})


def self_service(name: str, holder: str, requester: str) -> ListedPolicy:
    return ListedPolicy(name, json.dumps({
        "akw": "1", "permissions": [["self-service-access-key-manage", {"user_name": holder}]],
        "grant": {"source": SOURCE, "ticket": f"T-{name}", "requester": requester},
    }))  # fmt: skip


USERS = [
    user("akw-pay-prod", requester="bob"), user("akw-orders-prod"), user("akw-orders-dev"),
    user("akw-orders-api-prod"), User("id-x", "carol", {"team": "a"}),
]  # fmt: skip
POLICIES = [
    self_service("akw-tools-dev", "heidi", "alice"), self_service("akw-tools-test", "alice", "dan"),
    ListedPolicy("akw-orders-prod", '{"akw":"1","permissions":[]}'), ListedPolicy("other", ""),
    ListedPolicy("akw-lock-orders-prod-1", "{"), ListedPolicy("akw-quarantine", ""),
]  # fmt: skip


def order(by: str, **values: str) -> Order:
    return Order("O-1", "ended", Selector(by, **values), None, "carol")


def names(selected: Any) -> list[str]:
    return [chosen.target.policy for chosen in selected.chosen]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (order("application", application="orders"), ["akw-orders-dev", "akw-orders-prod"]),
        (order("application", application="orders", environment="prod"), ["akw-orders-prod"]),
        (order("application", application="tools"), ["akw-tools-dev", "akw-tools-test"]),
        (order("application", application="nothing"), []),
        (order("ticket", source=SOURCE, ticket="T-akw-pay-prod"), ["akw-pay-prod"]),
        (order("ticket", source="another", ticket="T-akw-pay-prod"), []),
        (order("requester", requester="bob"), ["akw-pay-prod"]),
        (order("requester", requester="dan"), ["akw-tools-test"]),
        (order("person", person="alice"),
         ["akw-orders-api-prod", "akw-orders-dev", "akw-orders-prod", "akw-tools-dev",
          "akw-tools-test"]),
        (order("person", person="nobody", ram_user="Heidi"), ["akw-tools-dev"]),
    ],
    ids=str,
)  # fmt: skip
def test_order_means_these_grants(asked: Order, expected: list[str]) -> None:
    """In the order of their names, whatever order they are listed in."""
    selected = select(asked, reversed(USERS), reversed(POLICIES))

    assert expected == names(selected)
    assert () == selected.flagged
    assert {"ended"} >= {chosen.target.reason for chosen in selected.chosen}


@pytest.mark.parametrize(
    "odd",
    [
        User("id-1", "akw-orders-prod", {}),
        user("akw-orders-prod", ticket=""),
        user("akw-orders-prod", source=""),
        user("akw-orders-prod", mode="self-service"),
        user("akw-orders-prod", format="2"),
    ],
)
def test_user_that_contradicts_itself_is_flagged_and_not_selected(odd: User) -> None:
    """Neither ended at a guess nor passed over in silence."""
    selected = select(order("application", application="orders"), [odd], [])

    assert [] == names(selected)
    assert 1 == len(selected.flagged)
    assert odd.name in selected.flagged[0]


@pytest.mark.parametrize("odd", [user("orders-prod"), user("akw-Orders"), user("akw-lock-x-prod")])
def test_our_tags_under_another_name_are_flagged(odd: User) -> None:
    """Somebody copied our tags, or renamed our user."""
    selected = select(order("requester", requester="alice"), [odd], [])

    assert ([], 1) == (names(selected), len(selected.flagged))


def test_user_of_another_application_is_no_finding_of_this_order() -> None:
    """An order speaks of what it could have meant."""
    odd = User("id-1", "akw-orders-prod", {})

    selected = select(order("application", application="pay"), [odd], [])

    assert () == selected.flagged


def test_ticket_is_found_where_the_log_saw_it_work() -> None:
    """Its user was removed by hand: what else it made is still there."""
    def row(phase: str, environment: str) -> dict[str, str]:
        return {"phase": phase, "application": "gone", "environment": environment,
                "ticket_system": SOURCE, "ticket_id": "T-9"}  # fmt: skip

    rows = [row("intent", "prod"), row("result", "prod"), row("note", "dev"), row("intent", "")]

    selected = select(order("ticket", source=SOURCE, ticket="T-9"), [], [], rows)

    assert ["akw-gone-prod"] == names(selected)


def test_policy_whose_description_no_grant_has_is_flagged() -> None:
    """Its words would go into searches."""
    odd = self_service("akw-tools-dev", "heidi", "alice")
    odd = replace(odd, description=odd.description.replace("T-akw-tools-dev", "T' or *"))

    selected = select(order("person", person="alice"), [], [odd])

    assert ([], 1) == (names(selected), len(selected.flagged))
    assert () == select(order("application", application="pay"), [], [odd]).flagged


def row(event_type: str, phase: str, time_ms: int, **more: str) -> dict[str, str]:
    return {"event_type": event_type, "phase": phase, "time_ms": str(time_ms),
            "ticket_system": SOURCE, "ticket_id": "T-1"} | more  # fmt: skip


@pytest.mark.parametrize(("ends", "stands"), [
    ([], True),
    ([row("ticket.revoked", "result", 9, outcome="success")], False),
    ([row("ticket.revoked", "result", 9, outcome="failure")], True),
    ([row("ticket.revoked", "intent", 9)], True),
    ([row("ticket.revoked", "result", 9, outcome="success", ticket_id="T-2")], True),
    ([row("remains.removed", "result", 9, outcome="success")], False),
    ([row("remains.removed", "result", 3, outcome="success")], True),
])  # fmt: skip
def test_making_stands_until_its_end_is_on_record(
    ends: list[dict[str, str]], stands: bool
) -> None:
    """A ticket ends for good; the removal of an abandoned issue may be followed by another one."""
    making = row("user.created", "intent", 5)

    assert ([making] if stands else []) == standing([making, *ends])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("akw-orders-prod", ("orders", "prod")), ("akw-a-b-c", ("a-b", "c")), ("akw-prod", None),
     ("akw-lock-a-1", None), ("orders-prod", None), ("akw--prod", None), ("akw-quarantine", None),
     ("akw-Orders-prod", None), (f"akw-{'a' * 40}-prod", None)],
)  # fmt: skip
def test_name_says_application_and_environment(
    name: str, expected: tuple[str, str] | None
) -> None:
    """Environments have no hyphen, so a name has one meaning or none."""
    assert expected == named(name)
