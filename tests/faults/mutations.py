"""Deliberate breaks of the product, each with the cases that must report it and as what.

Every text to be replaced must stand in the product exactly once: a mutation that no longer fits
fails loudly instead of proving nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.tree import Change

ISSUANCE, RESUMPTION = "shared/issuance.py", "shared/resumption.py"
KEY_MAKING = "shared/key_making.py"


@dataclass(frozen=True)
class Mutation:
    """`cases` are run against the broken product; at least one must violate `invariant`."""

    name: str
    invariant: str
    changes: tuple[Change, ...]
    cases: tuple[str, ...]


MUTATIONS = (
    Mutation("the secret is stored after the key is announced", "I1", (
        Change(KEY_MAKING, '''        step(record, "secret.stored", lambda: broker.kms.put_secret_value(
            place.secret, key.id, key_document(key), naming.PENDING_STAGE))()  # fmt: skip
''', '''        LATER.append(lambda: step(record, "secret.stored", lambda: broker.kms.put_secret_value(
            place.secret, key.id, key_document(key), naming.CURRENT_STAGE))())
'''),
        Change(ISSUANCE, '''    step(record, "key.issued", lambda: broker.kms.update_secret_version_stage(
        grant.secret, naming.CURRENT_STAGE, key_id))()  # fmt: skip
''', '''    step(record, "key.issued", lambda: "announced")()
'''),
        Change(ISSUANCE, '''    broker.audit_log.put_logs(record.results(broker.now(), later=RELEASES))
''', '''    broker.audit_log.put_logs(record.results(broker.now(), later=RELEASES))
    key_making.LATER.pop()()
'''),
        Change(KEY_MAKING, "FIRST_PROBE_SECONDS, LONG", "LATER: list = []\nFIRST_PROBE_SECONDS, LONG"),
    ), ("issue/akw-issue:sls.PutLogs.2=kill-after",)),
    Mutation("a key from a lost answer is looked for by nobody", "I1", (
        Change("shared/cleanup.py", "isinstance(step, RetireKey):", "step is None:"),
        Change(ISSUANCE, "    for orphan in found.orphans:", "    for orphan in found.orphans[:0]:"),
    ), ("issue/akw-issue:ram.CreateAccessKey.1=drop",
        "issue/akw-issue:kms.PutSecretValue.1=kill-before")),
    Mutation("CreateAccessKey is repeated blindly", "I2", (
        Change("shared/adapters/ram.py",
               "self._client.create_access_key(request), repeatable=False",
               "self._client.create_access_key(request), repeatable=True"),
    ), ("issue/akw-issue:ram.CreateAccessKey.1=drop",)),
    Mutation("nobody takes a lease", "I2", (
        Change("shared/leases.py", "    number = 1\n",
               "    number = 1\n    return Lease(lease_name, (1,), '')\n"),
    ), ("issue twice at once/akw-issue:ims.CreateUser.1=throttle"
        "+akw-issue:ram.CreatePolicy.1=throttle+akw-issue:kms.CreateSecret.1=throttle",) * 4),
    Mutation("changes are not announced", "I3", (
        Change(ISSUANCE, "    broker.audit_log.put_logs(record.intents(plan, broker.now()))\n",
               "    record.intents(plan, broker.now())\n"),
    ), ("issue/",)),
    Mutation("a secret is logged", "I4", (
        Change(KEY_MAKING, '''    waited, pause = 0.0, FIRST_PROBE_SECONDS
''', '''    waited, pause = 0.0, FIRST_PROBE_SECONDS
    __import__("logging").warning("new key %s", key.secret.reveal())
'''),
    ), ("issue/",)),
    Mutation("used tickets are not remembered", "I5", (
        Change(RESUMPTION, "            user, ended, policy, elsewhere,",
               "            user, frozenset[str](), policy, elsewhere,"),
    ), ("issue after revoke/",)),
    Mutation("a read that failed counts as nothing there", "I6", (
        Change(ISSUANCE, "            lambda: broker.kms.list_secret_version_ids(grant.secret),",
               "            lambda: _or_nothing(broker, grant),"),
        Change(ISSUANCE, "def _under_leases(", '''def _or_nothing(broker: Any, grant: Any) -> Any:
    try:
        return broker.kms.list_secret_version_ids(grant.secret)
    except Exception:
        return []


def _under_leases('''),
        Change(RESUMPTION, "and not secret.deletes_at and not versions:",
               "and not secret.deletes_at and versions is None:"),
    ), ("issue/akw-issue:kms.UpdateSecretVersionStage.1=kill-after"
        "+akw-issue:kms.ListSecretVersionIds.3=refused"
        "+akw-issue:kms.ListSecretVersionIds.4=refused",)),
    Mutation("the former key is disabled before readers have the new one", "I6", (
        Change("shared/rotating.py", "        key = step(record, \"key.created\", lambda:",
               "        record.intents([Change('key.disabled', 'ram', 'UpdateAccessKey', act.former)],"
               " broker.now())\n        ram.update_access_key(user, act.former, 'Inactive')\n"
               "        key = step(record, \"key.created\", lambda:"),
    ), ("rotate/",)),
    Mutation("keys are deleted before access is denied", "I7", (
        Change("shared/removal.py", "    changes = [CUT_OFF]\n", "    return []\n"),
    ), ("revoke withdrawn/",)),
)  # fmt: skip
