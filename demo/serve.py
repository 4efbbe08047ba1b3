"""`make serve`: the demo's cloud, left running, with all that is needed to play with it."""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from pathlib import Path

from demo import actors
from demo.stage import ACCOUNT, ADMIN_ID, ROOT, Stage

SIGNING = """
now=$(date +%s); id=msg_$now
body=$(sed "s/NOW/$(date -u +%Y-%m-%dT%H:%M:%SZ)/g; s/TICKET/OPS-$now/g" {body})
signature=$(printf '%s' "$id.$now.$body" | openssl dgst -sha256 -mac HMAC \\
  -macopt hexkey:{hexkey} -binary | base64)
curl -sS {url} -H 'Content-Type: application/json' -H "webhook-id: $id" \\
  -H "webhook-timestamp: $now" -H "webhook-signature: v1,$signature" --data-binary "$body"; echo
"""


def main() -> int:
    """Serve until interrupted; `PORT` (default 8180) and the one above it are used."""
    port = int(os.environ.get("PORT", "8180"))
    try:
        with Stage(ports=(port, port + 1)) as stage:
            stage.provision(print)
            actors.prepare(stage)
            print(guide(stage), flush=True)
            while True:
                time.sleep(60)
    except KeyboardInterrupt:
        print("\nstopped; nothing is left running")
        return 0
    except RuntimeError as err:
        print(f"{err}\nis port {port} or {port + 1} in use? try: make serve PORT=8280")
        return 1


def guide(stage: Stage) -> str:
    """Addresses, credentials of this local cloud, and a signed webhook to paste."""
    body = write_body()
    secret = actors.webhook_secret(stage).removeprefix("whsec_")
    command = SIGNING.format(
        body=body, hexkey=base64.b64decode(secret).hex(), url=stage.webhook_url
    )
    return f"""
Everything below exists only while this runs, on this machine.

  all products       {stage.url}   (endpoint of any SDK over http, or its forward proxy)
  management         {stage.management_url}   (/history /state /tasks /logs /clock /faults)
  webhook            {stage.webhook_url}
  account            {ACCOUNT}
  administrator      {ADMIN_ID} / {stage.admin_secret}

Send an approval: paste this into a shell (it needs curl and openssl). Each paste is a new ticket;
as the application then has its one live key, a second ticket is refused (see /tasks and /logs).
{command}
Ctrl-C ends it."""


def write_body() -> Path:
    """The example ticket with placeholders for its id and the time, as a file for `sed`."""
    ticket = actors.approved_ticket("TICKET", "198.51.100.7")
    now = ticket["timestamp"]
    text = json.dumps(ticket, separators=(",", ":")).replace(now, "NOW")
    path = ROOT / "build" / "approval.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
