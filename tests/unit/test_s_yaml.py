"""What s.yaml promises and no schema can check: its names, its handlers, its environment."""

from __future__ import annotations

import fnmatch
import importlib
import json
import re
from typing import Any

import pytest
import yaml

from shared import bootstrap
from shared.deliveries import ACTIONS
from shared.leases import LeaseTerms
from shared.orders import LEAK_EVENTS
from shared.settings import SETTINGS
from tests.unit.samples import ROOT

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "s.yaml").read_text(encoding="utf-8"))
RESOURCES: dict[str, dict[str, Any]] = DOCUMENT["resources"]
KNOWN = {setting.name: setting for setting in SETTINGS}
PLATFORM = {"PYTHONPATH", "TZ", "LD_LIBRARY_PATH"}
# FC tells these itself; `settings.read` takes them from FC_REGION and FC_ACCOUNT_ID.
FROM_FC = {"AKWARDEN_REGION", "AKWARDEN_ACCOUNT_ID"}
MAX_ENVIRONMENT_BYTES = 4096  # FC, "Environment variables": names and values together
LONGEST_VALUE_BYTES = 128  # of what an operator may put in for `${env(…)}`
NOT_DEPLOYED = ("tests", "emulator", "demo", "docs", "deploy", ".git", ".venv", ".env", "build")
DEPLOYED = ("functions", "shared", "config", "python")


def props(resource: str) -> dict[str, Any]:
    """The resource's properties over those of its template."""
    template = DOCUMENT["template"][RESOURCES[resource]["extend"]["name"]]
    return {**template, **RESOURCES[resource]["props"]}


@pytest.fixture(params=sorted(RESOURCES))
def function(request: pytest.FixtureRequest) -> dict[str, Any]:
    return props(request.param)


def test_names_are_lower_case_and_ours(function: dict[str, Any]) -> None:
    """Case differs between FC, RAM and policies; one spelling only, function and role alike."""
    assert re.fullmatch(r"akw-[a-z]+", function["functionName"])
    assert function["functionName"] == function["role"]


def test_every_role_has_its_policy_and_every_policy_its_function() -> None:
    """deploy/roles is what provision creates."""
    roles = {props(resource)["role"] for resource in RESOURCES}

    assert roles == {path.stem for path in (ROOT / "deploy" / "roles").glob("*.json")}


def test_handler_can_be_imported(function: dict[str, Any]) -> None:
    """A dotted path to a callable of (event, context), in packages that have an __init__."""
    module_name, _, name = function["handler"].rpartition(".")

    handler = getattr(importlib.import_module(module_name), name)

    assert callable(handler)
    assert ("event", "context") == handler.__code__.co_varnames[:2]
    package = ROOT / module_name.replace(".", "/")
    for parent in list(package.parents)[: module_name.count(".")]:
        assert (parent / "__init__.py").is_file()


def test_every_deployed_package_has_an_init() -> None:
    """FC's loader finds no namespace packages."""
    for top in ("functions", "shared"):
        for folder in [ROOT / top, *(p for p in (ROOT / top).rglob("*") if p.is_dir())]:
            if folder.name != "__pycache__":
                assert (folder / "__init__.py").is_file(), folder


def test_environment_holds_known_settings_only(function: dict[str, Any]) -> None:
    """A misspelt name would be a setting that nobody reads."""
    assert set(function["environmentVariables"]) <= set(KNOWN) | PLATFORM


def test_every_required_setting_is_declared(function: dict[str, Any]) -> None:
    """Or told by FC itself."""
    required = {name for name, setting in KNOWN.items() if setting.default is None}

    assert required - FROM_FC <= set(function["environmentVariables"])


def test_no_setting_has_fcs_prefix(function: dict[str, Any]) -> None:
    """FC removes variables that begin with FC_."""
    assert not [name for name in function["environmentVariables"] if name.startswith("FC_")]


def test_defaults_in_s_yaml_fit_their_settings(function: dict[str, Any]) -> None:
    """What an operator leaves out is valid."""
    for name, value in function["environmentVariables"].items():
        default = re.fullmatch(r"\$\{env\('[A-Z_]+', '([^']*)'\)\}", str(value))
        if default:
            assert re.fullmatch(KNOWN[name].pattern, default[1]), name


def test_variables_are_read_from_their_own_name(function: dict[str, Any]) -> None:
    """`AKWARDEN_X: ${env('AKWARDEN_Y')}` would be a slip."""
    for name, value in function["environmentVariables"].items():
        asked = re.match(r"\$\{env\('([A-Z_]+)'", str(value))
        assert asked is None or name == asked[1]


def test_environment_fits_fcs_limit(function: dict[str, Any]) -> None:
    """4 KB, even if every value that an operator puts in is long."""
    size = sum(
        len(name) + (LONGEST_VALUE_BYTES if "${" in str(value) else len(str(value)))
        for name, value in function["environmentVariables"].items()
    )

    assert size < MAX_ENVIRONMENT_BYTES


