"""`make try SOURCE=…`: a vendor beside a running `make serve` tells it of an approval.

The record is put into the local copy of the vendor, its event is signed and sent as the vendor
does, and what came of it is shown.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError

from demo import (
    actors,
    chat,
    dingtalk,
    dingtalk_robot,
    eventbridge,
    feishu,
    feishu_chat,
    github,
    jira,
    servicenow,
    vendors,
)
from demo.stage import FUNCTION, manage

PATIENCE_SECONDS = 90
NOTHING_SERVED = ("nothing is served at port {port}; start `make serve` in another shell "
                  "(PORT=… for both if it is another port)")
ENDED = ("Succeeded", "Failed")


def main(given: list[str]) -> int:
    """0 if the approval led to a key, or questions to answers; 1 if it was refused; 2 if nothing
    is served."""
    parser = argparse.ArgumentParser(prog="make try")
    parser.add_argument("source", choices=vendors.TRIED)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--application", default=f"parcels{int(time.time()) % 100_000}",
                        help="who is to get the key; another one each time")
    asked = parser.parse_args(given)
    if asked.source in CHATS:
        return _in_chat(CHATS[asked.source], asked.port, asked.application)
    if asked.source == "dingtalk-robot":
        return _played(lambda: dingtalk_robot.play_short(Served(asked.port)), asked.port)
    if asked.source == "eventbridge":
        return _on_the_bus(asked.port, asked.application)
    if asked.source in vendors.SIGNED:
        return _signed(asked.source, asked.port, asked.application)
    management = f"http://127.0.0.1:{asked.port + 1}"
    webhook = f"http://127.0.0.1:{asked.port}/fcapp/{FUNCTION}/"
    record = f"AKW-{int(time.time())}"
    try:
        sender = SENDERS[asked.source]
        id, content = sender.record(record, asked.application)
        manage(management, "POST", f"/vendors/{asked.source}", {"records": {id: content}})
        query, headers, body = sender.request(record)
        status, answer = actors.post(f"{webhook}{asked.source}{query}", body, headers)
    except URLError:
        print(NOTHING_SERVED.format(port=asked.port))
        return 2
    read = sender.understood(answer) if status == 200 else answer
    print(f"event of {record} sent: {status}, {asked.source} reads: {read!r}")
    if status != 200:
        return 1
    return _what_came_of_it(management, record.partition("-")[2], asked.application, "akw-fetch")


def _what_came_of_it(management: str, number: str, application: str, *takers: str) -> int:
    """What the functions that take it on its way and the worker have answered, printed."""
    for function in (*takers, "akw-issue"):
        outcome = _outcome(management, function, number)
        print(f"{function}: {json.dumps(outcome)}")
    if outcome.get("status") != "issued":
        return 1
    _how_to_end(application)
    return 0


def _how_to_end(application: str) -> None:
    print("\nto end it again: . build/local.env; "
          f"make revoke ARGS='--application {application} --reason withdrawn'")  # fmt: skip


def _on_the_bus(port: int, application: str) -> int:
    """A ticket system publishes an event, which the bus delivers to whoever has a rule for it."""
    number = str(int(time.time()))
    event = eventbridge.published(eventbridge.ticket(f"AKW-{number}", application))
    try:
        told = Served(port).manage("POST", "/events", event)["delivered"]
    except URLError:
        print(NOTHING_SERVED.format(port=port))
        return 2
    print(f"event of AKW-{number} published: delivered to {[one['function'] for one in told]}")
    management = f"http://127.0.0.1:{port + 1}"
    return _what_came_of_it(management, number, application, eventbridge.FUNCTION)


def _signed(source: str, port: int, application: str) -> int:
    """A system that was given akwarden's signing secret sends a ticket with its approvals."""
    served, number = Served(port), str(int(time.time()))
    delivery = DELIVERIES[source](number, application)
    body, id = json.dumps(delivery).encode(), delivery["data"]["id"]
    try:
        headers = actors.signed_headers(_signing_secret(served), body)
        status, answer = actors.post(f"{served.url}/fcapp/{FUNCTION}/", body, headers)
    except URLError:
        print(NOTHING_SERVED.format(port=port))
        return 2
    print(f"ticket {id} sent: {status}, {source} reads: {answer!r}")
    if status != 202:
        return 1
    return _what_came_of_it(f"http://127.0.0.1:{port + 1}", number, application)


def _signing_secret(served: Served) -> str:
    """The local cloud's own, as its side door shows it: an administrator reads the real one."""
    kept = [one["value"] for one in served.manage("GET", "/secrets")["secrets"]
            if one["owner"].startswith("akwarden/webhook:")]  # fmt: skip
    return str(json.loads(kept[-1])[0])


def _ticket(number: str, application: str) -> dict[str, Any]:
    delivery = actors.approved_ticket(f"OPS-{number}", servicenow.SOURCE_IP)
    delivery["data"]["application"] = application
    return delivery


# What each of those sends of an approved ticket with that number for that application.
DELIVERIES: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "standard-webhooks": _ticket,
    "servicenow": lambda number, application: servicenow.delivery(f"RITM{number}", application),
}


def _in_chat(play: Callable[[Served, str], list[str]], port: int, application: str) -> int:
    """A request and its approval; what people typed and read."""
    status = _played(lambda: play(Served(port), application), port)
    if status == 0:
        _how_to_end(application)
    return status


def _played(play: Callable[[], list[str]], port: int) -> int:
    try:
        lines = play()
    except URLError:
        print(NOTHING_SERVED.format(port=port))
        return 2
    except RuntimeError as err:
        print(err)
        return 1
    print("\n".join(lines))
    return 0


@dataclass(frozen=True)
class Served:
    """As much of a served cloud as a conversation needs."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def manage(self, method: str, path: str, content: object = None) -> Any:
        return manage(f"http://127.0.0.1:{self.port + 1}", method, path, content)


CHATS: dict[str, Callable[[Served, str], list[str]]] = {
    "slack": chat.play_short,
    "feishu-chat": lambda served, application: feishu_chat.play_short(
        served, application, chat.WORDS.format(app=application)),
}


@dataclass(frozen=True)
class Sender:
    """One vendor: the record of an approval for an application, under the record's id, and the
    request by which the vendor tells of it: query, headers, body."""

    record: Callable[[str, str], tuple[str, dict[str, Any]]]
    request: Callable[[str], tuple[str, dict[str, str], bytes]]
    understood: Callable[[dict[str, Any]], Any] = lambda answer: answer


def _github_issue(id: str, application: str) -> tuple[str, dict[str, Any]]:
    number = _number(id)
    return f"{github.REPOSITORY}.{number}", github.issue(number, github.body(application))


def _number(id: str) -> int:
    return int(id.partition("-")[2])


SENDERS = {
    "dingtalk": Sender(
        lambda id, application: (id, dingtalk.instance(dingtalk.form(application))),
        lambda id: _with_query(*dingtalk.request(dingtalk.finished(id))), dingtalk.understood),
    "feishu": Sender(
        lambda id, application: (id, feishu.instance(dingtalk.form(application))),
        lambda id: ("", *feishu.request(feishu.changed(id)))),
    "jira": Sender(
        lambda id, application: (id, jira.record(jira.form(application))),
        lambda id: ("", *jira.request(jira.moved(id)))),
    "github": Sender(
        _github_issue, lambda id: ("", *github.request(github.commented(_number(id))))),
}  # fmt: skip


def _with_query(query: str, body: bytes) -> tuple[str, dict[str, str], bytes]:
    return f"?{query}", {}, body


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
