"""What happens to each application, drawn with a seed, and the consumers that must not notice."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared import rotation_runs
from shared.errors import CloudRefused
from tests.faults.workflows import CLEANUP, ISSUE, REVOKE, ROTATE
from tests.life.living import Life

TTL_DAYS = 90
CACHE = timedelta(hours=6)  # of the official clients
GONE = "InvalidAccessKeyId.NotFound"  # the code at which they ask again at once
# What changes nothing that a timer would have to follow, and how long the rest is followed.
QUIET, FELT = ("extend",), timedelta(days=1, hours=12)
HAND_DAYS = 3  # what somebody does by hand is undone by hand after so many
FAULTS = (
    ("sls", "PutLogs"), ("sls", "GetLogs"), ("ims", "GetUser"), ("ims", "ListAccessKeys"),
    ("ims", "SetAccessKeyPolicy"), ("ims", "TagResources"), ("ram", "CreatePolicy"),
    ("ram", "GetPolicy"), ("ram", "CreateAccessKey"), ("ram", "UpdateAccessKey"),
    ("ram", "DeleteAccessKey"), ("ram", "UpdatePolicyDescription"), ("ram", "CreatePolicyVersion"),
    ("ram", "SetDefaultPolicyVersion"), ("ram", "DeletePolicy"), ("kms", "PutSecretValue"),
    ("kms", "ListSecretVersionIds"), ("kms", "UpdateSecretVersionStage"), ("kms", "CreateSecret"),
    ("ims", "GetAccessKeyLastUsed"), ("sts", "GetCallerIdentity"),
)  # fmt: skip
KINDS = ("drop", "throttle", "refused", "error")


@dataclass(frozen=True)
class Happening:
    """Something on a day: a ticket (`issue`, `extend`, `amend`, `revoke`), a `leak`, an `ask` for
    a new key, or what somebody does by hand (`widen`, `add key`, `take key away`, `disable`,
    `enable`)."""

    what: str
    application: str


@dataclass
class Consumer:
    """An application as the official client makes it: it keeps the secret for six hours, and asks
    anew when its key is not known. `failures` are calls that failed and that nothing excused."""

    application: str
    read_at: datetime | None = None
    key_id: str = ""
    secret: str = ""
    failures: list[str] = field(default_factory=list)
    calls: int = 0

    def forget(self) -> None:
        self.read_at = None

    def work(self, life: Life, *, excused: bool) -> None:
        """One call with the key that it holds."""
        if self.read_at is None or life.now - self.read_at >= CACHE:
            self._read(life)
        self.calls += 1
        try:
            life.use(self.key_id, self.secret)
        except CloudRefused as err:
            if err.code == GONE:
                self._read(life)
                life.use(self.key_id, self.secret)
            if not excused:
                self.failures.append(f"{life.now:%Y-%m-%d %H:%M} {self.key_id}: {err.code}")
            self.forget()

    def _read(self, life: Life) -> None:
        value = life.read(self.application)
        self.key_id, self.secret = value["AccessKeyId"], value["AccessKeySecret"]
        self.read_at = life.now


def drawn(names: list[str], days: int, chance: random.Random) -> dict[int, list[Happening]]:
    """What happens on which day. Every application is issued within the first forty days and has
    its grant prolonged in time, or ended and issued anew; some have more to tell."""
    found: dict[int, list[Happening]] = {}

    def on(day: int, what: str, name: str) -> None:
        if day < days:
            found.setdefault(day, []).append(Happening(what, name))

    for number, name in enumerate(names):
        day = number * 40 // max(1, len(names))
        on(day, "issue", name)
        end = day + TTL_DAYS
        while end < days:
            if chance.random() < 0.7:
                at = end - chance.randint(3, 15)
                on(at, "extend", name)
                end = at + TTL_DAYS
            elif chance.random() < 0.5:
                on(end + 2, "issue", name)  # it has ended by itself
                end += 2 + TTL_DAYS
            else:
                at = end - chance.randint(10, 60)
                on(at, "revoke", name)
                on(at + 2, "issue", name)
                end = at + 2 + TTL_DAYS
        for what in ("ask", "leak", "amend", "widen", "add key", "disable"):
            if chance.random() < 0.4:
                at = chance.randint(45, max(46, days - 10))
                on(at, what, name)
                if what == "add key":
                    on(at + HAND_DAYS, "take key away", name)
                if what == "disable":
                    on(at + HAND_DAYS, "enable", name)
    return found


def fault(chance: random.Random) -> dict[str, object]:
    """One rule for the emulator, for calls of one function. Over http the SLS SDK repeats a 5xx ten
    times: refusals and lost answers are drawn there."""
    product, action = chance.choice(FAULTS)
    kind = chance.choice([kind for kind in KINDS if product != "sls" or kind != "error"])
    rule = {"product": product, "action": action, "nth": chance.randint(1, 3),
            "function": chance.choice((ISSUE, ROTATE, ROTATE, CLEANUP, REVOKE))}  # fmt: skip
    if kind == "refused":
        return rule | {"kind": "error", "status": 403, "code": "NoPermission"}
    return rule | {"kind": kind}


def turn_of(name: str) -> int:
    """The hour of the application's turn at rotation; that of the daily look is twelve later."""
    return rotation_runs.turn_of(f"akw-{name}-prod")
