"""The account is judged as it is: each planted fact is found, nothing else, and no error passes."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import datetime

import pytest

from shared import bootstrap
from shared.adapters.account_reader import AccountReaderAdapter
from shared.adapters.tea import Credentials, Endpoint
from shared.posture import controls, judging, reading
from shared.posture.judging import FAIL, PASS, UNKNOWN, Judgement
from shared.posture.reading import Observer
from tests.integration.clouds import ACCOUNT, LocalCloud
from tests.integration.planted import ALWAYS, FACTS, Account
from tests.integration.test_ims import DOMAIN

MANY = 1250  # users, so that a page is not all of them
REPORT = ("root-unused", "console-mfa", "console-unused", "console-and-keys", "managed-login",
          "key-age", "key-unused", "key-never-used", "two-active-keys", "key-disabled")  # fmt: skip
DOCUMENTS = ("admin-policy", "secret-readers", "key-makers")
# By action: the controls that rest on it. What names holders only where something is found stays
# decided without them.
RESTS_ON = {
    "GetCredentialReport": REPORT,
    "GetAccountSecurityPracticeReport": ("root-access-key", "root-mfa"),
    "GetSecurityPreference": ("own-keys-switch",),
    "GetPasswordPolicy": tuple(c.id for c in controls.ALL if c.id.startswith("password-")),
    "GetAccessKeyPolicyForAccount": ("account-key-network",),
    "ListUsers": ("managed-login", "managed-unmarked", "two-active-keys", "key-disabled",
                  "direct-attachment"),
    "ListPolicies": (*DOCUMENTS, "direct-attachment"),
    "GetPolicy": DOCUMENTS,
    "ListEntitiesForPolicy": ("admin-policy", "direct-attachment"),
}  # fmt: skip


@pytest.fixture
def account(local: LocalCloud) -> Account:
    return Account(local.cloud)


@pytest.fixture
def reader(endpoint: Endpoint, admin: Credentials, account: Account) -> AccountReaderAdapter:
    return AccountReaderAdapter(endpoint, admin, DOMAIN)


def judged(reader: AccountReaderAdapter, account: Account) -> dict[str, Judgement]:
    observer = Observer(
        reader, ACCOUNT, "cn-hangzhou", bootstrap.lifecycle().rotation, lambda: account.now,
        time.sleep, lambda: 100.0,
    )  # fmt: skip
    found = judging.judge_all(controls.ALL, reading.look(observer))
    return {one.control.id: one for one in found}


def test_every_planted_fact_is_found_and_nothing_else(
    reader: AccountReaderAdapter, account: Account
) -> None:
    """Among more users than a page holds; what we cause ourselves is marked, with its end."""
    account.in_order(users=MANY)
    expected: dict[str, set[str]] = defaultdict(set)
    designed: dict[str, set[str]] = defaultdict(set)
    for control, resources in ALWAYS.items():
        expected[control] |= resources
    for fact in FACTS:
        fact.plant(account)
        for control, resources in fact.leads.items():
            expected[control] |= resources
        for control, resources in fact.designed.items():
            expected[control] |= resources
            designed[control] |= resources

    found = judged(reader, account)

    assert 40 <= len(FACTS)
    assert 1200 < len(account.cloud.ram.users)
    named = {c: {f.resource for f in one.failures} for c, one in found.items() if one.failures}
    assert named == dict(expected)
    marked = {c: {f.resource for f in one.failures if f.design} for c, one in found.items()}
    assert {c: resources for c, resources in marked.items() if resources} == dict(designed)
    assert not [one.doubts for one in found.values() if one.doubts]
    assert {FAIL} == {one.result for one in found.values()}  # a fact for every control
    ends = {f.until for one in found.values() for f in one.failures if f.design}
    assert None not in ends
    assert all(isinstance(end, datetime) and end >= account.now for end in ends)


def test_account_in_order_passes(reader: AccountReaderAdapter, account: Account) -> None:
    """But for the administrator that a local cloud cannot do without."""
    account.in_order()

    found = judged(reader, account)

    failing = {c: {f.resource for f in one.failures} for c, one in found.items() if one.failures}
    assert failing == ALWAYS
    assert {PASS, FAIL} == {one.result for one in found.values()}


@pytest.mark.parametrize("action", list(RESTS_ON))
@pytest.mark.parametrize("how", ["error", "refused"])
def test_no_control_passes_on_an_error(
    local: LocalCloud, reader: AccountReaderAdapter, account: Account, action: str, how: str
) -> None:
    """Whatever rests on a read that failed is UNKNOWN; the others are judged as ever."""
    account.in_order()
    clean = judged(reader, account)
    more = {"status": 403, "code": "NoPermission"} if how == "refused" else {}
    local.fault("error", action, times=0, **more)

    found = judged(reader, account)

    unknown = {c for c, one in found.items() if one.result == UNKNOWN}
    assert set(RESTS_ON[action]) == unknown
    assert {c: found[c].result for c in found if c not in unknown} == {
        c: clean[c].result for c in found if c not in unknown}  # fmt: skip


def test_every_control_rests_on_something_that_can_fail() -> None:
    """So that the test before has failed each of them."""
    assert {control for those in RESTS_ON.values() for control in those} == {
        control.id for control in controls.ALL}  # fmt: skip


def test_report_that_cannot_be_made_anew_counts_while_it_is_fresh(
    local: LocalCloud, reader: AccountReaderAdapter, account: Account
) -> None:
    """For a day; after that it says nothing about today."""
    account.in_order()
    judged(reader, account)
    local.fault("error", "GenerateCredentialReport", times=0, status=403, code="NoPermission")

    fresh = judged(reader, account)["key-age"].result
    account.cloud.clock.advance(25 * 3600)

    assert (PASS, UNKNOWN) == (fresh, judged(reader, account)["key-age"].result)


def test_report_that_is_not_ready_is_waited_for(
    reader: AccountReaderAdapter, account: Account, pauses: list[float]
) -> None:
    """And then UNKNOWN, for what rests on it."""
    account.in_order()
    account.cloud.choices.credential_report_seconds = 3600.0

    found = judged(reader, account)

    assert reading.POLLS - 1 == pauses.count(reading.POLL_SECONDS)
    assert set(REPORT) == {c for c, one in found.items() if one.result == UNKNOWN}
