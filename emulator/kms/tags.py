"""Tags of secrets and keys, by the old pair of actions and by the common three.

The old pair (TagResource, UntagResource) is known to secret policies, the plural one is not.
"""

from __future__ import annotations

from emulator.call import Call
from emulator.kms import errors, parameters
from emulator.kms.access import (
    authorize_key,
    authorize_secret,
    authorized_secret,
    find_key,
    find_secret,
    lookup_key,
)
from emulator.kms.parameters import MAX_TAGS, required, strings
from emulator.kms.product import KMS
from emulator.kms.state import Key, Secret
from emulator.rpc import Answer

MAX_RESOURCES = 50
PAGE_SIZE = 200


def _one_resource(call: Call) -> Secret | Key:
    """What SecretName or KeyId names; certificates are not emulated."""
    names = [n for n in ("SecretName", "KeyId", "CertificateId") if call.text(n)]
    if not names:
        raise errors.parameter_missing("KeyId")
    if len(names) > 1:
        raise errors.parameter_invalid(names[1])
    if names == ["CertificateId"]:
        raise errors.operation_unsupported("Certificates are not emulated.")
    return _resource(call, "secret" if names == ["SecretName"] else "key", call.text(names[0]))


def _resource(call: Call, kind: str, reference: str) -> Secret | Key:
    """The permitted resource; a secret in its deletion window is refused."""
    if kind == "secret":
        return authorized_secret(call, call.entry.action, reference)
    authorize_key(call, call.entry.action, reference)
    return find_key(call, reference)


def _refuse_too_many(resource: Secret | Key, added: dict[str, str]) -> None:
    if len(resource.tags.keys() | added.keys()) > MAX_TAGS:
        raise errors.limit_exceeded("tag")


@KMS.action("TagResource", None, writes=True, group="key-write")
def tag_resource(call: Call) -> Answer:
    """Add or overwrite tags of one secret or key."""
    resource = _one_resource(call)
    required(call, "Tags")
    added = parameters.tags(call)
    _refuse_too_many(resource, added)
    resource.tags.update(added)
    return {}


@KMS.action("UntagResource", None, writes=True, group="key-write")
def untag_resource(call: Call) -> Answer:
    """Remove tags by key; a key that is not there is no error."""
    resource = _one_resource(call)
    required(call, "TagKeys")
    for key in strings(call, "TagKeys") or []:
        resource.tags.pop(key, None)
    return {}


def _kind(call: Call) -> str:
    """`key` or `secret`, of this region."""
    if required(call, "RegionId") != call.cloud.region:
        raise errors.parameter_invalid("RegionId")
    required(call, "ResourceType")
    return parameters.choice(call, "ResourceType", "", ("key", "secret"))


def _references(call: Call) -> list[str]:
    references = call.listed("ResourceId")
    if len(references) > MAX_RESOURCES or not all(references):
        raise errors.parameter_invalid("ResourceId")
    return references


def _resources(call: Call) -> list[Secret | Key]:
    kind, references = _kind(call), _references(call)
    if not references:
        raise errors.parameter_missing("ResourceId.1")
    return [_resource(call, kind, reference) for reference in references]


@KMS.action("TagResources", None, writes=True, group="key-write")
def tag_resources(call: Call) -> Answer:
    """Tag up to 50 resources: all or none."""
    resources = _resources(call)
    added = parameters.checked_tags(call.pairs("Tag"), "Tag")
    if not added:
        raise errors.parameter_missing("Tag.1.Key")
    for resource in resources:
        _refuse_too_many(resource, added)
    for resource in resources:
        resource.tags.update(added)
    return {}


@KMS.action("UntagResources", None, writes=True, group="key-write")
def untag_resources(call: Call) -> Answer:
    """Remove the tags of the given keys, or all tags if `All` is true and no key is given."""
    resources = _resources(call)
    keys = call.listed("TagKey")
    if not keys and not call.boolean("All"):
        raise errors.parameter_missing("TagKey.1")
    for resource in resources:
        for key in keys or list(resource.tags):
            resource.tags.pop(key, None)
    return {}


@KMS.action("ListTagResources", None, group="key-read")
def list_tag_resources(call: Call) -> Answer:
    """Tags by resource, by tag, or both; a NextToken that is empty ends the list."""
    kind = _kind(call)
    wanted = call.pairs("Tag")
    rows = [
        {"ResourceId": name, "ResourceType": kind, "TagKey": key, "TagValue": value}
        for name, tags in _tagged(call, kind)
        if all(key in tags and expected in ("", tags[key]) for key, expected in wanted.items())
        for key, value in tags.items()
        if not wanted or key in wanted
    ]
    start = parameters.integer(call, "NextToken", 0, 0, 999_999_999)
    more = start + PAGE_SIZE < len(rows)
    return {
        "TagResources": {"TagResource": rows[start : start + PAGE_SIZE]},
        "NextToken": str(start + PAGE_SIZE) if more else "",
    }


def _tagged(call: Call, kind: str) -> list[tuple[str, dict[str, str]]]:
    """Names and tags of the resources asked for, or of all of the kind; unknown ones are left out.

    Asked about each resource named, else about the container.
    """
    kms = call.cloud.kms
    references = _references(call)
    if not references:
        call.authorize([(f"kms:{call.entry.action}", kms.arn(kind))])
        kms.purge(call.now)
        held = kms.secrets if kind == "secret" else kms.keys
        return [(name, item.tags) for name, item in held.items()]
    found = [_named(call, kind, reference) for reference in references]
    return [(item.name if isinstance(item, Secret) else item.id, item.tags)
            for item in found if item is not None]  # fmt: skip


def _named(call: Call, kind: str, reference: str) -> Secret | Key | None:
    action = call.entry.action
    if kind == "key":
        authorize_key(call, action, reference)
        return lookup_key(call.cloud.kms, reference)
    secret = find_secret(call, reference)
    authorize_secret(call, action, reference, secret)
    return secret
