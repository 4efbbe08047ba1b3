"""What must never be false (docs/architecture.md; I1 to I7 of the design): one function each.

Pure functions over the evidence of one ticket's story; each returns its violations as text, none
if all is well. `END` is no invariant of safety: it says that the story came to its end at all.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.faults.evidence import Entry, Evidence, Row, caller, later, unanswered

MOST_KEYS, MOST_STORED = 2, 1
AMENDED_LOGSTORE, AMENDED_ADDRESS = "amended-logs", "198.51.100.99"
QUARANTINE, LOCK = "akw-quarantine", "akw-lock-"
REVOKER, ROTATOR = ":assumed-role/akw-revoke/", ":assumed-role/akw-rotate/"
ABOUT = ("ticket_lease", "lease", "quarantine")  # events about policies that are not the grant's
REMOVALS = ("DeleteAccessKey", "DetachPolicyFromUser", "DeletePolicy", "DeletePolicyVersion",
            "DeleteUser", "DeleteSecret", "RemoveUserFromGroup")  # fmt: skip


def i1_every_live_key_is_stored(case: Evidence) -> list[str]:
    """Every live key of the user has its secret in KMS under its own id."""
    secret = case.state["kms"]["secrets"].get(case.secret, {"versions": []})
    stored = {version["id"] for version in secret["versions"]}
    return [f"key {key} of {case.user} is live and not stored"
            for key in sorted(live_keys(case) - stored)]  # fmt: skip


def live_keys(case: Evidence) -> set[str]:
    """Ids of the keys that the user has now."""
    user = case.state["ram"]["users"].get(case.user)
    keys = case.state["ram"]["keys"].values()
    return {key["id"] for key in keys if user and key["user_id"] == user["id"]}


def i2_one_stored_key_at_every_moment(case: Evidence) -> list[str]:
    """Never two stored live keys outside a rotation, never more than two keys; nobody creates
    within the lag bound of a creation whose answer was lost."""
    found = []
    lost_at = float("-inf")
    for change, keys, stored in replayed(case.changes):
        alive = {key for key, status in keys.items() if status == "Active"}
        if len(alive & stored) > MOST_STORED + case.rotates:
            found.append(f"{sorted(alive & stored)} are live and stored after {told(change)}")
        if len(keys) > MOST_KEYS:
            found.append(f"{len(keys)} keys after {told(change)}")
        if change["action"] == "CreateAccessKey":
            if change["at"] < lost_at + case.max_lag_seconds:
                found.append(f"{told(change)} follows a lost one within the lag bound")
            if unanswered(change):
                lost_at = change["at"]
    return found


def replayed(changes: Iterable[Entry]) -> Iterable[tuple[Entry, dict[str, str], set[str]]]:
    """After each change: the user's keys with their status, and the ids that are stored."""
    keys: dict[str, str] = {}
    stored: set[str] = set()
    for change in changes:
        parameters, action = change["parameters"], change["action"]
        key_id = parameters.get("UserAccessKeyId", "")
        match action:
            case "CreateAccessKey":
                keys[change["made"]] = "Active"
            case "UpdateAccessKey":
                keys[key_id] = parameters["Status"]
            case "DeleteAccessKey":
                keys.pop(key_id, None)
            case "PutSecretValue":
                stored.add(parameters.get("VersionId", ""))
            case "DeleteSecret":
                stored.clear()
        yield change, dict(keys), set(stored)


def i3_every_change_is_on_record(case: Evidence) -> list[str]:
    """An acknowledged intent of the same run before every change, and a result after it. What a
    revocation does to deny access may come before its intents, but never without any."""
    return [problem for change in case.changes if _ours(change)
            for problem in _unrecorded(case, change)]  # fmt: skip


def _ours(change: Entry) -> bool:
    return ":assumed-role/akw-" in change["principal"]


