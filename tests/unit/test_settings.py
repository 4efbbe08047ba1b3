"""Settings are checked together, and a timeout that cannot hold a run is refused."""

from __future__ import annotations

import re

import pytest

from shared import settings
from shared.adapters import sls, tea
from shared.errors import ConfigError
from shared.settings import SETTINGS

GIVEN = {
    "AKWARDEN_REGION": "cn-hangzhou",
    "AKWARDEN_ACCOUNT_ID": "1234567890123456",
    "AKWARDEN_UPN_DOMAIN": "1234567890123456.onaliyun.com",
    "AKWARDEN_KMS_INSTANCE_ID": "kst-1",
    "AKWARDEN_KMS_KEY_ID": "key-1",
    "AKWARDEN_AUDIT_PROJECT": "akwarden-audit",
    "AKWARDEN_DIGEST_PROJECT": "akwarden-digests",
    "AKWARDEN_DIGEST_KEY_ID": "key-2",
}
NEEDED = [setting.name for setting in SETTINGS if setting.default is None]


def problems(environment: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        settings.read(environment)
    return raised.value.problems


def test_defaults_fill_what_is_not_given() -> None:
    """The required ones are enough; numbers are numbers, in the units of their names."""
    read = settings.read(GIVEN)

    assert (30, 3000, 10000) == (
        read.max_lag_seconds, read.connect_timeout_ms, read.read_timeout_ms,
    )  # fmt: skip
    assert "1234567890123456.cn-hangzhou.fc.aliyuncs.com" == read.fc_endpoint
    assert "acs:ram::1234567890123456:role/akw-issue" == read.issue_role_arn
    assert ("audit", "https") == (read.audit_logstore, read.protocol)


@pytest.mark.parametrize("name", [s.name for s in SETTINGS if s.default])
def test_every_default_fits_its_own_pattern(name: str) -> None:
    """A default is a value like any other."""
    setting = next(s for s in SETTINGS if s.name == name)

    assert re.fullmatch(setting.pattern, setting.default or "")


def test_region_and_account_come_from_the_platform() -> None:
    """FC tells both; what is set by hand goes first."""
    platform = {name: GIVEN[name] for name in GIVEN if name[9:] not in ("REGION", "ACCOUNT_ID")}
    platform |= {"FC_REGION": "cn-beijing", "FC_ACCOUNT_ID": "6543210987654321"}

    read = settings.read(platform)
    by_hand = settings.read(platform | {"AKWARDEN_REGION": "cn-shanghai"})

    assert ("cn-beijing", "6543210987654321") == (read.region, read.account_id)
    assert "cn-shanghai" == by_hand.region


def test_empty_text_is_not_given() -> None:
    """s.yaml sets a variable that the operator left out to the empty text."""
    assert "audit" == settings.read(GIVEN | {"AKWARDEN_AUDIT_LOGSTORE": ""}).audit_logstore
    assert 1 == len(problems(GIVEN | {"AKWARDEN_UPN_DOMAIN": ""}))


def test_all_problems_are_reported_at_once() -> None:
    """Every missing one by name, and every malformed one beside them."""
    reported = problems({"AKWARDEN_PROTOCOL": "gopher"})

    assert len(NEEDED) + 1 == len(reported)
    for name in [*NEEDED, "AKWARDEN_PROTOCOL"]:
        assert any(problem.startswith(f"{name} ") for problem in reported)


MALFORMED = {
    "AKWARDEN_REGION": "Hangzhou",
    "AKWARDEN_ACCOUNT_ID": "12345",
    "AKWARDEN_UPN_DOMAIN": "a b",
    "AKWARDEN_AUDIT_PROJECT": "A",
    "AKWARDEN_WEBHOOK_SECRET": "akw/orders/prod",
    "AKWARDEN_LEDGER_SECRET": "other",
    "AKWARDEN_MAX_LAG_SECONDS": "-1",
    "AKWARDEN_READ_TIMEOUT_MS": "1e4",
    "AKWARDEN_CONNECT_TIMEOUT_MS": "٣٠٠٠",
    "AKWARDEN_AUDIT_TIMEOUT_MS": "2s",
    "AKWARDEN_PROTOCOL": "HTTP",
    "AKWARDEN_FC_ENDPOINT": "https://fc",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_value_is_refused(name: str) -> None:
    """The problem names the setting and repeats no value."""
    (problem,) = problems(GIVEN | {name: MALFORMED[name]})

    assert problem.startswith(f"{name} does not match ")
    assert MALFORMED[name] not in problem.split(" ")


def test_settings_have_a_field_each() -> None:
    """No variable without a field, no field without a variable."""
    fields = settings.Settings.__dataclass_fields__

    assert list(fields) == [s.name.removeprefix("AKWARDEN_").lower() for s in SETTINGS]


def test_too_short_timeout_is_refused() -> None:
    """Every lag wait, one call with all its tries and a second for each dependent call must fit."""
    read = settings.read(GIVEN)
    needed = settings.LAG_WAITS * 30 + 2 * 10 * 3 + settings.DEPENDENT_CALLS

    settings.check_timeout(read, needed)
    with pytest.raises(ConfigError) as raised:
        settings.check_timeout(read, needed - 1)

    assert "raise the timeout" in raised.value.problems[0]


def test_longest_retry_counts_whichever_service_it_is() -> None:
    """SLS's SDK repeats by itself, and we on top; RAM and KMS are repeated by us alone."""
    patient = settings.read(GIVEN | {"AKWARDEN_AUDIT_TIMEOUT_MS": "9000"})
    slow = settings.read(GIVEN | {"AKWARDEN_READ_TIMEOUT_MS": "57000"})

    assert 200 == settings.retry_seconds(patient)
    assert 180 == settings.retry_seconds(slow)
    for read in (patient, slow):
        with pytest.raises(ConfigError):
            settings.check_timeout(read, 180)


def test_tries_are_those_of_the_adapters() -> None:
    """The budget is computed from what the adapters do."""
    assert settings.CLOUD_TRIES == tea.UNKNOWN_TRIES
    assert settings.AUDIT_TRIES == sls.UNKNOWN_TRIES
