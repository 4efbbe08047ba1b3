"""The daily look at each managed user: keys that nobody needs, policies that somebody changed.

What is to be done is pure (`shared/upkeep.py`). First everybody is read, then what was planned is
done: each act is announced, and planned again, under the application's lease, from what is there by
then. What could not be read decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from shared import (
    audit,
    drift,
    leases,
    ledger,
    naming,
    reasons,
    removal,
    revocation,
    rotation_runs,
    sweeps,
    upkeep,
)
from shared.audit import Attempt, Change, Subject
from shared.candidates import Finding
from shared.errors import CloudError, StateChanged, SweepIncomplete
from shared.leases import Lease
from shared.ledger import LiveGrant, Unreadable
from shared.lifecycle import CleanupTerms
from shared.ports import LastUse, PolicyVersion, User
from shared.secrecy import Secret
from shared.steps import side_by_side, step
from shared.sweeps import Sweep
from shared.upkeep import Disable, EndGrant, Rebind, Restore, Seen, Step

POSTPONED = "look.postponed"  # a row of a user whom the next hour's run looks at first
DISABLED, RESTORED, REBOUND = "key.disabled", "policy.restored", "key.restricted"
Act = Disable | Restore | Rebind


@dataclass(frozen=True)
class House:
    """The rules: `terms`, what today's templates make of a grant (None if they cannot), and the key
    that signs grants."""

    terms: CleanupTerms
    rebuilt: Callable[[LiveGrant], str | None]
    ledger_key: Secret


def take_turns(run: Sweep, house: House, at: datetime | None) -> None:
    """Everybody whose turn it is in that hour (None: everybody); SweepIncomplete with all that
    failed."""
    users = run.broker.ims.list_users({})
    descriptions = {p.name: p.description for p in run.broker.ram.list_policies()}
    planned: list[tuple[LiveGrant, Step]] = []
    due, begun = _due(run, users, at), set[str]()
    run.side_by_side([
        (partial(_look_at, run, house, user, descriptions, planned, begun), f"user {user.name}")
        for user in due
    ])  # fmt: skip
    _postpone(run, at, [user.name for user in due if user.name not in begun])
    steps, left = upkeep.capped(planned, house.terms.most_per_run)
    if left:
        run.findings.append(Finding("sweep/housekeeping", "over_the_cap", f"{left} are left"))
    run.findings += [act for _, act in steps if isinstance(act, Finding)]
    acts: dict[str, list[Callable[[], None]]] = {}
    for grant, act in steps:
        if not isinstance(act, Finding):
            acts.setdefault(grant.user, []).append(partial(_act, run, house, grant, act))
    run.side_by_side([(partial(_in_order, run, user, of_one), f"user {user}")
                      for user, of_one in acts.items()])  # fmt: skip
    run.attempted(partial(sweeps.report, run), "findings", takes_seconds=sweeps.STOP_SECONDS)
    if run.failures:
        raise SweepIncomplete(run.failures)


def _in_order(run: Sweep, user: str, acts: Sequence[Callable[[], None]]) -> None:
    """One after the other, as each takes the application's lease; one that fails stops no other."""
    for act in acts:
        run.attempted(act, f"user {user}")


def _due(run: Sweep, users: Sequence[User], at: datetime | None) -> list[User]:
    """Whose turn it is, after those that the run of the hour before had no time for."""
    due = run.in_turn([user for user in users if has_turn(user.name, at)])
    if at is None:
        return due
    late: set[str] = set()
    try:
        rows = run.broker.audit_log.get_logs(
            f'event_type: "{POSTPONED}"', at - timedelta(hours=1), sweeps.later(run.broker))
        late = {row["target_user"] for row in rows}
    except CloudError as err:
        run.failures.append(err)
    first = [user for user in users if user.name in late]
    return first + [user for user in due if user.name not in late]


