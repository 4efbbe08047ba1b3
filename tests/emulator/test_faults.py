"""Fault rules against RAM, IMS, KMS and STS, each kind seen through the real SDKs."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
import types
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_kms20160120 import models as kms_models
from alibabacloud_kms20160120.client import Client as KmsClient

from emulator import faults
from tests.emulator.conftest import ACCOUNT, Emulator
from tests.emulator.sdk import Sdk, allow, ims, key_of, ram, sts

TRUST = json.dumps({
    "Version": "1",
    "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow",
                   "Principal": {"RAM": [f"acs:ram::{ACCOUNT}:root"]}}],
})  # fmt: skip
WAIT_SECONDS = 10.0


def kms(emulator: Emulator) -> Sdk:
    return Sdk(KmsClient(emulator.config()), kms_models)


def secret(name: str) -> dict[str, str]:
    """CreateSecret's parameters."""
    return {
        "SecretName": name, "SecretData": "value", "VersionId": "v1",
        "DKMSInstanceId": "kst-emulator0001", "EncryptionKeyId": "key-emulator0001",
    }  # fmt: skip


def eventually(reached: Callable[[], object]) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + WAIT_SECONDS
    while not reached() and time.monotonic() < end:
        threading.Event().wait(0.01)
    return bool(reached())


def last(emulator: Emulator) -> dict[str, Any]:
    return emulator.cloud.history.since()[-1]


# -- outage -----------------------------------------------------------------------------------


def test_outage_refuses_every_call_until_it_is_removed(emulator: Emulator) -> None:
    """503 for all actions of the product, for nobody else's; nothing is changed."""
    rule = emulator.cloud.faults.add({"kind": "outage", "product": "ram"})

    refusals = [ram(emulator).refusal("CreateUser", UserName="a") for _ in range(3)]
    refusals.append(ram(emulator).refusal("ListUsers"))
    ims_users = ims(emulator)("ListUsers")["Users"]["User"]
    emulator.cloud.faults.remove(rule.id)

    assert [(503, "ServiceUnavailable")] * 4 == refusals
    assert len(ims_users) == 1
    assert len(ram(emulator)("ListUsers")["Users"]["User"]) == 1


def test_outage_ends_by_the_emulators_clock(emulator: Emulator) -> None:
    """An outage of a minute is over once the clock was advanced by a minute."""
    emulator.cloud.faults.add({"kind": "outage", "product": "kms", "seconds": 60})
    during = kms(emulator).refusal("ListSecrets")

    emulator.cloud.clock.advance(60)

    assert during == (503, "ServiceUnavailable")
    assert kms(emulator)("ListSecrets")["TotalCount"] == 0


def test_outage_is_before_authentication(emulator: Emulator) -> None:
    """A service that is down cannot tell a wrong key from a right one."""
    emulator.cloud.faults.add({"kind": "outage", "product": "sts", "status": 502, "code": "Bad"})

    assert sts(emulator, "LTAIunknown", "x").refusal("GetCallerIdentity") == (502, "Bad")


def test_outage_can_drop_connections(emulator: Emulator) -> None:
    """No answer at all, and nothing done."""
    rule = emulator.cloud.faults.add({"kind": "outage", "product": "ram", "drop": True})

    with pytest.raises(Exception, match="RemoteDisconnected"):
        ram(emulator)("CreateUser", UserName="a")

    assert (last(emulator)["dropped"], last(emulator)["changed"]) == (True, False)
    emulator.cloud.faults.remove(rule.id)
    assert ram(emulator).refusal("GetUser", UserName="a") == (404, "EntityNotExist.User")


# -- lag --------------------------------------------------------------------------------------


def test_lag_hides_a_write_from_reads_for_its_seconds(emulator: Emulator) -> None:
    """A new user is unknown to Get and List of the lagging product until the lag is over."""
    emulator.cloud.faults.add({"kind": "lag", "product": "ram", "seconds": 30})
    admin = ram(emulator)
    admin("CreateUser", UserName="alice")

    hidden = admin.refusal("GetUser", UserName="alice")
    listed = [user["UserName"] for user in admin("ListUsers")["Users"]["User"]]
    lagged = last(emulator)["faults"]
    emulator.cloud.clock.advance(30)

    assert hidden == (404, "EntityNotExist.User")
    assert "alice" not in listed
    assert lagged == ["lag"]
    assert admin("GetUser", UserName="alice")["User"]["UserName"] == "alice"
    assert last(emulator)["faults"] == []


