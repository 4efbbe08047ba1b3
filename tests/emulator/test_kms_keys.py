"""Keys, ciphers, MACs, instances, tags and passwords through the real SDK."""

from __future__ import annotations

import base64
import json
import string
from typing import Any

import pytest
from alibabacloud_kms20160120 import models as m

from tests.emulator.kms_scenario import (
    INSTANCE,
    KEY,
    KEY_ARN,
    MAC_KEY,
    NAME,
    a_user,
    allow,
    b64,
    client,
    create,
    delete,
    put,
    raw,
    refused,
)

REGION = "cn-hangzhou"


def encrypt(sdk: Any, plaintext: str = "", **more: Any) -> Any:
    request = m.EncryptRequest(key_id=more.pop("key_id", KEY), plaintext=plaintext, **more)
    return sdk.encrypt(request).body


def decrypt(sdk: Any, blob: str, **more: Any) -> Any:
    return sdk.decrypt(m.DecryptRequest(ciphertext_blob=blob, **more)).body


def mac(sdk: Any, message: str = "MTIzNA==", **more: Any) -> Any:
    settings = {"key_id": MAC_KEY, "algorithm": "HMAC_SHA_256", **more}
    return sdk.generate_mac(m.GenerateMacRequest(message=message, **settings)).body


def verified(sdk: Any, value: str, message: str = "MTIzNA==", **more: Any) -> Any:
    settings = {"key_id": MAC_KEY, "algorithm": "HMAC_SHA_256", **more}
    return sdk.verify_mac(m.VerifyMacRequest(message=message, mac=value, **settings)).body


def tags_of(sdk: Any, kind: str = "secret", **more: Any) -> list[tuple[str, str, str]]:
    request = m.ListTagResourcesRequest(region_id=REGION, resource_type=kind, **more)
    rows = sdk.list_tag_resources(request).body.tag_resources.tag_resource
    return [(r.resource_id, r.tag_key, r.tag_value) for r in rows]


def tag_all(sdk: Any, *names: str, kind: str = "secret", **tags: str) -> Any:
    pairs = [m.TagResourcesRequestTag(key=k, value=v) for k, v in tags.items()]
    return sdk.tag_resources(m.TagResourcesRequest(
        region_id=REGION, resource_type=kind, resource_id=list(names), tag=pairs,
    ))  # fmt: skip


def test_fresh_account_has_an_instance_with_two_keys(emulator: Any) -> None:
    """Buying an instance is no API call, so one is there, with its ids documented."""
    sdk = client(emulator)

    instances = sdk.list_kms_instances(m.ListKmsInstancesRequest()).body
    instance = sdk.get_kms_instance(m.GetKmsInstanceRequest(kms_instance_id=INSTANCE)).body
    keys = sdk.list_keys(m.ListKeysRequest(page_number=1, page_size=10)).body

    assert [i.kms_instance_id for i in instances.kms_instances.kms_instance] == [INSTANCE]
    assert instance.kms_instance.status == "Connected"
    assert sdk.get_default_kms_instance().body.default_kms_instance_id == INSTANCE
    assert [(k.key_id, k.key_arn) for k in keys.keys.key] == [
        (KEY, f"{KEY_ARN}/{KEY}"), (MAC_KEY, f"{KEY_ARN}/{MAC_KEY}"),
    ]  # fmt: skip
    with refused(404, "Forbidden.ResourceNotFound"):
        sdk.get_kms_instance(m.GetKmsInstanceRequest(kms_instance_id="kst-none"))
    with refused(400, "InvalidParameter"):
        sdk.list_kms_instances(m.ListKmsInstancesRequest(filters='[{"Key":"x","Values":[]}]'))


def test_quota_infos_count_secrets(emulator: Any) -> None:
    """GetKmsInstanceQuotaInfos is a plain list of quota and use."""
    sdk = client(emulator)
    create(sdk)

    request = m.GetKmsInstanceQuotaInfosRequest(kms_instance_id=INSTANCE, resource_type="secret")
    [row] = sdk.get_kms_instance_quota_infos(request).body.kms_instance_quota_infos

    assert (row.resource_type, row.resource_quota, row.used_quantity) == ("secret", 5000, 1)


