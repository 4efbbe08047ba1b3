"""`make serve`: the demo's cloud, left running, with all that is needed to play with it."""

from __future__ import annotations

import base64
import json
import os
import shlex
import sys
import time
from pathlib import Path

from demo import actors, vendors
from demo.stage import ACCOUNT, ADMIN_ID, ROOT, Stage, end_on_signals

BUILD = ROOT / "build"
SOURCE_IP = "198.51.100.7"  # where the commands come from, as the local cloud sees it
DEFAULT_PORT = 8180
LAST_PORT = 65534  # the management port is the next one

SIGNING = """
now=$(date +%s); id=msg_$now
body=$(sed "s/NOW/$(date -u +%Y-%m-%dT%H:%M:%SZ)/g; s/TICKET/OPS-$now/g" {body})
signature=$(printf '%s' "$id.$now.$body" | openssl dgst -sha256 -mac HMAC \\
  -macopt hexkey:{hexkey} -binary | base64)
curl -sS --noproxy '*' {url} \\
  -H 'Content-Type: application/json' -H "webhook-id: $id" -H "webhook-timestamp: $now" \\
  -H "webhook-signature: v1,$signature" --data-binary "$body"; echo
"""


ENVIRONMENT = """\
# Points the commands of the Makefile at the local cloud of `make serve`, which wrote this file.
# The administrator's secret in it is a throw-away: it opens nothing but that cloud, on this
# machine, for as long as it runs.
unset ALIBABA_CLOUD_SECURITY_TOKEN
"""
# The first live key that is not the administrator's.
LEAK = """\
key=$(curl -sS --noproxy '*' {management}/state | grep -o 'LTAI5t[A-Za-z0-9]*' |
  grep -v {mine} | head -1)
curl -sS --noproxy '*' {management}/events -d '{{"source": "akwarden.leak",
  "type": "akwarden:AccessKey:Leaked", "data": {{"AccessKeyId": "'$key'"}}}}'; echo
"""


def main(folder: Path = BUILD) -> int:
    """Serve until interrupted; `PORT` (default 8180) and the one above it are used, and `folder`
    gets what is to be pasted."""
    end_on_signals()
    asked = os.environ.get("PORT", str(DEFAULT_PORT))
    if not (asked.isascii() and asked.isdigit() and 0 < int(asked[:6]) <= LAST_PORT):
        print(f"PORT must be a number from 1 to {LAST_PORT}: make serve PORT=8280")
        return 2
    port = int(asked)
    try:
        settings = {"AKWARDEN_SOURCES": ",".join(vendors.ALL)}
        with Stage(ports=(port, port + 1), settings=settings) as stage:
            stage.provision(print)
            actors.prepare(stage)
            vendors.connect(stage)
            folder.mkdir(exist_ok=True)
            print(guide(stage, folder), flush=True)
            while True:
                time.sleep(60)
    except KeyboardInterrupt:
        print("\nstopped; nothing is left running")
        return 0
    except RuntimeError as err:
        print(f"{err}\nis port {port} or {port + 1} in use? try: make serve PORT=8280")
        return 1


def guide(stage: Stage, folder: Path) -> str:
    """Addresses, credentials of this local cloud, a signed webhook and commands to paste."""
    body, settings = write_body(folder), write_environment(stage, folder)
    secret = actors.webhook_secret(stage).removeprefix("whsec_")
    command = SIGNING.format(
        body=body, hexkey=base64.b64decode(secret).hex(), url=stage.webhook_url
    )
    port = "" if stage.port == DEFAULT_PORT else f" PORT={stage.port}"
    leak = LEAK.format(management=stage.management_url, mine=ADMIN_ID)
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
Or let a vendor tell of an approval; what it asks for is fetched from a local copy of the vendor:

make try SOURCE=dingtalk{port}     (or feishu, jira, github, eventbridge;
                              in a chat: slack, feishu-chat, dingtalk-robot;
                              the whole ticket: servicenow, standard-webhooks)

The commands, pointed at this cloud by the first line:

. {settings}
make revoke ARGS='--application orders --dry-run'
make sweep-plan
make verify-audit

Tell of a leaked key: the event makes that application's key unusable, and ends its grant.

{leak}
Ctrl-C ends it."""


def write_environment(stage: Stage, folder: Path) -> Path:
    """Settings, administrator and proxy as a file for a shell to read: nobody else may, though
    the secret in it is worth nothing elsewhere."""
    # As a proxy, because SLS and FC want their real host names; what is local stays direct.
    proxy, direct = f"http://{SOURCE_IP}:x@127.0.0.1:{stage.port}", "127.0.0.1,localhost"
    values = stage.administrator_environment() | {
        "http_proxy": proxy, "HTTP_PROXY": proxy, "no_proxy": direct, "NO_PROXY": direct,
    }  # fmt: skip
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    path = folder / "local.env"
    path.unlink(missing_ok=True)  # one that was there might be readable by others
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(ENVIRONMENT + text)
    return path


def write_body(folder: Path) -> Path:
    """The example ticket with placeholders for its id and the time, as a file for `sed`."""
    ticket = actors.approved_ticket("TICKET", SOURCE_IP)
    now = ticket["timestamp"]
    text = json.dumps(ticket, separators=(",", ":")).replace(now, "NOW")
    path = folder / "approval.json"
    path.write_text(text, encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
