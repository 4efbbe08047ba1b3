"""The tree of errors. Expected refusals are values (`shared.refusals.Denied`), never exceptions.

AkwardenError
├── ConfigError            what an operator wrote in config/ or the settings cannot be used
├── LeaseHeld              another run works on this application
├── IssuingStopped         the kill switch is on: no ticket is served
├── RecordPending          a vendor's record is not decided yet, though its event says so
├── StateChanged           the plan no longer fits what is there
│   └── NameHeld           a name is taken, and nothing visible bears it
├── RevocationIncomplete   something of a revoked grant is still there
├── GrantNotEnded          one grant of several that are to end: which, and why
├── OutOfTime              a run stopped before its function's timeout would have ended it
├── DigestsUnusable        there are digests, and none that the key of today has signed
├── SweepIncomplete        a sweep could not read or finish something
├── FetchIncomplete        a look for missed records could not read or hand over something
└── CloudError
    ├── CloudUnknown       no usable answer: it may have happened
    ├── KeyNotAccepted     a new key is not accepted within the lag bound
    ├── KeyStillKnown      a deleted key is not proved gone within the lag bound
    └── CloudRefused       the service answered no
        ├── NotFound
        ├── AlreadyExists
        ├── Throttled
        └── NotPermitted   the function's role lacks the permission
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar

TOLD_FAILURES = 20  # so many stand in an error's text; FC and the log cut longer ones anywhere


class AkwardenError(Exception):
    """The root; `reason` is the stable word for answers, audit rows and tests."""

    reason: ClassVar[str] = "internal_error"


class ConfigError(AkwardenError):
    """All problems of one configuration text at once, each one line for its author."""

    reason = "config_invalid"

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class CloudError(AkwardenError):
    """A call to the cloud did not return what was asked; `action` is the API's name."""

    reason: ClassVar[str] = "cloud_error"

    def __init__(self, action: str) -> None:
        super().__init__(f"{action}: {self.reason}")
        self.action = action


class CloudUnknown(CloudError):
    """No usable answer (timeout, broken connection, 5xx): whether it happened is not known."""

    reason: ClassVar[str] = "cloud_outcome_unknown"


class CloudRefused(CloudError):
    """The service answered no. `code` and `status` are its own, `request_id` joins ActionTrail.

    The service's message is left behind on purpose: some repeat what was sent to them.
    """

    reason: ClassVar[str] = "cloud_refused"

    def __init__(self, action: str, code: str, status: int, request_id: str) -> None:
        super().__init__(action)
        self.code = re.sub(r"[^A-Za-z0-9._-]", "", code)[:64]  # it goes into logs and rows
        self.status = status
        self.request_id = request_id

    def __str__(self) -> str:
        return f"{self.action}: {self.reason} ({self.code})"


class NotFound(CloudRefused):
    """What was asked for does not exist, or not visibly yet."""

    reason: ClassVar[str] = "cloud_not_found"


class AlreadyExists(CloudRefused):
    """The name is taken, or the attachment is made already."""

    reason: ClassVar[str] = "cloud_already_exists"


class Throttled(CloudRefused):
    """Too many calls; worth trying again after `retry_after_seconds`."""

    reason: ClassVar[str] = "cloud_throttled"
    retry_after_seconds: float = 0.0


class NotPermitted(CloudRefused):
    """The function's role lacks the permission: a defect of the deployment."""

    reason: ClassVar[str] = "cloud_not_permitted"


class KeyNotAccepted(CloudError):
    """A new AccessKey was not accepted within the lag bound."""

    reason: ClassVar[str] = "key_not_accepted"


class KeyStillKnown(CloudError):
    """A deleted AccessKey was not answered as one that does not exist within the lag bound."""

    reason: ClassVar[str] = "key_still_known"


class LeaseHeld(AkwardenError):
    """Another run works on this application; `until` is when its lease ends by itself."""

    reason: ClassVar[str] = "lease_held"

    def __init__(self, until: datetime) -> None:
        super().__init__(f"lease_held until {until.isoformat()}")
        self.until = until


class IssuingStopped(AkwardenError):
    """Nothing was done; the ticket can be served once the operator allows it again."""

    reason: ClassVar[str] = "issuing_stopped"


class RecordPending(AkwardenError):
    """The vendor's own answer is behind its event; the next try may see the decision."""

    reason: ClassVar[str] = "record_pending"


class StateChanged(AkwardenError):
    """What the plan was made from is no longer so; the next attempt plans anew."""

    reason: ClassVar[str] = "state_changed"


class NameHeld(StateChanged):
    """A name is taken, and nothing visible bears it: not visible yet, or in a recycle bin."""

    reason = "name_held"


class RevocationIncomplete(AkwardenError):
    """Everything that could be done was; `failures` are all that went wrong, none left out."""

    reason: ClassVar[str] = "revocation_incomplete"

    def __init__(self, failures: Iterable[AkwardenError]) -> None:
        self.failures = tuple(failures)
        super().__init__(f"{self.reason}: {_told(self.failures)}")


class GrantNotEnded(AkwardenError):
    """One of several grants could not be ended; `user` is its RAM user or policy."""

    reason: ClassVar[str] = "grant_not_ended"

    def __init__(self, user: str, cause: Exception) -> None:
        # Of what is no error of ours only the kind is told: its text could hold anything.
        why = str(cause) if isinstance(cause, AkwardenError) else type(cause).__name__
        super().__init__(f"{user}: {why}")
        self.user = user
        self.cause = cause


class OutOfTime(AkwardenError):
    """The run stopped cleanly, with `left` grants not begun; the next one goes on there."""

    reason: ClassVar[str] = "out_of_time"

    def __init__(self, left: int) -> None:
        super().__init__(f"{self.reason}: {left} left for the next run")
        self.left = left


class DigestsUnusable(AkwardenError):
    """There are digests, but none that the digest key signed: nobody knows where to go on. Another
    key was set, or strangers write there; a person must look."""

    reason = "digests_unusable"


class SweepIncomplete(AkwardenError):
    """Everything that could be done was; `failures` are all that went wrong, none left out."""

    reason: ClassVar[str] = "sweep_incomplete"

    def __init__(self, failures: Iterable[AkwardenError]) -> None:
        self.failures = tuple(failures)
        super().__init__(f"{self.reason}: {_told(self.failures)}")


class RotationIncomplete(AkwardenError):
    """Some users' rotation failed; `failures` are all that went wrong, none left out."""

    reason: ClassVar[str] = "rotation_incomplete"

    def __init__(self, failures: Iterable[AkwardenError]) -> None:
        self.failures = tuple(failures)
        super().__init__(f"{self.reason}: {_told(self.failures)}")


class FetchIncomplete(AkwardenError):
    """Some records could not be read or handed over; `failures` are all, none left out."""

    reason: ClassVar[str] = "fetch_incomplete"

    def __init__(self, failures: Iterable[AkwardenError]) -> None:
        self.failures = tuple(failures)
        super().__init__(f"{self.reason}: {_told(self.failures)}")


def _told(failures: Sequence[AkwardenError]) -> str:
    """The first of many failures, and how many more there are."""
    told = [str(failure) for failure in failures[:TOLD_FAILURES]]
    if len(failures) > TOLD_FAILURES:
        told.append(f"and {len(failures) - TOLD_FAILURES} more")
    return "; ".join(told)
