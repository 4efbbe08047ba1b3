"""Each bad input gets its own clear answer through HTTP, and the history shows no change."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from demo import actors
from tests import signing
from tests.e2e.conftest import Scene
from tests.unit.samples import approval, person

Send = Callable[[Scene], tuple[int, dict[str, Any]]]
FIVE_MINUTES = 300
READERS = ["acs:ram::1234567890123456:role/orders-reader"]


def ticket(**changes: Any) -> Send:
    """A correctly signed approval whose ticket has these changes."""
    return lambda scene: scene.deliver(scene.body(**changes))


def raw(make: Callable[[bytes], bytes]) -> Send:
    """A correctly signed body that is a distortion of a valid one."""
    return lambda scene: scene.deliver(make(scene.body()))


def headers(change: Callable[[dict[str, str]], dict[str, str]]) -> Send:
    """A valid body with distorted headers."""

    def send(scene: Scene) -> tuple[int, dict[str, Any]]:
        body = scene.body()
        return scene.send(body, change(actors.signed_headers(scene.secret, body)))

    return send


def signed_at(seconds_from_now: int) -> Send:
    """A body signed then; the signature itself is right."""
    return lambda scene: scene.deliver(scene.body(), at=int(time.time()) + seconds_from_now)


def no_text(scene: Scene) -> tuple[int, dict[str, Any]]:
    """Signed by hand: the standard's library signs text alone."""
    body = scene.body().replace(b"orders", b"\xff\xfe")
    stamp = str(int(time.time()))
    return scene.send(body, signing.by_hand(scene.secret, body, delivery="msg_1", stamp=stamp))


def edited(scene: Scene) -> tuple[int, dict[str, Any]]:
    """Signed, then one byte of the body changed."""
    body = scene.body()
    signed = actors.signed_headers(scene.secret, body)
    return scene.send(body.replace(b"orders-logs", b"orders-logz"), signed)


def ago(**how_long: int) -> datetime:
    return datetime.now(UTC) - timedelta(**how_long)


def parameters(**changes: str) -> list[dict[str, Any]]:
    """The sample's permission with other parameters."""
    return [{"template": "sls-logstore-write",
             "parameters": {"project": "orders-logs", "logstore": "app"} | changes}]  # fmt: skip


def secret_of(prefix: str) -> list[dict[str, Any]]:
    return [{"template": "kms-secret-prefix-read",
             "parameters": {"prefix": prefix, "key_id": "key-hzz0000"}}]  # fmt: skip


def long_policy() -> list[dict[str, Any]]:
    """Five permissions whose parameters are each as long as they may be."""
    return [
        {"template": "oss-prefix-read-write",
         "parameters": {"bucket": f"{letter * 62}{letter}", "prefix": f"{letter * 198}/"}}
        for letter in "abcde"
    ]  # fmt: skip


def many_addresses() -> dict[str, list[str]]:
    """As many and as long as a ticket may name; each statement repeats them as its condition."""
    return {"source_ips": [f"2001:db8:aaaa:bbbb:cccc:dddd:eeee:{n:x}fff" for n in range(16)]}


WRONG_SECRET = "whsec_" + base64.b64encode(b"another secret of 32 bytes in all").decode()

