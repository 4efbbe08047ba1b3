"""Tags of roles and policies; tags of users are IMS's. AccessKeys cannot be tagged.

RAM's API takes lists as JSON strings. Source: RAM, TagResources, UntagResources,
ListTagResources. The codes about bad tags are ours: the pages list none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from emulator.call import Call
from emulator.ram import errors, quotas
from emulator.ram.paging import marker, name_of
from emulator.ram.product import RAM
from emulator.rpc import Answer


class Tagged(Protocol):
    """A role, a policy or a user."""

    name: str
    tags: dict[str, str]


def checked(tags: Mapping[str, str], *, longest_value: int) -> dict[str, str]:
    """Tags that may be stored: at most 20, keys of 1 to 128 characters, none reserved."""
    if len(tags) > quotas.TAGS:
        raise errors.limit_exceeded("Tag")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128:
            raise errors.wrong_length("TagKey")
        if key.lower().startswith(("acs:", "aliyun")) or _is_address(key):
            raise errors.incorrect("TagKey")
        if len(value) > longest_value:
            raise errors.wrong_length("TagValue")
        if _is_address(value):
            raise errors.incorrect("TagValue")
    return dict(tags)


def _is_address(text: str) -> bool:
    return "http://" in text or "https://" in text or not _is_text(text)


def _is_text(text: str) -> bool:
    """JSON can smuggle in half a surrogate pair, which nothing can print again."""
    return not any("\ud800" <= c <= "\udfff" for c in text)


def add_to_all(tagged: Sequence[Tagged], tags: Mapping[str, str]) -> None:
    """Merge new tags in; none is changed if one of them would exceed the quota."""
    if any(len({**one.tags, **tags}) > quotas.TAGS for one in tagged):
        raise errors.limit_exceeded("Tag")
    for one in tagged:
        one.tags.update(tags)


def remove_from_all(tagged: Sequence[Tagged], keys: Sequence[str], *, everything: bool) -> None:
    """Take the named tags away; all of them if no key is named and All is true."""
    for one in tagged:
        for key in list(one.tags) if everything and not keys else keys:
            one.tags.pop(key, None)


def described(tags: Mapping[str, str]) -> Answer:
    """The doubly nested form of lists of users, roles and policies."""
    return {"Tag": [{"TagKey": key, "TagValue": value} for key, value in tags.items()]}


def matches(tagged: Tagged, wanted: Mapping[str, str]) -> bool:
    """Whether all wanted keys are there; an empty wanted value matches any."""
    return all(
        key in tagged.tags and value in ("", tagged.tags[key]) for key, value in wanted.items()
    )


def given(call: Call) -> dict[str, str]:
    """The JSON parameter Tag: `[{"Key": …, "Value": …}]`; empty if absent."""
    found = call.structured("Tag")
    if found is None:
        return {}
    if not isinstance(found, list) or not all(isinstance(tag, dict) for tag in found):
        raise errors.wrong_format("Tag")
    pairs = [(tag.get("Key"), tag.get("Value", "")) for tag in found]
    if not all(isinstance(key, str) and isinstance(value, str) for key, value in pairs):
        raise errors.wrong_format("Tag")
    return dict(pairs)


def _strings(call: Call, name: str) -> list[str]:
    found = call.structured(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise errors.wrong_format(name)
    return found


def _kind(call: Call) -> str:
    kind = call.required("ResourceType")
    if kind not in ("role", "policy"):
        raise errors.incorrect("ResourceType")
    return kind


def _resources(call: Call) -> list[str]:
    """What RAM is asked about: each named role or policy, or all of the type."""
    names = call.structured("ResourceNames")
    named = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    return [f"{call.text('ResourceType')}/{name}" for name in named or ["*"]]


def _named(call: Call) -> list[Tagged]:
    kind, names, ram = _kind(call), _strings(call, "ResourceNames"), call.cloud.ram
    if len(names) > quotas.TAGGED_RESOURCES_PER_CALL:
        raise errors.wrong_length("ResourceNames")
    found: list[Tagged] = []
    for name in names:
        tagged = ram.roles.get(name) if kind == "role" else ram.policies.get(("Custom", name))
        if tagged is None:
            raise errors.not_exist("Role" if kind == "role" else "Policy")
        found.append(tagged)
    return found


@RAM.action("TagResources", _resources, writes=True)
def tag_resources(call: Call) -> Answer:
    call.required("ResourceNames")
    call.required("Tag")
    tags = checked(given(call), longest_value=256)
    add_to_all(_named(call), tags)
    return {}


@RAM.action("UntagResources", _resources, writes=True)
def untag_resources(call: Call) -> Answer:
    call.required("ResourceNames")
    keys, everything = _strings(call, "TagKeys"), call.boolean("All")
    remove_from_all(_named(call), keys, everything=everything)
    return {}


@RAM.action("ListTagResources", _resources)
def list_tag_resources(call: Call) -> Answer:
    """Flat, unlike every other list of this API; paged by NextToken and PageSize."""
    kind, ram = _kind(call), call.cloud.ram
    everything: list[Tagged] = list(
        ram.roles.values() if kind == "role" else
        (p for p in ram.policies.values() if p.type == "Custom")
    )  # fmt: skip
    asked = _named(call) or everything
    rows, wanted = rows_of(asked, given(call)), call.integer("PageSize", 20, 1, 100)
    found, token = sliced(call, rows, wanted)
    answer: Answer = {
        "TagResources": [
            {"ResourceType": kind, "ResourceName": tagged.name, "TagKey": key, "TagValue": value}
            for tagged, key, value in found
        ]
    }
    return answer | ({"NextToken": token} if token else {})


def rows_of(tagged: Sequence[Tagged], wanted: Mapping[str, str]) -> list[tuple[Tagged, str, str]]:
    """One row per tag of what carries all wanted tags (only those tags, if any are wanted)."""
    return [
        (one, key, value)
        for one in tagged
        if matches(one, wanted)
        for key, value in one.tags.items()
        if not wanted or key in wanted
    ]


def sliced(
    call: Call, rows: list[tuple[Tagged, str, str]], size: int
) -> tuple[list[tuple[Tagged, str, str]], str]:
    """The page after NextToken, and the token of the next one (empty at the end)."""
    after = name_of(call.text("NextToken"), "NextToken")
    rest = sorted((r for r in rows if _position(r) > after), key=_position)
    token = marker(_position(rest[size - 1])) if len(rest) > size else ""
    return rest[:size], token


def _position(row: tuple[Tagged, str, str]) -> str:
    return f"{row[0].name}\n{row[1]}"
