"""Settings and the files of `config/`: read, checked, and reported with all that is wrong."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

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


def now() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def settings() -> Settings:
    """From this process's environment; ConfigError if it is not usable."""
    return settings_module.read(os.environ)


def rules() -> Rules:
    """`config/rules.toml`; ConfigError with all its problems."""
    from shared import rules as module

    return module.load((CONFIG / "rules.toml").read_text(encoding="utf-8"))


def rules_of(current: Settings) -> Rules:
    """The same, with no way past approvals unless that is switched on."""
    found = rules()
    return found if current.break_glass == "on" else replace(found, break_glass=None)


def templates() -> dict[str, Template]:
    """`config/templates.toml`; ConfigError with all its problems."""
    from shared import templates as module

    return module.load((CONFIG / "templates.toml").read_text(encoding="utf-8"))


def places() -> dict[str, Place]:
    """`config/sources.toml`; ConfigError with all its problems."""
    from shared import places as module

    return module.load((CONFIG / "sources.toml").read_text(encoding="utf-8"))


def enabled(current: Settings) -> dict[str, Place]:
    """The places of the sources that are on; ConfigError if the file lacks one of them."""
    known = places()
    if missing := [kind for kind in current.kinds if kind not in known]:
        raise ConfigError(
            [f"AKWARDEN_SOURCES: config/sources.toml has no [{kind}]" for kind in missing])
    return {kind: known[kind] for kind in current.kinds}


def audiences(current: Settings) -> dict[str, Audience]:
    """`config/notifications.toml`, of the ways that are on; ConfigError with all its problems, or
    if it lacks one of them."""
    from shared import audiences as module

    known = module.load((CONFIG / "notifications.toml").read_text(encoding="utf-8"))
    if missing := [way for way in current.ways if way not in known]:
        raise ConfigError(
            [f"AKWARDEN_NOTIFY: config/notifications.toml has no [{way}]" for way in missing])
    return {way: known[way] for way in current.ways}


def people() -> People:
    """`config/people.toml`; ConfigError with all its problems."""
    from shared import people as module

    return module.load((CONFIG / "people.toml").read_text(encoding="utf-8"))


def lifecycle() -> Lifecycle:
    """`config/lifecycle.toml`; ConfigError with all its problems."""
    from shared import lifecycle as module

    return module.load((CONFIG / "lifecycle.toml").read_text(encoding="utf-8"))


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
