"""JSON bodies: read with the product's refusals, so that bad input is never a defect of ours."""

from __future__ import annotations

import json
from typing import Any

from emulator.call import Call
from emulator.sls import errors
from emulator.wire import Response

Document = dict[str, Any]


def body(call: Call) -> Document:
    """The request's JSON object; PostBodyInvalid if it is none. Content-Type is not asked for."""
    try:
        found = json.loads(call.request.body)
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()  # lone surrogates, 1e400
    except (ValueError, RecursionError):
        raise errors.body_not_json() from None
    if not isinstance(found, dict):
        raise errors.body_not_json()
    return found


def text(document: Document, name: str, default: str | None = None) -> str:
    """A string property; ParameterInvalid if it is missing without default or of another type."""
    value = document.get(name, default)
    if not isinstance(value, str):
        raise errors.parameter_invalid(f"The parameter {name} is invalid.")
    return value


def integer(document: Document, name: str, default: int | None = None) -> int:
    """A whole number or its digits; ParameterInvalid otherwise."""
    value = document.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise errors.parameter_invalid(f"The parameter {name} must be a positive integer")
    return value


def boolean(document: Document, name: str, default: bool = False) -> bool:
    """JSON's true and false, and the spellings of query strings (`True`, `false`)."""
    value = document.get(name, default)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        value = value.lower() == "true"
    if not isinstance(value, bool):
        raise errors.parameter_invalid(f"The parameter {name} is invalid.")
    return value


def page(call: Call, names: list[Any]) -> list[Any]:
    """The part of a list that `offset` and `size` (100, at most 500) ask for."""
    parameters: Document = dict(call.parameters)
    offset = integer(parameters, "offset", 0)
    size = min(integer(parameters, "size", 100), 500)
    return names[offset : offset + size]


def done() -> Response:
    """The empty answer of every change."""
    return Response(200)