def test_lag_is_of_reads_through_that_product(emulator: Emulator) -> None:
    """IMS sees at once what RAM's own reads do not see yet, and the other way round."""
    rule = emulator.cloud.faults.add({"kind": "lag", "product": "ram", "seconds": 30})
    ram(emulator)("CreateUser", UserName="alice")
    principal = f"alice@{ACCOUNT}.onaliyun.com"

    seen_by_ims = ims(emulator)("GetUser", UserPrincipalName=principal)["User"]["UserName"]
    emulator.cloud.faults.remove(rule.id)
    emulator.cloud.faults.add({"kind": "lag", "product": "ims", "seconds": 30})
    ram(emulator)("DeleteUser", UserName="alice")

    assert seen_by_ims == "alice"
    assert ims(emulator)("GetUser", UserPrincipalName=principal)["User"]["UserName"] == "alice"
    assert ram(emulator).refusal("GetUser", UserName="alice") == (404, "EntityNotExist.User")


def test_lag_leaves_names_unique(emulator: Emulator) -> None:
    """Writes act on the present: a name that no read shows is taken all the same."""
    emulator.cloud.faults.add({"kind": "lag", "seconds": 30})
    admin = ram(emulator)
    admin("CreateUser", UserName="alice")

    assert admin.refusal("CreateUser", UserName="alice") == (409, "EntityAlreadyExists.User")
    assert admin("CreateAccessKey", UserName="alice")["AccessKey"]["AccessKeyId"]


def test_lag_shows_each_state_in_turn(emulator: Emulator) -> None:
    """Reads pass through all states in the order in which they were written."""
    emulator.cloud.faults.add({"kind": "lag", "product": "ram", "seconds": 10})
    admin = ram(emulator)
    for name in ("a", "b", "c"):
        admin("CreateUser", UserName=name)
        emulator.cloud.clock.advance(4)

    seen = []
    for _ in range(4):
        users = [user["UserName"] for user in admin("ListUsers")["Users"]["User"]]
        seen.append("".join(sorted(name for name in users if len(name) == 1)))
        emulator.cloud.clock.advance(4)

    assert seen == ["a", "ab", "abc", "abc"]


def test_lag_begins_with_its_rule(emulator: Emulator) -> None:
    """What was written before the rule was made, or between two rules, is seen at once."""
    admin = ram(emulator)
    first = emulator.cloud.faults.add({"kind": "lag", "product": "ram", "seconds": 30})
    admin("CreateUser", UserName="early")
    emulator.cloud.faults.remove(first.id)
    admin("CreateUser", UserName="between")

    emulator.cloud.faults.add({"kind": "lag", "product": "ram", "seconds": 30})

    for name in ("early", "between"):
        assert admin("GetUser", UserName=name)["User"]["UserName"] == name


def test_lag_of_kms_hides_versions_and_labels(emulator: Emulator) -> None:
    """GetSecretValue answers the former value, ListSecretVersionIds the former versions."""
    client = kms(emulator)
    client("CreateSecret", **secret("s"))
    emulator.cloud.faults.add({"kind": "lag", "product": "kms", "seconds": 5})
    client("PutSecretValue", SecretName="s", SecretData="new", VersionId="v2")

    before = client("GetSecretValue", SecretName="s")["SecretData"]
    versions = client("ListSecretVersionIds", SecretName="s")["VersionIds"]["VersionId"]
    emulator.cloud.clock.advance(5)

    assert before == "value"
    assert [version["VersionId"] for version in versions] == ["v1"]
    assert client("GetSecretValue", SecretName="s")["SecretData"] == "new"


def test_lag_does_not_touch_cryptography(emulator: Emulator) -> None:
    """Encrypt changes nothing and reads nothing: it is no Get, List or Describe."""
    emulator.cloud.faults.add({"kind": "lag", "product": "kms", "seconds": 5})
    client = kms(emulator)
    key_id = client("CreateKey", DKMSInstanceId="kst-emulator0001")["KeyMetadata"]["KeyId"]

    plaintext = base64.b64encode(b"x").decode()
    assert client("Encrypt", KeyId=key_id, Plaintext=plaintext)["KeyId"] == key_id
    assert client.refusal("DescribeKey", KeyId=key_id)[0] == 404


def test_lag_decides_rights_by_the_present(emulator: Emulator) -> None:
    """A policy that was detached does not let a lagging read through."""
    admin = ram(emulator)
    key = key_of(admin, "bob", allow("ram:*"))
    emulator.cloud.faults.add({"kind": "lag", "product": "ram", "seconds": 30})
    assert ram(emulator, *key)("ListUsers")["Users"]["User"]

    admin("DetachPolicyFromUser", PolicyType="Custom", PolicyName="bob-policy", UserName="bob")

    assert ram(emulator, *key).refusal("ListUsers") == (403, "NoPermission")


def test_no_rule_keeps_no_past(emulator: Emulator) -> None:
    """Without a rule of that kind nothing is copied at a write."""
    emulator.cloud.faults.add({"kind": "drop", "product": "sts"})
    ram(emulator)("CreateUser", UserName="alice")

    assert emulator.cloud.faults.past._kept == {}


# -- stale-not-found --------------------------------------------------------------------------


