"""An extension: a later end for a grant that stays as it is, by an approval of its own; pure.

Two tags of the RAM user carry it beside those of the grant, and one call sets both: the end with
the ticket that approved it, and a signature that binds them to this very grant. A later extension
takes their place; what each of them was stands in the audit log.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared import grants, timestamps
from shared.grants import EXTENDED, EXTENDED_SIGNATURE, SIGNATURE
from shared.secrecy import Secret


@dataclass(frozen=True)
class Extension:
    """The end that a grant has now (UTC), and whose ticket gave it."""

    source: str
    ticket_id: str
    expires_at: datetime


def tags(
    user: str, of_grant: Mapping[str, str], extension: Extension, ledger_key: Secret
) -> dict[str, str]:
    """What the user of a grant with these tags is given."""
    value = f"{grants.iso(extension.expires_at)} {extension.source} {extension.ticket_id}"
    return {EXTENDED: value, EXTENDED_SIGNATURE: _signature(user, of_grant, value, ledger_key)}


def read(user: str, found: Mapping[str, str], ledger_key: Secret) -> Extension | None:
    """What a user's tags say; None if they say nothing of an extension. ValueError unless both are
    there and to the letter what we signed, for this grant: then they promise nothing."""
    if EXTENDED not in found and EXTENDED_SIGNATURE not in found:
        return None
    value, signature = found.get(EXTENDED, ""), found.get(EXTENDED_SIGNATURE, "")
    expected = _signature(user, found, value, ledger_key)
    if not hmac.compare_digest(expected.encode(), signature.encode(errors="surrogatepass")):
        raise ValueError("the extension is not signed by us")
    end, source, ticket_id = value.split(" ")
    expires_at = timestamps.parse(end)
    if expires_at is None:
        raise ValueError("the extension is of no form that this version knows")
    return Extension(source, ticket_id, expires_at)


def _signature(user: str, of_grant: Mapping[str, str], value: str, ledger_key: Secret) -> str:
    facts = {"grant": of_grant.get(SIGNATURE, ""), "extended": value}
    return grants.sign(user, facts, "", ledger_key)
