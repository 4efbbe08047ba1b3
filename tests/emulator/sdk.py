"""Official SDK clients driven by the wire's own names, so that tables of calls read like the API.

`Sdk(...)("CreateUser", UserName="u")` builds the SDK's request model, sends it with the SDK's
client and gives the answer as the SDK's response model understood it.
"""

from __future__ import annotations

import re
from typing import Any

import pytest


class Sdk:
    """One product's client; `models` is the SDK's models module."""

    def __init__(self, client: Any, models: Any) -> None:
        self.client = client
        self.models = models

    def __call__(self, action: str, **parameters: Any) -> dict[str, Any]:
        method = getattr(self.client, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", action).lower())
        kind = getattr(self.models, f"{action}Request", None)
        if kind is None:
            return dict(method().body.to_map())
        request = kind()
        request.from_map(parameters)
        return dict(method(request).body.to_map())

    def refusal(self, action: str, **parameters: Any) -> tuple[int, str]:
        """Status and code of the error that the SDK raises."""
        from Tea.exceptions import TeaException

        with pytest.raises(TeaException) as raised:
            self(action, **parameters)
        return raised.value.status_code, raised.value.code


def ram(emulator: Any, *key: str, **more: Any) -> Sdk:
    """RAM as the administrator, or with another AccessKey id and secret."""
    from alibabacloud_ram20150501 import models
    from alibabacloud_ram20150501.client import Client

    return Sdk(Client(emulator.config(*key, **more)), models)


def ims(emulator: Any, *key: str, **more: Any) -> Sdk:
    """IMS as the administrator, or with another AccessKey id and secret."""
    from alibabacloud_ims20190815 import models
    from alibabacloud_ims20190815.client import Client

    return Sdk(Client(emulator.config(*key, **more)), models)


def sts(emulator: Any, *key: str, **more: Any) -> Sdk:
    """STS as the administrator, or with another AccessKey id and secret."""
    from alibabacloud_sts20150401 import models
    from alibabacloud_sts20150401.client import Client

    return Sdk(Client(emulator.config(*key, **more)), models)


def key_of(ram_client: Sdk, user_name: str, *statements: dict[str, Any]) -> tuple[str, str]:
    """A new user with a key and, if statements are given, a policy of its own."""
    import json

    ram_client("CreateUser", UserName=user_name)
    if statements:
        document = json.dumps({"Version": "1", "Statement": list(statements)})
        ram_client("CreatePolicy", PolicyName=f"{user_name}-policy", PolicyDocument=document)
        ram_client(
            "AttachPolicyToUser", PolicyType="Custom", PolicyName=f"{user_name}-policy",
            UserName=user_name,
        )  # fmt: skip
    key = ram_client("CreateAccessKey", UserName=user_name)["AccessKey"]
    return key["AccessKeyId"], key["AccessKeySecret"]


def allow(*actions: str, on: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    """An Allow statement."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}


def deny(*actions: str, on: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    """A Deny statement."""
    return {"Effect": "Deny", "Action": list(actions), "Resource": on, **more}
