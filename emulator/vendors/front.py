"""A vendor's API over HTTP: which call is it, faults, and the answer or the vendor's refusal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from emulator.errors import ProductError
from emulator.vendors import dingtalk, feishu, github, itsm, jira, slack
from emulator.wire import Request, Response

if TYPE_CHECKING:
    from emulator.cloud import Cloud

HOSTS = {module.HOST: module for module in (dingtalk, feishu, jira, github, slack, itsm)} | {
    slack.API_HOST: slack}  # fmt: skip
VENDORS = {module.NAME: module for module in HOSTS.values()}


def handle(cloud: Cloud, request: Request) -> Response:
    """Serve one call; it is in the history like every other."""
    vendor = HOSTS[request.host]
    entry = cloud.history.begin(cloud.clock.time(), vendor.NAME, request)
    entry.request_id = cloud.new_request_id()
    action = vendor.action_of(request.method, request.path)
    try:
        if not action:
            raise ProductError(404, "InvalidAction.NotFound", "no such API")
        entry.action = action
        cloud.faults.arrive(entry, request.text)
        cloud.faults.before(entry, request.text)
        with cloud.lock:
            answer = vendor.ACTIONS[action](cloud, request, _body(request))
        response = Response.json(200, answer)
    except ProductError as refusal:
        entry.code = refusal.code
        response = vendor.refused(refusal, entry.request_id)
    entry.status = response.status
    return cloud.faults.after(entry, response)


def _body(request: Request) -> dict[str, Any]:
    try:
        content = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ProductError(400, "invalidParameter", "the body must be a JSON object")
    return content


def configure(cloud: Cloud, name: str, content: dict[str, Any]) -> dict[str, Any]:
    """The management port's: set the app's credentials, forget the records there are, and add
    some. Answers with the records' ids and, of a chat, what it was sent; ValueError if there is no
    such vendor."""
    if name not in VENDORS or set(content) - {"app", "records", "forget"}:
        raise ValueError(f"vendors are {', '.join(VENDORS)}; they take app, records and forget")
    vendor = cloud.vendors[name]
    if content.get("forget"):
        vendor.records.clear()
    for key, value in content.get("app", {}).items():
        vendor.app[str(key)] = str(value)
        if key in VENDORS[name].SECRETS:
            cloud.remember_secret("vendor-credential", name, str(value))
    vendor.records.update(content.get("records", {}))
    return {"records": sorted(vendor.records), "told": vendor.told}
