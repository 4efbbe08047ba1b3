"""`make try SOURCE=…`: a vendor beside a running `make serve` tells it of an approval.

The record is put into the local copy of the vendor, its event is signed and sent as the vendor
does, and what came of it is shown.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any
from urllib.error import URLError

from demo import actors, dingtalk, feishu, github, jira, vendors
from demo.stage import FUNCTION, manage

PATIENCE_SECONDS = 90
ENDED = ("Succeeded", "Failed")


def main(given: list[str]) -> int:
    """0 if the approval led to a key, 1 if it was refused, 2 if nothing is served."""
    parser = argparse.ArgumentParser(prog="make try")
    parser.add_argument("source", choices=vendors.NAMES)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--application", default=f"parcels{int(time.time()) % 100_000}",
                        help="who is to get the key; another one each time")
    asked = parser.parse_args(given)
    management = f"http://127.0.0.1:{asked.port + 1}"
    webhook = f"http://127.0.0.1:{asked.port}/fcapp/{FUNCTION}/"
    record = f"AKW-{int(time.time())}"
    try:
        status, answer = SENDERS[asked.source](management, webhook, record, asked.application)
    except URLError:
        print(f"nothing is served at port {asked.port}; start `make serve` in another shell")
        return 2
    print(f"event of {record} sent: {status}, {asked.source} reads: {answer!r}")
    if status != 200:
        return 1
    for function in ("akw-fetch", "akw-issue"):
        outcome = _outcome(management, function, record.partition("-")[2])
        print(f"{function}: {json.dumps(outcome)}")
    return 0 if outcome.get("status") == "issued" else 1


def _from_dingtalk(
    management: str, webhook: str, record: str, application: str
) -> tuple[int, Any]:
    instance = dingtalk.instance(dingtalk.form(application))
    manage(management, "POST", "/vendors/dingtalk", {"records": {record: instance}})
    query, body = dingtalk.request(dingtalk.finished(record))
    status, answer = actors.post(f"{webhook}dingtalk?{query}", body, {})
    return status, dingtalk.understood(answer) if status == 200 else answer


def _from_feishu(
    management: str, webhook: str, record: str, application: str
) -> tuple[int, Any]:
    instance = feishu.instance(dingtalk.form(application))
    manage(management, "POST", "/vendors/feishu", {"records": {record: instance}})
    headers, body = feishu.request(feishu.changed(record))
    return actors.post(f"{webhook}feishu", body, headers)


def _from_jira(
    management: str, webhook: str, record: str, application: str
) -> tuple[int, Any]:
    issue = jira.record(jira.form(application))
    manage(management, "POST", "/vendors/jira", {"records": {record: issue}})
    headers, body = jira.request(jira.moved(record))
    return actors.post(f"{webhook}jira", body, headers)


def _from_github(
    management: str, webhook: str, record: str, application: str
) -> tuple[int, Any]:
    number = int(record.partition("-")[2])
    issue = github.issue(number, github.body(application))
    manage(management, "POST", "/vendors/github",
           {"records": {f"{github.REPOSITORY}.{number}": issue}})  # fmt: skip
    headers, body = github.request(github.commented(number))
    return actors.post(f"{webhook}github", body, headers)


SENDERS = {"dingtalk": _from_dingtalk, "feishu": _from_feishu, "jira": _from_jira,
           "github": _from_github}  # fmt: skip


def _outcome(management: str, function: str, number: str) -> dict[str, Any]:
    """What the function's task about that number answered."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        tasks = manage(management, "GET", f"/tasks?event={number}")["tasks"]
        for task in tasks:
            if task["function"] == function and task["state"] in ENDED:
                return dict(json.loads(task["return_payload"] or "{}")) or {"state": task["state"]}
        time.sleep(0.2)
    return {"state": f"nothing within {PATIENCE_SECONDS} s"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