def _unrecorded(case: Evidence, change: Entry) -> list[str]:
    matching = [row for row in case.rows if _speaks_of(row, change)]
    intents = [
        row for row in matching
        if row.phase == "intent" and row.acknowledged and row.order < change["order"]
        and row.instance == caller(change)
    ]  # fmt: skip
    if not intents and denies(change):
        intents = [row for row in matching if row.phase == "intent"]
    if not intents:
        return [f"{told(change)} has no acknowledged intent before it"]
    ids = {row.change_id for row in intents}
    results = [row for row in matching if row.phase == "result" and row.change_id in ids]
    # Such a change may be made after its run has given it up, and said that it does not know: by a
    # fault, or where the machine is so busy that a client's patience ends.
    given_up = "delay" in change["faults"] or change["unheard"]
    if case.swept and not [row for row in results if given_up or row.order > change["order"]]:
        return [f"{told(change)} has no result after it"]
    return []


def _speaks_of(row: Row, change: Entry) -> bool:
    """Whether a row is about that kind of change, of that key where it names one."""
    if (row.cloud_service, row.cloud_action) != (change["product"], change["action"]):
        return False
    if not _of_that_policy(row, change["parameters"].get("PolicyName", "")):
        return False
    key_id = change["parameters"].get("UserAccessKeyId", "")
    return not key_id or row.access_key_id in ("", key_id)


def _of_that_policy(row: Row, name: str) -> bool:
    """Whether a row means this one of several policies: the event says which, or it names a lease
    in full, as the reconciler does."""
    if not name.startswith(LOCK):
        about = "quarantine" if name == QUARANTINE else ""
    else:
        lease = name.removeprefix(LOCK).rpartition("-")[0]
        if row.fields.get("resources") == lease:
            return True
        about = "ticket_lease" if lease.startswith("t") else "lease"
    return about == next((what for what in ABOUT if row.event_type.startswith(what)), "")


def denies(change: Entry) -> bool:
    """Whether a change is a revocation's, and takes access away without deleting anything."""
    parameters = change["parameters"]
    return REVOKER in change["principal"] and (
        (change["action"] == "UpdateAccessKey" and parameters.get("Status") == "Inactive")
        or (change["action"] == "AttachPolicyToUser" and parameters["PolicyName"] == QUARANTINE)
        or change["action"] == "SetAccessKeyPolicy"
    )


def i5_no_key_without_an_unused_approval(case: Evidence) -> list[str]:
    """Users and keys are the ticket's own; once it is used or revoked, no key comes into being."""
    found = []
    user = case.state["ram"]["users"].get(case.user)
    if user and user["tags"].get("akw:ticket") != case.ticket_id:
        found.append(f"{case.user} is of no ticket that was approved")
    used = _first(case.rows, "key.issued")
    ended = _first(case.rows, "ticket.revoked")
    for change in case.changes:
        if change["action"] in ("CreateAccessKey", "CreateUser"):
            rotated = case.rotates and ROTATOR in change["principal"]
            if used and change["order"] > used and not rotated:
                found.append(f"{told(change)} comes after the ticket was used")
            if ended and change["order"] > ended:
                found.append(f"{told(change)} comes after the end of the ticket")
    return found


def _first(rows: Iterable[Row], event: str) -> int:
    """Where the first success of an event is on record; 0 if it is not."""
    ends = [row.order for row in rows if (row.event_type, row.phase, row.outcome)
            == (event, "result", "success")]  # fmt: skip
    return min(ends, default=0)


def i6_nothing_is_removed_without_a_revocation(case: Evidence) -> list[str]:
    """A live stored key, and what it needs, goes only if its ticket was revoked: a read that
    failed is no reason."""
    found = []
    kept: dict[str, str] = {}
    stored: set[str] = set()
    for change, keys, now_stored in replayed(case.changes):
        revoked = case.revoked_from and change["order"] > case.revoked_from
        held = {key for key, status in kept.items() if status == "Active"} & stored
        if held and not revoked and _ours(change) and _harms(change, held):
            found.append(f"{told(change)} harms the stored key {', '.join(sorted(held))}")
        kept, stored = keys, now_stored
    return found


