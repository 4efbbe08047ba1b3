"""RAM through its SDK: policies and keys, refusals by name, and keys that are made once only."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from shared.adapters import tea
from shared.adapters.ims import ImsAdapter
from shared.adapters.ram import RamAdapter
from shared.adapters.tea import Credentials, Endpoint
from shared.errors import (
    AlreadyExists,
    CloudError,
    CloudRefused,
    CloudUnknown,
    NotFound,
    NotPermitted,
    Throttled,
)
from tests.integration.clouds import ACCOUNT, LocalCloud, SpoiltCloud, answer, shown

DOCUMENT = json.dumps({
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": ["*"]}],
})  # fmt: skip
KEY = {
    "RequestId": "R", "AccessKey": {
        "AccessKeyId": "LTAI5tSpoilt", "AccessKeySecret": "spoiltSecret0001",
        "CreateDate": "2026-09-01T09:00:00Z", "Status": "Active",
    },
}  # fmt: skip
# Calls that may never be sent a second time without an answer to the first.
ONCE: dict[str, Callable[[RamAdapter], object]] = {
    "CreateAccessKey": lambda ram: ram.create_access_key("akw-orders-prod"),
    "CreatePolicy": lambda ram: ram.create_policy("akw-new", DOCUMENT, ""),
    "DeletePolicy": lambda ram: ram.delete_policy("akw-policy"),
    "CreatePolicyVersion": lambda ram: ram.create_policy_version("akw-policy", DOCUMENT),
}
AGAIN: dict[str, Callable[[RamAdapter], object]] = {
    "GetPolicy": lambda ram: ram.get_policy("akw-policy"),
    "ListAccessKeys": lambda ram: ram.list_access_keys("akw-orders-prod"),
    "AttachPolicyToUser": lambda ram: ram.attach_policy_to_user("akw-policy", "akw-orders-prod"),
    "UpdatePolicyDescription": lambda ram: ram.update_policy_description("akw-policy", "x"),
    "GetPolicyVersion": lambda ram: ram.get_policy_version("akw-policy", "v1"),
    "SetDefaultPolicyVersion": lambda ram: ram.set_default_policy_version("akw-policy", "v1"),
}


@pytest.fixture
def ram(endpoint: Endpoint, admin: Credentials) -> RamAdapter:
    return RamAdapter(endpoint, admin)


@pytest.fixture
def furnished(local: LocalCloud, ram: RamAdapter, endpoint: Endpoint,
              admin: Credentials) -> RamAdapter:  # fmt: skip
    """A user and a policy."""
    ims = ImsAdapter(endpoint, admin, f"{ACCOUNT}.onaliyun.com")
    ims.create_user("akw-orders-prod", "akw orders", {"akw:ticket": "T-1"})
    ram.create_policy("akw-policy", DOCUMENT, "what it is for")
    return ram


def test_policy_is_made_read_and_removed(local: LocalCloud, ram: RamAdapter) -> None:
    """Name, description and document come back as they were given."""
    request_id = ram.create_policy("akw-a", DOCUMENT, '{"akw":"1"}')
    state = ram.get_policy("akw-a")
    ram.delete_policy("akw-a")

    assert state is not None
    assert request_id == local.calls("CreatePolicy")[0]["request_id"]
    assert ("akw-a", '{"akw":"1"}') == (state.name, state.description)
    assert json.loads(DOCUMENT) == json.loads(state.document)
    assert ram.get_policy("akw-a") is None


def test_policy_gets_other_words_and_versions(furnished: RamAdapter) -> None:
    """A new version is in force at once, an old one can be again, of six the oldest goes."""
    wider = DOCUMENT.replace("oss:GetObject", "oss:*")
    furnished.update_policy_description("akw-policy", "other words")
    furnished.create_policy_version("akw-policy", wider)
    after = furnished.get_policy("akw-policy")
    furnished.set_default_policy_version("akw-policy", "v1")
    back = furnished.get_policy("akw-policy")
    for _ in range(4):
        furnished.create_policy_version("akw-policy", wider)

    assert after is not None
    assert back is not None
    assert ("other words", wider, DOCUMENT) == (after.description, after.document, back.document)
    assert [None, wider] == [furnished.get_policy_version("akw-policy", v) for v in ("v1", "v6")]
    assert 5 == len(furnished.list_policy_versions("akw-policy"))
    with pytest.raises(NotFound):
        furnished.set_default_policy_version("akw-policy", "v9")
    with pytest.raises(NotFound):
        furnished.update_policy_description("akw-none", "x")


def test_taken_policy_name_is_already_exists(furnished: RamAdapter) -> None:
    """The lease is won by creating: the second creator must see it."""
    with pytest.raises(AlreadyExists) as raised:
        furnished.create_policy("akw-policy", DOCUMENT, "")

    assert "EntityAlreadyExists.Policy" == raised.value.code
    assert raised.value.request_id


def test_key_is_made_listed_cut_and_removed(
    local: LocalCloud, furnished: RamAdapter
) -> None:
    """The secret is in hand once; the list shows id, status and birth."""
    key = furnished.create_access_key("akw-orders-prod")
    active = furnished.list_access_keys("akw-orders-prod")
    furnished.update_access_key("akw-orders-prod", key.id, "Inactive")
    inactive = furnished.list_access_keys("akw-orders-prod")
    furnished.delete_access_key("akw-orders-prod", key.id)

    assert key.secret.reveal() in local.secrets()
    assert key.secret.reveal() not in repr(key)
    assert [(key.id, "Active", key.created_at)] == [
        (k.id, k.status, k.created_at) for k in active or ()
    ]
    assert ["Inactive"] == [k.status for k in inactive or ()]
    assert [] == furnished.list_access_keys("akw-orders-prod")


def test_keys_of_nobody_are_none(local: LocalCloud, ram: RamAdapter) -> None:
    """No such user is told from a user without keys."""
    assert ram.list_access_keys("akw-nobody") is None


def test_attached_twice_is_already_exists(furnished: RamAdapter) -> None:
    """The saga reads that as success."""
    furnished.attach_policy_to_user("akw-policy", "akw-orders-prod")

    with pytest.raises(AlreadyExists):
        furnished.attach_policy_to_user("akw-policy", "akw-orders-prod")


GONE: dict[str, Callable[[RamAdapter], object]] = {
    "policy": lambda ram: ram.delete_policy("akw-none"),
    "policy_of_user": lambda ram: ram.attach_policy_to_user("akw-none", "akw-orders-prod"),
    "user_of_policy": lambda ram: ram.attach_policy_to_user("akw-policy", "akw-none"),
    "user_of_key": lambda ram: ram.create_access_key("akw-none"),
    "key_to_cut": lambda ram: ram.update_access_key("akw-orders-prod", "LTAI5tNone", "Inactive"),
    "key_to_remove": lambda ram: ram.delete_access_key("akw-orders-prod", "LTAI5tNone"),
}


@pytest.mark.parametrize("what", GONE)
def test_what_is_gone_is_not_found(furnished: RamAdapter, what: str) -> None:
    """Every spelling of `does not exist` is the one error."""
    with pytest.raises(NotFound):
        GONE[what](furnished)


def test_third_key_is_refused_by_its_code(furnished: RamAdapter) -> None:
    """A quota is a plain refusal with the service's own code."""
    furnished.create_access_key("akw-orders-prod")
    furnished.create_access_key("akw-orders-prod")

    with pytest.raises(CloudRefused) as raised:
        furnished.create_access_key("akw-orders-prod")

    assert CloudRefused is type(raised.value)
    assert "LimitExceeded.User.AccessKey" == raised.value.code