def test_created_key_can_hold_secrets(emulator: Any) -> None:
    """CreateKey answers with full metadata, and DescribeKey, by id or ARN, repeats it."""
    sdk = client(emulator)

    made = sdk.create_key(m.CreateKeyRequest(dkmsinstance_id=INSTANCE, description="d")).body
    key = made.key_metadata
    found = sdk.describe_key(m.DescribeKeyRequest(key_id=key.arn)).body.key_metadata

    assert found.to_map() == key.to_map()
    assert (key.key_spec, key.key_usage) == ("Aliyun_AES_256", "ENCRYPT/DECRYPT")
    assert (key.key_state, key.dkmsinstance_id) == ("Enabled", INSTANCE)
    create(sdk, encryption_key_id=key.key_id)
    outside = sdk.create_key(m.CreateKeyRequest()).body.key_metadata
    with refused(400, "InvalidParameter"):
        create(sdk, "other", encryption_key_id=outside.key_id)


@pytest.mark.parametrize(("wanted", "status", "code"), [
    ({"key_spec": "RSA_2048"}, 400, "UnsupportedOperation"),
    ({"key_spec": "Nothing"}, 400, "InvalidParameter"),
    ({"key_usage": "SIGN/VERIFY"}, 400, "InvalidParameter"),
    ({"origin": "EXTERNAL"}, 400, "UnsupportedOperation"),
    ({"dkmsinstance_id": "kst-none"}, 404, "Forbidden.ResourceNotFound"),
    ({"tags": "[1]"}, 400, "InvalidParameter"),
])  # fmt: skip
def test_bad_key_is_refused(emulator: Any, wanted: dict[str, str], status: int, code: str) -> None:
    """What is not emulated is unsupported, what is not known is invalid."""
    with refused(status, code):
        client(emulator).create_key(m.CreateKeyRequest(**wanted))


def test_key_quota_is_the_instance_purchase(emulator: Any) -> None:
    """An instance takes as many keys as were bought."""
    emulator.cloud.kms.instances[INSTANCE].key_quota = 2

    with refused(400, "Rejected.LimitExceeded"):
        client(emulator).create_key(m.CreateKeyRequest(dkmsinstance_id=INSTANCE))


def test_keys_are_filtered(emulator: Any) -> None:
    """ListKeys filters by state, spec, usage, instance and id."""
    sdk = client(emulator)
    wanted = json.dumps([{"Key": "KeyUsage", "Values": ["GENERATE_VERIFY_MAC"]}])

    found = sdk.list_keys(m.ListKeysRequest(filters=wanted)).body

    assert [k.key_id for k in found.keys.key] == [MAC_KEY]


def test_unknown_key_and_alias_have_their_own_codes(emulator: Any) -> None:
    """Both are 404 with names that begin with Forbidden."""
    sdk = client(emulator)

    with refused(404, "Forbidden.KeyNotFound"):
        sdk.describe_key(m.DescribeKeyRequest(key_id="key-none"))
    with refused(404, "Forbidden.AliasNotFound"):
        encrypt(sdk, b64("x"), key_id="alias/none")
    with refused(400, "MissingParameter"):
        sdk.describe_key(m.DescribeKeyRequest())


@pytest.mark.parametrize("size", [1, 31, 32, 33, 6144])
def test_what_was_encrypted_is_decrypted(emulator: Any, size: int) -> None:
    """Decrypt needs no key id: the blob knows its key."""
    sdk = client(emulator)
    plaintext = b64((bytes(range(256)) * 24)[:size])

    sealed = encrypt(sdk, plaintext)

    assert decrypt(sdk, sealed.ciphertext_blob).plaintext == plaintext
    assert plaintext not in base64.b64decode(sealed.ciphertext_blob).decode("latin-1")
    assert sealed.key_id == KEY


