"""Fault rules at the management port: what is understood is kept, all else refused with 400."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator import management
from emulator.fault_rules import KINDS
from emulator.wire import Headers, Request
from tests.emulator.conftest import Emulator


def manage(emulator: Emulator, method: str, path: str, content: object = None) -> tuple[int, Any]:
    """One management call: status and answer."""
    body = b"" if content is None else json.dumps(content).encode()
    answer = management.handle(emulator.cloud, Request(method, path, Headers([]), body))
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_added_and_is_listed(emulator: Emulator, kind: str) -> None:
    """With the fewest fields, and everything it counts on from the start."""
    rule = {"kind": kind} | ({"seconds": 1} if kind in ("delay", "lag") else {})

    status, added = manage(emulator, "POST", "/faults", rule)

    assert status == 200
    assert (added["kind"], added["product"], added["seen"], added["fired"]) == (kind, "*", 0, 0)
    assert manage(emulator, "GET", "/faults") == (200, {"rules": [added]})


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({}, "kind must be one of"),
        ({"kind": "eror"}, "kind must be one of"),
        ({"kind": ["error"]}, "kind must be one of"),
        ({"kind": "error", "secnds": 1}, "no field secnds"),
        ({"kind": "error", "fired": 0}, "no field fired"),
        ({"kind": "error", "seconds": 1}, "a rule of kind error has no field seconds"),
        ({"kind": "drop", "status": 500}, "a rule of kind drop has no field status"),
        ({"kind": "outage", "nth": 2}, "a rule of kind outage has no field nth"),
        ({"kind": "lag", "seconds": 1, "times": 1}, "a rule of kind lag has no field times"),
        ({"kind": "error", "product": "ecs"}, "product must be * or one of ram, ims"),
        ({"kind": "lag", "seconds": 1, "product": "sls"}, "product must be * or one of ram, ims, "),
        ({"kind": "stale-not-found", "product": "fc"}, "product must be * or one of"),
        ({"kind": "error", "product": "ram", "action": "PutLogs"}, "ram has no action PutLogs"),
        ({"kind": "error", "action": "MakeUser"}, "* has no action MakeUser"),
        ({"kind": "error", "action": ["GetUser"]}, "unhashable"),
        ({"kind": "error", "function": "akw-isue"}, "there is no function akw-isue"),
        ({"kind": "error", "nth": 0}, "nth counts from 1"),
        ({"kind": "error", "nth": "1"}, "nth must be of type int"),
        ({"kind": "error", "nth": True}, "nth must be of type int"),
        ({"kind": "error", "times": -1}, "times must not be negative"),
        ({"kind": "error", "status": 200}, "status must be from 400 to 599"),
        ({"kind": "error", "code": 5}, "code must be of type str"),
        ({"kind": "error", "contains": None}, "contains must be of type str"),
        ({"kind": "outage", "drop": 1}, "drop must be of type bool"),
        ({"kind": "delay"}, "delay needs seconds"),
        ({"kind": "delay", "seconds": -1}, "seconds must be from 0"),
        ({"kind": "delay", "seconds": float("nan")}, "seconds must be from 0"),
        ({"kind": "delay", "seconds": 1e300}, "seconds must be from 0"),
        ({"kind": "lag", "seconds": 0}, "lag needs seconds"),
        ([], "the body must be a JSON object"),
    ],
)
def test_what_is_not_understood_is_refused(emulator: Emulator, rule: Any, problem: str) -> None:
    """A rule that cannot fire as meant would prove nothing: 400, and no rule is added."""
    status, answer = manage(emulator, "POST", "/faults", rule)

    assert status == 400
    assert problem in answer["error"]
    assert manage(emulator, "GET", "/faults") == (200, {"rules": []})


def test_rules_are_removed_one_by_one_or_all(emulator: Emulator) -> None:
    """By id, which is never given again; an unknown id is refused."""
    ids = [manage(emulator, "POST", "/faults", {"kind": "drop"})[1]["id"] for _ in range(3)]

    assert manage(emulator, "DELETE", f"/faults/{ids[0]}")[0] == 200
    assert manage(emulator, "DELETE", f"/faults/{ids[0]}")[0] == 400
    assert manage(emulator, "DELETE", "/faults/x")[0] == 400
    left = [rule["id"] for rule in manage(emulator, "GET", "/faults")[1]["rules"]]
    assert left == ids[1:]
    manage(emulator, "DELETE", "/faults")
    assert manage(emulator, "GET", "/faults") == (200, {"rules": []})


def test_outage_tells_when_it_ends(emulator: Emulator) -> None:
    """`until` is on the emulator's clock; 0 where nobody said."""
    _, timed = manage(emulator, "POST", "/faults", {"kind": "outage", "seconds": 60})
    _, endless = manage(emulator, "POST", "/faults", {"kind": "outage"})

    assert timed["until"] == pytest.approx(emulator.cloud.clock.time() + 60, abs=5)
    assert endless["until"] == 0
