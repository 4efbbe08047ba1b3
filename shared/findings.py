"""A finding of the verification: its class, what it is about, and where it shows."""

from __future__ import annotations

from dataclasses import dataclass

ALTERED, REORDERED, MISSING, FORGED = "altered", "reordered", "missing", "forged"
DIGEST_MISSING, DIGEST_ALTERED = "digest_missing", "digest_altered"
DIGEST_FORKED = "digest_forked"
CLASSES = (ALTERED, REORDERED, MISSING, FORGED, DIGEST_MISSING, DIGEST_ALTERED, DIGEST_FORKED)


@dataclass(frozen=True)
class Finding:
    """`what` is a chain's id or `window <number>`; `where` the views or the place that show it;
    `detail` numbers and ids only."""

    kind: str
    what: str
    where: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}  {self.what}  ({self.where}): {self.detail}"
