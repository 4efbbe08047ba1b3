"""Feishu: tenant access tokens, approval instances, and their codes by time; messages of a bot.

Source: Feishu Open Platform, "Obtain a custom app's tenant_access_token", "Obtain details of an
approval instance", "Batch obtain the ids of approval instances". There are two apps: one reads
approvals, the other one is the bot. Choices: the codes of a wrong app and of a right that an app
lacks, and that a record's `start_time` is what the times of the list mean.
"""

from __future__ import annotations

import secrets as entropy
from typing import TYPE_CHECKING, Any

from emulator.errors import ProductError
from emulator.vendors import feishu_messages
from emulator.vendors.state import Vendor
from emulator.wire import Request, Response

if TYPE_CHECKING:
    from emulator.cloud import Cloud

NAME, HOST = "feishu", "open.feishu.cn"
SECRETS = ("app_secret", "bot_secret")
APPS = {"app_id": "app_secret", "bot_id": "bot_secret"}
TOKEN_SECONDS = 7200
MOST_PER_PAGE = 100
_INSTANCES = "/open-apis/approval/v4/instances"


def action_of(method: str, path: str) -> str:
    """The name that the history and faults use; empty if there is no such API."""
    if (method, path) == ("POST", "/open-apis/auth/v3/tenant_access_token/internal"):
        return "GetTenantAccessToken"
    if method == "GET" and path.startswith(_INSTANCES):
        return "ListInstances" if path == _INSTANCES else "GetInstance"
    return feishu_messages.action_of(method, path)


def refused(refusal: ProductError, request_id: str) -> Response:
    """As every API says it: a number and a text."""
    code = int(refusal.code) if refusal.code.isdigit() else 99991663
    return Response.json(refusal.status, {"code": code, "msg": refusal.message})


def get_tenant_access_token(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    vendor = cloud.vendors[NAME]
    id, secret = body.get("app_id"), body.get("app_secret")
    if not id or not secret or all((id, secret) != (vendor.app.get(its_id), vendor.app.get(its))
                                   for its_id, its in APPS.items()):  # fmt: skip
        raise ProductError(400, "10014", "app secret invalid")
    token = f"t-{id}-{entropy.token_hex(16)}"
    vendor.tokens[token] = cloud.clock.time() + TOKEN_SECONDS
    cloud.remember_secret("vendor-token", NAME, token)
    return {"code": 0, "msg": "ok", "tenant_access_token": token, "expire": TOKEN_SECONDS}


def get_instance(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    vendor = _authenticated(cloud, request, "app_id")
    id = request.path.removeprefix(f"{_INSTANCES}/")
    if id not in vendor.records:
        raise ProductError(400, "1390003", "instance code not found")
    return {"code": 0, "msg": "success", "data": vendor.records[id]}


def list_instances(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    vendor, query = _authenticated(cloud, request, "app_id"), dict(request.query)
    size, first = int(query.get("page_size", "100")), int(query.get("page_token") or "0")
    if not 1 <= size <= MOST_PER_PAGE or not query.get("approval_code"):
        raise ProductError(400, "1390001", "param is invalid")
    begin, end = int(query["start_time"]), int(query["end_time"])
    matching = [id for id, one in vendor.records.items()
                if one.get("approval_code") == query["approval_code"]
                and begin <= int(one["start_time"]) <= end]  # fmt: skip
    more = first + size < len(matching)
    data = {"instance_code_list": matching[first : first + size], "has_more": more,
            "page_token": str(first + size) if more else ""}  # fmt: skip
    return {"code": 0, "msg": "success", "data": data}


def send_message(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    vendor = _authenticated(cloud, request, "bot_id")
    data = feishu_messages.send(vendor, dict(request.query), body, cloud.clock.time())
    return {"code": 0, "msg": "success", "data": data}


def patch_message(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    feishu_messages.patch(_authenticated(cloud, request, "bot_id"), request.path, body)
    return {"code": 0, "msg": "success", "data": {}}


ACTIONS = {"GetTenantAccessToken": get_tenant_access_token, "GetInstance": get_instance,
           "ListInstances": list_instances, "SendMessage": send_message,
           "PatchMessage": patch_message}  # fmt: skip


def _authenticated(cloud: Cloud, request: Request, app: str) -> Vendor:
    """By a token of this one of the two apps."""
    vendor = cloud.vendors[NAME]
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    if vendor.tokens.get(token, 0.0) <= cloud.clock.time():
        raise ProductError(400, "99991663", "token invalid")
    if not token.startswith(f"t-{vendor.app[app]}-"):
        raise ProductError(400, "99991672", "access denied: the app lacks the scope")
    return vendor