def test_stale_not_found_hides_what_exists_once(emulator: Emulator) -> None:
    """The nth read of something that exists has the product's own NotFound code, the next none."""
    admin = ram(emulator)
    admin("CreateUser", UserName="alice")
    emulator.cloud.faults.add({"kind": "stale-not-found", "product": "ram", "nth": 2})

    assert admin("GetUser", UserName="alice")
    assert admin.refusal("GetUser", UserName="alice") == (404, "EntityNotExist.User")
    assert last(emulator)["faults"] == ["stale-not-found"]
    assert admin("GetUser", UserName="alice")


def test_stale_not_found_counts_reads_of_existing_things_only(emulator: Emulator) -> None:
    """A read that finds nothing anyway, and a list that may be empty, are not counted."""
    admin = ram(emulator)
    admin("CreateUser", UserName="alice")
    rule = emulator.cloud.faults.add({"kind": "stale-not-found", "product": "ram"})

    admin.refusal("GetUser", UserName="nobody")
    admin("ListUsers")
    before = (rule.seen, rule.fired)

    assert before == (0, 0)
    assert admin.refusal("ListAccessKeys", UserName="alice") == (404, "EntityNotExist.User")


@pytest.mark.parametrize("action", ["GetSecretValue", "DescribeSecret", "ListSecretVersionIds"])
def test_stale_not_found_of_kms(emulator: Emulator, action: str) -> None:
    """KMS has its own code; the secret is there afterwards as before."""
    client = kms(emulator)
    client("CreateSecret", **secret("s"))
    emulator.cloud.faults.add({"kind": "stale-not-found", "product": "kms", "action": action})

    assert client.refusal(action, SecretName="s") == (404, "Forbidden.ResourceNotFound")
    assert client(action, SecretName="s")["SecretName"] == "s"


# -- expire-token -----------------------------------------------------------------------------


def session(emulator: Emulator) -> Sdk:
    """RAM as a session of a role with all rights."""
    admin = ram(emulator)
    admin("CreateRole", RoleName="worker", AssumeRolePolicyDocument=TRUST)
    admin("AttachPolicyToRole", PolicyType="System", PolicyName="AdministratorAccess",
          RoleName="worker")  # fmt: skip
    answer = sts(emulator)("AssumeRole", RoleArn=f"acs:ram::{ACCOUNT}:role/worker",
                           RoleSessionName="run")["Credentials"]  # fmt: skip
    return ram(emulator, answer["AccessKeyId"], answer["AccessKeySecret"],
               security_token=answer["SecurityToken"])  # fmt: skip


def test_expired_token_stays_expired(emulator: Emulator) -> None:
    """From the nth call of the session on, whatever it calls; other callers are not counted."""
    worker = session(emulator)
    emulator.cloud.faults.add({"kind": "expire-token", "action": "ListUsers", "nth": 2})
    for _ in range(3):
        ram(emulator)("ListUsers")
    worker("ListUsers")

    expired = (400, "InvalidSecurityToken.Expired")
    assert worker.refusal("ListUsers") == expired
    assert worker.refusal("CreateUser", UserName="a") == expired
    assert ram(emulator)("ListUsers")


# -- delay ------------------------------------------------------------------------------------


def test_delay_past_the_clients_timeout_still_performs(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is gone when the change is made; nothing breaks, and the next call sees it."""
    gate = threading.Event()
    waiting = types.SimpleNamespace(sleep=lambda _: gate.wait(WAIT_SECONDS))
    monkeypatch.setattr(faults, "time", waiting)
    emulator.cloud.faults.add({
        "kind": "delay", "product": "ram", "action": "CreateUser", "seconds": 60,
    })  # fmt: skip

    with caplog.at_level(logging.WARNING):
        with pytest.raises(Exception, match=r"[Tt]imed out"):
            ram(emulator, read_timeout=50)("CreateUser", UserName="alice")
        made_early = "alice" in emulator.cloud.ram.users
        gate.set()
        made = eventually(lambda: last(emulator)["status"] == 200)

    assert not made_early
    assert made
    assert ram(emulator)("GetUser", UserName="alice")["User"]["UserName"] == "alice"
    assert "defect" not in caplog.text


# -- aiming -----------------------------------------------------------------------------------


def test_rule_aims_by_parameters(emulator: Emulator) -> None:
    """Only calls that contain the text are matched, and counted."""
    rule = emulator.cloud.faults.add({
        "kind": "error", "action": "CreateUser", "contains": "UserName=bob", "times": 0,
        "status": 500,
    })  # fmt: skip
    admin = ram(emulator)

    admin("CreateUser", UserName="alice")

    assert admin.refusal("CreateUser", UserName="bob") == (500, "InternalError")
    assert (rule.seen, rule.fired) == (1, 1)


def test_rule_aims_by_parameters_without_seeing_secrets(emulator: Emulator) -> None:
    """A secret's value is no parameter that a rule could look for."""
    rule = emulator.cloud.faults.add({"kind": "drop", "product": "kms", "contains": "value"})

    kms(emulator)("CreateSecret", **secret("s"))

    assert rule.seen == 0