def _harms(change: Entry, held: set[str]) -> bool:
    parameters, action = change["parameters"], change["action"]
    if action in ("DeleteAccessKey", "UpdateAccessKey"):
        return parameters.get("UserAccessKeyId") in held
    name = parameters.get("PolicyName", "")
    if action == "AttachPolicyToUser":
        return name == QUARANTINE
    return action in REMOVALS and not name.startswith(LOCK)


def i7_revocation_is_complete_and_denies_first(case: Evidence) -> list[str]:
    """After a revocation nothing of the ticket is left; access was denied before anything was
    deleted."""
    if not case.revoked_from:
        return []
    found = [f"{what} is left after the revocation" for what in remains(case)]
    made = [change for change in case.changes if REVOKER in change["principal"]]
    deletes = [change for change in made if _deletes(change)]
    if deletes and _had_a_user(case) and not _denied_before(made, deletes):
        found.append("something was deleted before access was denied")
    if case.purged:
        ram = case.state["ram"]
        bins = {**ram["recycled_keys"], **ram["recycled_users"]}
        found += [f"{name} lies in a recycle bin" for name in sorted(bins.keys() & case.ids)]
    return found


def _denied_before(made: list[Entry], deletes: list[Entry]) -> bool:
    """Whether access was denied before the first deletion; or was to be, by a call that its run had
    given up when the cloud came to it: the run then goes on, as past every error."""
    first, first_asked = (min(entry[name] for entry in deletes) for name in ("order", "seq"))
    return any(
        denies(change) and (change["order"] < first
                            or (change["unheard"] and change["seq"] < first_asked))
        for change in made
    )  # fmt: skip


def _deletes(change: Entry) -> bool:
    name = change["parameters"].get("PolicyName", "")
    return change["action"] in REMOVALS and not name.startswith(LOCK)


def _had_a_user(case: Evidence) -> bool:
    return any(change["action"] == "CreateUser" for change in case.changes)


def remains(case: Evidence) -> list[str]:
    """Everything that still bears the application's name; leases end by themselves."""
    ram, secrets = case.state["ram"], case.state["kms"]["secrets"]
    return [
        *(f"user {name}" for name in ram["users"] if name == case.user),
        *(f"key {key['id']}" for key in ram["keys"].values() if key["id"] in case.ids),
        *(f"policy {name}" for name in ram["policies"] if name == f"Custom:{case.user}"),
        *(f"secret {name}" for name in secrets if name == case.secret),
    ]


def end_one_usable_key(case: Evidence) -> list[str]:
    """An approved ticket has become one key: current, restricted, with its policy attached."""
    user = case.state["ram"]["users"].get(case.user)
    keys = sorted(live_keys(case))
    if user is None or len(keys) != 1:
        return [f"{case.user} has keys {keys}, not one"]
    secret = case.state["kms"]["secrets"].get(case.secret, {"versions": []})
    current = [v["id"] for v in secret["versions"] if "ACSCurrent" in v["stages"]]
    wanted: Mapping[str, Any] = {
        "current version": (current, keys),
        "attached policies": (list(user["attached"]), [f"Custom:{case.user}"]),
        "key restricted": (case.state["ram"]["keys"][keys[0]]["network_policy"] != "{}", True),
        "use on record": (_first(case.rows, "key.issued") > 0, True),
    }
    return [f"{what}: {found}" for what, (found, right) in wanted.items() if found != right]


def end_extended(case: Evidence) -> list[str]:
    """The same one key, and a user that carries the later end."""
    user = case.state["ram"]["users"].get(case.user, {"tags": {}})
    carried = user["tags"].get("akw:extended", "").split(" ")[-1]
    on_record = _first(case.rows, "grant.extended") > 0
    return [
        *end_one_usable_key(case),
        *([] if carried == later(case.ticket_id) else [f"extended by {carried or 'nothing'}"]),
        *([] if on_record else ["the extension is not on record"]),
    ]


