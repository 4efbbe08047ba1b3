"""`make demo`: one approval from its webhook to a working AccessKey, shown and proved."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aliyun.log import LogException
from Tea.exceptions import TeaException

from demo import actors, chat, leaks, vendors
from demo.actors import Keys
from demo.stage import Stage, end_on_signals

OFFICE, ELSEWHERE = "198.51.100.7", "192.0.2.99"
TICKET = "OPS-1042"
WAIT_SECONDS = 45
LAG_SECONDS = 10
REFUSALS = ("Unauthorized", "NoPermission", "Forbidden.NoPermission",
            "Forbidden.AccessKeyNetworkRestricted")  # fmt: skip


def main() -> int:
    """Exit code 0 only if everything that is claimed was seen to hold."""
    end_on_signals()
    print("akwarden: an AccessKey because a ticket was approved\n")
    told("starting a local Alibaba Cloud and provisioning it")
    try:
        with Stage(settings={"AKWARDEN_SOURCES": "slack"}) as stage:
            stage.provision(lambda line: print(f"      {line}"))
            actors.prepare(stage)
            vendors.connect(stage, ["slack"])
            return 0 if play(stage) else 1
    except KeyboardInterrupt:
        print("\nstopped; nothing is left running")
        return 130


def told(line: str) -> None:
    print(f"  ... {line}", flush=True)


def play(stage: Stage) -> bool:
    """Send the approval, wait, show, prove."""
    body = json.dumps(actors.approved_ticket(TICKET, OFFICE)).encode()
    show_ticket(json.loads(body)["data"])
    told("the ticket system sends the approval")
    started_at = time.time()
    status, answer = actors.deliver(
        stage, body, actors.signed_headers(actors.webhook_secret(stage), body)
    )
    print(f"      HTTP {status} {json.dumps(answer)}")
    if status != 202:
        return False
    outcome = awaited(stage)
    show_steps(stage, started_at)
    if outcome.get("status") != "issued":
        print(f"\nnot issued: {outcome}")
        return False
    show_outcome(outcome)
    show_audit(stage)
    show_chat(stage)
    return prove(stage, outcome)


def awaited(stage: Stage) -> dict[str, Any]:
    """The worker's own answer, from the task's record; progress is told while it works."""
    told("akwarden decides and works")
    until = time.monotonic() + WAIT_SECONDS
    said = 0
    while time.monotonic() < until:
        history = calls(stage, 0.0)
        changes = [c for c in history if c["changed"] and "akw-issue" in c["principal"]]
        for call in changes[said:]:
            print(f"      {call['action']}", flush=True)
        said = len(changes)
        tasks = [t for t in stage.manage("GET", "/tasks")["tasks"] if t["function"] == "akw-issue"]
        if tasks and tasks[-1]["state"] in ("Succeeded", "Failed"):
            payload = tasks[-1]["return_payload"] or "{}"
            return {"state": tasks[-1]["state"], **dict(json.loads(payload))}
        time.sleep(0.3)
    return {"status": "timeout"}


def calls(stage: Stage, since: float) -> list[dict[str, Any]]:
    history: list[dict[str, Any]] = stage.manage("GET", "/history")["calls"]
    return [call for call in history if call["at"] >= since]


def show_chat(stage: Stage) -> None:
    """The same for another application, asked for and approved in Slack."""
    told("somebody asks in Slack, somebody else presses Approve")
    print("\nCHAT (another application, for development)")
    for line in chat.play_short(stage, "parcels"):
        print(f"  {line}")
    print()


# -- showing --------------------------------------------------------------------------------


def show_ticket(ticket: dict[str, Any]) -> None:
    approvers = ", ".join(a["approver"]["id"] for a in ticket["approvals"])
    permission = ticket["permissions"][0]
    parameters = ", ".join(f"{k}={v}" for k, v in permission["parameters"].items())
    print(f"""