CASES: list[tuple[str, Send, int, str]] = [
    # who sent it
    ("unsigned", headers(lambda h: {"Content-Type": "application/json"}), 401,
     "invalid_signature"),
    ("signature missing", headers(lambda h: h | {"webhook-signature": ""}), 401,
     "invalid_signature"),
    ("signed with another secret",
     lambda s: s.send(b := s.body(), actors.signed_headers(WRONG_SECRET, b)), 401,
     "invalid_signature"),
    ("signature of another version", headers(
        lambda h: h | {"webhook-signature": h["webhook-signature"].replace("v1,", "v2,")}), 401,
     "invalid_signature"),
    ("signature without a comma", headers(lambda h: h | {"webhook-signature": "v1"}), 401,
     "invalid_signature"),
    ("signature that is no base64", headers(lambda h: h | {"webhook-signature": "v1,%%%"}), 401,
     "invalid_signature"),
    ("id of another delivery", headers(lambda h: h | {"webhook-id": "msg_other"}), 401,
     "invalid_signature"),
    ("timestamp changed", headers(
        lambda h: h | {"webhook-timestamp": str(int(h["webhook-timestamp"]) + 1)}), 401,
     "invalid_signature"),
    ("timestamp that is no number", headers(lambda h: h | {"webhook-timestamp": "soon"}), 401,
     "invalid_signature"),
    ("body edited after signing", edited, 401, "invalid_signature"),
    ("truncated after signing", lambda s: s.send(
        (b := s.body())[:-20], actors.signed_headers(s.secret, b)), 401, "invalid_signature"),
    ("stale", signed_at(-FIVE_MINUTES - 5), 401, "delivery_too_old"),
    ("from the future", signed_at(FIVE_MINUTES + 5), 401, "delivery_from_the_future"),
    # what it is
    ("oversized", raw(lambda b: b + b" " * (96 * 1024)), 413, "body_too_large"),
    ("empty", raw(lambda b: b""), 400, "not_json"),
    ("not JSON", raw(lambda b: b"approved"), 400, "not_json"),
    ("truncated", raw(lambda b: b[:-20]), 400, "not_json"),
    ("not UTF-8", no_text, 401, "invalid_signature"),
    ("duplicate keys", raw(lambda b: b.replace(b'"status":', b'"status": "approved", "status":')),
     400, "duplicate_key"),
    ("a list", raw(lambda b: b"[" + b + b"]"), 422, "wrong_type"),
    ("deep nesting", raw(lambda b: b"[" * 40_000 + b"]" * 40_000), 400, "not_json"),
    # the ticket's form
    ("unknown field", ticket(policy={"Effect": "Allow"}), 422, "unknown_field"),
    ("missing field", ticket(purpose=...), 422, "missing_field"),
    ("wrong type", ticket(ttl_seconds="3600"), 422, "wrong_type"),
    ("necessity as text", ticket(necessity_confirmed="true"), 422, "wrong_type"),
    ("application that RAM cannot name", ticket(application="Orders Service"), 422,
     "invalid_value"),
    ("application too long", ticket(application="a" * 60), 422, "name_too_long"),
    ("application with a path", ticket(application="../admin"), 422, "invalid_value"),
    ("application named like a lease", ticket(application="lock-orders"), 422, "invalid_value"),
    ("ticket id that is a query", ticket(id='x" or *'), 422, "invalid_value"),
    ("unknown use case", ticket(use_case="because"), 422, "unknown_use_case"),
    ("too many permissions", ticket(permissions=parameters() * 6), 422, "too_many_permissions"),
    ("consumer that is no role", ticket(consumers=["*"]), 422, "consumers_invalid"),
    ("network of everybody", ticket(network={"source_ips": ["0.0.0.0/0"]}), 422,
     "source_ips_invalid"),
    ("access key in a text", ticket(purpose="our key is LTAI5tAbCdEfGhIjKlMnOpQr, please"), 422,
     "contains_access_key"),
    ("access key in escapes", raw(lambda b: b.replace(
        b"AccessKey for the", b"\\u004cTAI5tAbCdEfGhIjKlMnOpQr")), 422, "contains_access_key"),
    # the decision
    ("not approved", ticket(status="pending"), 409, "ticket_not_approved"),
    ("approver is requester", ticket(requester=person("carol")), 403, "approver_is_requester"),
    ("approver is requester in capitals",
     ticket(requester=person("CAROL", email="Carol@Example.COM")), 403, "approver_is_requester"),
    ("approver is requester by alias",
     ticket(requester=person("c.example", email="carol@corp.example.com")), 403,
     "approver_is_requester"),
    ("approver is the beneficiary", ticket(beneficiary=person("dave")), 403,
     "approver_is_requester"),
    ("one approval where two are needed", ticket(approvals=[approval("carol", ago(hours=1))]), 409,
     "approvals_missing"),
    ("no approval", ticket(approvals=[]), 409, "approvals_missing"),
    ("one approver twice", ticket(approvals=[approval("carol", ago(hours=1)),
                                             approval("carol", ago(hours=2))]), 409,
     "approvals_missing"),
    ("approver who may not", ticket(approvals=[approval("carol", ago(hours=1)),
                                               approval("mallory", ago(hours=1))]), 403,
     "approver_not_allowed"),
    ("approver who may, but not for this application", ticket(application="payments"), 403,
     "approver_not_allowed"),
    ("rejected by one", ticket(approvals=[
        approval("carol", ago(hours=1)), approval("dave", ago(hours=1)),
        approval("erin", ago(hours=1), decision="reject")]), 409, "approval_rejected"),
    ("approval too old", ticket(approvals=[approval("carol", ago(days=3)),
                                           approval("dave", ago(days=3))]), 409,
     "approval_too_old"),
    ("approval in the future", ticket(approvals=[approval("carol", ago(hours=-2)),
                                                 approval("dave", ago(hours=-2))]), 422,
     "approval_in_the_future"),
    ("unknown environment", ticket(environment="moon"), 422, "unknown_environment"),
    ("ttl too long", ticket(ttl_seconds=400 * 86_400), 422, "ttl_out_of_range"),
    ("ttl too short", ticket(ttl_seconds=60), 422, "ttl_out_of_range"),
    ("necessity not confirmed", ticket(necessity_confirmed=False), 422,
     "necessity_not_confirmed"),
    ("reader not on the list", ticket(consumers=["acs:ram::1234567890123456:role/payroll"]), 403,
     "consumer_not_allowed"),
    ("no source address in production", ticket(network={"source_ips": []}), 422,
     "source_ips_required"),
    # the policy
    ("unknown template", ticket(permissions=[{"template": "administrator", "parameters": {}}]),
     422, "unknown_template"),
    ("parameter missing", ticket(permissions=[
        {"template": "sls-logstore-write", "parameters": {"project": "orders-logs"}}]), 422,
     "parameter_missing"),
    ("parameter unknown", ticket(permissions=parameters(shard="0")), 422, "parameter_unknown"),
    ("parameter outside its pattern", ticket(permissions=parameters(logstore="A B")), 422,
     "parameter_invalid"),
    ("wildcard in a parameter", ticket(permissions=parameters(logstore="*")), 422,
     "wildcard_not_allowed"),
    ("the audit project", ticket(permissions=parameters(project="akwarden-audit-demo")), 403,
     "own_assets_touched"),
    ("akwarden's secrets", ticket(permissions=secret_of("akw/")), 403, "own_assets_touched"),
    ("somebody else's key", ticket(permissions=secret_of("akw/billing/")), 403,
     "own_assets_touched"),
    ("policy too long", ticket(permissions=long_policy(), network=many_addresses()), 422,
     "policy_too_long"),
    ("grant too long for its ledger", ticket(permissions=long_policy()), 422, "grant_too_long"),
]  # fmt: skip


