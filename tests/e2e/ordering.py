"""What the tests of orders do: order, tell of a leak, and look at how it went."""

from __future__ import annotations

import json
from typing import Any

from alibabacloud_fc20230330 import models as fc_models
from alibabacloud_fc20230330.client import Client as FcClient
from darabonba.runtime import RuntimeOptions

from demo import actors
from shared import naming, orders
from shared.orders import Order, Selector
from tests.e2e.conftest import Scene, until

LEAK = {"source": "akwarden.leak", "type": "akwarden:AccessKey:Leaked"}


def order_of(scene: Scene, reason: str = "ended", at_most: int | None = None,
             number: int = 1, **selector: str) -> Order:  # fmt: skip
    """An order of this scene; without a selector it means the scene's application."""
    values = selector or {"by": "application", "application": scene.application}
    return Order(f"ORD-{scene.application}-{number}", reason, Selector(**values), at_most,
                 "carol@example.com")  # fmt: skip


def submit(scene: Scene, order: Order) -> str:
    """Hand the order to akw-revoke as an operator would; the request id."""
    config = actors.administrator(scene.stage).config(
        f"{actors.ACCOUNT}.{actors.REGION}.fc.aliyuncs.com")  # fmt: skip
    with scene.stage.proxied():
        answer = FcClient(config).invoke_function_with_options(
            "akw-revoke", fc_models.InvokeFunctionRequest(body=orders.event_of(order)),
            fc_models.InvokeFunctionHeaders(x_fc_invocation_type="Async"),
            RuntimeOptions(autoretry=False),
        )  # fmt: skip
    return str(answer.headers["x-fc-request-id"])


def publish(scene: Scene, access_key_id: str, **changes: Any) -> str:
    """Tell of a leaked key; the request id of the one function that gets the event."""
    event = LEAK | {"data": {"AccessKeyId": access_key_id}} | changes
    (delivered,) = scene.stage.manage("POST", "/events", event)["delivered"]
    assert delivered["function"] == "akw-revoke"
    return str(delivered["request_id"])


def task(scene: Scene, request_id: str) -> dict[str, Any]:
    (found,) = [t for t in scene.stage.manage("GET", "/tasks")["tasks"]
                if t["request_id"] == request_id]  # fmt: skip
    return dict(found)


def outcome(scene: Scene, request_id: str, seconds: float = 60) -> dict[str, Any]:
    """The run's own answer, once its task has ended well."""
    ended = until(lambda: (t := task(scene, request_id))["state"] in ("Succeeded", "Failed") and t,
                  seconds)  # fmt: skip
    assert ended["state"] == "Succeeded", ended
    return dict(json.loads(ended["return_payload"]))


def order_rows(scene: Scene, order_id: str) -> list[dict[str, str]]:
    """The rows of the order itself, oldest first."""
    own = naming.operation_id("order", order_id, "revoke")
    rows = actors.audit_rows(scene.stage, f'operation_id: "{own}"')
    return sorted(rows, key=lambda row: (row["time_ms"], row["chain_id"], int(row["seq"])))
