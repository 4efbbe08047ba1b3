"""What is made of the values that operators keep in KMS."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from shared import bootstrap
from shared.errors import ConfigError
from shared.secrecy import Secret


def signing_secret(size_bytes: int = 24) -> str:
    """One that Standard Webhooks would take, if it is long enough."""
    return "whsec_" + b64encode(bytes(range(size_bytes))).decode()


def test_signing_secrets_are_read_in_their_order() -> None:
    """The newest first, as they stand in the list."""
    texts = [signing_secret(32), signing_secret(24)]

    read = bootstrap.ingress._signing_secrets(Secret(json.dumps(texts)))

    assert texts == [secret.reveal() for secret in read]


_UNUSABLE = {
    "no_json": signing_secret(),
    "one_string": json.dumps(signing_secret()),
    "object": json.dumps({"new": signing_secret()}),
    "nothing": "[]",
    "null": "null",
    "number_in_it": json.dumps([signing_secret(), 7]),
    "null_in_it": json.dumps([None]),
    "empty_text": json.dumps([""]),
    "prefix_only": json.dumps(["whsec_"]),
    "too_short": json.dumps([signing_secret(23)]),
    "one_too_short": json.dumps([signing_secret(), signing_secret(23)]),
    "no_prefix": json.dumps([signing_secret().removeprefix("whsec_")]),
    "no_base64": json.dumps(["whsec_" + "not base64!" * 4]),
    "not_ascii": json.dumps(["whsec_" + "\u00e4" * 40]),
}


@pytest.mark.parametrize("name", _UNUSABLE)
def test_unusable_signing_secret_is_refused_without_its_text(name: str) -> None:
    """A weak or misplaced secret would let strangers in; the error must not tell it either."""
    with pytest.raises(ConfigError) as raised:
        bootstrap.ingress._signing_secrets(Secret(_UNUSABLE[name]))

    assert 1 == len(raised.value.problems)
    assert signing_secret() not in str(raised.value)
    assert (None, None) == (raised.value.__cause__, raised.value.__context__)
