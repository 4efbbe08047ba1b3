"""Settings of the property tests: no absolute time limits, as machines differ and are noisy. And
which tests belong together when several processes run them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "akwarden", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("akwarden")


def pytest_itemcollected(item: pytest.Item) -> None:
    """The end-to-end tests stay in one process, and so do those of the fault matrix: each of the
    two sets has clouds of its own, and a test that asks what all others did. Others go by file."""
    folder = item.path.parent.name
    group = folder if folder in ("e2e", "faults") else str(item.path)
    item.add_marker(pytest.mark.xdist_group(group))
