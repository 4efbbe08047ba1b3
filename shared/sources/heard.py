"""What the sources of hints have in common.

Each is a file with `hear(inbound, channels, place, now)`, which makes a `Heard` or a refusal of a
request, and `channels(secret)`, which reads its part of KMS; both are pure. `SEALED` says whether
its bodies are encrypted. A source imports its own library only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.fields import Refused, decoded
from shared.hints import Hint
from shared.refusals import Denied

# Neither DingTalk nor Feishu names a window for its timestamp; Feishu's last repeat comes hours
# later, with a new one.
TOLERANCE = timedelta(hours=1)


@dataclass(frozen=True)
class Heard:
    """A request that its vendor has signed. `hint`: the record to be fetched, None if there is
    nothing to do. `answer`: the JSON by which the vendor knows that it was taken."""

    hint: Hint | None
    answer: Mapping[str, object]


def sealed_text(body: bytes) -> str | Denied:
    """The `encrypt` of a sealed body; without one there is nothing that anybody has signed."""
    try:
        content = decoded(body)
    except Refused as refused:
        return replace(refused.denied, unproven=True)
    text = content.get("encrypt") if isinstance(content, dict) else None
    return text if isinstance(text, str) else Denied("missing_field", "encrypt", unproven=True)


def age_refusal(
    seconds: float, now: datetime, tolerance: timedelta = TOLERANCE
) -> Denied | None:
    """Whether a signature of that moment (since 1970) is too old, or of the future."""
    sent_at = datetime.fromtimestamp(seconds, UTC)
    if sent_at < now - tolerance:
        return Denied("delivery_too_old")
    return Denied("delivery_from_the_future") if sent_at > now + tolerance else None


def event_name(*told: object) -> str:
    """What tells an event from others about the same record, fit for a task's id."""
    text = " ".join(map(str, told))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]