def test_context_must_be_the_same(emulator: Any) -> None:
    """EncryptionContext is authenticated, in any order of its members."""
    sdk = client(emulator)
    blob = encrypt(sdk, b64("x"), encryption_context={"a": "1", "b": "2"}).ciphertext_blob

    opened = decrypt(sdk, blob, encryption_context={"b": "2", "a": "1"})

    assert opened.plaintext == b64("x")
    for other in ({}, {"a": "1", "b": "3"}):
        with refused(400, "InvalidParameter"):
            decrypt(sdk, blob, encryption_context=other)


def test_changed_blob_is_refused(emulator: Any) -> None:
    """One changed byte, a stranger's blob and no blob at all are invalid."""
    sdk = client(emulator)
    blob = bytearray(base64.b64decode(encrypt(sdk, b64("x")).ciphertext_blob))
    blob[-1] ^= 1

    for wrong in (b64(bytes(blob)), b64(b"\xff\xfe"), b64(b"\x00"), "no base64", "ü", b64(b"")):
        with refused(400, "InvalidParameter" if wrong else "MissingParameter"):
            decrypt(sdk, wrong)


@pytest.mark.parametrize("wrong", ["no base64!", b64("x" * 6145)])
def test_bad_plaintext_is_refused(emulator: Any, wrong: str) -> None:
    """Plaintext is base64 of at most 6 KB."""
    with refused(400, "InvalidParameter"):
        encrypt(client(emulator), wrong)


@pytest.mark.parametrize(("asked", "size"), [
    ({}, 32),
    ({"key_spec": "AES_128"}, 16),
    ({"number_of_bytes": 1024, "key_spec": "AES_128"}, 1024),
])  # fmt: skip
def test_data_key_has_the_size_asked_for(emulator: Any, asked: dict[str, Any], size: int) -> None:
    """NumberOfBytes wins over KeySpec; the blob holds the same key."""
    sdk = client(emulator)

    made = sdk.generate_data_key(m.GenerateDataKeyRequest(key_id=KEY, **asked)).body

    assert len(base64.b64decode(made.plaintext)) == size
    assert decrypt(sdk, made.ciphertext_blob).plaintext == made.plaintext
    assert {"kind": "data-key", "owner": KEY, "value": made.plaintext} in emulator.cloud.secrets


@pytest.mark.parametrize("asked", [{"key_spec": "AES_512"}, {"number_of_bytes": 1025}])
def test_bad_data_key_is_refused(emulator: Any, asked: dict[str, Any]) -> None:
    """Only documented specs and 1 to 1024 bytes."""
    with refused(400, "InvalidParameter"):
        client(emulator).generate_data_key(m.GenerateDataKeyRequest(key_id=KEY, **asked))


@pytest.mark.parametrize("action", ["Encrypt", "Decrypt", "GenerateDataKey", "GenerateMac"])
def test_bad_context_and_octets_are_never_a_500(emulator: Any, action: str) -> None:
    """Nonsense in every parameter is a 4xx in KMS's words."""
    for nonsense in ("[" * 20000, "{", '{"a":1}', "\x00", "😀", "null", "7"):
        status, answer = raw(emulator, action, dict.fromkeys(
            ("KeyId", "Plaintext", "CiphertextBlob", "EncryptionContext", "Message", "Algorithm"),
            nonsense,
        ) | {"KeyId": KEY})  # fmt: skip

        assert 400 <= status < 500, answer


def test_encryption_context_must_be_an_object_of_strings(emulator: Any) -> None:
    """Lists, numbers and nested objects are no context."""
    for wrong in ("[1]", "[]", "7", "0", "null", '{"a":1}', '{"a":{}}'):
        asked = {"KeyId": KEY, "Plaintext": b64("x"), "EncryptionContext": wrong}
        status, answer = raw(emulator, "Encrypt", asked)

        assert (status, answer["Code"]) == (400, "InvalidParameter")


