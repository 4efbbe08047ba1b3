"""docs/emulator.md: which actions the emulator answers, and which of the real API it does not.

The real API is what the official SDKs have methods for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from emulator.choices import Choices
from emulator.fc.front import ROUTES as FC_ROUTES
from emulator.gateway import RPC_PRODUCTS
from emulator.rpc import RpcProduct
from emulator.sls.operations import OPERATIONS

CLIENTS = {
    "ram": "alibabacloud_ram20150501.client",
    "ims": "alibabacloud_ims20190815.client",
    "sts": "alibabacloud_sts20150401.client",
    "kms": "alibabacloud_kms20160120.client",
}
_METHOD = re.compile(r"action\s*=\s*'([A-Za-z]+)'")
INTRODUCTION = """\
`emulator/` speaks the wire protocols of RAM, IMS, STS, KMS, SLS and Function Compute, so that
unmodified official SDKs talk to it over HTTP. It is volatile: what it holds ends with it.

    .venv/bin/python -m emulator --port 8180 --management-port 8181 --account-id 1234567890123456 \\
        --access-key-id LTAI5tLocal --access-key-secret some-secret [--calm] [--functions s.yaml] \\
        [--ca-file ca.pem]

It prints `ready` when it answers and ends on SIGTERM. The key belongs to one RAM user with
AdministratorAccess. Reach it directly (`endpoint=127.0.0.1:8180`, protocol HTTP), or as a forward
proxy (`http_proxy=http://198.51.100.7:x@127.0.0.1:8180`), which keeps every real host name; the
user name of the proxy URL is then the caller's address.

HTTPS goes through the same proxy (`https_proxy=http://198.51.100.7:x@127.0.0.1:8180`): the emulator
makes a CA at start and a certificate for each host that is asked for. Clients must trust that CA:
`--ca-file` writes its certificate, `GET /ca.pem` at the management port answers it. `requests` (the
SDKs of SLS and FC 2.0) takes the file from `REQUESTS_CA_BUNDLE`, Python's `ssl` from
`SSL_CERT_FILE`; the Tea SDKs (RAM, IMS, KMS, STS, FC 3.0) take it from their setting `ca` only.
With the choice `fc_https=true` the functions get both variables and the proxy for https.

Every answer is JSON, also where a V1 caller asks for XML. `--calm` switches propagation delay,
throttling and index lag off.

An empty cloud holds the administrator and what has no API to be made by: the system policies and
one KMS instance, `kst-emulator0001`, with the symmetric key `key-emulator0001` and the MAC key
`key-emulator-mac01` in it (`ListKmsInstances` and `ListKeys` answer them too). The functions' HTTP
triggers are reached as `http://<function>-emulator.<region>.fcapp.run/` through the proxy, or
directly as `/fcapp/<function>/<path>`. An s.yaml is rendered with the environment that the emulator
was started in: with akwarden's own, its required settings must be there.

The management port is no part of any protocol: `GET /healthz /ca.pem /clock /choices /history
/state /secrets /faults /functions /tasks /logs`, `POST /reset /clock /choices /faults /events
/timers/<function>/<trigger> /invoke/<function>`, `DELETE /faults /faults/<id>`. With curl:

    curl --noproxy '*' http://127.0.0.1:8181/clock -d '{"advance_seconds": 600}'
    curl --noproxy '*' http://127.0.0.1:8181/choices -d '{"recycled_user_name_reusable": false}'
    curl --noproxy '*' http://127.0.0.1:8181/timers/akw-digest/window -d ''

Time only goes forward. A timer is named by its function and its trigger in s.yaml; it takes no
body.

`POST /events` takes a CloudEvent (`source`, `type`, `data`) and hands it, with the attributes that
EventBridge adds, to every function with an `eventbridge` trigger whose pattern it matches. Patterns
know exact values, lists of them, `prefix` and `suffix`; an s.yaml with any other is refused.

Faults are asked for by `POST /faults {"kind": …}`, aimed by `product`, `action`, `function`,
`contains` (text in the parameters, in the rows of PutLogs or in the event of an invocation) and
`event` (text in the event that the calling function is running).
`error`, `throttle`, `delay`, `drop` (act, lose the answer), `kill-before`, `kill-after` (SIGKILL
of the calling function), `expire-token` and `stale-not-found` fire on the matching calls number
`nth` to `nth + times - 1`. `outage` refuses or drops every call of a product, `lag` hides its
writes from its reads (RAM, IMS, KMS), each by the emulator's clock. Nothing that has no effect is
accepted; `emulator/management.py` has the fields of each kind.
"""


def page(root: Path) -> str:
    """The whole page."""
    lines = ["# The emulator", "", INTRODUCTION]
    for product in RPC_PRODUCTS:
        lines += _product(product)
    lines += ["## SLS", "", _answered(operation.name for operation in OPERATIONS), ""]
    lines += ["## Function Compute", "", _answered(name for _, _, name in FC_ROUTES), ""]
    lines += ["## Choices", "", "Where the documentation is silent. Set with `--choice NAME=VALUE` "
              "or `POST /choices`; the reasons stand in `emulator/choices.py`.", "",
              "| Choice | Default |", "| --- | --- |"]  # fmt: skip
    lines += [f"| `{name}` | `{value}` |" for name, value in vars(Choices()).items()]
    return "\n".join(lines) + "\n"


def _product(product: RpcProduct) -> list[str]:
    real = _api(CLIENTS[product.name])
    missing = sorted(real - set(product.actions))
    return [
        f"## {product.name.upper()} {product.version}", "",
        f"{len(product.actions)} actions answered: {_answered(product.actions)}", "",
        f"Refused as unknown, of the real API's {len(real)}: {_answered(missing)}", "",
    ]  # fmt: skip


def _answered(names: Iterable[str]) -> str:
    found = sorted(set(names))
    return ", ".join(f"`{name}`" for name in found) if found else "none"


def _api(module: str) -> set[str]:
    """Every action name in an SDK's client."""
    import importlib

    path = importlib.import_module(module).__file__
    return set(_METHOD.findall(Path(path or "").read_text(encoding="utf-8")))