@pytest.mark.parametrize("action", [*ONCE, *AGAIN])
def test_missing_permission_is_not_permitted(
    local: LocalCloud, furnished: RamAdapter, endpoint: Endpoint, stranger: Credentials,
    action: str,
) -> None:  # fmt: skip
    """A defect of the deployment has its own name, and a read of it is never `none`."""
    forbidden = RamAdapter(endpoint, stranger)

    with pytest.raises(NotPermitted) as raised:
        (ONCE | AGAIN)[action](forbidden)

    assert 403 == raised.value.status
    assert action == raised.value.action


@pytest.mark.parametrize("action", [*ONCE, *AGAIN])
def test_throttled_call_is_sent_again(
    local: LocalCloud, furnished: RamAdapter, action: str, pauses: list[float]
) -> None:
    """It was not carried out, so that repeating makes no second of anything."""
    local.fault("throttle", action, times=2)
    local.cloud.history.clear()

    (ONCE | AGAIN)[action](furnished)

    assert 3 == len(local.calls(action))
    assert 2 == len(pauses)
    assert all(pause >= tea.FIRST_PAUSE_SECONDS for pause in pauses)
    assert pauses == sorted(pauses)


def test_patience_ends(local: LocalCloud, furnished: RamAdapter, pauses: list[float]) -> None:
    """Five tries; the time they can take is bounded."""
    local.fault("throttle", "CreateAccessKey", times=0)

    with pytest.raises(Throttled):
        furnished.create_access_key("akw-orders-prod")

    assert tea.THROTTLED_TRIES == len(local.calls("CreateAccessKey"))
    assert 10 > sum(pauses)


