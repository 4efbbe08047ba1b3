"""The default event bus: patterns, what the bus adds, and who gets an event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.fc.event_pattern import EventPattern
from emulator.fc.specification import specifications
from emulator.fc.template import Resource, TemplateError
from tests.emulator.fc_running import (  # noqa: F401  (the fixtures)
    Functions,
    functions_fixture,
    loaded_fixture,
)

EVENT = {"source": "shop", "type": "shop:Order:Paid", "data": {"stage": "prod", "count": 1}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, True),
        ({"source": ["shop"]}, True),
        ({"source": ["bank", "shop"], "type": ["shop:Order:Paid"]}, True),
        ({"source": ["shop"], "type": ["shop:Order:Lost"]}, False),
        ({"source": ["Shop"]}, False),
        ({"subject": ["x"]}, False),
        ({"type": [{"prefix": "shop:Order:"}]}, True),
        ({"type": [{"prefix": "bank:"}]}, False),
        ({"type": [{"suffix": ":Paid"}]}, True),
        ({"type": [{"suffix": ":Lost"}]}, False),
        ({"data": {"stage": ["prod"]}}, True),
        ({"data": {"stage": ["test"]}}, False),
        ({"data": {"stage": {"deeper": ["prod"]}}}, False),
        ({"data": {"count": [1]}}, True),
        ({"data": {"count": [True]}}, False),
        ({"data": {"count": [{"prefix": "1"}]}}, False),
        ({"data": ["prod"]}, False),
    ],
    ids=str,
)
def test_pattern_lets_through(pattern: dict[str, Any], expected: bool) -> None:
    """Every member of the pattern, with any one of its values, letter by letter."""
    assert EventPattern.parse(json.dumps(pattern)).matches(EVENT) is expected


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"source":"shop"}', '{"source":[]}', '{"source":[["shop"]]}',
     '{"n":[{"numeric":[">",1]}]}', '{"n":[{"anything-but":"x"}]}', '{"n":[{"prefix":1}]}',
     '{"n":[{"prefix":"a","suffix":"b"}]}', '{"n":[{}]}'],
)  # fmt: skip
def test_pattern_that_is_not_understood(text: str) -> None:
    """Refused when the s.yaml is read, not silently matching nothing or everything."""
    with pytest.raises(ValueError, match=r".+"):
        EventPattern.parse(text)


def spec_with(**changes: Any) -> Any:
    config = {
        "triggerEnable": True, "asyncInvocationType": True, "eventRuleFilterPattern": "{}",
        "eventSinkConfig": {"deliveryOption": {}}, "runOptions": {},
        "eventSourceConfig": {"eventSourceType": "Default", "eventSourceParameters": {}},
    }  # fmt: skip
    trigger = {"triggerName": "t", "triggerType": "eventbridge",
               "triggerConfig": config | changes}  # fmt: skip
    props = {"functionName": "f", "region": "cn-hangzhou", "runtime": "python3.12",
             "handler": "a.b", "code": ".", "triggers": [trigger]}  # fmt: skip
    return specifications([Resource("f", "fc3", props)], Path(__file__).parent)[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"asyncInvocationType": False},
        {"eventRuleFilterPattern": '{"a":[{"cidr":"10.0.0.0/8"}]}'},
        {"eventSinkConfig": {"deliveryOption": {"eventSchema": "RawData"}}},
        {"eventSinkConfig": "none"},
        {"runOptions": None},
        {"eventSourceConfig": {"eventSourceType": "Kafka", "eventSourceParameters": {}}},
        {"somethingElse": 1},
    ],
    ids=str,
)
def test_trigger_that_is_not_emulated(changes: dict[str, Any]) -> None:
    """An s.yaml that would behave otherwise in the cloud does not start."""
    with pytest.raises(TemplateError):
        spec_with(**changes)


def test_trigger_is_read() -> None:
    """Its pattern matches what it says."""
    (trigger,) = spec_with().events

    assert (trigger.name, trigger.enabled) == ("t", True)


def test_event_reaches_the_function_as_a_cloudevent(functions: Functions) -> None:
    """With the attributes that the bus adds; a paused rule and other functions get nothing."""
    answer = functions.fc.publish(EVENT | {"id": "e-1"})

    (delivered,) = answer["delivered"]
    assert (answer["id"], delivered["function"], delivered["trigger"]) == ("e-1", "told", "deploys")
    (task,) = functions.fc.tasks_described()
    seen = json.loads(functions.finished(task["task_id"])["return_payload"])
    assert task["request_id"] == delivered["request_id"]
    assert seen.items() >= {**EVENT, "id": "e-1", "specversion": "1.0"}.items()
    assert (seen["aliyunaccountid"], seen["aliyuneventbusname"], seen["aliyunregionid"]) == (
        functions.cloud.account_id, "default", functions.cloud.region)  # fmt: skip
    assert seen["time"].endswith("Z")


def test_event_that_matches_no_rule_reaches_nobody(functions: Functions) -> None:
    """It is accepted all the same, as on a real bus."""
    answer = functions.fc.publish(EVENT | {"source": "bank"})

    assert answer["delivered"] == []
    assert functions.fc.tasks_described() == []


@pytest.mark.parametrize(
    "event",
    [{}, {"source": "shop"}, {"source": "", "type": "x"}, {"source": "shop", "type": 1},
     EVENT | {"specversion": "0.3"}, EVENT | {"data": []}, EVENT | {"Not-A-Name": "x"},
     EVENT | {"number": 1}],
    ids=str,
)  # fmt: skip
def test_what_is_no_cloudevent_is_refused(functions: Functions, event: dict[str, Any]) -> None:
    """ValueError, which the management port answers as 400."""
    with pytest.raises(ValueError, match=r".+"):
        functions.fc.publish(event)