def test_triggers_have_exactly_the_keys_that_fc_knows(function: dict[str, Any]) -> None:
    """An unknown key of a trigger is ignored in silence, a wrong method too."""
    for trigger in function.get("triggers", []):
        assert {"triggerName", "triggerType", "triggerConfig"} <= set(trigger)
        config = trigger["triggerConfig"]
        if trigger["triggerType"] == "eventbridge":
            assert set(config) == {"triggerEnable", "asyncInvocationType", "runOptions",
                                   "eventRuleFilterPattern", "eventSinkConfig",
                                   "eventSourceConfig"}  # fmt: skip
            continue
        if "timer" == trigger["triggerType"]:
            assert {"cronExpression", "enable"} == set(config)
            assert config["enable"] is True
            continue
        assert "http" == trigger["triggerType"]
        assert {"authType", "methods"} == set(config)
        assert config["authType"] in ("anonymous", "function")
        assert ["POST"] == config["methods"]


def test_rule_lets_through_what_means_a_leak_and_nothing_else() -> None:
    """The pattern that EventBridge is given and the events that the function knows are one list."""
    (trigger,) = props("revoke")["triggers"]
    pattern = json.loads(trigger["triggerConfig"]["eventRuleFilterPattern"])

    assert {source for source, _ in LEAK_EVENTS} == set(pattern.pop("source"))
    assert {kind for _, kind in LEAK_EVENTS} == set(pattern.pop("type"))
    assert {} == pattern


def test_rule_lets_through_tickets_of_known_publishers_and_nothing_else() -> None:
    """The pattern, the types of a delivery and config/sources.toml say the same; and no other
    trigger reaches a function that cannot tell who has sent an event."""
    (trigger,) = props("event")["triggers"]
    pattern = json.loads(trigger["triggerConfig"]["eventRuleFilterPattern"])

    assert "eventbridge" == trigger["triggerType"]
    assert set(bootstrap.places()["eventbridge"].forms) == set(pattern.pop("source"))
    assert set(ACTIONS) == set(pattern.pop("type"))
    assert {} == pattern


def test_worker_is_reached_by_nobody_but_the_ingress() -> None:
    """What acts has no trigger, keeps task ids, and is repeated while it can be."""
    worker = props("issue")

    assert "triggers" not in worker
    assert worker["asyncInvokeConfig"]["asyncTask"] is True
    assert 0 < worker["asyncInvokeConfig"]["maxAsyncRetryAttempts"] <= 8
    assert 0 < worker["asyncInvokeConfig"]["maxAsyncEventAgeInSeconds"] <= 604_800


def test_sweep_outlasts_every_other_function() -> None:
    """Its age guard is its own timeout and the lag: nothing older can belong to a running one."""
    longest = max(props(resource)["timeout"] for resource in RESOURCES)

    assert props("cleanup")["timeout"] == longest


def test_no_lease_is_longer_than_others_believe() -> None:
    """The longest timeout and the longest lag that the settings take."""
    lag = KNOWN["AKWARDEN_MAX_LAG_SECONDS"]
    longest = max(n for n in range(10_000) if re.fullmatch(lag.pattern, str(n)))

    LeaseTerms(max(props(resource)["timeout"] for resource in RESOURCES) + longest, longest)


def test_memory_and_processor_are_a_pair_that_fc_takes(function: dict[str, Any]) -> None:
    """FC, "Instance types": cpu in steps of 0.05, memory of 64 MB, 1 to 4 GB for a core."""
    cpu, memory_mb = function["cpu"], function["memorySize"]

    assert 0 == round(cpu * 100) % 5
    assert 0 == memory_mb % 64
    assert 1 <= memory_mb / 1024 / cpu <= 4


def _ignored(name: str) -> bool:
    lines = (ROOT / ".fcignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.rstrip("/") for line in lines if line and not line.startswith("#")]
    return any(fnmatch.fnmatchcase(name, pattern.removeprefix("**/")) for pattern in patterns)


@pytest.mark.parametrize("name", NOT_DEPLOYED)
def test_not_deployed(name: str) -> None:
    """Nothing in the package that no function needs: no tests, no local cloud, no secrets."""
    assert _ignored(name)


@pytest.mark.parametrize("name", DEPLOYED)
def test_deployed(name: str) -> None:
    """What functions import and read is in the package."""
    assert not _ignored(name)


def test_every_folder_of_the_project_is_decided() -> None:
    """A new folder is either deployed or not, by choice."""
    folders = [path.name for path in ROOT.iterdir() if path.is_dir()]

    undecided = [n for n in folders if not _ignored(n) and n not in DEPLOYED]
    assert [] == undecided
