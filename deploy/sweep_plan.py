"""Show what the next sweep of akw-cleanup would do, by asking it: nothing is changed.

`python -m deploy.sweep_plan` with an administrator's credentials and the settings, as
`deploy.provision` takes them. The function answers within its timeout; it reads as a sweep does.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from Tea.exceptions import TeaException

from shared import naming
from shared import settings as settings_module
from shared.errors import ConfigError

TIMEOUT_MS = 310_000  # longer than the function may take
REQUEST = b'{"dry_run": true}'


def plan(environment: Mapping[str, str]) -> list[str]:
    """The plan as lines of a table. RuntimeError if the function failed or refused."""
    answer = invoked(environment, REQUEST)
    if answer.get("status") != "planned":
        said = answer.get("errorMessage") or answer.get("reason") or "no plan"
        raise RuntimeError(f"akw-cleanup: {said}")
    return table([[str(cell) for cell in line] for line in answer["plan"]])


def invoked(environment: Mapping[str, str], event: bytes) -> dict[str, Any]:
    """The function's answer to an event, waited for."""
    settings = settings_module.read(environment)
    client = Client(Config(
        access_key_id=environment["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        security_token=environment.get("ALIBABA_CLOUD_SECURITY_TOKEN") or None,
        endpoint=settings.fc_endpoint, protocol=settings.protocol, region_id=settings.region,
        ca=settings.requests_ca_bundle or None,
    ))  # fmt: skip
    response = client.invoke_function_with_options(
        naming.CLEANUP_FUNCTION, models.InvokeFunctionRequest(body=io.BytesIO(event)),
        models.InvokeFunctionHeaders(x_fc_invocation_type="Sync"),
        RuntimeOptions(read_timeout=TIMEOUT_MS, autoretry=False),
    )  # fmt: skip
    content = json.loads(response.body.read())
    return dict(content) if isinstance(content, dict) else {}


def table(lines: Sequence[Sequence[str]]) -> list[str]:
    """Columns side by side; one line that says so if there is nothing to do."""
    if not lines:
        return ["nothing to do"]
    widths = [max(len(line[at]) for line in lines) for at in range(2)]
    return [f"{what:<{widths[0]}}  {where:<{widths[1]}}  {why}" for what, where, why in lines]


def main() -> int:
    """Print the plan; one line for what is wrong."""
    try:
        lines = plan(os.environ)
    except ConfigError as err:
        return _failed(*err.problems)
    except KeyError as err:
        return _failed(f"{err.args[0]} is required: an administrator's credentials")
    except TeaException as err:
        code = getattr(err, "code", "")
        return _failed(f"refused: {code}" if code else "no answer from the cloud")
    except (RuntimeError, ValueError) as err:
        return _failed(str(err))
    print("\n".join(lines))
    return 0


def _failed(*lines: str) -> int:
    print("\n".join(lines), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
