"""An amendment: other permissions and addresses for a grant whose key stays, by an approval of its
own; pure.

The policy's Description carries it in the place of what the first ticket asked for, in one text
under a signature of its own, which binds it to all the tags of this very grant. So one call makes
the amended grant the grant: a policy document or a network that lags behind is then what differs
from the approved one, and is put right like any other that does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared import grants, timestamps
from shared.grants import AMENDED_SIGNATURE, SIGNATURE, TAG_PREFIX, Grant
from shared.secrecy import Secret


@dataclass(frozen=True)
class Amendment:
    """Whose ticket gave a grant its present content, and when that was approved (UTC)."""

    source: str
    ticket_id: str
    approved_at: datetime


def description(tags: Mapping[str, str], asked: Grant, ledger_key: Secret) -> str:
    """The policy's Description of a grant with these tags, amended as `asked` says."""
    ticket = asked.ticket
    content = {
        **grants.content_of(ticket),
        "sig": tags.get(SIGNATURE, ""),
        "amended": {
            "source": ticket.source,
            "ticket": ticket.id,
            "approved": asked.tags[f"{TAG_PREFIX}approved"],
            "document": asked.tags[f"{TAG_PREFIX}document"],
        },
    }
    signature = grants.sign_amendment(asked.user, tags, content, ledger_key)
    return grants.compact({**content, AMENDED_SIGNATURE: signature})


def read(content: Mapping[str, object]) -> tuple[Amendment, str] | None:
    """The amendment in a Description whose signature was verified, and the digest of the approved
    document; None if it holds none. ValueError for a form that this version does not know."""
    amended = content.get("amended")
    if amended is None:
        return None
    if not isinstance(amended, dict):
        raise TypeError
    approved_at = timestamps.parse(str(amended["approved"]))
    if approved_at is None:
        raise ValueError
    found = Amendment(str(amended["source"]), str(amended["ticket"]), approved_at)
    return found, str(amended["document"])
