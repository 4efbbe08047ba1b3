"""A system of one's own that takes akwarden's webhooks: what it is given to verify them with."""

from __future__ import annotations

import json
from base64 import b64encode

SECRET = f"whsec_{b64encode(b'demo-secret-of-the-itsm-0001').decode()}"
FORMER = f"whsec_{b64encode(b'demo-secret-of-the-itsm-0000').decode()}"


def out_secret() -> str:
    """What `akwarden/out-webhook` holds: the newest first, while the receiver still has the
    former."""
    return json.dumps([SECRET, FORMER])
