"""Ask a function and wait for its answer, with an operator's credentials and the settings."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from Tea.exceptions import TeaException

from shared import settings as settings_module
from shared.errors import ConfigError

TIMEOUT_MS = 310_000  # longer than any of our functions may take
UNUSABLE = 2


def answer_of(environment: Mapping[str, str], function: str, event: bytes) -> dict[str, Any]:
    """InvokeFunction, synchronously; KeyError without credentials, ConfigError, TeaException."""
    settings = settings_module.read(environment)
    client = Client(Config(
        access_key_id=environment["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        security_token=environment.get("ALIBABA_CLOUD_SECURITY_TOKEN") or None,
        endpoint=settings.fc_endpoint, protocol=settings.protocol, region_id=settings.region,
        ca=settings.requests_ca_bundle or None,
    ))  # fmt: skip
    response = client.invoke_function_with_options(
        function, models.InvokeFunctionRequest(body=io.BytesIO(event)),
        models.InvokeFunctionHeaders(x_fc_invocation_type="Sync"),
        RuntimeOptions(read_timeout=TIMEOUT_MS, autoretry=False),
    )  # fmt: skip
    content = json.loads(response.body.read())
    return dict(content) if isinstance(content, dict) else {}


def told(command: Callable[[], int]) -> int:
    """The command's exit code; 2, and a line, for what kept it from asking."""
    try:
        return command()
    except ConfigError as err:
        return failed(*err.problems)
    except KeyError as err:
        return failed(f"{err.args[0]} is required: an operator's credentials")
    except TeaException as err:
        code = getattr(err, "code", "")
        return failed(f"refused: {code}" if code else "no answer from the cloud")
    except (RuntimeError, ValueError) as err:
        return failed(str(err))


def failed(*lines: str) -> int:
    """Say so where errors are said."""
    print("\n".join(lines), file=sys.stderr)
    return UNUSABLE
