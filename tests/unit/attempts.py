"""Runs of a later ticket's saga, as FC would start and repeat them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from shared import audit, issuance, naming
from shared.audit import Attempt
from shared.errors import AkwardenError, LeaseHeld
from shared.grants import Grant
from tests.unit.fakes import World

T = TypeVar("T")


def record_of(grant: Grant, action: str) -> Attempt:
    """A record of its own for each run."""
    ticket = grant.ticket
    return audit.attempt(
        audit.Subject.of(ticket), naming.operation_id(ticket.source, ticket.id, action),
        fc_request_id="1-request", fc_function="akw-issue", account_id="1234567890123456",
        region="cn-hangzhou", trigger="webhook", broker_version="0",
    )  # fmt: skip


def until_ended(world: World, once: Callable[[], T]) -> T:
    """Attempts until one ends."""
    for _ in range(20):
        try:
            return once()
        except LeaseHeld as held:
            world.sleep(issuance.patience_seconds(held, world.now, 100))
        except AkwardenError:
            world.sleep(1)
    pytest.fail("it never ended")
