"""How fast the ingress answers from nothing: `make bench-cold`.

A fresh process imports the function and answers its first signed request, hand-over included;
beside it, in the same run and by turns, another one imports the SDKs of RAM, IMS, KMS, SLS and FC.
What counts is the ratio of the two, of the best of several; both processes have their bytecode.
The ratio of CPU seconds beside it leaves out what is waited for, and how busy the machine is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from demo import (
    actors,
    dingtalk,
    dingtalk_robot,
    feishu,
    feishu_chat,
    github,
    jira,
    slack,
    vendors,
)
from demo.stage import ROOT, Stage

TRIES = 9
OPENS, SENT = "slack-window", "slack-window-sent"  # one is opened, one comes back filled in
CHATS = ("slack", "feishu-chat", "dingtalk-robot", OPENS, SENT)
# Of two ways to answer with 200 the one that is meant: what the body then says.
ANSWERED = {OPENS: "Fill in the window", SENT: '"response_action": "clear"'}
REFERENCE = ("alibabacloud_ram20150501.client", "alibabacloud_ims20190815.client",
             "alibabacloud_kms20160120.client", "aliyun.log", "fc2")  # fmt: skip
FILLED_IN = {
    "application": "orders", "environment": "dev", "template": "sls-logstore-write",
    "parameters": "project=orders-logs\nlogstore=app", "ttl": "7d", "use_case": "on-premises",
    "purpose": "the order system writes its logs", "consumers": "orders-reader",
    "necessity_confirmed": "yes",
}  # fmt: skip
IMPORTS = """
import time; began = time.perf_counter(), time.process_time()
import importlib, sys
for name in sys.argv[1:]: importlib.import_module(name)
print(time.perf_counter() - began[0], time.process_time() - began[1])
"""
ANSWER = """
import sys; event = sys.stdin.buffer.read()
import time; began = time.perf_counter(), time.process_time()
import importlib
answer = importlib.import_module(sys.argv[1]).handler(event, None)
took = time.perf_counter() - began[0], time.process_time() - began[1]
meant = answer["statusCode"] if sys.argv[2] in answer["body"] else "otherwise"
print(*took, meant, *sys.modules)
"""


@dataclass(frozen=True)
class Measured:
    """The best of the tries: seconds, their share of the reference's, and the share of CPU seconds;
    and which modules were imported then."""

    source: str
    seconds: float
    share: float
    cpu_share: float
    modules: frozenset[str]


Taken = tuple[float, float]  # by the clock and of the CPU, in seconds


def measure(stage: Stage, tries: int = TRIES) -> tuple[float, list[Measured]]:
    """The reference's seconds, and each source's."""
    reference, modules = (float("inf"), float("inf")), dict[str, frozenset[str]]()
    best: dict[str, Taken] = {}
    events = _events(stage)
    for _ in range(tries):
        reference = _least(reference, _run(IMPORTS, b"", *REFERENCE)[0])
        for source, event in events.items():
            function = "functions.chatops" if source in CHATS else "functions.approval"
            taken, modules[source] = _answered(stage, function, event(), ANSWERED.get(source, ""))
            best[source] = _least(best.get(source, taken), taken)
    return reference[0], [
        Measured(source, taken[0], taken[0] / reference[0], taken[1] / reference[1],
                 modules[source])
        for source, taken in best.items()
    ]  # fmt: skip


def _least(one: Taken, other: Taken) -> Taken:
    return min(one[0], other[0]), min(one[1], other[1])


def _run(
    script: str, given: bytes, *arguments: str, environment: dict[str, str] | None = None
) -> tuple[Taken, frozenset[str]]:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], input=given, capture_output=True, cwd=ROOT,
        check=True, env=os.environ | (environment or {}),
    )  # fmt: skip
    seconds, cpu, *more = done.stdout.decode().split()
    if more and more[0] not in ("200", "202"):
        raise RuntimeError(f"answered {more[0]}: {done.stderr.decode()[-500:]}")
    return (float(seconds), float(cpu)), frozenset(more[1:])


def _answered(
    stage: Stage, function: str, event: bytes, meant: str
) -> tuple[Taken, frozenset[str]]:
    proxy = f"http://198.51.100.7:x@127.0.0.1:{stage.port}"
    environment = stage.administrator_environment() | {
        "http_proxy": proxy, "HTTP_PROXY": proxy, "no_proxy": "", "NO_PROXY": ""}  # fmt: skip
    return _run(ANSWER, event, function, meant, environment=environment)


def _events(stage: Stage) -> dict[str, Callable[[], bytes]]:
    """An FC HTTP event of each source, another one each time."""
    secret = actors.webhook_secret(stage)
    numbers = iter(range(10_000))

    def standard_webhooks() -> bytes:
        body = json.dumps(actors.approved_ticket(f"T-{next(numbers)}", "198.51.100.7")).encode()
        return _event("/", actors.signed_headers(secret, body), {}, body)

    def from_dingtalk() -> bytes:
        query, body = dingtalk.request(dingtalk.finished(f"proc-{next(numbers)}"))
        return _event("/dingtalk", {}, dict(p.split("=", 1) for p in query.split("&")), body)

    def from_feishu() -> bytes:
        headers, body = feishu.request(feishu.changed(f"A-{next(numbers)}"))
        return _event("/feishu", headers, {}, body)

    def from_jira() -> bytes:
        headers, body = jira.request(jira.moved(f"AKW-{next(numbers)}"))
        return _event("/jira", headers, {}, body)

    def from_github() -> bytes:
        headers, body = github.request(github.commented(next(numbers)))
        return _event("/github", headers, {}, body)

    def from_slack() -> bytes:
        body, _ = slack.command("alice", f"status AK-{next(numbers)}")
        return _event("/slack", slack.signed(body), {}, body)

    def for_a_window() -> bytes:
        body, _ = slack.command("alice", "request")
        return _event("/slack", slack.signed(body), {}, body)

    opened = _window(stage)

    def from_a_window() -> bytes:
        shown = opened | {"id": f"V0BENCH{next(numbers)}"}
        body, _ = slack.filled("alice", shown, FILLED_IN)
        return _event("/slack", slack.signed(body), {}, body)

    def from_feishus_chat() -> bytes:
        headers, body = feishu_chat.request(
            feishu_chat.typed("alice", f"status AK-{next(numbers)}"))
        return _event("/feishu", headers, {}, body)

    def from_dingtalks_robot() -> bytes:
        headers, body = dingtalk_robot.request(
            dingtalk_robot.typed("alice", f"status AK-{next(numbers)}"))
        return _event("/dingtalk", headers, {}, body)

    return {"slack": from_slack, "standard-webhooks": standard_webhooks, "dingtalk": from_dingtalk,
            "feishu": from_feishu, "jira": from_jira, "github": from_github,
            "feishu-chat": from_feishus_chat, "dingtalk-robot": from_dingtalks_robot,
            OPENS: for_a_window, SENT: from_a_window}  # fmt: skip


def _window(stage: Stage) -> dict[str, Any]:
    """One as Slack has shown it, by the function that is served."""
    body, _ = slack.command("alice", "request")
    slack.send(stage, body)
    return slack.windows(stage, body)[0]


def _event(path: str, headers: dict[str, str], query: dict[str, str], body: bytes) -> bytes:
    return json.dumps({
        "version": "v1", "rawPath": path, "headers": headers, "queryParameters": query,
        "body": body.decode(), "isBase64Encoded": False,
        "requestContext": {"http": {"method": "POST", "path": path}},
    }).encode()  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-cold")
    parser.add_argument("--tries", type=int, default=TRIES)
    asked = parser.parse_args()
    settings = {"AKWARDEN_SOURCES": ",".join(vendors.ALL)}
    began = time.monotonic()
    with Stage(calm=True, quiet=True, settings=settings) as stage:
        stage.provision(lambda line: None)
        actors.prepare(stage)
        vendors.connect(stage)
        reference, found = measure(stage, asked.tries)
    tell, row = sys.stdout.write, "{:<40}{:>10}{:>9}{:>9}\n"
    tell(row.format("FROM A FRESH PROCESS", "SECONDS", "SHARE", "OF CPU"))
    tell(row.format("import RAM, IMS, KMS, SLS and FC SDKs", f"{reference:.3f}", "1.00", "1.00"))
    for one in found:
        what = f"first answer to {one.source}"
        tell(row.format(what, f"{one.seconds:.3f}", f"{one.share:.2f}", f"{one.cpu_share:.2f}"))
    tell(f"best of {asked.tries}, {time.monotonic() - began:.0f} s in all\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
