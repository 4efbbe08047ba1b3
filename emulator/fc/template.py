"""Render an s.yaml (Serverless Devs, edition 3.0.0) to the props of its resources.

Source: Serverless Devs, "YAML specification": vars, template and extend, `${...}` expressions.
Limits: `file`, `json`, `path`, `this` and `output` expressions, `{{if}}` and file-level `extend`
are refused; `actions`, `flow` and `access` are deployment matters and are not looked at.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


class TemplateError(ValueError):
    """The s.yaml cannot be run as it is; the text says where and why."""


_TOP_LEVEL = {"edition", "name", "access", "vars", "template", "resources", "flow", "validation",
              "actions"}  # fmt: skip
_RESOURCE = {"component", "props", "extend", "access", "actions"}
_EXPRESSION = re.compile(r"\$\{\s*(.+?)\s*\}")
_ENVIRONMENT = re.compile(r"""env\(\s*(['"])(\w+)\1\s*(?:,\s*(['"])(.*?)\3\s*)?\)""")
_CONFIG = re.compile(r"""config\(\s*(['"])(\w+)\1\s*\)""")
_MAX_DEPTH = 20  # a chain of expressions longer than this is a circle


@dataclass(frozen=True)
class Resource:
    """One resource: its id, its component without version, and its rendered props."""

    id: str
    component: str
    props: dict[str, Any]


def load(path: Path, *, account_id: str, environment: Mapping[str, str]) -> list[Resource]:
    """Read and render a file; `environment` answers `${env(...)}`. Raises TemplateError."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as err:
        raise TemplateError(f"{path}: {err}") from err
    if not isinstance(document, dict):
        raise TemplateError(f"{path}: the document must be a mapping")
    if str(document.get("edition")) != "3.0.0":
        raise TemplateError(f"{path}: edition must be 3.0.0")
    _known(document, _TOP_LEVEL, str(path))
    return _Renderer(document, account_id, environment).resources()


def _known(mapping: Mapping[str, Any], names: set[str], where: str) -> None:
    unknown = sorted(set(mapping) - names)
    if unknown:
        raise TemplateError(f"{where}: {unknown[0]} is not known here")


def merged(base: Any, over: Any) -> Any:
    """Deep merge: mappings merge, everything else of `over` replaces."""
    if isinstance(base, dict) and isinstance(over, dict):
        both = {key: merged(base[key], over[key]) for key in base.keys() & over.keys()}
        return {**base, **over, **both}
    return copy.deepcopy(over)


@dataclass
class _Renderer:
    document: dict[str, Any]
    account_id: str
    environment: Mapping[str, str]
    _props: dict[str, dict[str, Any]] = field(default_factory=dict)

    def resources(self) -> list[Resource]:
        described = self.document.get("resources")
        if not isinstance(described, dict) or not described:
            raise TemplateError("resources must be a mapping with at least one resource")
        for name, resource in described.items():
            self._props[name] = self._extended(name, resource)
        return [
            Resource(
                name,
                str(resource["component"]).split("@")[0],
                self._rendered(self._props[name], f"resources.{name}.props", 0),
            )
            for name, resource in described.items()
        ]

    def _extended(self, name: str, resource: Any) -> dict[str, Any]:
        """The resource's props laid over those of the template it extends."""
        where = f"resources.{name}"
        if not isinstance(resource, dict) or "component" not in resource:
            raise TemplateError(f"{where}: a resource needs a component")
        _known(resource, _RESOURCE, where)
        props = resource.get("props") or {}
        if not isinstance(props, dict):
            raise TemplateError(f"{where}.props must be a mapping")
        extend = resource.get("extend")
        if not extend:
            return props
        if not isinstance(extend, dict):
            raise TemplateError(f"{where}.extend must be a mapping")
        _known(extend, {"name", "ignore"}, f"{where}.extend")
        base = (self.document.get("template") or {}).get(extend.get("name"))
        if not isinstance(base, dict):
            raise TemplateError(f"{where}.extend: there is no template {extend.get('name')}")
        ignored = extend.get("ignore") or []
        kept = {key: value for key, value in base.items() if key not in ignored}
        both: dict[str, Any] = merged(kept, props)
        return both

    def _rendered(self, value: Any, where: str, depth: int) -> Any:
        if isinstance(value, dict):
            return {k: self._rendered(v, f"{where}.{k}", depth) for k, v in value.items()}
        if isinstance(value, list):
            return [self._rendered(v, f"{where}[{i}]", depth) for i, v in enumerate(value)]
        if not isinstance(value, str):
            return value
        if "{{" in value and "}}" in value:
            raise TemplateError(f"{where}: {{{{…}}}} expressions are not known here")
        whole = _EXPRESSION.fullmatch(value)
        if whole and "${" not in whole[1]:
            return self._looked_up(whole[1], where, depth)  # keeps the value's type
        return _EXPRESSION.sub(lambda m: str(self._looked_up(m[1], where, depth)), value)

    def _looked_up(self, expression: str, where: str, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise TemplateError(f"{where}: ${{{expression}}} refers to itself")
        if found := _ENVIRONMENT.fullmatch(expression):
            return self._from_environment(found[2], found[4], where)
        if found := _CONFIG.fullmatch(expression):
            if found[2] != "AccountID":
                raise TemplateError(f"{where}: config('{found[2]}') is not known here")
            return self.account_id
        parts = expression.split(".")
        if parts[0] == "vars" and len(parts) > 1:
            value = self._walked(self.document.get("vars"), parts[1:], expression, where)
        elif parts[0] == "resources" and parts[2:3] == ["props"]:
            value = self._walked(self._props.get(parts[1]), parts[3:], expression, where)
        else:
            raise TemplateError(f"{where}: the expression ${{{expression}}} is not known here")
        return self._rendered(value, where, depth + 1)

    def _from_environment(self, name: str, default: str | None, where: str) -> str:
        value = self.environment.get(name, default)
        if value is None:
            raise TemplateError(f"{where}: the environment variable {name} is not set")
        return value

    @staticmethod
    def _walked(value: Any, parts: list[str], expression: str, where: str) -> Any:
        for part in parts:
            if not isinstance(value, dict) or part not in value:
                raise TemplateError(f"{where}: ${{{expression}}} does not exist")
            value = value[part]
        return value
