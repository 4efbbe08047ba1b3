"""Names are deterministic, fit the vendor's rules, and never meet."""

from __future__ import annotations

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from shared import naming
from tests.unit.strategies import brief

applications = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,3}", fullmatch=True)
environments = st.from_regex(r"[a-z][a-z0-9]{1,15}", fullmatch=True)
places = st.tuples(applications, environments)
keys = st.tuples(st.text(max_size=8), st.text(max_size=8), st.sampled_from(["issue", "revoke"]))


@given(places, places, st.integers(1, 99))
@brief
def test_two_places_never_share_a_name(
    one: tuple[str, str], other: tuple[str, str], number: int
) -> None:
    """No user, policy, secret or lease of one application is another's."""
    assume(one != other)

    def names(place: tuple[str, str]) -> set[str]:
        return {
            naming.policy_name(*place), naming.secret_name(*place),
            naming.lease_name(naming.application_lease(*place), number),
        }  # fmt: skip

    assert not names(one) & names(other)
    assert naming.user_name(*one) != naming.user_name(*other)


@given(st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", fullmatch=True), environments)
@brief
def test_names_fit_the_vendor(application: str, environment: str) -> None:
    """RAM users take 64 characters, RAM policies letters, digits and hyphens up to 128."""
    application = application[:39].rstrip("-")

    assert re.fullmatch(r"[a-z0-9-]{1,64}", naming.user_name(application, environment))
    lease = naming.application_lease(application, environment)
    assert re.fullmatch(r"[a-z0-9-]{1,128}", naming.lease_name(lease, 999))
    assert 1 <= len(naming.display_name(application)) <= 24
    assert not naming.display_name(application).endswith("-")


@given(places, st.text(max_size=8), st.text(max_size=64), st.integers(1, 99), st.integers(1, 99))
@brief
def test_ticket_lease_is_no_applications(
    place: tuple[str, str], source: str, ticket: str, one: int, other: int
) -> None:
    """Whatever a ticket is called, its markers fit RAM and are never those of an application."""
    marker = naming.lease_name(naming.ticket_lease(source, ticket), one)

    assert re.fullmatch(r"akw-lock-t[0-9a-f]{24}-[0-9]+", marker)
    assert marker != naming.lease_name(naming.application_lease(*place), other)


@given(st.tuples(st.text("ab1-", max_size=6), st.text("ab1-", max_size=6)),
       st.tuples(st.text("ab1-", max_size=6), st.text("ab1-", max_size=6)))  # fmt: skip
@brief
def test_ticket_leases_differ_as_their_tickets_do(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    """One ticket, one lease; where the parts meet makes a difference."""
    assert (one == other) == (naming.ticket_lease(*one) == naming.ticket_lease(*other))


def test_longest_names_fit_the_vendor() -> None:
    """39 characters of application and 16 of environment are the limits of a ticket."""
    assert 60 == len(naming.user_name("a" * 39, "e" * 16))
    assert 64 >= len(naming.secret_name("a" * 39, "e" * 16))


def test_no_secret_name_is_anothers_prefix() -> None:
    """A reader's policy on one secret cannot reach the next one's versions."""
    assert not naming.secret_name("orders-x", "prod").startswith(
        naming.secret_name("orders", "prod")
    )
    assert "akw/orders/prod" == naming.secret_name("orders", "prod")


@given(keys, keys)
@brief
def test_operation_ids_differ_as_their_tickets_do(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    """The same ticket and action: the same id, for ever; any other: another."""
    no_line_ends = [part for part in one + other if "\n" in part]
    assume(not no_line_ends)

    assert (one == other) == (naming.operation_id(*one) == naming.operation_id(*other))


@given(keys, st.text(max_size=64), st.integers(1, 20))
@brief
def test_task_ids_are_ones_that_fc_takes(
    key: tuple[str, str, str], digest: str, attempt: int
) -> None:
    """Function Compute: a letter or `_`, then letters, digits, `_`, `-`; 128 at most."""
    task = naming.task_id(*key, digest, attempt)

    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,127}", task)


def test_stored_ids_never_change() -> None:
    """Audit rows and FC keep these: another recipe would orphan them."""
    assert "op-9f5507f78f419a68cf19c760" == naming.operation_id("s", "T-1", "issue")
    assert "akw-orders-prod" == naming.user_name("orders", "prod")
    assert "orders-prod" == naming.application_lease("orders", "prod")
    assert "akw-lock-orders-prod-2" == naming.lease_name("orders-prod", 2)
    assert "t65007b103b38292c32974672" == naming.ticket_lease("s", "T-1")
    assert "akw-orders-prod@1.onaliyun.com" == naming.principal_name("akw-orders-prod",
                                                                     "1.onaliyun.com")