def test_mac_is_verified(emulator: Any) -> None:
    """A right MAC is true, a MAC of another message false, without an error."""
    sdk = client(emulator)

    made = mac(sdk)

    assert (made.key_id, made.algorithm) == (MAC_KEY, "HMAC_SHA_256")
    assert len(base64.b64decode(made.mac)) == 32
    assert verified(sdk, made.mac).value is True
    assert verified(sdk, made.mac, b64("other")).value is False
    assert verified(sdk, b64("short")).value is False


@pytest.mark.parametrize(("spec", "algorithm", "size"), [
    ("HMAC_SHA224", "HMAC_SHA_224", 28), ("HMAC_SHA384", "HMAC_SHA_384", 48),
    ("HMAC_SHA512", "HMAC_SHA_512", 64),
])  # fmt: skip
def test_mac_keys_have_one_algorithm(emulator: Any, spec: str, algorithm: str, size: int) -> None:
    """The key's spec fixes algorithm and length."""
    sdk = client(emulator)
    key = sdk.create_key(m.CreateKeyRequest(dkmsinstance_id=INSTANCE, key_spec=spec)).body

    made = mac(sdk, key_id=key.key_metadata.key_id, algorithm=algorithm)

    assert len(base64.b64decode(made.mac)) == size
    with refused(400, "InvalidParameter"):
        mac(sdk, key_id=key.key_metadata.key_id)


def test_keys_do_only_what_they_are_for(emulator: Any) -> None:
    """A MAC key encrypts nothing, a symmetric key makes no MAC."""
    sdk = client(emulator)

    with refused(400, "UnsupportedOperation"):
        encrypt(sdk, b64("x"), key_id=MAC_KEY)
    with refused(400, "UnsupportedOperation"):
        mac(sdk, key_id=KEY)


def test_disabled_key_is_rejected(emulator: Any) -> None:
    """Every use of a key that is not enabled names its state."""
    sdk = client(emulator)
    sdk.disable_key(m.DisableKeyRequest(key_id=MAC_KEY))

    with refused(409, "Rejected.Disabled"):
        mac(sdk)
    emulator.cloud.kms.keys[MAC_KEY].state = "PendingDeletion"
    with refused(409, "Rejected.PendingDeletion"):
        mac(sdk)


@pytest.mark.parametrize(("asked", "code"), [
    ({"algorithm": "HMAC_SM3"}, "InvalidParameter"), ({"algorithm": None}, "MissingParameter"),
    ({"message": "no base64"}, "InvalidParameter"), ({"message": None}, "MissingParameter"),
    ({"key_id": None}, "MissingParameter"),
])  # fmt: skip
def test_bad_mac_request_is_refused(emulator: Any, asked: dict[str, Any], code: str) -> None:
    """Key, algorithm and base64 message are all required."""
    with refused(400, code):
        mac(client(emulator), **asked)


def test_dry_run_covers_keys(emulator: Any) -> None:
    """DryRun ends a MAC or an encryption in a refusal that says how it would have ended."""
    sdk = client(emulator)
    nobody = client(emulator, a_user(emulator, "nobody"))

    with refused(400, "DryRunOperationError"):
        mac(sdk, dry_run="true")
    with refused(400, "ValidationError"):
        encrypt(sdk, "no base64", dry_run="true")
    with refused(400, "AccessDeniedError"):
        mac(nobody, dry_run="true")


def test_keys_are_asked_about_by_id(emulator: Any) -> None:
    """A right on one key is no right on another, nor on the container."""
    user = client(emulator, a_user(emulator, "u", allow("kms:*", f"{KEY_ARN}/{KEY}")))
    blob = encrypt(user, b64("x")).ciphertext_blob

    assert decrypt(user, blob).plaintext == b64("x")
    for use in (
        lambda: mac(user),
        lambda: user.list_keys(m.ListKeysRequest()),
        lambda: user.create_key(m.CreateKeyRequest()),
        lambda: user.describe_key(m.DescribeKeyRequest(key_id=MAC_KEY)),
        lambda: user.list_kms_instances(m.ListKmsInstancesRequest()),
    ):
        with refused(403, "Forbidden.NoPermission"):
            use()


