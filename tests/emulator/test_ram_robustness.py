"""Hostile parameters: every action of RAM, IMS and STS refuses them, none breaks."""

from __future__ import annotations

import importlib
import itertools
import re
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from emulator import gateway
from emulator.authentication import rpc_v1
from emulator.ims.actions import IMS
from emulator.ram.actions import RAM
from emulator.rpc import RpcProduct
from emulator.sts.actions import STS
from emulator.wire import Headers, Request
from tests.emulator.conftest import ADMIN_ID, ADMIN_SECRET

SDKS = {"ram": "alibabacloud_ram20150501", "ims": "alibabacloud_ims20190815",
        "sts": "alibabacloud_sts20150401"}  # fmt: skip
NONCES = itertools.count()
ACTIONS = [(p, name) for p in (RAM, IMS, STS) for name in sorted(p.actions)]
VALUES = (
    "x", "*", "{", "{}", "[]", "null", '"\\ud800"', '["\\ud800"]', "[" * 1500, "{UserName",
    "\x00", "a/b:c", "²", "-1", "9" * 500, "1e9", "true", "Custom", "policy", "role", "user",
    "é" * 200,
    '[{"Key":1}]', '[{"Key":"\\ud800","Value":"v"}]', '[{"Key":"k","Value":"v"}]',
    "administrator", "administrator@1234567890123456.onaliyun.com", "AdministratorAccess",
)  # fmt: skip


def parameters_of(product: RpcProduct, action: str) -> list[str]:
    """The wire's names as the SDK's request model knows them; lists with their first index."""
    models = importlib.import_module(f"{SDKS[product.name]}.models")
    kind = getattr(models, f"{action}Request", None)
    if kind is None:
        return []
    with open(importlib.import_module(kind.__module__).__file__ or "") as source:
        names = set(re.findall(r"m\.get\('(\w+)'\)", source.read()))
    lists = {"Tag.1.Key", "Tag.1.Value", "ResourceId.1", "ResourcePrincipalName.1", "TagKey.1"}
    return sorted(names | lists)


def call(cloud: Any, product: RpcProduct, action: str, parameters: dict[str, str]) -> Any:
    claim = parameters | {
        "Action": action, "Version": product.version, "AccessKeyId": ADMIN_ID,
        "Timestamp": cloud.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "SignatureNonce": str(next(NONCES)),
    }  # fmt: skip
    claim["Signature"] = rpc_v1.sign(ADMIN_SECRET, rpc_v1.string_to_sign("GET", claim))
    target = f"/?{urlencode(claim, quote_via=quote)}"
    return gateway.handle(cloud, Request("GET", target, Headers([("host", "127.0.0.1")])))


@pytest.mark.parametrize(
    ("product", "action"), ACTIONS, ids=[f"{p.name}-{name}" for p, name in ACTIONS]
)
def test_hostile_parameters_are_answered(emulator: Any, product: RpcProduct, action: str) -> None:
    """200 or a refusal with a code, for one value everywhere and in each place alone."""
    names = parameters_of(product, action)
    for value in VALUES:
        for chosen in (names, *([name] for name in names)):
            parameters = dict.fromkeys(names, "a") | dict.fromkeys(chosen, value)
            response = call(emulator.cloud, product, action, parameters)

            assert response.status in (200, 400, 403, 404, 409), (chosen, value)


def test_every_registered_action_is_one_the_sdk_knows() -> None:
    """No invented operations: each has a method in the official client."""
    for product, action in ACTIONS:
        client = importlib.import_module(f"{SDKS[product.name]}.client").Client
        method = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", action).lower()

        assert hasattr(client, method), f"{product.name} {action}"