@pytest.mark.parametrize("action", ONCE)
@pytest.mark.parametrize("kind", ["drop", "error"])
def test_unanswered_change_is_sent_once(
    local: LocalCloud, furnished: RamAdapter, kind: str, action: str
) -> None:
    """A second key is worse than none; a second creator or deleter would not be the first."""
    local.cloud.history.clear()
    local.fault(kind, action)

    with pytest.raises(CloudUnknown) as raised:
        ONCE[action](furnished)

    assert 1 == len(local.calls(action))
    assert not [secret for secret in local.secrets() if secret in shown(raised.value)]


@pytest.mark.parametrize("action", AGAIN)
@pytest.mark.parametrize("kind", ["drop", "error"])
def test_unanswered_repeatable_call_is_sent_again(
    local: LocalCloud, furnished: RamAdapter, kind: str, action: str
) -> None:
    """One hiccup is not an outage; what a lost attach has done is already so."""
    local.fault(kind, action)

    try:
        AGAIN[action](furnished)
    except AlreadyExists:
        assert ("drop", "AttachPolicyToUser") == (kind, action)
    assert 2 == len(local.calls(action))


def test_read_that_is_never_answered_is_unknown(local: LocalCloud, furnished: RamAdapter) -> None:
    """I6: three tries, then unknown; never `none`."""
    local.fault("drop", "GetPolicy", times=0)

    with pytest.raises(CloudUnknown):
        furnished.get_policy("akw-policy")

    assert tea.UNKNOWN_TRIES == len(local.calls("GetPolicy"))


@pytest.mark.parametrize("cut_bytes", [1, 30, 90, 170])
def test_cut_answer_to_create_access_key_is_unknown_and_secret(
    spoilt: Callable[[bytes], SpoiltCloud], ram: RamAdapter, cut_bytes: int
) -> None:
    """The key exists, its secret is lost: no second try, and no part of it in the error."""
    cloud = spoilt(answer(KEY, cut_bytes=cut_bytes))

    with pytest.raises(CloudUnknown) as raised:
        ram.create_access_key("akw-orders-prod")

    assert 1 == len(cloud.requests)
    assert "spoiltSecret" not in shown(raised.value)
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    "content",
    [{}, {"RequestId": "R"}, {"AccessKey": {}}, [], "text", None,
     *({**KEY, "AccessKey": {k: v for k, v in KEY["AccessKey"].items() if k != missing}}  # type: ignore[attr-defined]
       for missing in ("AccessKeyId", "AccessKeySecret", "CreateDate"))],
    ids=str,
)  # fmt: skip
def test_odd_answer_to_create_access_key_is_unknown(
    spoilt: Callable[[bytes], SpoiltCloud], ram: RamAdapter, content: object
) -> None:
    """A key without its secret is never stored as if it were one."""
    spoilt(answer(content))

    with pytest.raises(CloudError) as raised:
        ram.create_access_key("akw-orders-prod")

    assert CloudUnknown is type(raised.value)
    assert "spoiltSecret" not in shown(raised.value)


@pytest.mark.parametrize("content", [{}, {"RequestId": "R"}, {"Policy": {}}], ids=str)
def test_odd_answer_to_a_read_is_unknown(
    spoilt: Callable[[bytes], SpoiltCloud], ram: RamAdapter, content: object
) -> None:
    """I6: an answer of another shape is no `none`, and no empty list."""
    spoilt(answer(content))

    with pytest.raises(CloudUnknown):
        ram.get_policy("akw-policy")
    with pytest.raises(CloudUnknown):
        ram.list_access_keys("akw-orders-prod")
