"""DryRun: a request that always fails, saying how it would have ended.

Source: the DryRun parameter of GetSecretValue, Encrypt and GenerateMac; the status is a choice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from emulator.call import Call, Denied
from emulator.errors import ProductError
from emulator.kms import errors
from emulator.rpc import Answer


def dry_runnable(run: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
    """Make an action obey DryRun; it must not change anything and must authorise by itself."""

    @functools.wraps(run)
    def wrapped(call: Call) -> Answer:
        if not call.boolean("DryRun"):
            return run(call)
        status = call.cloud.choices.kms_dry_run_status
        try:
            run(call)
        except Denied:
            raise errors.dry_run_denied(status) from None
        except ProductError as refusal:
            raise errors.dry_run_invalid(status, refusal.message) from None
        raise errors.dry_run_succeeded(status)

    return wrapped
