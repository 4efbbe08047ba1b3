"""ServiceNow: the business rule of docs/sources/standard-webhooks.md, run as it stands there."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from typing import Any

import dukpy
import pytest

from demo import actors
from tests import signing
from tests.e2e.conftest import Scene, until
from tests.unit.samples import ROOT

PAGE = (ROOT / "docs/sources/standard-webhooks.md").read_text(encoding="utf-8")
# What ServiceNow gives a business rule, as far as this one asks for it. Source: ServiceNow's API
# reference: GlideCertificateEncryption.generateMac takes a base64 key and gives base64;
# GlideDateTime.getValue is "yyyy-MM-dd HH:mm:ss" in UTC, getNumericValue milliseconds.
INSTANCE = """
var sent = {headers: {}};
var gs = {
    getProperty: function (name) { return dukpy.properties[name]; },
    generateGUID: function () { return dukpy.guid; },
    error: function (text) { sent.error = text; }
};
function GlideDateTime() {}
GlideDateTime.prototype.getValue = function () { return dukpy.now; };
GlideDateTime.prototype.getNumericValue = function () { return dukpy.millis; };
function AkwardenTicket(record) { this.record = record; }
AkwardenTicket.prototype.content = function () { return dukpy.ticket; };
function GlideCertificateEncryption() {}
GlideCertificateEncryption.prototype.generateMac = function (key, algorithm, text) {
    return call_python('mac', key, algorithm, text);
};
var sn_ws = {RESTMessageV2: function () {}};
sn_ws.RESTMessageV2.prototype = {
    setEndpoint: function (url) { sent.url = url; },
    setHttpMethod: function (method) { sent.method = method; },
    setRequestHeader: function (name, value) { sent.headers[name] = value; },
    setRequestBody: function (body) { sent.body = body; },
    execute: function () { return {getStatusCode: function () { return dukpy.status; }}; }
};
var current = {sysapproval: {getRefRecord: function () { return {number: 'RITM0010001'}; }}};
"""


def rule() -> str:
    """The page's one script."""
    (script,) = re.findall(r"```javascript\n(.*?)```", PAGE, re.DOTALL)
    return str(script)


def mac(key: str, algorithm: str, text: str) -> str:
    assert "HmacSHA256" == algorithm
    return base64.b64encode(
        hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()


def sent(scene: Scene, status: int = 202, **changes: Any) -> dict[str, Any]:
    """What the rule sends for that ticket."""
    now, engine = datetime.now(UTC), dukpy.JSInterpreter()
    engine.export_function("mac", mac)
    found = engine.evaljs(
        [INSTANCE, rule(), "sent"], now=f"{now:%Y-%m-%d %H:%M:%S}", guid="a1b2c3d4e5f60718",
        millis=now.timestamp() * 1000, status=status,
        ticket=json.loads(scene.body(**changes))["data"],
        properties={"akwarden.signing_key": scene.secret.removeprefix("whsec_"),
                    "akwarden.address": scene.stage.webhook_url},
    )  # fmt: skip
    return dict(found)


def accepted(scene: Scene, headers: dict[str, str], request: dict[str, Any]) -> bool:
    """Whether the standard's own library takes it, whose `mac` above is not."""
    return signing.webhook_accepted(scene.secret, headers, request["body"].encode())


def test_rule_of_the_page_leads_to_a_key(scene: Scene) -> None:
    request = sent(scene, purpose="订单系统 writes its logs “daily”")  # not ASCII alone

    assert ("post", scene.stage.webhook_url) == (request["method"], request["url"])
    assert accepted(scene, request["headers"], request)
    status, answer = actors.deliver(scene.stage, request["body"].encode(), request["headers"])

    assert (202, "accepted") == (status, answer["status"])
    until(lambda: scene.audit('event_type: "key.issued" and phase: result'))
    assert "error" not in request


@pytest.mark.parametrize(("name", "value"), [
    ("webhook-id", "msg_another"), ("webhook-timestamp", "1600000000"),
    ("webhook-signature", "v1,AAAA"),
])  # fmt: skip
def test_rule_signs_all_that_counts(scene: Scene, name: str, value: str) -> None:
    request = sent(scene)
    headers = request["headers"] | {name: value}

    status, _ = actors.deliver(scene.stage, request["body"].encode(), headers)

    assert (401, False) == (status, accepted(scene, headers, request))
    assert [] == scene.changes()


def test_rule_says_what_was_not_taken(scene: Scene) -> None:
    assert "akwarden answered 503 to RITM0010001" == sent(scene, status=503)["error"]
