"""What is not what an operator meant to write is no key that somebody could guess."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared import vendor_secrets
from shared.errors import ConfigError
from shared.secrecy import Secret

GOOD = "sixteen-letters!"
NONES: list[Any] = [None, "", "  ", 7, True, [], {}, ["x" * 16]]


def secret(content: Any) -> Secret:
    return Secret(json.dumps(content))


def test_what_is_meant_is_read() -> None:
    """Members that nobody asks for stay where they are."""
    one = {"token": "t", "key": "k", "more": "m"}

    assert [GOOD] == [s.reveal() for s in vendor_secrets.texts(secret([GOOD]), "V")]
    assert [{"token": "t", "key": "k"}] == vendor_secrets.objects(
        secret([one]), "V", ("token", "key"))
    assert {"token": "t"} == vendor_secrets.members(secret(one), "V", "token")


@pytest.mark.parametrize("value", NONES, ids=repr)
def test_text_that_is_none_is_refused(value: Any) -> None:
    """`null` would be the key "None"."""
    for read in (
        lambda: vendor_secrets.texts(secret([GOOD, value]), "V"),
        lambda: vendor_secrets.objects(secret([{"token": value}]), "V", ("token",)),
        lambda: vendor_secrets.members(secret({"token": value}), "V", "token"),
    ):
        with pytest.raises(ConfigError):
            read()


@pytest.mark.parametrize("text", ["", "[", "null", "[]", "{}", '"sixteen-letters!"', "[" * 9999])
def test_secret_of_another_shape_is_refused_and_not_told(text: str) -> None:
    for read in (
        lambda: vendor_secrets.texts(Secret(text), "V"),
        lambda: vendor_secrets.objects(Secret(text), "V", ("token",)),
        lambda: vendor_secrets.members(Secret(text), "V", "token"),
    ):
        with pytest.raises(ConfigError) as raised:
            read()
        assert raised.value.__cause__ is None
        assert raised.value.__context__ is None
