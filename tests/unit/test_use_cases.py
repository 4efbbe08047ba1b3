"""Every use case has its way without a key."""

from __future__ import annotations

import json

from shared.use_cases import ALTERNATIVES
from tests.unit.samples import ROOT


def test_each_use_case_has_advice() -> None:
    """Whoever does not confirm the necessity is told what to do instead."""
    assert all(len(advice) > 40 and advice.endswith(".") for advice in ALTERNATIVES.values())


def test_schema_names_the_same_use_cases() -> None:
    """The sender's schema and the code know the same words."""
    schema = json.loads((ROOT / "docs" / "ticket.schema.json").read_text("utf-8"))

    assert list(ALTERNATIVES) == schema["$defs"]["ticket"]["properties"]["use_case"]["enum"]
