"""What an operation works with: the ports of one invocation, and its terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.leases import LeaseTerms
from shared.ports import AuditLog, Ims, Kms, Ram, Sts


@dataclass(frozen=True)
class Broker:
    """The ports and terms an operation works with; `sleep` takes seconds."""

    ims: Ims
    ram: Ram
    kms: Kms
    sts: Sts
    audit_log: AuditLog
    lease_terms: LeaseTerms
    broker_role: str
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
