"""Why a grant ends, and what follows from it: pure.

The reason stands in every row of a revocation. It is never renamed; a new one may be added.
"""

from __future__ import annotations

ENDED = "ended"  # its time is over
WITHDRAWN = "withdrawn"  # the ticket says so
LEAKED = "leaked"  # somebody else has the key
OFFBOARDED = "offboarded"  # whoever had it is gone

ALL = (ENDED, WITHDRAWN, LEAKED, OFFBOARDED)


def purges(reason: str) -> bool:
    """Whether nothing may be restorable afterwards, and that has to be proved. For the others an
    administrator can undo a mistake for as long as RAM keeps what is deleted (30 days)."""
    return reason in (LEAKED, OFFBOARDED)
