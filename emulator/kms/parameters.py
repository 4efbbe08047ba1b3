"""KMS parameters, checked: KMS words a missing or wrong one differently from RAM and STS."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from emulator.call import Call
from emulator.kms import errors

T = TypeVar("T")

MAX_TAGS = 20
_TAG_CHARS = 128
_RESERVED_TAG = re.compile(r"(aliyun|acs:)", re.IGNORECASE)


def required(call: Call, name: str) -> str:
    """The parameter's value; `MissingParameter` if it is absent or empty."""
    value = call.text(name)
    if not value:
        raise errors.parameter_missing(name)
    return value


def integer(call: Call, name: str, default: int, low: int, high: int) -> int:
    value = call.text(name)
    if not value:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
        raise errors.parameter_invalid(name)
    return int(value)


def choice(call: Call, name: str, default: str, allowed: Sequence[str]) -> str:
    value = call.text(name) or default
    if value not in allowed:
        raise errors.parameter_invalid(name)
    return value


def structured(call: Call, name: str) -> Any:
    """A JSON parameter, parsed; None if absent. What cannot be printed again is refused."""
    text = call.text(name)
    if not text:
        return None
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is valid JSON
    except (ValueError, RecursionError):
        raise errors.parameter_invalid(name) from None
    return value


def strings(call: Call, name: str) -> list[str] | None:
    """A JSON list of at least one non-empty string; None if absent."""
    value = structured(call, name)
    if value is None and not call.text(name):
        return None
    if not isinstance(value, list) or not value or not all(v and isinstance(v, str) for v in value):
        raise errors.parameter_invalid(name)
    return value


def octets(call: Call, name: str) -> bytes:
    """A required base64 parameter, decoded."""
    try:
        return base64.b64decode(required(call, name), validate=True)
    except (binascii.Error, ValueError):
        raise errors.parameter_invalid(name) from None


def tags(call: Call, name: str = "Tags") -> dict[str, str]:
    """`[{"TagKey":…,"TagValue":…}]` as a mapping; empty if absent."""
    listed = structured(call, name)
    if listed is None and not call.text(name):
        return {}
    if not isinstance(listed, list) or not all(isinstance(tag, dict) for tag in listed):
        raise errors.parameter_invalid(name)
    if len(listed) > MAX_TAGS or not all(isinstance(tag.get("TagKey"), str) for tag in listed):
        raise errors.parameter_invalid(name)
    return checked_tags({tag["TagKey"]: tag.get("TagValue", "") for tag in listed}, name)


def checked_tags(found: dict[str, Any], name: str) -> dict[str, str]:
    """Keys of 1 to 128 characters outside the reserved prefixes, values of at most 128."""
    for key, value in found.items():
        if not isinstance(value, str) or len(value) > _TAG_CHARS:
            raise errors.parameter_invalid(name)
        if not 1 <= len(key) <= _TAG_CHARS or _RESERVED_TAG.match(key):
            raise errors.parameter_invalid(name)
    return found


def filters(call: Call, known: Sequence[str]) -> dict[str, list[str]]:
    """`[{"Key":…,"Values":[…]}]`: at most ten keys of the known ones, ten values each."""
    listed = structured(call, "Filters")
    if listed is None and not call.text("Filters"):
        return {}
    found: dict[str, list[str]] = {}
    if not isinstance(listed, list) or len(listed) > 10:
        raise errors.parameter_invalid("Filters")
    for item in listed:
        key, values = (item.get("Key"), item.get("Values")) if isinstance(item, dict) else (0, 0)
        if key not in known or not isinstance(values, list) or len(values) > 10:
            raise errors.parameter_invalid("Filters")
        if not all(isinstance(value, str) for value in values):
            raise errors.parameter_invalid("Filters")
        found.setdefault(str(key), []).extend(values)
    return found


def page(call: Call, items: Sequence[T], default_size: int) -> tuple[list[T], dict[str, int]]:
    """The asked-for page of `items`, and the three numbers of the answer."""
    number = integer(call, "PageNumber", 1, 1, 999_999_999)
    size = integer(call, "PageSize", default_size, 1, 100)
    shown = list(items[(number - 1) * size : number * size])
    return shown, {"PageNumber": number, "PageSize": size, "TotalCount": len(items)}
