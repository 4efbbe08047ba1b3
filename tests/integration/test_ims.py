"""IMS through its SDK: a user and its grant in one call, and a key's network policy."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from shared.adapters import ims as ims_module
from shared.adapters.ims import ImsAdapter
from shared.adapters.ram import RamAdapter
from shared.adapters.tea import Credentials, Endpoint
from shared.errors import AlreadyExists, CloudUnknown, NotFound, NotPermitted
from shared.ports import LastUse
from tests.integration.clouds import ACCOUNT, LocalCloud, SpoiltCloud, answer

DOMAIN = f"{ACCOUNT}.onaliyun.com"
NAME = "akw-orders-prod"
TAGS = {"akw:ticket": "REQ-1", "akw:requester": "alice@example.com", "akw:sig": "0" * 64}
CALLS: dict[str, Callable[[ImsAdapter], object]] = {
    "ListUsersInRecycleBin": lambda ims: ims.list_users_in_recycle_bin(NAME),
    "DeleteUserInRecycleBin": lambda ims: ims.delete_user_in_recycle_bin("2"),
    "ListAccessKeysInRecycleBin": lambda ims: ims.list_access_keys_in_recycle_bin("2"),
    "DeleteAccessKeyInRecycleBin": lambda ims: ims.delete_access_key_in_recycle_bin("2", "L"),
    "ListAccessKeys": lambda ims: ims.list_access_keys(NAME),
    "GetAccessKeyLastUsed": lambda ims: ims.get_access_key_last_used(NAME, "LTAI5tNone"),
    "RestoreAccessKeyFromRecycleBin": lambda ims: (
        ims.restore_access_key_from_recycle_bin("2", "LTAI5tNone")),
    "GetUser": lambda ims: ims.get_user(NAME),
    "ListUsers": lambda ims: ims.list_users(TAGS),
    "TagResources": lambda ims: ims.tag_resources(NAME, TAGS),
    "CreateUser": lambda ims: ims.create_user("akw-new", "akw new", {}),
    "SetAccessKeyPolicy": lambda ims: ims.set_access_key_policy(
        NAME, "LTAI5tNone", ["198.51.100.7"]
    ),
    "GetAccessKeyPolicy": lambda ims: ims.get_access_key_policy(NAME, "LTAI5tNone"),
}


@pytest.fixture
def ims(endpoint: Endpoint, admin: Credentials) -> ImsAdapter:
    return ImsAdapter(endpoint, admin, DOMAIN)


@pytest.fixture
def ram(endpoint: Endpoint, admin: Credentials) -> RamAdapter:
    return RamAdapter(endpoint, admin)


def test_tags_are_added_to_those_that_are_there(local: LocalCloud, ims: ImsAdapter) -> None:
    """By one call, which replaces what has the same name; nobody is nobody."""
    ims.create_user(NAME, "akw orders", TAGS)

    request_id = ims.tag_resources(NAME, {"akw:ticket": "REQ-2", "akw:extended": "later"})

    user = ims.get_user(NAME)
    assert user is not None
    assert {**TAGS, "akw:ticket": "REQ-2", "akw:extended": "later"} == dict(user.tags)
    (call,) = local.calls("TagResources")
    assert request_id == call["request_id"]
    with pytest.raises(NotFound):
        ims.tag_resources("akw-nobody", {"akw:extended": "later"})


def test_user_carries_its_grant(local: LocalCloud, ims: ImsAdapter) -> None:
    """Tags come with the creation, are read as they were given, and there is no login."""
    request_id = ims.create_user(NAME, "akw orders", TAGS)
    user = ims.get_user(NAME)

    assert user is not None
    assert (NAME, TAGS) == (user.name, dict(user.tags))
    assert request_id == local.calls("CreateUser")[0]["request_id"]
    assert local.cloud.ram.users[NAME].login_profile is None
    assert user.id == local.cloud.ram.users[NAME].id


def test_user_without_tags_has_none(local: LocalCloud, ims: ImsAdapter) -> None:
    """Somebody's own user: an empty mapping."""
    ims.create_user("heidi", "Heidi", {})

    user = ims.get_user("heidi")

    assert user is not None
    assert {} == dict(user.tags)


def test_no_user_is_none(local: LocalCloud, ims: ImsAdapter) -> None:
    """Asked and answered: there is none."""
    assert ims.get_user("akw-nobody") is None


