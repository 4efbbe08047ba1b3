"""An emulator in this process for each test module, reached by real SDKs over real sockets."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from emulator import gateway
from emulator.choices import Choices
from emulator.cloud import Cloud
from emulator.server import Server

ACCOUNT = "1234567890123456"
ADMIN_ID = "LTAI5tAdministrator00001"
ADMIN_SECRET = "administratorSecret00000000001"


class Emulator:
    """A running emulator: its cloud for looking inside, and SDK settings to reach it."""

    def __init__(self, choices: Choices) -> None:
        self.cloud = Cloud(ACCOUNT, ADMIN_ID, ADMIN_SECRET, choices=choices)
        self.server = Server(0, functools.partial(gateway.handle, self.cloud),
                             authority=self.cloud.authority)  # fmt: skip
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def config(self, access_key_id: str = ADMIN_ID, secret: str = ADMIN_SECRET, **more: Any) -> Any:
        """A Tea SDK Config that reaches this emulator directly."""
        from alibabacloud_tea_openapi.models import Config

        return Config(
            access_key_id=access_key_id, access_key_secret=secret, protocol="HTTP",
            endpoint=self.endpoint, region_id="cn-hangzhou", **more,
        )  # fmt: skip

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="session", autouse=True)
def no_proxy_settings() -> None:
    """The SDKs obey HTTP_PROXY and ignore NO_PROXY."""
    for name in [n for n in os.environ if n.lower() in ("http_proxy", "https_proxy", "all_proxy")]:
        del os.environ[name]


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    choices = Choices()
    choices.calm()
    emulator = Emulator(choices)
    yield emulator
    emulator.stop()


@pytest.fixture
def emulator(running: Emulator) -> Emulator:
    """A calm emulator, empty but for its administrator."""
    running.cloud.choices = Choices()
    running.cloud.choices.calm()
    running.cloud.reset()
    return running
