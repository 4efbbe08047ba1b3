"""Controls about the policies that somebody holds; pure.

Every attached policy is looked at, Alibaba's own among them. What roles may do by the policies of
secrets, buckets and other resources is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shared import naming
from shared.posture import documents
from shared.posture.facts import AttachedPolicy, Facts, Holders, NotKnown
from shared.posture.judging import HIGH, LOW, Control, Doubt, Failure
from shared.posture.users import ends_at, managed

Outcome = Iterator[Failure | Doubt]
# Names that no application has: a statement that reaches them reaches everybody's.
NOBODYS_SECRET = f"acs:kms:{{region}}:{{account}}:secret/{naming.SECRET_PREFIX}nobody--s/none"
NOBODYS_USER = f"acs:ram:*:{{account}}:user/{naming.PREFIX}nobody--s-none"
OUR_ROLES = frozenset({
    naming.ISSUE_FUNCTION, naming.REVOKE_FUNCTION, naming.CLEANUP_FUNCTION, naming.ROTATE_FUNCTION,
})  # fmt: skip


def _each(facts: Facts, look: Callable[[AttachedPolicy], Outcome]) -> Outcome:
    """Every policy; one that could not be read in part is a doubt about this one only."""
    for attached in facts.policies.get():
        try:
            yield from look(attached)
        except NotKnown as err:
            yield Doubt(_name(attached), str(err))
        except documents.Malformed:
            yield Doubt(_name(attached), "its document is malformed")


def _name(attached: AttachedPolicy) -> str:
    return f"policy/{attached.policy.kind}/{attached.policy.name}"


def _held(holders: Holders, *, but: frozenset[str] = frozenset()) -> list[str]:
    return [*(f"user/{name}" for name in holders.users),
            *(f"group/{name}" for name in holders.groups),
            *(f"role/{name}" for name in holders.roles if name not in but)]  # fmt: skip


def _administrators(facts: Facts) -> Outcome:
    def look(attached: AttachedPolicy) -> Outcome:
        if documents.administers(attached.document.get()):
            for holder in _held(attached.holders.get()):
                yield Failure(holder, f"holds {attached.policy.name}: every action, everywhere")

    yield from _each(facts, look)


def _direct(facts: Facts) -> Outcome:
    ours = {user.name: user for user in facts.users.get() if managed(user)}

    def look(attached: AttachedPolicy) -> Outcome:
        for name in attached.holders.get().users:
            own = attached.policy.kind == "Custom" and attached.policy.name == name
            until = ends_at(ours[name]) if own and name in ours else None
            design = until is not None and facts.now <= until
            yield Failure(f"user/{name}", f"holds {attached.policy.name} itself",
                          "one policy for one application" if design else "",
                          until if design else None)  # fmt: skip

    yield from _each(facts, look)


def _reaching(action: str, resource: str, why: str) -> Callable[[Facts], Outcome]:
    """Whoever may do something to whatever is akwarden's, but for akwarden's own functions, and for
    administrators, whom another control tells."""

    def check(facts: Facts) -> Outcome:
        whole = resource.format(region=facts.region, account=facts.account_id)

        def look(attached: AttachedPolicy) -> Outcome:
            document = attached.document.get()
            if documents.allows(document, action, whole) and not documents.administers(document):
                for holder in _held(attached.holders.get(), but=OUR_ROLES):
                    yield Failure(holder, f"{why} by {attached.policy.name}")

        yield from _each(facts, look)

    return check


CONTROLS = (
    Control("admin-policy", HIGH,
            ("CIS 1.15", "ram-policy-no-statements-with-admin-access-check"),
            "No user, group or role holds a policy that allows every action on every resource.",
            "Replace it by policies for the tasks at hand.", _administrators),
    Control("direct-attachment", LOW, ("CIS 1.16", "ram-user-no-policy-check"),
            "No policy is attached to a user itself.",
            "Attach it to a group. akwarden attaches each application's own policy to its one "
            "user, until the grant ends.", _direct),
    Control("secret-readers", HIGH, ("akwarden",),
            "Nobody may read every application's secret.",
            "Name the one secret (secret/akw/<application>/<environment>) that the role is for.",
            _reaching("kms:GetSecretValue", NOBODYS_SECRET, "may read every application's secret")),
    Control("key-makers", HIGH, ("akwarden",),
            "Nobody but akwarden's functions may create keys for akwarden's users.",
            "Narrow the policy: such a key has no ticket.",
            _reaching("ram:CreateAccessKey", NOBODYS_USER, "may create keys for akwarden's users")),
)  # fmt: skip
