"""The calls of a revocation: what it reads, and which one API call makes each of its changes.

In what order, and what waits for what, says `shared/revocation.py`; which changes there are to be
made says `shared/removal.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from shared import networks, removal
from shared.audit import Attempt, Change, Outcome, Row
from shared.broker import Broker
from shared.errors import (
    AkwardenError,
    AlreadyExists,
    CloudError,
    CloudRefused,
    NotFound,
    StateChanged,
)
from shared.ports import Attached, KeyStatus
from shared.removal import QUARANTINE, Details, Found, Memory, Target
from shared.resumption import MEMORY_DAYS
from shared.steps import Call, side_by_side, step, unless_so

T = TypeVar("T")
U = TypeVar("U")


@dataclass
class Run:
    """One attempt at one target, and everything that went wrong in it so far.

    `notes` are what it has seen besides its changes, for the audit log; `user_ids` and `key_ids`
    are what the log calls the ticket's, once it has been read. `found` is what its denial was made
    of, `partly` whether more may be there than that; `cut_at` is when its quarantine was attached;
    `proofs` are STS's answers about keys that are to be gone, `proof_seconds` what was waited for.
    """

    broker: Broker
    target: Target
    record: Attempt
    failures: list[AkwardenError] = field(default_factory=list)
    notes: list[tuple[Change, str, Outcome]] = field(default_factory=list)
    user_ids: frozenset[str] = frozenset()
    key_ids: frozenset[str] = frozenset()
    found: Found = field(default_factory=Found)
    partly: bool = False
    cut_at: datetime | None = None
    proofs: dict[str, Outcome] = field(default_factory=dict)
    proof_seconds: float = 0.0

    def attempted(self, calls: Sequence[Call]) -> bool:
        """Run the calls side by side past their errors, which are kept; whether all went well."""
        before = len(self.failures)
        if calls:
            side_by_side(*(partial(self.read, call, None) for call in calls))
        return len(self.failures) == before

    def read(self, call: Callable[[], T], unknown: U) -> T | U:
        """The call's value, or `unknown` if it fails, which is kept."""
        try:
            return call()
        except CloudError as err:
            self.failures.append(err)
            return unknown


UNREAD: Sequence[KeyStatus] = []


def find(run: Run) -> Found:
    """What exists under the target's names. Whose the user is must be known: that read may
    raise. Any other that fails is kept as a failure, and shows nothing; so is a contradiction: a
    user whose keys are not visible yet, or keys of one that is not."""
    ims, ram, target = run.broker.ims, run.broker.ram, run.target
    user, keys, attached, policy = side_by_side(
        lambda: ims.get_user(target.user),
        lambda: run.read(lambda: ram.list_access_keys(target.user), UNREAD),
        lambda: run.read(lambda: ram.list_policies_for_user(target.user), ()),
        lambda: run.read(lambda: ram.get_policy(target.policy), None),
    )
    if user is not None and keys is None:
        run.failures.append(StateChanged("the user's keys cannot be listed yet"))
    if user is None and keys is not None and keys is not UNREAD:
        run.failures.append(StateChanged("the user cannot be seen, its keys can"))
    return Found.of(target, user, keys, attached, policy,
                    user_ids=run.user_ids, key_ids=run.key_ids)  # fmt: skip


def details(run: Run) -> Details:
    """What else has to go, read with the same care."""
    ram, kms, target = run.broker.ram, run.broker.kms, run.target
    groups, versions, holders, secret = side_by_side(
        lambda: run.read(lambda: ram.list_groups_for_user(target.user), ()),
        lambda: run.read(lambda: ram.list_policy_versions(target.policy), ()),
        lambda: run.read(lambda: tuple(ram.list_entities_for_policy(target.policy)), None),
        lambda: run.read(lambda: kms.describe_secret(target.secret), None),
    )
    return Details(tuple(groups), tuple(versions), holders, secret)


def logged(broker: Broker, target: Target) -> Sequence[Row]:
    """The ticket's rows; CloudError if they cannot be read."""
    now = broker.now()
    return broker.audit_log.get_logs(
        removal.memory_query(target), now - timedelta(days=MEMORY_DAYS), now + timedelta(minutes=15)
    )


def remembered(run: Run) -> Memory:
    """What the log says of the ticket here; CloudError if it cannot be read."""
    rows = logged(run.broker, run.target)
    memory = Memory.of(
        rows, operation_id=run.record.operation_id, run_id=run.record.run_id,
        place=(run.target.application, run.target.environment), purging=run.target.purges,
    )  # fmt: skip
    run.user_ids, run.key_ids = memory.user_ids, memory.live_keys
    return memory


