"""Reading an s.yaml: what is rendered, and what is refused with a message that says where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.fc import template
from emulator.fc.fcignore import hidden_modules
from emulator.fc.specification import FunctionSpec, specifications
from emulator.fc.template import TemplateError

PROPS: dict[str, Any] = {
    "functionName": "f", "region": "cn-hangzhou", "runtime": "python3.12",
    "handler": "entry.handler", "code": ".",
}  # fmt: skip


def _read(directory: Path, document: dict[str, Any], **environment: str) -> list[FunctionSpec]:
    path = directory / "s.yaml"
    path.write_text(yaml.safe_dump({"edition": "3.0.0", **document}))
    resources = template.load(path, account_id="1234567890123456", environment=environment)
    return specifications(resources, directory)


def _function(directory: Path, **props: Any) -> FunctionSpec:
    resource = {"component": "fc3", "props": {**PROPS, **props}}
    return _read(directory, {"resources": {"f": resource}})[0]


def test_defaults_are_those_of_the_component(tmp_path: Path) -> None:
    """Timeout 3 s, 512 MB, three retries, no role."""
    spec = _function(tmp_path)

    assert (spec.timeout_seconds, spec.memory_mb, spec.role) == (3, 512, "")
    assert (spec.async_config.max_retries, spec.async_config.task_mode) == (3, False)
    assert spec.code == tmp_path


def test_expressions_are_rendered(tmp_path: Path) -> None:
    """Variables, environment with default, account id, another resource; types are kept."""
    document = {
        "vars": {"seconds": 60, "place": {"region": "cn-${env('PLACE', 'hangzhou')}"}},
        "resources": {
            "a": {"component": "fc3@0.1.22", "props": {
                **PROPS, "functionName": "a", "timeout": "${vars.seconds}",
                "region": "${vars.place.region}",
            }},
            "b": {"component": "fc3", "props": {
                **PROPS, "functionName": "b",
                "role": "acs:ram::${config('AccountID')}:role/Mixed",
                "environmentVariables": {
                    "OTHER": "${resources.a.props.functionName}/${env(\"NAME\")}",
                },
            }},
        },
    }  # fmt: skip

    a, b = _read(tmp_path, document, PLACE="beijing", NAME="n")

    assert (a.timeout_seconds, a.region) == (60, "cn-beijing")
    assert b.role == "acs:ram::1234567890123456:role/mixed"
    assert b.environment == {"OTHER": "a/n"}


def test_template_is_merged_deeply(tmp_path: Path) -> None:
    """Mappings merge, the rest is replaced, ignored keys are left out."""
    document = {
        "template": {"base": {
            **PROPS, "timeout": 9, "role": "r", "environmentVariables": {"A": "1", "B": "1"},
        }},
        "resources": {"f": {
            "component": "fc3",
            "extend": {"name": "base", "ignore": ["role"]},
            "props": {"environmentVariables": {"B": "2"}},
        }},
    }  # fmt: skip

    (spec,) = _read(tmp_path, document)

    assert spec.environment == {"A": "1", "B": "2"}
    assert (spec.timeout_seconds, spec.role) == (9, "")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("${env('ABSENT')}", "ABSENT is not set"),
        ("${vars.absent}", "does not exist"),
        ("${vars.circle}", "refers to itself"),
        ("${file('./x')}", "is not known here"),
        ("${this.props.x}", "is not known here"),
        ("${config('Region')}", "is not known here"),
        ("{{ if x }}", "are not known here"),
    ],
)
def test_expression_that_cannot_be_rendered(tmp_path: Path, value: str, message: str) -> None:
    """Refused with its place in the file, never left as text."""
    document = {
        "vars": {"circle": "${vars.circle}"},
        "resources": {"f": {"component": "fc3", "props": {**PROPS, "role": value}}},
    }

    with pytest.raises(TemplateError, match=r"resources\.f\.props\.role") as caught:
        _read(tmp_path, document)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("props", "message"),
    [
        ({"functionName": "7f"}, "functionName doesn't match"),
        ({"functionName": "a$b$c"}, "functionName doesn't match"),
        ({"functionName": "f" * 65}, "functionName doesn't match"),
        ({"timeout": "60"}, "timeout must be a whole number"),
        ({"timeout": 0}, "timeout must be a whole number"),
        ({"memorySize": 100}, "memorySize must be"),
        ({"memorySize": 130}, "multiple of 64"),
        ({"runtime": "python3.10"}, "python3.10 is not emulated"),
        ({"handler": "handler"}, "package.module.function"),
        ({"handler": "a/b.handler"}, "package.module.function"),
        ({"code": "absent"}, "is not a directory"),
        ({"timeOut": 3}, "timeOut is not known here"),
        ({"layers": ["acs:fc:::layers/x"]}, "layers is not known here"),
        ({"environmentVariables": {"A": 1}}, "A must be a string"),
        ({"environmentVariables": {"FC_A": "1"}}, "must not start with FC_"),
        ({"environmentVariables": {"A-B": "1"}}, "is no name of a variable"),
        ({"environmentVariables": {"A": "x" * 4096}}, "has 4097 bytes"),
        ({"asyncInvokeConfig": {"maxAsyncRetryAttempts": 9}}, "from 0 to 8"),
        ({"asyncInvokeConfig": {"retries": 1}}, "retries is not known here"),
        ({"instanceLifecycleConfig": {"preStop": {"handler": "a.b"}}}, "preStop is not known"),
        ({"disableInjectCredentials": "Yes"}, "must be None, Env, Request or All"),
        ({"triggers": [{"triggerName": "t", "triggerType": "oss"}]}, "oss is not emulated"),
    ],
)
def test_prop_that_fc_or_the_emulator_refuses(
    tmp_path: Path, props: dict[str, Any], message: str
) -> None:
    """A typo or a value out of range ends the start with one clear line."""
    with pytest.raises(TemplateError) as caught:
        _function(tmp_path, **props)

    assert str(caught.value).startswith("resources.f.props.")
    assert message in str(caught.value)


def test_ignored_modules_are_named(tmp_path: Path) -> None:
    """Root names, directories, wildcards at any depth, and what is taken back."""
    for name in ("a.py", "b.py", "kept.py"):
        (tmp_path / name).touch()
    for name in ("c", "d", "e"):
        (tmp_path / name).mkdir()
    (tmp_path / ".fcignore").write_text("a.py\n/c/\nd/**\n**/b.py\n# e\nk*\n!kept.py\n")

    assert hidden_modules(tmp_path) == ["a", "b", "c", "d"]


def _http(**config: Any) -> dict[str, Any]:
    return {"triggerName": "t", "triggerType": "http", "triggerConfig": config}


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        (_http(authType="anonymous", methods=["POSTT"]), "methods must be a list"),
        (_http(authType="none", methods=["POST"]), "authType none is not emulated"),
        (_http(authType="jwt", methods=["POST"]), "authType jwt is not emulated"),
        (_http(authType="anonymous", method=["POST"]), "method is not known here"),
        (_http(authType="anonymous", methods=["POST"]) | {"triggerName": "7"}, "not allowed"),
        ({"triggerName": "t", "triggerType": "timer", "triggerConfig": {
            "cronExpression": "1", "enable": True}}, "cronExpression is not one"),
    ],
)  # fmt: skip
def test_trigger_that_the_schema_would_let_pass(
    tmp_path: Path, trigger: dict[str, Any], message: str
) -> None:
    """The component's schema accepts any trigger configuration; this does not."""
    with pytest.raises(TemplateError, match=message):
        _function(tmp_path, triggers=[trigger])


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"edition": "1.0.0"}, "edition must be 3.0.0"),
        ({"extends": "x"}, "extends is not known here"),
        ({"resources": {}}, "at least one resource"),
        ({"resources": {"f": {"component": "fc3-domain", "props": {}}}}, "fc3-domain is not"),
        ({"resources": {"f": {"props": {}}}}, "needs a component"),
        ({"resources": {"f": {"component": "fc3", "extend": {"name": "x"}}}}, "no template x"),
        ({"resources": {n: {"component": "fc3", "props": PROPS} for n in "ab"}}, "twice"),
    ],
)
def test_document_that_is_refused(
    tmp_path: Path, document: dict[str, Any], message: str
) -> None:
    """What is unknown is named, not passed over."""
    with pytest.raises(TemplateError, match=message):
        _read(tmp_path, document)
