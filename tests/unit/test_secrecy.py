"""A secret shows itself to nobody who does not ask for it by name."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import pytest

from shared.ports import NewKey
from shared.secrecy import Secret

TEXT = "s3cr3t-of-no-one"
SECRET = Secret(TEXT)

VIEWS: dict[str, Callable[[Secret], object]] = {
    "str": str,
    "repr": repr,
    "format": lambda secret: f"{secret} {secret!r} {secret!s} {secret:>20}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 (what loggers do)
    "list": lambda secret: repr([secret]),
    "key": lambda secret: repr(NewKey("id", secret, datetime.now(UTC), "request")),
    "hash": lambda secret: repr(hash(secret)),
}


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_shows_it(view: str) -> None:
    """Every way of turning it into text hides it."""
    shown = str(VIEWS[view](SECRET))

    assert TEXT not in shown


@pytest.mark.parametrize(
    "take", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars, lambda s: s + "x", bytes]
)
def test_it_cannot_be_taken_along(take: Callable[[Secret], object]) -> None:
    """No pickle, no copy, no JSON; the refusal does not show it either."""
    with pytest.raises(TypeError) as raised:
        take(SECRET)

    assert TEXT not in "".join(traceback.format_exception(raised.value))


def test_dataclass_that_holds_one_cannot_be_dumped() -> None:
    """`asdict` copies: it is refused with the rest."""

    @dataclass
    class Holder:
        key: Secret

    with pytest.raises(TypeError):
        asdict(Holder(SECRET))


def test_comparison_tells_nothing() -> None:
    """Equal texts are unequal secrets, so that an assertion never prints two of them."""
    assert Secret(TEXT) != Secret(TEXT)
    assert SECRET == SECRET


def test_reveal_is_the_text() -> None:
    """Where it leaves for KMS or signs, it is whole."""
    assert TEXT == SECRET.reveal()
