"""Fault rules against Function Compute, and against what its functions call."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest
from Tea.exceptions import TeaException

from tests.emulator.fc_running import (  # noqa: F401  (the fixtures)
    ROLE_ID,
    Functions,
    functions_fixture,
    loaded_fixture,
)


def trigger(functions: Functions, name: str, body: bytes = b"") -> tuple[int, Any]:
    """POST to an HTTP trigger: status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", functions.emulator.server.port)
    connection.request("POST", f"/fcapp/{name}/", body)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_token_expires_in_mid_flight(functions: Functions) -> None:
    """The running instance's next call is refused; the next invocation has fresh credentials."""
    assert functions.result("identity")["RoleId"] == ROLE_ID
    functions.cloud.faults.add({"kind": "expire-token", "product": "sts", "function": "identity"})

    failed = functions.result("identity")

    assert "InvalidSecurityToken.Expired" in json.dumps(failed)
    assert functions.result("identity")["RoleId"] == ROLE_ID
    keys = [c["access_key_id"] for c in functions.cloud.history.since() if c["product"] == "sts"]
    assert keys[0] == keys[1] != keys[2]


def test_outage_of_fc_refuses_invocations_and_triggers(functions: Functions) -> None:
    """Nothing runs, and the queue takes nothing; afterwards all is as before."""
    rule = functions.cloud.faults.add({"kind": "outage", "product": "fc"})

    with pytest.raises(TeaException) as raised:
        functions.submit("echo", b"event")
    status = trigger(functions, "web")[0]
    functions.cloud.faults.remove(rule.id)

    assert (raised.value.status_code, raised.value.code) == (503, "ServiceUnavailable")
    assert status == 503
    assert functions.fc.tasks_described() == []
    assert trigger(functions, "web")[0] == 201


def test_rule_aims_at_what_a_function_calls_while_it_runs_an_event(functions: Functions) -> None:
    """Calls that name nothing of the event are told apart by the event that is being run."""
    functions.cloud.faults.add({
        "kind": "error", "product": "sts", "status": 403, "code": "NoPermission",
        "event": "ticket-7", "times": 0,
    })  # fmt: skip

    spared = functions.result("identity", b'"ticket-8"')
    hit = functions.result("identity", b'"ticket-7"')

    assert ROLE_ID == spared["RoleId"]
    assert "NoPermission" in json.dumps(hit)


def test_event_can_be_handed_over_at_the_management_port(functions: Functions) -> None:
    """As another service would hand it over; an unknown function is refused."""
    request_id = functions.fc.invoke("echo", b'"ticket-9"')

    assert functions.until(lambda: functions.fc.tasks_described()[0]["state"] == "Succeeded")
    task = functions.fc.tasks_described()[0]
    assert (request_id, '"ticket-9"') == (task["request_id"], task["return_payload"])
    assert [task] == functions.fc.tasks_described("ticket-9")
    assert [] == functions.fc.tasks_described("ticket-8")
    with pytest.raises(ValueError, match="no function nobody"):
        functions.fc.invoke("nobody", b"")


def test_rule_aims_by_the_event(functions: Functions) -> None:
    """Of all invocations only the one whose event holds the text is hit."""
    functions.cloud.faults.add({
        "kind": "error", "product": "fc", "status": 429, "code": "ResourceExhausted",
        "contains": "ticket-7", "times": 0,
    })  # fmt: skip

    spared = functions.invoke("echo", b'"ticket-8"').body.read()
    with pytest.raises(Exception, match="ResourceExhausted"):
        functions.invoke("echo", b'"ticket-7"')

    assert b"ticket-8" in spared
