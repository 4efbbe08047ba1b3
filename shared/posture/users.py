"""Controls about users, their console logins and their keys; pure.

From the credential report, which is up to four hours old and late by two more in what it says of
usage: a key that was made since then is not in it, and is none of these controls' business yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from shared import grants, naming, timestamps
from shared.ports import User
from shared.posture.facts import Credentials, Facts, KeySlot, NotKnown
from shared.posture.judging import HIGH, LOW, MEDIUM, Control, Failure

OLDEST = timedelta(days=90)
NEVER_USED = timedelta(days=30)


def managed(user: User) -> bool:
    """Whether a user looks like one of akwarden's: by name and tags. Whether the tags are signed is
    the sweep's to find out."""
    marked = any(name.startswith(grants.TAG_PREFIX) for name in user.tags)
    return bool(naming.place_of(user.name)[0]) and marked


def ends_at(user: User) -> datetime | None:
    """When a managed user's grant ends, by its tags."""
    extended = user.tags.get(grants.EXTENDED, "").split(" ")[0]
    return timestamps.parse(extended or user.tags.get(f"{grants.TAG_PREFIX}expires", ""))


def _ours(facts: Facts) -> frozenset[str]:
    return frozenset(user.name for user in facts.users.get() if managed(user))


def _console_mfa(facts: Facts) -> Iterator[Failure]:
    for user in facts.report.get().users:
        if user.password and not user.mfa:
            yield Failure(f"user/{user.user}", "may log in without MFA")


def _console_unused(facts: Facts) -> Iterator[Failure]:
    for user in facts.report.get().users:
        last = user.last_login_at or user.created_at
        if user.password and facts.now - last > OLDEST:
            word = "logged in last" if user.last_login_at else "never logged in since"
            yield Failure(f"user/{user.user}", f"{word} {last:%Y-%m-%d}")


def _console_and_keys(facts: Facts) -> Iterator[Failure]:
    for user in facts.report.get().users:
        if user.password and _active(user):
            yield Failure(f"user/{user.user}", "has a console login and an AccessKey in use")


def _managed_login(facts: Facts) -> Iterator[Failure]:
    ours = _ours(facts)
    for user in facts.report.get().users:
        if user.has_password and user.user in ours:
            yield Failure(f"user/{user.user}", "a user of an application has a console password")


def _unmarked(facts: Facts) -> Iterator[Failure]:
    for user in facts.users.get():
        if naming.place_of(user.name)[0] and not managed(user):
            yield Failure(f"user/{user.name}", "is named like akwarden's and has no grant")


def _key_age(facts: Facts) -> Iterator[Failure]:
    for user, key in _keys(facts):
        if key.active and facts.now - key.created_at > OLDEST:
            yield Failure(_of(user, key), f"made on {key.created_at:%Y-%m-%d}")


def _key_unused(facts: Facts) -> Iterator[Failure]:
    for user, key in _keys(facts):
        if key.active and key.last_used_at and facts.now - key.last_used_at > OLDEST:
            yield Failure(_of(user, key), f"last used on {key.last_used_at:%Y-%m-%d}")


def _key_never_used(facts: Facts) -> Iterator[Failure]:
    for user, key in _keys(facts):
        if key.active and key.last_used_at is None and facts.now - key.created_at > NEVER_USED:
            yield Failure(_of(user, key), f"never used since {key.created_at:%Y-%m-%d}")


def _two_keys(facts: Facts) -> Iterator[Failure]:
    ours = _ours(facts)
    for user in facts.report.get().users:
        active = _active(user)
        if len(active) > 1:
            until = max(key.created_at for key in active) + timedelta(
                hours=facts.rotation.overlap_hours, days=facts.rotation.wait_days)  # fmt: skip
            yield _designed(facts, user.user in ours, Failure(
                f"user/{user.user}", f"has {len(active)} keys in use", "rotation", until))


def _key_disabled(facts: Facts) -> Iterator[Failure]:
    ours = _ours(facts)
    terms = facts.rotation
    for user in facts.report.get().users:
        successors = [key.created_at for key in _active(user)]
        for key in user.keys:
            if key.active:
                continue
            until = max([key.created_at, *successors]) + timedelta(
                hours=terms.overlap_hours, days=terms.wait_days + terms.grace_days)  # fmt: skip
            known = user.user in ours and bool(successors)
            yield _designed(facts, known, Failure(
                _of(user, key), "disabled and not deleted", "rotation's grace", until))


def _designed(facts: Facts, ours: bool, failure: Failure) -> Failure:
    """The failure as it is, if akwarden causes it and its time is not over; else without excuse."""
    if ours and failure.until and facts.now <= failure.until:
        return failure
    return Failure(failure.resource, failure.why)


def _keys(facts: Facts) -> Iterator[tuple[Credentials, KeySlot]]:
    for user in facts.report.get().users:
        for key in user.keys:
            if key.created_at > facts.now + timedelta(days=1):
                raise NotKnown("the report names a key of the future")
            yield user, key


def _active(user: Credentials) -> list[KeySlot]:
    return [key for key in user.keys if key.active]


def _of(user: Credentials, key: KeySlot) -> str:
    """The report does not tell key ids: the user and which of its keys."""
    return f"user/{user.user}/key {key.number}"


CONTROLS = (
    Control("console-mfa", HIGH, ("CIS 1.4", "ram-user-mfa-check"),
            "Whoever may log in to the console has an MFA device.",
            "Bind a device, or take the login away.", _console_mfa),
    Control("console-unused", MEDIUM, ("CIS 1.5", "ram-user-last-login-expired-check"),
            "Whoever may log in to the console did so within 90 days.",
            "Take the login away.", _console_unused),
    Control("console-and-keys", MEDIUM, ("ram-user-login-check",),
            "No user has both a console login and an AccessKey in use.",
            "Give people logins and applications keys: a user for each.", _console_and_keys),
    Control("managed-login", HIGH, ("akwarden",),
            "No user of akwarden's has a console password.",
            "Delete the login profile and ask who made it.", _managed_login),
    Control("managed-unmarked", MEDIUM, ("akwarden",),
            "Every user that is named like akwarden's carries a grant.",
            "Rename or remove the user: akwarden does not touch it, and refuses its name.",
            _unmarked),
    Control("key-age", HIGH, ("CIS 1.6", "ram-user-ak-create-date-expired-check"),
            "No key in use is older than 90 days.",
            "Rotate it; a key of akwarden's that is older has a finding that says why.", _key_age),
    Control("key-unused", LOW, ("ram-user-ak-used-expired-check",),
            "Every key in use was used within 90 days.",
            "Disable it, and delete it when nobody misses it.", _key_unused),
    Control("key-never-used", LOW, ("akwarden",),
            "Every key in use that is older than 30 days was used at least once.",
            "Disable it, and ask what it was made for.", _key_never_used),
    Control("two-active-keys", HIGH, ("ram-user-activated-ak-quantity-check",),
            "No user has two keys in use.",
            "Disable the one that is not needed: the second slot is for rotation.", _two_keys),
    Control("key-disabled", LOW, ("ram-user-invalid-ak-check",),
            "No key is disabled and not deleted.",
            "Delete it; it can be restored for 30 days.", _key_disabled),
)  # fmt: skip
