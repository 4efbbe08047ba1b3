"""What the functions that are reached by HTTP work with: they answer fast, and import no SDK."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from shared import hints, naming
from shared.bootstrap.configuration import (
    assets,
    chat_terms,
    module_name,
    now,
    people,
    places,
    rules,
    settings,
    templates,
)
from shared.errors import ConfigError
from shared.secrecy import Secret
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.adapters.kms_reader import KmsReader
    from shared.adapters.light import Caller
    from shared.chat.form import Form
    from shared.chat.messages import Message
    from shared.chatting import Counter
    from shared.intake import Desk
    from shared.listening import Ear
    from shared.ports import Functions
    from shared.refusals import Denied

T = TypeVar("T")
SECRETS_CACHE_SECONDS = 300
SHORTEST_SECRET_BYTES = 24
# For each wait, so that a refusal is told within DingTalk's 1.5 s, of all the shortest, whether or
# not it gets on record; Slack's and Feishu's three seconds are longer.
RECORDING_SECONDS = 0.7


class IngressSecrets:
    """What requests are verified with, read from KMS at a cold start and kept for a short while.

    The one thing that outlives an invocation; a rotated secret is known within five minutes.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Any]] = {}

    def get(
        self, name: str, read: Callable[[Secret], T], current: Settings,
        environment: Mapping[str, str],
    ) -> T:  # fmt: skip
        """What `read` makes of that KMS secret; CloudError if it cannot be had."""
        read_at, value = self._kept.get(name, (float("-inf"), None))
        if time.monotonic() - read_at > SECRETS_CACHE_SECONDS:
            value = read(kms_reader(current, environment).get_secret_value(name))
            self._kept[name] = time.monotonic(), value
        return value  # type: ignore[no-any-return]


def kms_reader(current: Settings, environment: Mapping[str, str]) -> KmsReader:
    """GetSecretValue without the SDK."""
    from shared.adapters.kms_reader import KmsReader

    return KmsReader(
        region=current.region, protocol=current.protocol, caller=_caller(environment))


def light_functions(current: Settings, environment: Mapping[str, str]) -> Functions:
    """The way to hand over to other functions for those who must answer fast."""
    from shared.adapters.fc_light import LightFunctions

    return LightFunctions(
        host=current.fc_endpoint, protocol=current.protocol, caller=_caller(environment))


def put_on_record(
    function: str, kind: str, denied: Denied, body: bytes, environment: Mapping[str, str]
) -> None:
    """Have `function` write the row of a refusal, if it is one that gets a row."""
    from shared import refused_deliveries
    from shared.adapters.fc_light import LightFunctions

    refusal = refused_deliveries.of(kind, denied, body, now())
    if refusal is None:
        return
    current = settings()
    quick = LightFunctions(
        host=current.fc_endpoint, protocol=current.protocol, caller=_caller(environment),
        timeout_seconds=RECORDING_SECONDS)  # fmt: skip
    refused_deliveries.hand_over(quick, function, refusal)


def _caller(environment: Mapping[str, str]) -> Caller:
    from shared.adapters.light import Caller

    return Caller(
        environment["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        Secret(environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]),
        Secret(environment.get("ALIBABA_CLOUD_SECURITY_TOKEN", "")),
    )


def _signing_secrets(value: Secret) -> tuple[Secret, ...]:
    """A JSON list of `whsec_` and at least 24 bytes in base64, as Standard Webhooks asks."""
    try:
        listed = json.loads(value.reveal())
        if not isinstance(listed, list) or not listed:
            raise ValueError
        for text in listed:
            if len(b64decode(text.removeprefix("whsec_"), validate=True)) < SHORTEST_SECRET_BYTES:
                raise ValueError
            if not text.startswith("whsec_"):
                raise ValueError
    except (ValueError, AttributeError):
        problem = "the webhook secret in KMS must be a JSON list of whsec_ secrets"
    else:
        return tuple(Secret(text) for text in listed)
    raise ConfigError([problem])  # outside the handler: its context would hold the value


def desk(secrets: IngressSecrets, environment: Mapping[str, str]) -> Desk:
    """What the ingress works with."""
    from shared import hints
    from shared.intake import Desk

    current = settings()
    return Desk(
        secrets=secrets.get(current.webhook_secret, _signing_secrets, current, environment),
        rules=rules(),
        templates=templates(),
        assets=assets(current),
        issue_function=naming.ISSUE_FUNCTION,
        revoke_function=naming.REVOKE_FUNCTION,
        functions=lambda: light_functions(current, environment),
        place=places().get(hints.WEBHOOKS),
        issuing=current.issues,
    )


def ear(kind: str, secrets: IngressSecrets, environment: Mapping[str, str]) -> Ear | Denied:
    """What the ingress listens to a source with; a Denied if it is not on."""
    from shared.listening import Ear
    from shared.refusals import Denied

    current = settings()
    place = places().get(kind)
    if kind not in current.kinds or place is None:
        return Denied("source_not_enabled")
    source = import_module(f"shared.sources.{kind}")  # only this one's library is imported
    channels = secrets.get(
        naming.channel_secret(kind), source.channels, current, environment)  # fmt: skip
    return Ear(
        lambda inbound, at: source.hear(inbound, channels, place, at),
        source.SEALED,
        naming.FETCH_FUNCTION,
        lambda: light_functions(current, environment),
    )


def counter(
    kind: str, secrets: IngressSecrets, environment: Mapping[str, str]
) -> Counter | Denied:
    """What the chats' ingress works with; a Denied if that chat is not on."""
    from shared.chatting import Counter
    from shared.refusals import Denied

    current = settings()
    place = places().get(kind)
    if kind not in current.kinds or place is None:
        return Denied("source_not_enabled")
    source = import_module(f"shared.sources.{module_name(kind)}")
    channels = secrets.get(naming.channel_secret(kind), source.channels, current, environment)
    return Counter(
        lambda inbound, at: source.hear(inbound, channels, place, at), current.chat_language,
        lambda: light_functions(current, environment), people, lambda: _form(current),
        _window(source, channels, current), kind in hints.BOTS,
        lambda denied, body: put_on_record(
            naming.COMMAND_FUNCTION, kind, denied, body, environment),
    )  # fmt: skip


def _form(current: Settings) -> Form:
    from shared.chat.form import Form

    return Form(chat_terms(current), current.chat_language)


def _window(
    source: Any, channels: Any, current: Settings
) -> Callable[[Message, datetime], bool] | None:
    """The way to show the form of a request, if the chat's secret has what that takes."""
    token: Secret | None = getattr(channels, "bot_token", None)
    if not token or not token.reveal():
        return None

    def show(message: Message, at: datetime) -> bool:
        from shared.adapters.slack_windows import Windows

        questions = _form(current).questions()
        if questions:
            view = source.window(message, questions, current.chat_language, at)
            Windows(current.protocol, token).open(message.trigger, view)
        return bool(questions)

    return show