TICKET {ticket["id"]}: {ticket["title"]}
  asked for by   {ticket["requester"]["id"]}
  approved by    {approvers}
  application    {ticket["application"]}, {ticket["environment"]}
  permission     {permission["template"]} ({parameters})
  only from      {", ".join(ticket["network"]["source_ips"])}
  secret for     {", ".join(ticket["consumers"])}
  lifetime       {ticket["ttl_seconds"] // 86400} days
""")


def show_steps(stage: Stage, started_at: float) -> None:
    print("""
STEPS (seconds since the webhook was sent, as the local cloud saw them)
  A 404 on a read says: not there yet, so it is to be made. Everything is read again once the two
  leases (the first two CreatePolicy, ended by DeletePolicy) are held. A new key takes a moment to
  be accepted, and a log row to be found.
""")
    for call in calls(stage, started_at):
        inside = "role/akw-" in call["principal"]
        if inside or call["action"] == "GetCallerIdentity":
            outcome = "" if call["status"] in (200, 202) else f"  {call['status']} {call['code']}"
            seconds = call["at"] - started_at
            print(f"  {seconds:6.2f}  {call['product']:4} {call['action']}{outcome}")


def show_outcome(outcome: dict[str, Any]) -> None:
    print(f"""
OUTCOME
  RAM user       {outcome["ram_user"]}
  policy         {outcome["policy"]}
  AccessKey id   {outcome["access_key_id"]}
  secret         {outcome["secret_name"]}, version {outcome["secret_version"]}
                 (the value is in KMS and nowhere else: see the last proof)
""")


def show_audit(stage: Stage) -> None:
    print("AUDIT (read back from SLS)")
    until = time.monotonic() + LAG_SECONDS
    rows = actors.audit_rows(stage, f'ticket_id: "{TICKET}"')
    # A row can be searched some seconds after it was acknowledged.
    while not any(row["phase"] == "result" for row in rows) and time.monotonic() < until:
        time.sleep(0.3)
        rows = actors.audit_rows(stage, f'ticket_id: "{TICKET}"')
    for row in rows:
        moment = datetime.fromtimestamp(int(row["time_ms"]) / 1000, UTC).strftime("%H:%M:%S")
        call = f"{row['cloud_service']}:{row['cloud_action']}"
        print(f"  {moment}  {row['phase']:6} {row['event_type']:17} {row['outcome']:8} {call}")
    print()


# -- proving --------------------------------------------------------------------------------


def prove(stage: Stage, outcome: dict[str, Any]) -> bool:
    """Use the key as its application would, and as others must not."""
    print("PROOF")
    name = outcome["secret_name"]
    found: dict[str, Keys] = {}

    def read() -> str:
        found["key"] = actors.read_key(stage, actors.assume(stage, actors.READER), name)
        return f"read as role {actors.READER}: {found['key'].access_key_id}"

    def who() -> str:
        return actors.identity(stage, found["key"], OFFICE)

    def allowed() -> str:
        actors.write_log(stage, found["key"], OFFICE, actors.LOG_STORE)
        return f"wrote to logstore {actors.LOG_STORE}"

    held = [
        holds("the named role reads the key from KMS", read),
        holds("the key works, and is the application's", who),
        holds("what was approved is allowed", allowed),
        refused("what was not approved is refused", lambda: actors.write_log(
            stage, found["key"], OFFICE, actors.OTHER_LOG_STORE)),
        refused("from another address it is refused", lambda: actors.identity(
            stage, found["key"], ELSEWHERE)),
        refused("a stranger's role cannot read the secret", lambda: actors.read_key(
            stage, actors.assume(stage, actors.STRANGER), name)),
        refused("the key cannot make keys, even with the account-wide switch on",
                lambda: actors.make_key(stage, found["key"], OFFICE)),
        nowhere(stage, found.get("key")),
    ]  # fmt: skip
    print(f"\n{sum(held)} of {len(held)} proofs hold")
    return all(held)


def holds(claim: str, attempt: Callable[[], str]) -> bool:
    """Whether the attempt succeeds."""
    try:
        seen = attempt()
    except (TeaException, LogException, KeyError) as err:
        print(f"  NO   {claim}: {code_of(err)}")
        return False
    print(f"  yes  {claim}: {seen}")
    return True


def refused(claim: str, attempt: Callable[[], object]) -> bool:
    """Whether the cloud refuses the attempt for want of permission, and for nothing else.

    Network policies take effect after a while, here as in the real cloud: what is still allowed
    is tried again until the lag bound is over.
    """
    until = time.monotonic() + LAG_SECONDS
    code = "it was allowed"
    while code == "it was allowed" and time.monotonic() < until:
        try:
            attempt()
            time.sleep(0.3)
        except (TeaException, LogException) as err:
            code = code_of(err)
        except KeyError:
            code = "there is no key"
    print(f"  {'yes ' if code in REFUSALS else 'NO  '} {claim}: {code}")
    return code in REFUSALS


def nowhere(stage: Stage, key: Keys | None) -> bool:
    """Whether the secret is in no log, task record, audit row, history, state or file."""
    sinks = list(leaks.sinks_of(stage, []))
    leaky = leaks.found_in(sinks, [key.secret]) if key else ["there is no key"]
    claim = f"the secret is in none of {len(sinks)} logs, records and files, in no disguise"
    print(f"  {'NO  ' if leaky else 'yes '} {claim}" + (f": {', '.join(leaky)}" if leaky else ""))
    return not leaky


def code_of(err: Exception) -> str:
    """The service's code; the text of an SDK's exception is never printed."""
    if isinstance(err, LogException):
        return str(err.get_error_code())
    return str(getattr(err, "code", "") or type(err).__name__)


if __name__ == "__main__":
    sys.exit(main())
