"""Which product does a request speak to? By host name through the proxy, else by its headers."""

from __future__ import annotations

from emulator.authentication.rpc_v1 import form
from emulator.cloud import Cloud
from emulator.errors import version_invalid
from emulator.fc import front as fc
from emulator.ims.actions import IMS
from emulator.kms.actions import KMS
from emulator.ram.actions import RAM
from emulator.rpc import RpcProduct, pop_envelope
from emulator.sls import front as sls
from emulator.sls.operations import OPERATIONS
from emulator.sts.actions import STS
from emulator.vendors import front as vendors
from emulator.wire import Request, Response

RPC_PRODUCTS: tuple[RpcProduct, ...] = (RAM, IMS, STS, KMS)
FC_PATHS = ("/2023-03-30/", "/2016-08-15/")
_HOSTS = {"ram": RAM, "ims": IMS, "sts": STS, "sts-vpc": STS, "kms": KMS, "kms-vpc": KMS}


def handle(cloud: Cloud, request: Request) -> Response:
    """Route one request.

    Directly addressed (`127.0.0.1:port`), RPC products are told apart by their API version, SLS
    by its `x-log-*` headers, FC by its path; `/fcapp/<function>/<path>` stands for the function's
    `https://….fcapp.run` address.
    """
    host = request.host
    if host in vendors.HOSTS:
        return vendors.handle(cloud, request)
    if host.endswith(".fcapp.run") or request.path.startswith("/fcapp/"):
        return fc.handle_http_trigger(cloud, request)
    if host.endswith(".log.aliyuncs.com") or "x-log-apiversion" in request.headers:
        return sls.handle(cloud, request)
    if host.endswith(".fc.aliyuncs.com") or request.path.startswith(FC_PATHS):
        return fc.handle(cloud, request)
    if host.endswith(".aliyuncs.com") and (product := _HOSTS.get(host.split(".")[0])):
        return product.handle(cloud, request)
    version = _version(request)
    for product in RPC_PRODUCTS:
        if product.version == version:
            return product.handle(cloud, request)
    refusal = version_invalid()
    host_id = request.headers.get("host", "")
    return Response.json(
        refusal.status, pop_envelope(refusal, cloud.new_request_id(), host_id)
    )


def _version(request: Request) -> str:
    """V3's header, or V1's parameter: V1 signs its parameters, not the headers some SDKs add."""
    header = request.headers.get("x-acs-version", "")
    if request.headers.get("authorization", "").startswith("ACS3-"):
        return header
    return dict([*request.query, *form(request.body)]).get("Version") or header


def actions() -> dict[str, frozenset[str]]:
    """The names of what each product answers, as the history has them."""
    found = {product.name: frozenset(product.actions) for product in RPC_PRODUCTS}
    found |= {name: frozenset(module.ACTIONS) for name, module in vendors.VENDORS.items()}
    found["sls"] = frozenset(operation.name for operation in OPERATIONS)
    found["fc"] = frozenset({*(name for _, _, name in fc.ROUTES), "InvokeHTTPTrigger"})
    return found
