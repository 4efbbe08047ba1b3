"""Calls per second and account, by product and group of actions.

Source: KMS, "Limits" (create/delete 10, list 40, values 450); RAM and IMS show their numbers in
the Quota Center only, so theirs is a choice.
"""

from __future__ import annotations

from emulator import errors
from emulator.choices import Choices
from emulator.errors import ProductError

# "secret-write" is creating and deleting secrets. Which group PutSecretValue and
# UpdateSecretVersionStage share is not published; they count with "secret-list" here.
KMS_GROUPS = {
    "secret-write": 10,
    "secret-list": 40,
    "secret-read": 450,
    "crypto": 1000,
    "key-create": 10,
    "key-write": 30,  # keys' states and all tags
    "key-read": 50,  # ListTagResources too
    "instance-read": 50,
}


class Throttle:
    """Counts calls of each (product, group) within the running second."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._windows: dict[tuple[str, str], tuple[int, int]] = {}

    def check(self, product: str, group: str, now: float) -> None:
        """Count one call; raises the product's throttling error above the quota."""
        if not self._choices.throttling or product not in ("ram", "ims", "sts", "kms"):
            return
        second, count = self._windows.get((product, group), (int(now), 0))
        count = count + 1 if second == int(now) else 1
        self._windows[(product, group)] = (int(now), count)
        if count > self._quota(product, group):
            raise _refusal(product)

    def _quota(self, product: str, group: str) -> int:
        if product == "kms":
            return KMS_GROUPS.get(group, 300)
        return 100 if group == "AssumeRole" else self._choices.ram_calls_per_second


def _refusal(product: str) -> ProductError:
    if product == "kms":
        return ProductError(429, "Rejected.Throttling", "QPS Limit Exceeded")
    return errors.throttled()
