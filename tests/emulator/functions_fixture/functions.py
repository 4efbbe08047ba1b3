"""Functions that do what the tests of the emulator want to see."""

from __future__ import annotations

import datetime
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)
initialized: list[str] = []
_calls = 0


def echo(event: bytes, context: Any) -> bytes:
    assert isinstance(event, bytes)
    return event


def structured(event: bytes, context: Any) -> dict[str, object]:
    return {"b": 1, "a": datetime.date(2026, 1, 2)}


def fails(event: bytes, context: Any) -> None:
    raise ValueError(f"refused {event.decode()}")


def sleeps(event: bytes, context: Any) -> str:
    time.sleep(float(event))
    return "woke up"


def exits(event: bytes, context: Any) -> None:
    sys.exit(3)


def logs(event: bytes, context: Any) -> None:
    print("printed")  # noqa: T201
    log.warning("logged %s", event.decode())


def shows(event: bytes, context: Any) -> dict[str, object]:
    """What an instance can see of itself."""
    global _calls
    _calls += 1
    try:
        import emulator  # noqa: F401

        sees_emulator = True
    except ImportError:
        sees_emulator = False
    try:
        import undeployed  # noqa: F401

        sees_undeployed = True
    except ModuleNotFoundError:
        sees_undeployed = False
    return {
        "sees_undeployed": sees_undeployed,
        "environment": dict(os.environ),
        "pid": os.getpid(),
        "calls": _calls,
        "now": time.time(),
        "today": datetime.datetime.now(datetime.UTC).isoformat(),
        "path": sys.path[0],
        "directory": str(Path.cwd()),
        "sees_emulator": sees_emulator,
        "context": {k: v for k, v in vars(context).items() if k not in ("logger", "function")},
        "function": vars(context.function),
        "modules": "alibabacloud_sts20150401.client" in sys.modules,
        "initialized": initialized,
    }


def initialize(context: Any) -> None:
    initialized.append(context.request_id)


def identity(event: bytes, context: Any) -> dict[str, str]:
    """Ask STS who we are, through the proxy, under its real host name."""
    from alibabacloud_sts20150401.client import Client
    from alibabacloud_tea_openapi.models import Config

    client = Client(Config(
        access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        security_token=os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"],
        protocol="HTTP", endpoint="sts.aliyuncs.com",
    ))  # fmt: skip
    answer: dict[str, str] = client.get_caller_identity().body.to_map()
    return answer


def second_time(event: bytes, context: Any) -> dict[str, str]:
    """Fails at the first try; the event names the file that remembers."""
    remembered = Path(event.decode())
    tries = remembered.read_text().split() if remembered.exists() else []
    remembered.write_text(" ".join([*tries, context.request_id]))
    if not tries:
        raise RuntimeError("not yet")
    return {"tries": str(len(tries) + 1)}


def spawns(event: bytes, context: Any) -> str:
    """Leaves a child process behind."""
    import subprocess

    child = subprocess.Popen(["sleep", "600"])
    return f"{os.getpid()} {child.pid}"


def abandons(event: bytes, context: Any) -> str:
    """Leaves a child process behind and ends by itself soon after its answer."""
    import threading

    pids = spawns(event, context)
    threading.Timer(0.05, os._exit, (0,)).start()
    return pids


def web(event: bytes, context: Any) -> dict[str, object]:
    """An HTTP trigger that answers with what it got, or as the path demands."""
    request = json.loads(event)
    if request["rawPath"] == "/raise":
        raise KeyError("no answer")
    if request["rawPath"] == "/malformed":
        return {"statusCode": "many"}
    if request["rawPath"] == "/plain":
        return {"just": "a value"}
    return {
        "statusCode": 201,
        "headers": {"Content-Type": "text/x-own", "X-Own": "yes"},
        "isBase64Encoded": False,
        "body": json.dumps(request),
    }