def end_amended(case: Evidence) -> list[str]:
    """The same one key, whose policy and network are what the later ticket says."""
    ram = case.state["ram"]
    policy = json.dumps(ram["policies"].get(f"Custom:{case.user}", {}))
    networks = [ram["keys"][key]["network_policy"] for key in live_keys(case)]
    wanted = {
        "policy as amended": AMENDED_LOGSTORE in policy,
        "network as amended": all(AMENDED_ADDRESS in network for network in networks),
        "amendment on record": _first(case.rows, "grant.amended") > 0,
    }  # fmt: skip
    return [*end_one_usable_key(case), *(what for what, right in wanted.items() if not right)]


def end_put_back(case: Evidence) -> list[str]:
    """The same one key, under the policy that was approved, which was changed by hand."""
    policy = case.state["ram"]["policies"].get(f"Custom:{case.user}", {"versions": []})
    approved = next(change["parameters"]["PolicyDocument"] for change in case.changes
                    if change["action"] == "CreatePolicy"
                    and change["parameters"]["PolicyName"] == case.user)  # fmt: skip
    in_force = [v["document"] for v in policy["versions"] if v["id"] == policy["default_version"]]
    return [
        *end_one_usable_key(case),
        *([] if in_force == [approved] else ["the policy is not the approved one"]),
    ]


def end_two_usable_keys(case: Evidence) -> list[str]:
    """A rotation has made one more key, which is current, and left the first one as the former:
    both live, stored and restricted."""
    keys = {key["id"]: key for key in case.state["ram"]["keys"].values()
            if key["id"] in live_keys(case)}  # fmt: skip
    made = [change["made"] for change in case.changes if change["action"] == "CreateAccessKey"]
    alive = [key for key in made if key in keys]
    if len(alive) != MOST_KEYS:
        return [f"{case.user} has keys {sorted(keys)}, not two"]
    secret = case.state["kms"]["secrets"].get(case.secret, {"versions": []})
    stages = {version["id"]: set(version["stages"]) for version in secret["versions"]}
    wanted: Mapping[str, Any] = {
        "status": ({key["status"] for key in keys.values()}, {"Active"}),
        "current": ("ACSCurrent" in stages.get(alive[1], ()), True),
        "former": ("ACSPrevious" in stages.get(alive[0], ()), True),
        "restricted": ("{}" in {key["network_policy"] for key in keys.values()}, False),
    }
    return [f"{what}: {found}" for what, (found, right) in wanted.items() if found != right]


def end_nothing_left(case: Evidence) -> list[str]:
    """The ticket's end is on record, and nothing of it is there."""
    on_record = _first(case.rows, "ticket.revoked") > 0
    return [*remains(case), *([] if on_record else ["the end of the ticket is not on record"])]


def end_nothing_abandoned(case: Evidence) -> list[str]:
    """What was begun and given up is finished, or it is gone."""
    return [] if not remains(case) else end_one_usable_key(case)


def told(change: Entry) -> str:
    """A change in a few words."""
    parameters = change["parameters"]
    what = parameters.get("UserAccessKeyId") or parameters.get("PolicyName") or change["made"]
    return f"{change['product']} {change['action']} {what} (#{change['order']})"


CHECKS: dict[str, Callable[[Evidence], list[str]]] = {
    "I1": i1_every_live_key_is_stored,
    "I2": i2_one_stored_key_at_every_moment,
    "I3": i3_every_change_is_on_record,
    "I5": i5_no_key_without_an_unused_approval,
    "I6": i6_nothing_is_removed_without_a_revocation,
    "I7": i7_revocation_is_complete_and_denies_first,
}


def violations(case: Evidence, end: Callable[[Evidence], list[str]]) -> dict[str, list[str]]:
    """What is violated, by invariant; I4 is judged over a whole cloud (demo/leaks.py)."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, check in {**CHECKS, "END": end}.items():
        if problems := check(case):
            found[name] += problems
    return dict(found)
