"""KMS through its SDK: one secret with its versions and labels, and no value in any error."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from alibabacloud_kms20160120 import models
from alibabacloud_kms20160120.client import Client

from shared.adapters import kms as kms_module
from shared.adapters import tea
from shared.adapters.kms import KmsAdapter
from shared.adapters.tea import Credentials, Endpoint
from shared.errors import (
    AlreadyExists,
    CloudRefused,
    CloudUnknown,
    NotFound,
    NotPermitted,
    Throttled,
)
from shared.secrecy import Secret
from shared.secret_documents import secret_policy
from tests.integration.clouds import ACCOUNT, LocalCloud, SpoiltCloud, answer, shown

NAME = "akw/orders/prod"
TAGS = {"akw:source": "s", "akw:ticket": "REQ-1", "akw:digest": "0" * 64}
VALUE = Secret("value-that-nobody-may-see")
OTHER = Secret("value-that-comes-too-late")
POLICY = secret_policy(
    [f"acs:ram::{ACCOUNT}:role/orders-reader"], f"acs:ram::{ACCOUNT}:role/akw-issue"
)
CALLS: dict[str, Callable[[KmsAdapter], object]] = {
    "CreateSecret": lambda kms: kms.create_secret("akw/new/prod", VALUE, policy=POLICY, tags=TAGS),
    "DescribeSecret": lambda kms: kms.describe_secret(NAME),
    "ListSecretVersionIds": lambda kms: kms.list_secret_version_ids(NAME),
    "PutSecretValue": lambda kms: kms.put_secret_value(NAME, "LTAI1", VALUE, "AkwPending"),
    "UpdateSecretVersionStage": lambda kms: kms.update_secret_version_stage(
        NAME, "ACSCurrent", "reserve"
    ),
    "GetSecretValue": lambda kms: kms.get_secret_value(NAME),
}


@pytest.fixture
def kms(local: LocalCloud, endpoint: Endpoint, admin: Credentials) -> KmsAdapter:
    """With one secret, as the saga reserves it."""
    adapter = KmsAdapter(
        endpoint, admin, instance_id="kst-emulator0001", key_id="key-emulator0001"
    )
    adapter.create_secret(NAME, Secret("{}"), policy=POLICY, tags=TAGS)
    local.cloud.history.clear()
    return adapter


def stages(kms: KmsAdapter) -> dict[str, set[str]]:
    return {v.id: set(v.stages) for v in kms.list_secret_version_ids(NAME) or ()}


def test_reserved_secret_is_described(kms: KmsAdapter) -> None:
    """Name and tags as given, not in deletion, one version that is no key."""
    state = kms.describe_secret(NAME)

    assert state is not None
    assert (NAME, TAGS, "") == (state.name, dict(state.tags), state.deletes_at)
    assert {"reserve": {"ACSCurrent"}} == stages(kms)


def test_no_secret_is_none_and_has_no_versions(kms: KmsAdapter) -> None:
    """Asked and answered: there is none."""
    assert kms.describe_secret("akw/none/prod") is None
    assert kms.list_secret_version_ids("akw/none/prod") is None


def test_key_is_stored_as_pending_and_made_current(kms: KmsAdapter) -> None:
    """Readers see the former version until the label moves."""
    kms.put_secret_value(NAME, "LTAI1", VALUE, "AkwPending")
    before = kms.get_secret_value(NAME).reveal()
    kms.update_secret_version_stage(NAME, "ACSCurrent", "LTAI1")

    assert "{}" == before
    assert VALUE.reveal() == kms.get_secret_value(NAME).reveal()
    assert {"ACSCurrent", "AkwPending"} == stages(kms)["LTAI1"]
    assert "ACSCurrent" not in stages(kms)["reserve"]


def test_version_without_a_label_is_listed(kms: KmsAdapter) -> None:
    """Which keys have their secret stored must not depend on labels."""
    kms.put_secret_value(NAME, "LTAI1", VALUE, "AkwPending")
    kms.put_secret_value(NAME, "LTAI2", Secret("another"), "AkwPending")

    assert {"reserve", "LTAI1", "LTAI2"} == set(stages(kms))
    assert set() == stages(kms)["LTAI1"]


def test_secret_is_listed_by_its_name(kms: KmsAdapter) -> None:
    """For one candidate no page of everything; none is no error."""
    assert [NAME] == [secret.name for secret in kms.list_secrets(NAME)]
    assert [] == kms.list_secrets(NAME[:-1])


def test_all_pages_are_read(kms: KmsAdapter, monkeypatch: pytest.MonkeyPatch,
                            local: LocalCloud) -> None:  # fmt: skip
    """I6: a page is not the list."""
    monkeypatch.setattr(kms_module, "PAGE_SIZE", 1)
    kms.put_secret_value(NAME, "LTAI1", VALUE, "AkwPending")
    kms.put_secret_value(NAME, "LTAI2", Secret("another"), "AkwPending")
    local.cloud.history.clear()

    assert {"reserve", "LTAI1", "LTAI2"} == set(stages(kms))
    assert 3 < len(local.calls("ListSecretVersionIds"))


def test_stored_again_is_success_but_other_data_is_not(kms: KmsAdapter) -> None:
    """The retry of a lost answer changes nothing; a version is never overwritten."""
    kms.put_secret_value(NAME, "LTAI1", VALUE, "AkwPending")
    kms.put_secret_value(NAME, "LTAI1", VALUE, "AkwPending")

    with pytest.raises(AlreadyExists) as raised:
        kms.put_secret_value(NAME, "LTAI1", OTHER, "AkwPending")

    assert OTHER.reveal() not in shown(raised.value)


def test_taken_name_is_already_exists(kms: KmsAdapter) -> None:
    """Ours or not: the tags say."""
    with pytest.raises(AlreadyExists):
        kms.create_secret(NAME, VALUE, policy=POLICY, tags=TAGS)


def test_secret_in_its_deletion_window_says_so(
    kms: KmsAdapter, local: LocalCloud, admin: Credentials, endpoint: Endpoint
) -> None:
    """The name is neither free nor usable: a refusal of its own, and the day it ends."""
    client = Client(tea.config("kms.cn-hangzhou.aliyuncs.com", endpoint, admin))
    client.delete_secret(models.DeleteSecretRequest(
        secret_name=NAME, recovery_window_in_days="7"))  # fmt: skip

    state = kms.describe_secret(NAME)
    with pytest.raises(CloudRefused):
        kms.create_secret(NAME, VALUE, policy=POLICY, tags=TAGS)

    assert state is not None
    assert state.deletes_at


def test_secret_names_its_readers(kms: KmsAdapter, local: LocalCloud) -> None:
    """The policy comes with the creation: the named role reads, the broker never does."""
    policy = json.loads(local.cloud.kms.secrets[NAME].policy)

    readers, broker = policy["Statement"]
    assert [f"acs:ram::{ACCOUNT}:role/orders-reader"] == readers["Principal"]["RAM"]
    assert "kms:GetSecretValue" in readers["Action"]
    assert "kms:GetSecretValue" not in broker["Action"]


def test_version_that_is_not_there_is_refused(kms: KmsAdapter) -> None:
    """A label never moves to nothing."""
    with pytest.raises(NotFound):
        kms.update_secret_version_stage(NAME, "ACSCurrent", "LTAI-none")


@pytest.mark.parametrize("action", CALLS)
def test_missing_permission_is_not_permitted(
    kms: KmsAdapter, endpoint: Endpoint, stranger: Credentials, action: str
) -> None:
    """I6: what may not be read is unknown, not `none`; and the value stays hidden."""
    forbidden = KmsAdapter(
        endpoint, stranger, instance_id="kst-emulator0001", key_id="key-emulator0001"
    )

    with pytest.raises(NotPermitted) as raised:
        CALLS[action](forbidden)

    assert VALUE.reveal() not in shown(raised.value)


@pytest.mark.parametrize("action", CALLS)
@pytest.mark.parametrize("kind", ["throttle", "drop", "error"])
def test_hiccup_is_waited_out(
    kms: KmsAdapter, local: LocalCloud, kind: str, action: str
) -> None:
    """Every call here can be repeated: by its name, or with the same value."""
    local.fault(kind, action)

    try:
        CALLS[action](kms)
    except AlreadyExists:
        assert ("drop", "CreateSecret") == (kind, action)
    assert 2 == len(local.calls(action))


@pytest.mark.parametrize("action", CALLS)
@pytest.mark.parametrize(("kind", "error"), [("throttle", Throttled), ("drop", CloudUnknown)])
def test_patience_ends_without_a_word_of_the_value(
    kms: KmsAdapter, local: LocalCloud, kind: str, error: type[Exception], action: str
) -> None:
    """I4: neither what was sent nor what was answered is in the error."""
    local.fault(kind, action, times=0)

    with pytest.raises(error) as raised:
        CALLS[action](kms)

    assert VALUE.reveal() not in shown(raised.value)
    assert raised.value.__context__ is None


@pytest.mark.parametrize("cut_bytes", [0, 1, 20])
def test_cut_answer_to_get_secret_value_shows_nothing(
    spoilt: Callable[[bytes], SpoiltCloud], endpoint: Endpoint, admin: Credentials,
    cut_bytes: int,
) -> None:  # fmt: skip
    """A value that came in part, or under another name, is unknown and stays hidden."""
    content = {"RequestId": "R", "SecretValue": VALUE.reveal()}
    spoilt(answer(content, cut_bytes=cut_bytes))
    kms = KmsAdapter(endpoint, admin, instance_id="kst-1", key_id="key-1")

    with pytest.raises(CloudUnknown) as raised:
        kms.get_secret_value(NAME)

    assert VALUE.reveal()[:12] not in shown(raised.value)


def test_value_is_never_in_an_address(
    spoilt: Callable[[bytes], SpoiltCloud], endpoint: Endpoint, admin: Credentials
) -> None:
    """Addresses end up in logs of proxies; SDKs before 3.3.1 put the value there."""
    cloud = spoilt(answer({"RequestId": "R"}))
    kms = KmsAdapter(endpoint, admin, instance_id="kst-1", key_id="key-1")

    kms.put_secret_value(NAME, "LTAI1", VALUE, "AkwPending")
    kms.create_secret(NAME, VALUE, policy=POLICY, tags=TAGS)

    heads = [request.partition(b"\r\n\r\n")[0] for request in cloud.requests]
    assert 2 == len(heads)
    assert not [head for head in heads if VALUE.reveal().encode() in head]