def test_secrets_and_keys_carry_tags(emulator: Any) -> None:
    """TagResource and UntagResource work on either; the list repeats what was set."""
    sdk = client(emulator)
    create(sdk)
    for target in ({"secret_name": NAME}, {"key_id": KEY}):
        tags = '[{"TagKey":"a","TagValue":"1"},{"TagKey":"b","TagValue":"2"}]'
        sdk.tag_resource(m.TagResourceRequest(tags=tags, **target))
        sdk.untag_resource(m.UntagResourceRequest(tag_keys='["a","none"]', **target))

    assert tags_of(sdk) == [(NAME, "b", "2")]
    assert tags_of(sdk, "key", resource_id=[KEY, "key-none"]) == [(KEY, "b", "2")]


def test_tag_resources_is_all_or_nothing(emulator: Any) -> None:
    """One missing resource leaves every other untouched."""
    sdk = client(emulator)
    create(sdk)

    with refused(404, "Forbidden.ResourceNotFound"):
        tag_all(sdk, NAME, "none", owner="alice")

    assert tags_of(sdk) == []
    tag_all(sdk, NAME, owner="alice")
    assert tags_of(sdk) == [(NAME, "owner", "alice")]


def test_tags_are_found_by_key_and_value(emulator: Any) -> None:
    """ListTagResources filters by tags and by resources; an empty result is still a list."""
    sdk = client(emulator)
    create(sdk, "a")
    create(sdk, "b")
    tag_all(sdk, "a", owner="alice", other="x")
    tag_all(sdk, "b", owner="bob")

    by_key = [m.ListTagResourcesRequestTag(key="owner")]
    by_value = [m.ListTagResourcesRequestTag(key="owner", value="bob")]

    assert tags_of(sdk, tag=by_key) == [("a", "owner", "alice"), ("b", "owner", "bob")]
    assert tags_of(sdk, tag=by_value) == [("b", "owner", "bob")]
    assert tags_of(sdk, resource_id=["none"]) == []


def test_untag_resources_by_key_or_all(emulator: Any) -> None:
    """TagKey.N names what goes; All without keys removes everything."""
    sdk = client(emulator)
    create(sdk)
    tag_all(sdk, NAME, a="1", b="2", c="3")
    target = {"region_id": REGION, "resource_type": "secret", "resource_id": [NAME]}

    sdk.untag_resources(m.UntagResourcesRequest(tag_key=["a"], **target))
    assert [key for _, key, _ in tags_of(sdk)] == ["b", "c"]

    sdk.untag_resources(m.UntagResourcesRequest(all=True, **target))
    assert tags_of(sdk) == []
    with refused(400, "MissingParameter"):
        sdk.untag_resources(m.UntagResourcesRequest(**target))


def test_tag_list_pages_by_token(emulator: Any) -> None:
    """200 rows a page; the token is empty at the end."""
    sdk = client(emulator)
    for n in range(11):
        create(sdk, f"s{n}", tags=json.dumps(
            [{"TagKey": f"k{t}", "TagValue": ""} for t in range(20)]
        ))  # fmt: skip
    request = m.ListTagResourcesRequest(region_id=REGION, resource_type="secret")

    first = sdk.list_tag_resources(request).body
    request.next_token = first.next_token
    second = sdk.list_tag_resources(request).body

    assert len(first.tag_resources.tag_resource) == 200
    assert (len(second.tag_resources.tag_resource), second.next_token) == (20, "")
    request.next_token = "nonsense"
    with refused(400, "InvalidParameter"):
        sdk.list_tag_resources(request)


