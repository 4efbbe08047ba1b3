"""Pages of long lists: `MaxItems`, an opaque `Marker`, `IsTruncated`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import TypeVar

from emulator.call import Call
from emulator.ram import errors
from emulator.rpc import Answer

Item = TypeVar("Item")


def page(
    call: Call, items: Iterable[Item], name: Callable[[Item], str], *, default: int = 100,
    most: int = 1000,
) -> tuple[list[Item], Answer]:
    """The asked page in the order of `name`, and the answer's fields about it.

    The marker holds the last name given out, so that what is created or deleted between two
    pages neither repeats nor hides anything else.
    """
    size = call.integer("MaxItems", default, 1, most)
    after = name_of(call.text("Marker"), "Marker")
    rest = sorted((item for item in items if name(item) > after), key=name)
    found = rest[:size]
    if len(rest) <= size:
        return found, {"IsTruncated": False}
    return found, {"IsTruncated": True, "Marker": marker(name(found[-1]))}


def marker(name: str) -> str:
    """A name as an opaque marker."""
    return base64.urlsafe_b64encode(name.encode()).decode()


def name_of(text: str, parameter: str) -> str:
    """The name inside a marker; empty for an empty one, refused if it is none of ours."""
    try:
        return base64.b64decode(text, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise errors.incorrect(parameter) from None
