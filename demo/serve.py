"""`make serve`: the demo's cloud, left running, with all that is needed to play with it."""

from __future__ import annotations

import base64
import json
import signal
import sys
import threading
from pathlib import Path

from demo import actors
from demo.stage import ACCOUNT, ADMIN_ID, ROOT, Stage

PORTS = (8180, 8181)
SIGNING = """
body=$(sed "s/NOW/$(date -u +%Y-%m-%dT%H:%M:%SZ)/g; s/TICKET/OPS-$RANDOM/" {body})
id=msg_$RANDOM$RANDOM; now=$(date +%s)
signature=$(printf '%s' "$id.$now.$body" | openssl dgst -sha256 -mac HMAC \\
  -macopt hexkey:{hexkey} -binary | base64)
curl -sS {url} -H 'Content-Type: application/json' -H "webhook-id: $id" \\
  -H "webhook-timestamp: $now" -H "webhook-signature: v1,$signature" --data-binary "$body"; echo
"""


def main() -> int:
    """Serve until interrupted."""
    stage = Stage(ports=PORTS)
    try:
        stage.provision(print)
        actors.prepare(stage)
        print(guide(stage), flush=True)
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        ended.wait()
        return 0
    finally:
        stage.stop()


def guide(stage: Stage) -> str:
    """Addresses, credentials of this local cloud, and a signed webhook to paste."""
    body = write_body()
    secret = actors.webhook_secret(stage).removeprefix("whsec_")
    command = SIGNING.format(
        body=body.relative_to(ROOT), hexkey=base64.b64decode(secret).hex(), url=stage.webhook_url
    )
    return f"""
Everything below exists only while this runs, on this machine.

  all products       {stage.url}   (endpoint of any SDK over http, or its forward proxy)
  management         {stage.management_url}   (/history /state /tasks /logs /clock /faults)
  webhook            {stage.webhook_url}
  account            {ACCOUNT}
  administrator      {ADMIN_ID} / {stage.admin_secret}

Send an approval: paste this into a shell in this folder. Each paste is a new ticket; as the
application then has its one live key, a second ticket is refused (see /tasks and /logs).
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
