"""PutLogs and GetLogs through the real SDK."""
from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.sls_scenario import client, get, put, ready


def test_written_row_is_found(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What PutLogs acknowledged, GetLogs returns."""
    sdk = client(emulator, monkeypatch)
    ready(sdk)

    put(sdk, {"event_id": "e1", "user": "alice"})

    assert get(sdk, 'event_id: e1 and user: "alice"')[0]["user"] == "alice"
