"""Retire the keys of a hand-made RAM user that an application has given up by a ticket.

`python -m deploy.retire --ram-user orders-by-hand` with an administrator's credentials in
ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET (and ALIBABA_CLOUD_SECURITY_TOKEN) and
the settings of the functions; `deploy/retirer-policy.json` is all that they need to be allowed. No
function of akwarden ever has rights on users that are not its own. Run it again, by a day or so,
until it says that nothing is left; `--undo KEY` takes one key back. Every change is announced in
the audit log first. Exit code: 0 done or nothing to do yet, 1 refused, 2 it could not be asked.
"""

from __future__ import annotations

import argparse
import os
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from deploy import invocation, retirement
from deploy.retirement import DELETE, DISABLE, ENABLE, RESTORE, OldKey, Step
from shared import audit, bootstrap, naming
from shared.audit import Attempt, Change, Row, Subject
from shared.broker import Broker
from shared.errors import CloudError
from shared.key_text import is_access_key_id
from shared.ports import LastUse
from shared.resumption import MEMORY_DAYS
from shared.steps import step
from shared.tickets import FOREIGN_USER

DONE, REFUSED = 0, 1
SECONDS = 300  # as long as a function: what the ports' retries are checked against
DID = {DISABLE: "disabled", DELETE: "deleted", ENABLE: "enabled", RESTORE: "restored"}
# Not the events of our own keys: what those mean to a sweep, these must not.
EVENTS = {
    DISABLE: ("adoption.key_disabled", "ram", "UpdateAccessKey"),
    DELETE: ("adoption.key_deleted", "ram", "DeleteAccessKey"),
    ENABLE: ("adoption.key_enabled", "ram", "UpdateAccessKey"),
    RESTORE: ("adoption.key_restored", "ims", "RestoreAccessKeyFromRecycleBin"),
}


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; exits with 2 and a sentence for what is wrong with it."""
    parser = argparse.ArgumentParser(
        prog="make retire ARGS='…'", description="Retire the keys of a hand-made RAM user."
    )
    parser.add_argument("--ram-user", required=True, metavar="U")
    parser.add_argument("--undo", metavar="KEY", help="take this key back into use")
    parser.add_argument("--dry-run", action="store_true", help="only say what is due")
    options = parser.parse_args(given)
    if not FOREIGN_USER.fullmatch(options.ram_user):
        parser.error("--ram-user takes the name of a RAM user that is not akwarden's own")
    if options.undo is not None and not is_access_key_id(options.undo):
        parser.error("--undo takes an AccessKey id")
    return options


def retire(
    environment: Mapping[str, str], options: argparse.Namespace, tell: Callable[[str], None]
) -> int:
    """Do what is due; `tell` gets a line for each key. CloudError if the cloud fails: then run it
    again, it goes on where it was."""
    current = bootstrap.settings()
    broker = bootstrap.broker(current, environment, "retire", SECONDS)
    replacement = replaced_by(broker, options.ram_user)
    if replacement is None:
        tell(f"refused: no live grant replaces {options.ram_user}; nothing was changed")
        return REFUSED
    user = broker.ims.get_user(options.ram_user)
    keys = None if user is None else keys_of(broker, options.ram_user)
    if user is None or keys is None:
        tell(f"refused: there is no RAM user {options.ram_user}")
        return REFUSED
    if options.undo:
        binned = broker.ims.list_access_keys_in_recycle_bin(user.id) or ()
        steps = retirement.undo(keys, binned, options.undo)
    else:
        steps = retirement.plan(keys, bootstrap.lifecycle().rotation, broker.now())
    if not options.dry_run:
        _take(broker, _record(current.account_id, current.region, environment, replacement),
              options.ram_user, user.id, [one for one in steps if one.what])  # fmt: skip
    will = "would be " if options.dry_run else ""
    for one in steps:
        tell(f"{one.key_id}  {will + DID[one.what] if one.what else 'left'}: {one.why}")
    if not steps:
        tell(f"{options.ram_user} has no key any more")
    return DONE


def replaced_by(broker: Broker, old_user: str) -> Row | None:
    """The row of the issue that replaced the user, if its grant still has an active key."""
    now = broker.now()
    rows = broker.audit_log.get_logs(
        f'event_type: "key.issued" and phase: result and outcome: success and '
        f'replaces: "{old_user}"', now - timedelta(days=MEMORY_DAYS), now + timedelta(minutes=15),
    )  # fmt: skip
    for row in sorted(rows, key=lambda row: int(row["time_ms"]), reverse=True):
        keys = broker.ims.list_access_keys(row["target_user"]) or ()
        if any(key.status == "Active" for key in keys):
            return row
    return None


def keys_of(broker: Broker, user: str) -> list[OldKey] | None:
    """All keys with their last use; None if there is no such user."""
    listed = broker.ims.list_access_keys(user)
    if listed is None:
        return None
    found = []
    for key in listed:
        use: LastUse | None = None
        with suppress(CloudError):  # unknown is in use
            use = broker.ims.get_access_key_last_used(user, key.id)
        found.append(OldKey(key, use))
    return found


def _record(
    account_id: str, region: str, environment: Mapping[str, str], replacement: Row
) -> Attempt:
    """Of whoever's credentials these are. Without the ticket's own id, which would make a sweep
    take it for work on the ticket."""
    subject = Subject("", "", replacement["application"], replacement["environment"])
    ticket = f"{replacement['ticket_system']} {replacement['ticket_id']}"
    record = audit.attempt(
        subject, naming.operation_id("retire", replacement["replaces"], ticket),
        fc_request_id=f"command-{uuid.uuid4().hex[:12]}", fc_function="", account_id=account_id,
        region=region, trigger="command", broker_version=bootstrap.VERSION,
    )  # fmt: skip
    record.base |= {
        "actor_id": environment["ALIBABA_CLOUD_ACCESS_KEY_ID"], "actor_kind": "human",
        "target_user": replacement["replaces"], "replaces": replacement["replaces"],
        "reason": "replaced", "resources": f"ticket {ticket}",
    }  # fmt: skip
    return record


def _take(
    broker: Broker, record: Attempt, user: str, user_id: str, steps: Sequence[Step]
) -> None:
    if not steps:
        return
    changes = [Change(*EVENTS[one.what], one.key_id) for one in steps]
    broker.audit_log.put_logs(record.intents(changes, broker.now()))
    try:
        for one in steps:
            step(record, EVENTS[one.what][0], partial(_made, broker, user, user_id, one),
                 target=one.key_id)()  # fmt: skip
    finally:
        broker.audit_log.put_logs(record.results(broker.now()))


def _made(broker: Broker, user: str, user_id: str, one: Step) -> str:
    if one.what == DELETE:
        return broker.ram.delete_access_key(user, one.key_id)
    if one.what == RESTORE:
        return broker.ims.restore_access_key_from_recycle_bin(user_id, one.key_id)
    status = "Active" if one.what == ENABLE else "Inactive"
    return broker.ram.update_access_key(user, one.key_id, status)


def main() -> int:
    """Retire as the command line says."""
    try:
        return retire(os.environ, arguments(sys.argv[1:]), print)
    except CloudError as err:
        return invocation.failed(f"{err}; run it again, it goes on where it was")


if __name__ == "__main__":
    sys.exit(invocation.told(main))