@pytest.mark.parametrize(("send", "status", "reason"), [
    pytest.param(send, status, reason, id=name) for name, send, status, reason in CASES
])  # fmt: skip
def test_refused(scene: Scene, send: Send, status: int, reason: str) -> None:
    """The answer names the reason and what to do, and nothing at all was changed. What is refused
    for its signature is what the standard's own library refuses, and nothing else is."""
    answer = send(scene)

    assert (status, reason) == (answer[0], answer[1].get("reason"))
    assert (status != 401) == signing.webhook_accepted(scene.secret, *scene.sent)
    assert answer[1]["message"]
    assert scene.changes() == []


def test_replay_of_a_delivery_makes_nothing_new(scene: Scene) -> None:
    """The very same request again is answered like the first and changes nothing."""
    body = scene.body()
    signed = actors.signed_headers(scene.secret, body)
    first = scene.send(body, signed)
    scene.settled()
    before = len(scene.changes())

    again = scene.send(body, signed)

    assert first == again
    assert len(scene.changes()) == before


def test_recommended_alternative_is_part_of_the_refusal(scene: Scene) -> None:
    """Who need not have an AccessKey is told what to use instead."""
    _, answer = scene.deliver(scene.body(necessity_confirmed=False))

    assert "SAML or OIDC" in answer["advice"]


def test_only_post_is_answered(scene: Scene) -> None:
    """Anything else is refused before a function runs."""
    import urllib.error
    import urllib.request

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError) as refused:
        opener.open(scene.stage.webhook_url)

    assert refused.value.code == 405
    assert scene.changes() == []


def test_path_at_which_nothing_listens_is_told(scene: Scene) -> None:
    """A vendor's name misspelt is no wrong signature."""
    status, answer = actors.deliver(scene.stage, b"{}", {}, "dingtalks")

    assert (404, "unknown_path") == (status, answer["reason"])
    assert [] == scene.changes()


def test_refusal_repeats_nothing_that_was_sent(scene: Scene) -> None:
    """Untrusted text comes back in no answer and in no log."""
    marker = "zq7-untrusted-marker"

    _, answer = scene.deliver(scene.body(use_case=marker, **{"x" + marker: marker}))

    assert marker not in json.dumps(answer)
    assert marker not in json.dumps(scene.stage.manage("GET", "/logs"))