def test_users_are_found_by_all_their_tags(local: LocalCloud, ims: ImsAdapter) -> None:
    """Every tag must fit; others may stand beside them."""
    ticket = {"akw:source": "standard-webhooks", "akw:ticket": "REQ-1"}
    ims.create_user(NAME, "akw orders", ticket | {"akw:sig": "0"})
    ims.create_user("akw-billing-prod", "akw billing", ticket)
    ims.create_user("akw-other-prod", "akw other", ticket | {"akw:ticket": "REQ-10"})
    ims.create_user("heidi", "Heidi", {})

    found = ims.list_users(ticket)

    assert {NAME, "akw-billing-prod"} == {user.name for user in found}
    assert [] == list(ims.list_users({"akw:ticket": "REQ-2"}))


def test_all_pages_of_users_are_read(
    local: LocalCloud, ims: ImsAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I6: a page is not the account."""
    monkeypatch.setattr(ims_module, "PAGE_SIZE", 2)
    names = [f"akw-app{number}-prod" for number in range(5)]
    for name in names:
        ims.create_user(name, "akw app", TAGS)

    found = ims.list_users(TAGS)

    assert names == sorted(user.name for user in found)
    assert 3 == len(local.calls("ListUsers"))


def test_taken_name_is_already_exists(local: LocalCloud, ims: ImsAdapter) -> None:
    """Ours or not: the tags say."""
    ims.create_user(NAME, "akw orders", TAGS)

    with pytest.raises(AlreadyExists):
        ims.create_user(NAME, "akw orders", TAGS)


def test_key_is_bound_to_its_addresses(
    local: LocalCloud, ims: ImsAdapter, endpoint: Endpoint, admin: Credentials
) -> None:
    """The white list is the ticket's, active, and setting it again is fine."""
    ims.create_user(NAME, "akw orders", TAGS)
    key = RamAdapter(endpoint, admin).create_access_key(NAME)

    assert {} == json.loads(ims.get_access_key_policy(NAME, key.id))
    ims.set_access_key_policy(NAME, key.id, ["203.0.113.0/24"])
    ims.set_access_key_policy(NAME, key.id, ["198.51.100.7", "2001:db8::/48"])

    policy = json.loads(local.cloud.ram.keys[key.id].network_policy)
    assert policy == json.loads(ims.get_access_key_policy(NAME, key.id))
    assert ["198.51.100.7", "2001:db8::/48"] == policy["Statements"][0]["IPList"]
    assert "Active" == policy["Status"]


def test_network_policy_of_no_key_is_not_found(local: LocalCloud, ims: ImsAdapter) -> None:
    """The key went meanwhile."""
    ims.create_user(NAME, "akw orders", TAGS)

    with pytest.raises(NotFound):
        ims.set_access_key_policy(NAME, "LTAI5tNone", ["198.51.100.7"])


@pytest.mark.parametrize("action", CALLS)
def test_missing_permission_is_not_permitted(
    endpoint: Endpoint, stranger: Credentials, action: str
) -> None:
    """I6: a user that may not be read is not a user that is not there."""
    with pytest.raises(NotPermitted):
        CALLS[action](ImsAdapter(endpoint, stranger, DOMAIN))


@pytest.mark.parametrize("kind", ["throttle", "drop", "error"])
def test_hiccup_is_waited_out(local: LocalCloud, ims: ImsAdapter, kind: str) -> None:
    """Reading again changes nothing."""
    ims.create_user(NAME, "akw orders", TAGS)
    local.fault(kind, "GetUser")

    assert ims.get_user(NAME) is not None
    assert 2 == len(local.calls("GetUser"))


def test_lost_answer_of_create_user_becomes_already_exists(
    local: LocalCloud, ims: ImsAdapter
) -> None:
    """The name is deterministic, so it is sent again; the saga then compares the tags."""
    local.fault("drop", "CreateUser")

    with pytest.raises(AlreadyExists):
        ims.create_user(NAME, "akw orders", TAGS)

    assert TAGS == dict((ims.get_user(NAME) or pytest.fail("no user")).tags)


@pytest.mark.parametrize("content", [{}, {"RequestId": "R"}, []], ids=str)
def test_odd_answer_is_unknown(
    spoilt: Callable[[bytes], SpoiltCloud], ims: ImsAdapter, content: object
) -> None:
    """I6: another shape is not `none`."""
    spoilt(answer(content))

    with pytest.raises(CloudUnknown):
        ims.get_user(NAME)
    with pytest.raises(CloudUnknown):
        ims.list_users(TAGS)


def test_owner_of_a_key_is_found_by_the_key_alone(
    local: LocalCloud, ims: ImsAdapter, ram: RamAdapter
) -> None:
    """A leak names a key and nothing else."""
    ims.create_user(NAME, "akw orders", TAGS)
    key = ram.create_access_key(NAME)

    owner = ims.get_user_of_access_key(key.id)

    assert owner is not None
    assert (NAME, TAGS) == (owner.name, dict(owner.tags))
    assert ims.get_user_of_access_key("LTAI5tNobodysKey00000000") is None


def test_deleted_users_and_keys_can_be_purged(
    local: LocalCloud, ims: ImsAdapter, ram: RamAdapter
) -> None:
    """Both recycle bins, by the numeric id of the user."""
    ims.create_user(NAME, "akw orders", TAGS)
    user = ims.get_user(NAME)
    assert user is not None
    key = ram.create_access_key(NAME)
    ram.delete_access_key(NAME, key.id)
    assert [key.id] == list(ims.list_access_keys_in_recycle_bin(user.id) or ())

    ims.delete_access_key_in_recycle_bin(user.id, key.id)

    assert [] == list(ims.list_access_keys_in_recycle_bin(user.id) or ())
    ram.delete_user(NAME)
    assert [user.id] == list(ims.list_users_in_recycle_bin(NAME))
    ims.delete_user_in_recycle_bin(user.id)
    assert [] == list(ims.list_users_in_recycle_bin(NAME))
    assert ims.list_access_keys_in_recycle_bin(user.id) is None
    with pytest.raises(NotFound):
        ims.delete_user_in_recycle_bin(user.id)


def test_keys_are_listed_with_the_moment_of_their_last_change(
    local: LocalCloud, ims: ImsAdapter, ram: RamAdapter
) -> None:
    """That is since when a disabled key has been so; RAM's own list does not tell."""
    ims.create_user(NAME, "akw orders", {})
    first, second = ram.create_access_key(NAME), ram.create_access_key(NAME)
    local.cloud.clock.advance(600)
    ram.update_access_key(NAME, first.id, "Inactive")

    found = {key.id: key for key in ims.list_access_keys(NAME) or ()}

    assert {first.id: "Inactive", second.id: "Active"} == {k: v.status for k, v in found.items()}
    changed, created = found[first.id].changed_at, found[first.id].created_at
    assert changed is not None
    assert created is not None
    assert (changed - created).total_seconds() >= 599
    assert found[second.id].changed_at == found[second.id].created_at
    assert ims.list_access_keys("nobody") is None


@pytest.mark.parametrize("never", ["N/A", ""])
def test_key_that_was_never_used_says_so(
    local: LocalCloud, ims: ImsAdapter, ram: RamAdapter, never: str
) -> None:
    """In either spelling; and a use has its moment and its service."""
    local.cloud.choices.set("unused_key_date", never)
    ims.create_user(NAME, "akw orders", {})
    key = ram.create_access_key(NAME)

    assert LastUse(None) == ims.get_access_key_last_used(NAME, key.id)

    local.cloud.note_use(key.id, "sls")
    used = ims.get_access_key_last_used(NAME, key.id)
    assert "Sls" == used.service
    assert used.at is not None


@pytest.mark.parametrize("used", [{}, {"LastUsedDate": None}, {"LastUsedDate": "yesterday"}])
def test_last_use_that_cannot_be_read_is_unknown(
    spoilt: Callable[[bytes], SpoiltCloud], ims: ImsAdapter, used: object
) -> None:
    """A field that is absent, or no date, is not "never"."""
    spoilt(answer({"RequestId": "r", "AccessKeyLastUsed": used}))

    with pytest.raises(CloudUnknown):
        ims.get_access_key_last_used(NAME, "LTAI5tNone")


def test_deleted_key_comes_back_from_the_recycle_bin(
    local: LocalCloud, ims: ImsAdapter, ram: RamAdapter
) -> None:
    """Under its id; one that is not there is NotFound."""
    ims.create_user(NAME, "akw orders", {})
    key, user = ram.create_access_key(NAME), ims.get_user(NAME)
    assert user is not None
    ram.update_access_key(NAME, key.id, "Inactive")
    ram.delete_access_key(NAME, key.id)

    ims.restore_access_key_from_recycle_bin(user.id, key.id)

    assert [key.id] == [found.id for found in ims.list_access_keys(NAME) or ()]
    with pytest.raises(NotFound):
        ims.restore_access_key_from_recycle_bin(user.id, key.id)
