"""Two clouds for the part of the matrix that every test run covers, and its seed.

The seed is another one each day, so that over time everything is drawn; FAULTS_SEED sets it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.faults import running
from tests.faults.arena import Arena
from tests.faults.matrix import Calls


@pytest.fixture(scope="session")
def seed() -> int:
    """Of everything that is drawn; printed with every failure."""
    return int(os.environ.get("FAULTS_SEED", datetime.now(UTC).strftime("%Y%m%d")))


@pytest.fixture(scope="session")
def clouds() -> Iterator[list[Arena]]:
    with running.arenas() as made:
        yield made


@pytest.fixture(scope="session")
def calls(clouds: list[Arena]) -> Calls:
    """The calls of a clean run of each workflow."""
    return running.recorded(clouds[0], times=1)
