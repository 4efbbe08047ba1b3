"""What every source of hints makes of a request: `hear(inbound, channels, place, now)`.

`channels(secret)` reads its part of KMS; both are pure. A source imports its own library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.hints import Hint


@dataclass(frozen=True)
class Heard:
    """A request that its vendor has signed. `hint`: the record to be fetched, None if there is
    nothing to do. `answer`: the JSON by which the vendor knows that it was taken."""

    hint: Hint | None
    answer: Mapping[str, object]
