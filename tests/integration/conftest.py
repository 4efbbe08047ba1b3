"""A calm emulator behind the proxy variables, and adapters' settings that lead to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from shared.adapters import sls, tea
from shared.adapters.tea import Credentials, Endpoint
from shared.secrecy import Secret
from tests.integration.clouds import (
    ADDRESS,
    ADMIN_ID,
    ADMIN_SECRET,
    LocalCloud,
    SpoiltCloud,
    calm,
)


@pytest.fixture(scope="module")
def running() -> Iterator[LocalCloud]:
    running = LocalCloud()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def lead_to(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Process-wide, as the proxy variables are."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://{ADDRESS}:x@127.0.0.1:{port}")
    monkeypatch.setattr("urllib.request._opener", None)  # it remembers the first proxy it saw


@pytest.fixture
def local(
    running: LocalCloud, no_proxies: None, monkeypatch: pytest.MonkeyPatch
) -> LocalCloud:
    """The emulator, empty but for its administrator."""
    running.cloud.choices = calm()
    running.cloud.reset()
    lead_to(running.port, monkeypatch)
    return running


@pytest.fixture
def spoilt(
    no_proxies: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[bytes], SpoiltCloud]]:
    """Makes a cloud that gives one answer to everything."""
    made: list[SpoiltCloud] = []

    def make(answer: bytes) -> SpoiltCloud:
        made.append(SpoiltCloud(answer))
        lead_to(made[-1].port, monkeypatch)
        return made[-1]

    yield make
    for cloud in made:
        cloud.stop()


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nothing sleeps; the seconds that would have been slept."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    assert tea.FIRST_PAUSE_SECONDS > 0
    assert sls.PAUSE_SECONDS > 0
    return slept


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint("cn-hangzhou", "http", 3000, 3000)


@pytest.fixture
def admin() -> Credentials:
    return Credentials(ADMIN_ID, Secret(ADMIN_SECRET))


@pytest.fixture
def stranger(local: LocalCloud) -> Credentials:
    """Somebody who may do nothing."""
    key_id, secret = local.stranger()
    return Credentials(key_id, Secret(secret))
