"""Configuration errors are told all at once, each with its place."""

from __future__ import annotations

import pytest

from shared.config_tables import read
from shared.errors import ConfigError

_TEXT = """
name = 7
few = []
size = true
on = "yes"
misspelt = 1
[inner]
name = " "
[inner.deeper]
"""


def test_every_kind_of_problem_has_its_place() -> None:
    """One run shows the author everything that is wrong."""
    root, problems = read(_TEXT)

    values = (
        root.text("name"), root.texts("few"), root.whole("size", least=1, most=9), root.flag("on"),
        root.table("inner").text("name"), root.table("on").names(), root.tables("inner"),
        root.table("absent").names(), root.table("absent", required=True).names(),
        root.whole("absent", least=1, most=9, default=5),
        root.whole("size", least=1, most=9, default=5),
    )  # fmt: skip
    root.end()

    assert ("", (), 1, False, "", (), [], (), (), 5, 1) == values
    assert [
        "name: must be a text that is not empty",
        "few: must be a list of at least 1 texts",
        "size: must be an integer from 1 to 9",
        "on: must be true or false",
        "inner.name: must be a text that is not empty",
        "on: must be a table",
        "inner: must be a list of at least one table",
        "absent: must be a table",
        "size: must be an integer from 1 to 9",
        "misspelt: is not known here",
    ] == problems


def test_what_is_no_toml_is_a_config_error() -> None:
    """A broken file is told like any other problem."""
    with pytest.raises(ConfigError) as caught:
        read("a = ")

    assert "config_invalid" == caught.value.reason
    assert 1 == len(caught.value.problems)
