"""Controls about the account itself: its own login and key, its passwords, its networks; pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

from shared.posture.facts import Facts, NotKnown, PasswordRules
from shared.posture.judging import HIGH, LOW, MEDIUM, Control, Failure

ACCOUNT = "account"
UNUSED = timedelta(days=90)
SHORTEST, REUSE, OLDEST_DAYS, ATTEMPTS = 14, 5, 365, 5


def _root_key(facts: Facts) -> Iterator[Failure]:
    keys = facts.practice.get().root_keys
    if keys is None:
        raise NotKnown("RootWithAccessKey is absent from the answer")
    if keys:
        yield Failure(ACCOUNT, f"the account has {keys} AccessKeys of its own")


def _root_mfa(facts: Facts) -> Iterator[Failure]:
    bound = facts.practice.get().root_mfa
    if bound is None:
        raise NotKnown("BindMfa is absent from the answer")
    if not bound:
        yield Failure(ACCOUNT, "the account's login has no MFA device")


def _root_used(facts: Facts) -> Iterator[Failure]:
    at = facts.report.get().root.last_login_at
    if at is not None and facts.now - at < UNUSED:
        yield Failure(ACCOUNT, f"the account itself logged in on {at:%Y-%m-%d}")


def _own_keys(facts: Facts) -> Iterator[Failure]:
    if facts.own_keys.get():
        yield Failure(ACCOUNT, "AllowUserToManageAccessKeys is on")


def _key_network(facts: Facts) -> Iterator[Failure]:
    try:
        policy = json.loads(facts.key_network.get())
        in_force = policy.get("Status") == "Active" and bool(policy.get("Statements"))
    except (ValueError, AttributeError):
        raise NotKnown("the account's AccessKey policy is no policy") from None
    if not in_force:
        yield Failure(ACCOUNT, "no AccessKey policy of the account restricts networks")


def _rule(
    name: str, value: Callable[[PasswordRules], bool | int | None], meets: Callable[[int], bool]
) -> Callable[[Facts], Iterator[Failure]]:
    """A check of one password rule."""

    def check(facts: Facts) -> Iterator[Failure]:
        found = value(facts.passwords.get())
        if found is None:
            raise NotKnown(f"{name} is absent from the answer")
        if not meets(int(found)):
            yield Failure("password policy", f"{name} is {str(found).lower()}")

    return check


def _password(
    number: int, what: str, passes: str, check: Callable[[Facts], Iterator[Failure]]
) -> Control:
    return Control(
        f"password-{what}", MEDIUM, (f"CIS 1.{number}", "ram-password-policy-check"), passes,
        "Change the account's password policy for RAM users.", check,
    )  # fmt: skip


CONTROLS = (
    Control("root-unused", HIGH, ("CIS 1.1",),
            "The account itself did not log in to the console for 90 days (the benchmark leaves "
            "this to a person; here the credential report's last logon is looked at).",
            "Work as RAM users or roles; keep the account's login for emergencies.", _root_used),
    Control("root-access-key", HIGH, ("CIS 1.2", "root-ak-check"),
            "The account has no AccessKey of its own.",
            "Delete the account's AccessKeys; give applications users of their own.", _root_key),
    Control("root-mfa", HIGH, ("CIS 1.3", "root-mfa-check"),
            "The account's login has an MFA device.", "Bind an MFA device to it.", _root_mfa),
    _password(7, "uppercase", "Passwords must have an upper-case letter.",
              _rule("RequireUppercaseCharacters", lambda p: p.uppercase, bool)),
    _password(8, "lowercase", "Passwords must have a lower-case letter.",
              _rule("RequireLowercaseCharacters", lambda p: p.lowercase, bool)),
    _password(9, "symbol", "Passwords must have a symbol.",
              _rule("RequireSymbols", lambda p: p.symbols, bool)),
    _password(10, "number", "Passwords must have a number.",
              _rule("RequireNumbers", lambda p: p.numbers, bool)),
    _password(11, "length", f"Passwords have at least {SHORTEST} characters.",
              _rule("MinimumPasswordLength", lambda p: p.minimum_length,
                    lambda n: n >= SHORTEST)),
    _password(12, "reuse", f"The last {REUSE} passwords cannot be used again.",
              _rule("PasswordReusePrevention", lambda p: p.reuse_prevention,
                    lambda n: n >= REUSE)),
    _password(13, "age", f"Passwords never expire, or after {OLDEST_DAYS} days or later (the "
              "benchmark's version 1.0 asked for 90 at most).",
              _rule("MaxPasswordAge", lambda p: p.maximum_age_days,
                    lambda n: n == 0 or n >= OLDEST_DAYS)),
    _password(14, "attempts", f"A login is locked after {ATTEMPTS} wrong passwords.",
              _rule("MaxLoginAttemps", lambda p: p.login_attempts, lambda n: n == ATTEMPTS)),
    Control("own-keys-switch", HIGH, ("akwarden",),
            "RAM users may not manage their own AccessKeys by the account-wide switch.",
            "Turn AllowUserToManageAccessKeys off; grant it by self-service tickets.", _own_keys),
    Control("account-key-network", LOW, ("akwarden",),
            "An AccessKey policy of the account restricts from where keys may be used.",
            "Set one (SetAccessKeyPolicyForAccount); a key's own policy takes its place.",
            _key_network),
)  # fmt: skip
