"""The matrix can fail: each deliberate break of the product is reported as what it breaks."""

from __future__ import annotations

import pytest

from tests.faults.arena import Arena
from tests.faults.cases import parse
from tests.faults.mutations import MUTATIONS, Mutation
from tests.faults.tree import Change, copied


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[m.name for m in MUTATIONS])
def test_broken_rule_is_reported(mutation: Mutation) -> None:
    """A product without that rule violates that invariant, in cases that the matrix has."""
    arena = Arena(changes=mutation.changes)
    try:
        verdicts = arena.run([parse(text) for text in mutation.cases])
    finally:
        arena.stop()

    reported = {name for verdict in verdicts for name in verdict.violations}
    assert mutation.invariant in reported


def test_mutation_that_no_longer_fits_fails_loudly(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """A text that the product does not hold proves nothing."""
    with pytest.raises(ValueError, match="does not hold this text once"):
        copied(tmp_path, [Change("shared/leases.py", "no such text", "")])
