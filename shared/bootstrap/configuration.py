"""Settings and the files of `config/`: read, checked, and reported with all that is wrong, as a
ConfigError."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from shared import settings as settings_module
from shared.errors import ConfigError
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.audiences import Audience
    from shared.chat.terms import Terms
    from shared.lifecycle import Lifecycle
    from shared.people import People
    from shared.places import Place
    from shared.policies import Assets
    from shared.rules import Rules
    from shared.templates import Template

CONFIG = Path(__file__).resolve().parent.parent.parent / "config"
VERSION = "0.1.0"
T = TypeVar("T")


def now() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def settings() -> Settings:
    """From this process's environment; ConfigError if it is not usable."""
    return settings_module.read(os.environ)


def _loaded(name: str, load: Callable[[str], T]) -> T:
    """What that file of `config/` says; ConfigError with all its problems, each with its name."""
    try:
        return load((CONFIG / name).read_text(encoding="utf-8"))
    except ConfigError as err:
        problems = [f"config/{name}: {problem}" for problem in err.problems]
    raise ConfigError(problems)


def rules() -> Rules:
    """`config/rules.toml`."""
    from shared import rules as module

    return _loaded("rules.toml", module.load)


def rules_of(current: Settings) -> Rules:
    """The same, with no way past approvals unless that is switched on and everybody is told."""
    found = rules()
    told = current.break_glass == "on" and current.ways
    return found if told else replace(found, break_glass=None)


def templates() -> dict[str, Template]:
    """`config/templates.toml`."""
    from shared import templates as module

    return _loaded("templates.toml", module.load)


def places() -> dict[str, Place]:
    """`config/sources.toml`."""
    from shared import places as module

    return _loaded("sources.toml", module.load)


def enabled(current: Settings) -> dict[str, Place]:
    """The places of the sources that are on; ConfigError if the file lacks one of them."""
    known = places()
    if missing := [kind for kind in current.kinds if kind not in known]:
        raise ConfigError(
            [f"AKWARDEN_SOURCES: config/sources.toml has no [{kind}]" for kind in missing])
    return {kind: known[kind] for kind in current.kinds}


def audiences(current: Settings) -> dict[str, Audience]:
    """`config/notifications.toml`, of the ways that are on; ConfigError if it lacks one of them."""
    from shared import audiences as module

    known = _loaded("notifications.toml", module.load)
    if missing := [way for way in current.ways if way not in known]:
        raise ConfigError(
            [f"AKWARDEN_NOTIFY: config/notifications.toml has no [{way}]" for way in missing])
    return {way: known[way] for way in current.ways}


def people() -> People:
    """`config/people.toml`."""
    from shared import people as module

    return _loaded("people.toml", module.load)


def lifecycle() -> Lifecycle:
    """`config/lifecycle.toml`."""
    from shared import lifecycle as module

    return _loaded("lifecycle.toml", module.load)


def assets(current: Settings) -> Assets:
    """What of akwarden itself no grant may touch."""
    from shared.policies import Assets

    return Assets(current.account_id, current.region, current.audit_project, current.digest_project)


def chat_terms(current: Settings) -> Terms:
    """What a chat's requests are judged by."""
    from shared.chat.terms import Terms

    return Terms(rules_of(current), templates(), assets(current), current.chat_approvals)


def module_name(kind: str) -> str:
    return kind.replace("-", "_")
