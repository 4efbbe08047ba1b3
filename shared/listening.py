"""Take in a vendor's signed event: verify, open, hand the hint over to the worker that fetches.

Another vendor is another file in `sources` and one in `records`; nothing here knows which.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from shared import deliveries, handover, key_text
from shared.http_event import Inbound
from shared.refusals import Denied
from shared.sources.heard import Heard

if TYPE_CHECKING:  # an ingress imports what it runs
    from shared.ports import Functions


@dataclass(frozen=True)
class Ear:
    """What an ingress listens with: `hear` is a source's, with its channels and place put in. In
    what is `sealed` nobody can look for pasted keys: random text would be taken for them."""

    hear: Callable[[Inbound, datetime], Heard | Denied]
    sealed: bool
    fetch_function: str
    functions: Callable[[], Functions]


def take(inbound: Inbound, ear: Ear, now: datetime) -> Heard | Denied:
    """The vendor's success means that the hint is handed over; CloudError if it could not be."""
    if len(inbound.body) > deliveries.MAX_BODY_BYTES:
        return Denied("body_too_large")
    heard = ear.hear(inbound, now)
    if isinstance(heard, Denied):
        return heard
    if not ear.sealed and key_text.holds_access_key(inbound.body.decode(errors="replace")):
        return Denied("contains_access_key")
    if heard.hint is not None:
        denied = handover.submit_hint(ear.functions(), ear.fetch_function, heard.hint)
        return denied or heard
    return heard
