"""System policies."""
from __future__ import annotations

from datetime import datetime

from emulator.ram.state import Policy, PolicyVersion, RamState

ADMIN = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'


def install(ram: RamState, now: datetime) -> None:
    ram.policies[("System", "AdministratorAccess")] = Policy(
        "AdministratorAccess", "System", versions=[PolicyVersion("v1", ADMIN, now)],
        created_at=now, updated_at=now)
