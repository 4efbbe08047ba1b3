"""A handler two levels deep."""

from __future__ import annotations

from typing import Any

from . import __name__ as parent


def handler(event: bytes, context: Any) -> dict[str, str]:
    return {"parent": parent, "module": __name__}
