"""DingTalk: access tokens, approval instances, and their ids by time; messages of robots.

Source: DingTalk Open Platform, "Obtain the access token of an internal app", "Obtain the details
of an approval instance", "Obtain the ids of approval instances", "Send one-on-one chat messages by
a robot in batches", "A robot sends group chat messages". There may be two apps: one reads approvals
and tells, the other one is spoken to and can only tell. Choices, as no page says them: the codes of
a wrong app, of a right that an app lacks and of an unknown instance; that times are compared with
`createTime`.
"""

from __future__ import annotations

import json
import secrets as entropy
from datetime import datetime
from typing import TYPE_CHECKING, Any

from emulator.errors import ProductError
from emulator.vendors.state import Vendor
from emulator.wire import Request, Response

if TYPE_CHECKING:
    from emulator.cloud import Cloud

NAME, HOST = "dingtalk", "api.dingtalk.com"
SECRETS = ("app_secret", "robot_secret")
APPS = {"app_key": "app_secret", "robot_key": "robot_secret"}
TOKEN_SECONDS = 7200
MOST_PER_PAGE = 20
ROUTES = {
    ("POST", "/v1.0/oauth2/accessToken"): "GetAccessToken",
    ("GET", "/v1.0/workflow/processInstances"): "GetProcessInstance",
    ("POST", "/v1.0/workflow/processes/instanceIds/query"): "ListProcessInstanceIds",
    ("POST", "/v1.0/robot/oToMessages/batchSend"): "BatchSendMessages",
    ("POST", "/v1.0/robot/groupMessages/send"): "SendGroupMessage",
}


def action_of(method: str, path: str) -> str:
    """The name that the history and faults use; empty if there is no such API."""
    return ROUTES.get((method, path), "")


def refused(refusal: ProductError, request_id: str) -> Response:
    """As every API of v1.0 says it."""
    content = {"code": refusal.code, "requestid": request_id, "message": refusal.message}
    return Response.json(refusal.status, content)


def get_access_token(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    vendor = cloud.vendors[NAME]
    key, secret = body.get("appKey"), body.get("appSecret")
    if not key or not secret or all((key, secret) != (vendor.app.get(its_key), vendor.app.get(its))
                                    for its_key, its in APPS.items()):  # fmt: skip
        raise ProductError(400, "invalidClientIdOrSecret", "the app key or secret is wrong")
    token = f"{key}-{entropy.token_hex(16)}"
    vendor.tokens[token] = cloud.clock.time() + TOKEN_SECONDS
    cloud.remember_secret("vendor-token", NAME, token)
    return {"accessToken": token, "expireIn": TOKEN_SECONDS}


def get_process_instance(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    vendor = _reader(cloud, request)
    id = dict(request.query).get("processInstanceId", "")
    if id not in vendor.records:
        raise ProductError(400, "processInstance.notExist", "there is no such instance")
    shown = {k: v for k, v in vendor.records[id].items() if k != "processCode"}
    return {"result": shown, "success": "true"}


def list_process_instance_ids(
    cloud: Cloud, request: Request, body: dict[str, Any]
) -> dict[str, Any]:
    vendor = _reader(cloud, request)
    size, first = int(body.get("maxResults", 10)), int(body.get("nextToken", 0))
    if not 1 <= size <= MOST_PER_PAGE or not body.get("processCode") or "startTime" not in body:
        raise ProductError(400, "invalidParameter", "processCode, startTime or maxResults")
    begin, end = int(body["startTime"]), int(body.get("endTime", 2**62))
    matching = [
        id for id, one in vendor.records.items()
        if one.get("processCode") == body["processCode"]
        and begin <= _millis(one["createTime"]) <= end
        and (not body.get("statuses") or one["status"] in body["statuses"])
    ]  # fmt: skip
    result: dict[str, Any] = {"list": matching[first : first + size]}
    if first + size < len(matching):
        result["nextToken"] = str(first + size)
    return {"result": result, "success": True}


def batch_send_messages(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Whoever is not in the organisation (`app.staff`, names with commas, if it is set) is named in
    the answer, and the others are told."""
    vendor = _authenticated(cloud, request)
    users = body.get("userIds")
    if not isinstance(users, list) or not 0 < len(users) <= MOST_PER_PAGE:
        raise ProductError(400, "invalidParameter", "userIds")
    staff = vendor.app.get("staff", "").split(",")
    strangers = [one for one in users if vendor.app.get("staff") and one not in staff]
    vendor.told += [{"path": f"user/{one}", "message": _message(body),
                     "robot": body["robotCode"]}
                    for one in users if one not in strangers]  # fmt: skip
    return {"processQueryKey": entropy.token_hex(8), "invalidStaffIdList": strangers,
            "flowControlledStaffIdList": []}


def send_group_message(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    vendor = _authenticated(cloud, request)
    if not body.get("openConversationId"):
        raise ProductError(400, "invalidParameter", "openConversationId")
    vendor.told.append({"path": f"group/{body['openConversationId']}", "message": _message(body),
                        "robot": body["robotCode"]})  # fmt: skip
    return {"processQueryKey": entropy.token_hex(8)}


def _message(body: dict[str, Any]) -> dict[str, Any]:
    try:
        content = json.loads(str(body.get("msgParam")))
    except ValueError:
        content = None
    texts = isinstance(content, dict) and isinstance(content.get("content"), str)
    if not body.get("robotCode") or body.get("msgKey") != "sampleText" or not texts:
        raise ProductError(400, "invalidParameter", "robotCode, msgKey or msgParam")
    return {"text": content["content"]}


ACTIONS = {
    "BatchSendMessages": batch_send_messages, "SendGroupMessage": send_group_message,
    "GetAccessToken": get_access_token, "GetProcessInstance": get_process_instance,
    "ListProcessInstanceIds": list_process_instance_ids,
}  # fmt: skip


def _reader(cloud: Cloud, request: Request) -> Vendor:
    """The app that may read approvals."""
    vendor = _authenticated(cloud, request)
    token = request.headers.get("x-acs-dingtalk-access-token", "")
    if not token.startswith(f"{vendor.app['app_key']}-"):
        raise ProductError(403, "Forbidden.AccessDenied.AccessTokenPermissionDenied",
                           "the app has no permission for this API")  # fmt: skip
    return vendor


def _authenticated(cloud: Cloud, request: Request) -> Vendor:
    vendor = cloud.vendors[NAME]
    token = request.headers.get("x-acs-dingtalk-access-token", "")
    if vendor.tokens.get(token, 0.0) <= cloud.clock.time():
        raise ProductError(401, "InvalidAuthentication", "the access token is not valid")
    return vendor


def _millis(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