def held_elsewhere(run: Run, found: Found, memory: Memory) -> bool:
    """Whether a key that was issued here lives, and not with a user of this ticket: that one was
    renamed, or is not visible. Kept as a failure, and so is an owner that cannot be read."""
    ims, before = run.broker.ims, len(run.failures)
    for key_id in sorted(memory.live_keys - {key.id for key in found.keys}):
        owner = run.read(partial(ims.get_user_of_access_key, key_id), None)
        if owner is not None:
            run.failures.append(StateChanged(f"key {key_id} lives with user {owner.name}"))
    return len(run.failures) > before


def change_made(run: Run, found: Found, change: Change) -> Call:
    """The one call that makes the change; what is so already is a success, but for a key."""
    ram, ims, kms, target = run.broker.ram, run.broker.ims, run.broker.kms, run.target
    user, key_id, resource = target.user, change.target, change.resource
    holder = found.self_service or user  # what a Description says is good for its policy alone
    calls: dict[str, tuple[Call, type[CloudRefused] | None]] = {
        "quarantine.attached": (
            lambda: ram.attach_policy_to_user(QUARANTINE.name, user), AlreadyExists),
        "key.restricted": (
            lambda: ims.set_access_key_policy(user, key_id, networks.NOWHERE), NotFound),
        "key.disabled": (lambda: ram.update_access_key(user, key_id, "Inactive"), NotFound),
        # Just listed: one that is "not there" is not visible here, which does not end it.
        "key.deleted": (lambda: ram.delete_access_key(user, key_id), None),
        "key.purged": (
            lambda: ims.delete_access_key_in_recycle_bin(resource, key_id), NotFound),
        "policy.detached": (
            lambda: ram.detach_policy_from_user(Attached(*resource.split(":")), holder), NotFound),
        "group.left": (lambda: ram.remove_user_from_group(user, resource), NotFound),
        "login.removed": (lambda: ram.delete_login_profile(user), NotFound),
        "mfa.unbound": (lambda: ram.unbind_mfa_device(user), NotFound),
        "policy.version_deleted": (
            lambda: ram.delete_policy_version(target.policy, resource), NotFound),
        "policy.deleted": (lambda: ram.delete_policy(target.policy), NotFound),
        "quarantine.detached": (
            lambda: ram.detach_policy_from_user(QUARANTINE, user), NotFound),
        "user.deleted": (lambda: ram.delete_user(user), NotFound),
        "user.purged": (lambda: ims.delete_user_in_recycle_bin(resource), NotFound),
        # At once: its value is worthless without the key, and within a recovery window of at
        # least 7 days the name would be blocked for the application's next ticket.
        "secret.deleted": (lambda: kms.delete_secret(target.secret), NotFound),
    }  # fmt: skip
    call, already = calls[change.event_type]
    if already:
        call = unless_so(call, already)
    return step(run.record, change.event_type, call, target=key_id or resource)


def remove(
    run: Run, found: Found, changes: Sequence[Change], *, complete: bool,
    keys_are_gone: Callable[[], bool] = lambda: True,
) -> None:  # fmt: skip
    """Make the changes in their order, past errors. The quarantine comes off only where nothing is
    left that it holds back: keys, rights and logins gone, and nothing unread (`complete`). A key
    that was deleted may be accepted for a while yet, with no policy any more that denies: so
    `keys_are_gone` is asked before. What is not deleted yet is not purged: "not there" would be
    taken for purged."""
    live = found.user.id if found.user else ""

    def made(*events: str, but: str = "") -> bool:
        return run.attempted([
            change_made(run, found, change) for change in changes
            if change.event_type in events and not (but and change.resource == but)
        ])  # fmt: skip

    keyless = made("key.deleted") and made("key.purged")
    bare = made("policy.detached", "group.left", "login.removed", "mfa.unbound")
    if made("policy.version_deleted"):
        made("policy.deleted")
    bare = complete and keyless and bare and keys_are_gone()
    if bare and made("quarantine.detached") and not made("user.deleted"):
        run.attempted([change_made(run, found, removal.CUT_OFF)])  # it lives: not a day without
    made("user.purged", but="" if run.record.done("user.deleted", live) else live)
    made("secret.deleted")