def _postpone(run: Sweep, at: datetime | None, users: Sequence[str]) -> None:
    """Leave to the next hour's run whom this one has no time for."""
    if not users or at is None or run.dry_run:
        return
    record = run.record(Subject("", "", "", ""), naming.operation_id("sweep", "", "look"))
    note = (audit.Change(POSTPONED, "", ""), audit.NOTE, audit.Outcome(""))
    now = run.broker.now()
    rows = [row for user in users for row in record.rows([note], now, target_user=user)]
    run.attempted(lambda: run.broker.audit_log.put_logs(rows), "what is postponed",
                  takes_seconds=sweeps.STOP_SECONDS)  # fmt: skip


def has_turn(user: str, at: datetime | None) -> bool:
    """Whether a user of ours is looked at in that hour (None: any); at another one than rotation's
    look at the same user."""
    if not naming.place_of(user)[0]:
        return False
    hours = rotation_runs.HOURS
    return at is None or (rotation_runs.turn_of(user) + hours // 2) % hours == at.hour


def _look_at(
    run: Sweep, house: House, user: User, descriptions: Mapping[str, str],
    planned: list[tuple[LiveGrant, Step]], begun: set[str],
) -> None:  # fmt: skip
    begun.add(user.name)
    grant = ledger.read(user, descriptions.get(user.name), house.ledger_key)
    if isinstance(grant, Unreadable):
        return  # the other sweep's: it sees the pages as a whole
    run.counts["looked at"] += 1
    seen = look(run, house, grant)
    planned += [(grant, act) for act in upkeep.plan(grant, seen, house.terms, run.broker.now())]


def look(run: Sweep, house: House, grant: LiveGrant) -> Seen:
    """Four calls, one each for the key's last use and its network, and a few more where the policy
    is not as approved. StateChanged if the user or its policy is not there, CloudError if one of
    them cannot be read; the last use alone may be unknown."""
    ims, ram = run.broker.ims, run.broker.ram
    user, keys, policy, held = side_by_side(
        lambda: ims.get_user(grant.user),
        lambda: ims.list_access_keys(grant.user),
        lambda: ram.get_policy(grant.policy),
        lambda: ram.list_policies_for_user(grant.user),
    )
    if user is None or keys is None or policy is None:
        raise StateChanged(f"user {grant.user} or its policy is not there (any more)")
    use: LastUse | None = None
    if len(keys) == 1:
        with suppress(CloudError):  # unknown, and about an unknown nothing is decided
            use = ims.get_access_key_last_used(grant.user, keys[0].id)
    networks = {key.id: ims.get_access_key_policy(grant.user, key.id) for key in keys
                if grant.source_ips and key.status == "Active"}  # fmt: skip
    seen = Seen(user, tuple(keys), policy, tuple(held), use, networks)
    if drift.of_document(grant, policy.document, None, ()) is None:
        return seen
    return replace(
        seen, versions=_versions(run, grant.policy), rebuilt=house.rebuilt(grant))


def _versions(run: Sweep, policy: str) -> tuple[tuple[PolicyVersion, str], ...]:
    ram = run.broker.ram
    others = [version for version in ram.list_policy_versions(policy) if not version.is_default]
    documents = ((version, ram.get_policy_version(policy, version.id)) for version in others)
    return tuple((version, text) for version, text in documents if text is not None)


# -- acting ---------------------------------------------------------------------------------


def _act(run: Sweep, house: House, grant: LiveGrant, act: Step) -> None:
    run.planned(*line(grant, act))
    if run.dry_run:
        return
    if isinstance(act, EndGrant):
        _end(run, house, grant, act)
    elif isinstance(act, Disable | Restore | Rebind):
        _under_lease(run, house, grant, act)


def line(grant: LiveGrant, act: Step) -> tuple[str, str, str]:
    """For people: what, where, why."""
    if isinstance(act, Restore):
        how = act.put_back.version or "rebuilt from its templates"
        return "restore policy", grant.policy, f"approved text is {how}"
    if isinstance(act, Rebind):
        return "restore network", f"{grant.user} {act.key_id}", ", ".join(grant.source_ips)
    if isinstance(act, Disable | EndGrant):
        what = "disable key" if isinstance(act, Disable) else "end grant"
        return what, f"{grant.user} {act.key_id}", f"{act.rule}: {act.why}"
    return "finding", act.thing, f"{act.reason} {act.detail}".rstrip()


def _under_lease(run: Sweep, house: House, grant: LiveGrant, act: Act) -> None:
    broker = run.broker
    change = _change(grant, act)
    record = _record(run, grant, change.event_type)
    record.base["reason"] = _reason(act)
    broker.audit_log.put_logs(record.intents([
        Change("lease.taken", "ram", "CreatePolicy"), change,
        Change("lease.released", "ram", "DeletePolicy")], broker.now()))  # fmt: skip
    name = naming.application_lease(grant.application, grant.environment)
    try:
        lease: Lease = step(record, "lease.taken", lambda: leases.take(
            broker.ram, name, record.operation_id, broker.lease_terms, now=broker.now,
            sleep=broker.sleep))()  # fmt: skip
        try:
            _again(run, house, grant, act)
            step(record, change.event_type, partial(_made, run, grant, act),
                 target=change.target or change.resource)()  # fmt: skip
        finally:
            if not record.in_doubt:  # else it stays until what is in doubt can be seen
                with suppress(CloudError):
                    step(record, "lease.released", lambda: leases.release(broker.ram, lease))()
    finally:
        broker.audit_log.put_logs(record.results(broker.now()))


def _reason(act: Act) -> str:
    if isinstance(act, Disable):
        return act.rule
    return drift.LOOSENED if isinstance(act, Rebind) else upkeep.DRIFTED


def _change(grant: LiveGrant, act: Act) -> Change:
    if isinstance(act, Disable):
        return Change(DISABLED, "ram", "UpdateAccessKey", act.key_id)
    if isinstance(act, Rebind):
        return Change(REBOUND, "ims", "SetAccessKeyPolicy", act.key_id)
    action = "SetDefaultPolicyVersion" if act.put_back.version else "CreatePolicyVersion"
    return Change(RESTORED, "ram", action, resource=grant.policy)


def _made(run: Sweep, grant: LiveGrant, act: Act) -> str:
    ram = run.broker.ram
    if isinstance(act, Rebind):
        return run.broker.ims.set_access_key_policy(grant.user, act.key_id, grant.source_ips)
    if isinstance(act, Disable):
        return ram.update_access_key(grant.user, act.key_id, "Inactive")
    if act.put_back.version:
        return ram.set_default_policy_version(grant.policy, act.put_back.version)
    return ram.create_policy_version(grant.policy, act.put_back.document)


def _end(run: Sweep, house: House, grant: LiveGrant, act: EndGrant) -> None:
    target = removal.target_of(grant.source, grant.ticket_id, grant.application, grant.environment,
                               reasons.ENDED)  # fmt: skip
    if target is None:
        raise StateChanged("the grant's own names cannot be")
    _again(run, house, grant, act)
    record = run.record(_subject(grant), target.operation_id)
    revocation.revoke(run.broker, target, record)


def _again(run: Sweep, house: House, grant: LiveGrant, act: Step) -> None:
    """Right before it: whether the same is to be done by what is there, and signed, now."""
    broker = run.broker
    user, policy = side_by_side(lambda: broker.ims.get_user(grant.user),
                                lambda: broker.ram.get_policy(grant.policy))  # fmt: skip
    now_there = user and ledger.read(user, policy.description if policy else None, house.ledger_key)
    if now_there != grant:
        raise StateChanged(f"the grant of {grant.user} is another one by now")
    steps = upkeep.plan(grant, look(run, house, grant), house.terms, broker.now())
    if act not in steps:
        raise StateChanged(f"what was planned for {grant.user} is not called for any more")


def _record(run: Sweep, grant: LiveGrant, event: str) -> Attempt:
    record = run.record(_subject(grant), naming.operation_id(grant.source, grant.ticket_id, event))
    record.base |= {"target_user": grant.user, "policy_name": grant.policy,
                    "secret_name": grant.secret}  # fmt: skip
    return record


def _subject(grant: LiveGrant) -> Subject:
    return Subject(grant.source, grant.ticket_id, grant.application, grant.environment,
                   requester_id=grant.requester)  # fmt: skip
