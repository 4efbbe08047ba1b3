"""All controls, in the order in which they are shown."""

from __future__ import annotations

from shared.posture import account, permissions, users
from shared.posture.judging import Control

ALL: tuple[Control, ...] = (*account.CONTROLS, *users.CONTROLS, *permissions.CONTROLS)
