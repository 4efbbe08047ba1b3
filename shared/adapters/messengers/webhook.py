"""A webhook of somebody's own: POSTed and signed as Standard Webhooks 1.0 asks.

The library signs. With several secrets there are several signatures, so that the receiver may
change to the newest one at any time.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import requests
from standardwebhooks.webhooks import Webhook

from shared import vendor_secrets
from shared.adapters.tea import Endpoint
from shared.audiences import Address, Audience
from shared.errors import CloudRefused, CloudUnknown, ConfigError, Throttled
from shared.notices import Notice, content
from shared.people import People
from shared.secrecy import Secret

ACTION = "PostNotice"
TOO_MANY, SERVERS_FAULT = 429, 500


class Messenger:
    """`secret` is a JSON list of `whsec_…` secrets, the newest first."""

    def __init__(
        self, audience: Audience, people: People, secret: Secret, endpoint: Endpoint
    ) -> None:
        # A local cloud is spoken to by http, as everything else there.
        self._url = f"{endpoint.protocol}://{audience.channel.removeprefix('https://')}"
        self._signers = [_signer(one) for one in vendor_secrets.texts(secret, "the webhook")]
        self._timeout = (endpoint.connect_timeout_ms / 1000, endpoint.read_timeout_ms / 1000)
        self._session = requests.Session()
        if endpoint.ca_file:
            self._session.verify = endpoint.ca_file

    def send(self, address: Address, notice: Notice, text: str) -> None:
        """Its `webhook-id` is the notice's: the same for one that comes twice."""
        body = json.dumps(content(notice, text), ensure_ascii=False, sort_keys=True)
        now = datetime.now(UTC)
        signatures = " ".join(one.sign(notice.id, now, body) for one in self._signers)
        headers = {"Content-Type": "application/json; charset=utf-8", "webhook-id": notice.id,
                   "webhook-timestamp": str(int(now.timestamp())),
                   "webhook-signature": signatures}  # fmt: skip
        try:
            response = self._session.post(self._url, data=body.encode(), headers=headers,
                                          timeout=self._timeout, allow_redirects=False)  # fmt: skip
        except requests.RequestException:
            response = None
        if response is None or response.status_code >= SERVERS_FAULT:
            raise CloudUnknown(ACTION)
        if not response.ok or response.is_redirect:
            kind = Throttled if response.status_code == TOO_MANY else CloudRefused
            raise kind(ACTION, f"Http{response.status_code}", response.status_code, "")


def _signer(secret: Secret) -> Webhook:
    """Outside the handler of what the library raises: its context would hold the secret."""
    signer = None
    try:
        signer = Webhook(secret.reveal())
    except Exception:
        signer = None
    if signer is None:
        raise ConfigError(["the secret of the webhook in KMS must be a JSON list of whsec_ "
                           "secrets in base64"])  # fmt: skip
    return signer