def test_twenty_first_tag_is_refused(emulator: Any) -> None:
    """Twenty tags per resource, however they are added; overwriting one is no new tag."""
    sdk = client(emulator)
    create(sdk)
    tag_all(sdk, NAME, **{f"k{n}": "" for n in range(20)})
    tag_all(sdk, NAME, k0="new")

    with refused(400, "Rejected.LimitExceeded"):
        tag_all(sdk, NAME, more="")
    with refused(400, "Rejected.LimitExceeded"):
        sdk.tag_resource(m.TagResourceRequest(secret_name=NAME, tags='[{"TagKey":"more"}]'))


@pytest.mark.parametrize(("target", "code"), [
    ({}, "MissingParameter"),
    ({"secret_name": NAME}, "MissingParameter"),
    ({"secret_name": NAME, "key_id": KEY, "tags": "[]"}, "InvalidParameter"),
    ({"certificate_id": "c", "tags": "[]"}, "UnsupportedOperation"),
    ({"secret_name": NAME, "tags": "7"}, "InvalidParameter"),
])  # fmt: skip
def test_bad_tagging_is_refused(emulator: Any, target: dict[str, str], code: str) -> None:
    """Exactly one resource and a list of tags."""
    sdk = client(emulator)
    create(sdk)

    with refused(400, code):
        sdk.tag_resource(m.TagResourceRequest(**target))


@pytest.mark.parametrize(("change", "code"), [
    ({"region_id": "cn-beijing"}, "InvalidParameter"),
    ({"region_id": None}, "MissingParameter"),
    ({"resource_type": "certificate"}, "InvalidParameter"),
    ({"resource_type": None}, "MissingParameter"),
    ({"resource_id": None}, "MissingParameter"),
    ({"resource_id": ["x"] * 51}, "InvalidParameter"),
    ({"tag": None}, "MissingParameter"),
    ({"tag": [m.TagResourcesRequestTag(key="aliyun1", value="")]}, "InvalidParameter"),
])  # fmt: skip
def test_bad_common_tagging_is_refused(emulator: Any, change: dict[str, Any], code: str) -> None:
    """Region, type, resources and tags are all required and checked."""
    sdk = client(emulator)
    create(sdk)
    given = {"region_id": REGION, "resource_type": "secret", "resource_id": [NAME],
             "tag": [m.TagResourcesRequestTag(key="k", value="v")], **change}  # fmt: skip

    with refused(400, code):
        sdk.tag_resources(m.TagResourcesRequest(**given))


def test_secret_in_window_takes_no_tags(emulator: Any) -> None:
    """Tagging is a change, and a secret in its window takes none."""
    sdk = client(emulator)
    create(sdk)
    delete(sdk)

    with refused(409, "Rejected.ResourceInDeleteWindow"):
        tag_all(sdk, NAME, a="1")


def test_password_keeps_the_rules(emulator: Any) -> None:
    """Length, excluded characters and one of each included kind."""
    sdk = client(emulator)

    password = sdk.get_random_password(m.GetRandomPasswordRequest(
        password_length="8", exclude_punctuation="true", exclude_characters="abc",
    )).body.random_password  # fmt: skip

    assert len(password) == 8
    assert not set(password) & set("abc" + string.punctuation)
    for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits):
        assert set(password) & set(kind)


@pytest.mark.parametrize("asked", [
    {"password_length": "7"}, {"password_length": "129"}, {"exclude_numbers": "maybe"},
    {"exclude_characters": string.printable},
])  # fmt: skip
def test_impossible_password_is_refused(emulator: Any, asked: dict[str, str]) -> None:
    """8 to 128 characters, drawn from something."""
    with refused(400, "InvalidParameter"):
        client(emulator).get_random_password(m.GetRandomPasswordRequest(**asked))


def test_plaintext_is_kept_out_of_the_history(emulator: Any) -> None:
    """Encrypt sends its plaintext in the query; the history must not repeat it."""
    sdk = client(emulator)
    encrypt(sdk, b64("top secret"))
    create(sdk)
    put(sdk, "v2", "another value")

    history = json.dumps(emulator.cloud.history.since())

    assert b64("top secret") not in history
    assert "another value" not in history
