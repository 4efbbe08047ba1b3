"""STS through its SDK, with the very key that is to be proved."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.adapters.sts import StsAdapter
from shared.adapters.tea import Endpoint
from shared.errors import CloudRefused, CloudUnknown, NotFound
from shared.secrecy import Secret
from tests.integration.clouds import ACCOUNT, LocalCloud, SpoiltCloud, answer, shown

ACTION = "GetCallerIdentity"
HIDDEN = Secret("hidden-value")


@pytest.fixture
def key(local: LocalCloud) -> tuple[str, Secret]:
    key_id, secret = local.stranger()
    return key_id, Secret(secret)


@pytest.fixture
def sts(endpoint: Endpoint) -> StsAdapter:
    return StsAdapter(endpoint)


def test_key_proves_itself(sts: StsAdapter, key: tuple[str, Secret]) -> None:
    """It needs no permission, and says whose key it is."""
    assert f"acs:ram::{ACCOUNT}:user/stranger" == sts.get_caller_identity(*key)


def test_key_that_is_not_known_yet_is_not_found(local: LocalCloud, sts: StsAdapter) -> None:
    """The one refusal that the saga waits out."""
    with pytest.raises(NotFound) as raised:
        sts.get_caller_identity("LTAI5tNotYetKnown0000001", HIDDEN)

    assert "InvalidAccessKeyId.NotFound" == raised.value.code
    assert HIDDEN.reveal() not in shown(raised.value)


def test_wrong_secret_is_refused_and_not_waited_out(
    local: LocalCloud, sts: StsAdapter, key: tuple[str, Secret]
) -> None:
    """It will not become right."""
    with pytest.raises(CloudRefused) as raised:
        sts.get_caller_identity(key[0], HIDDEN)

    assert not isinstance(raised.value, NotFound)
    assert 1 == len(local.calls(ACTION))
    assert HIDDEN.reveal() not in shown(raised.value)


def test_disabled_key_is_refused_and_not_waited_out(
    local: LocalCloud, sts: StsAdapter, key: tuple[str, Secret]
) -> None:
    """Somebody has cut it: that is no lag."""
    local.cloud.ram.keys[key[0]].status_since = [(0.0, "Inactive")]

    with pytest.raises(CloudRefused) as raised:
        sts.get_caller_identity(*key)

    assert not isinstance(raised.value, NotFound)


@pytest.mark.parametrize("kind", ["throttle", "drop", "error"])
def test_hiccup_is_waited_out(
    local: LocalCloud, sts: StsAdapter, key: tuple[str, Secret], kind: str
) -> None:
    """Asking again changes nothing."""
    local.fault(kind, ACTION)

    assert sts.get_caller_identity(*key).endswith("stranger")
    assert 2 == len(local.calls(ACTION))


def test_odd_answer_is_no_proof(
    spoilt: Callable[[bytes], SpoiltCloud], sts: StsAdapter
) -> None:
    """A 200 without an identity proves nothing."""
    spoilt(answer({"RequestId": "R"}))

    with pytest.raises(CloudUnknown) as raised:
        sts.get_caller_identity("LTAI5tSpoilt", HIDDEN)

    assert HIDDEN.reveal() not in shown(raised.value)
