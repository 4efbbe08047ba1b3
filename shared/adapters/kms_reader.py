"""GetSecretValue with the standard library alone (docs/adr/0003)."""

from __future__ import annotations

from shared.adapters.light import Caller, LightClient
from shared.errors import CloudRefused, CloudUnknown
from shared.secrecy import Secret

ACTION, VERSION = "GetSecretValue", "2016-01-20"
TIMEOUT_SECONDS = 5
REFUSED = 400


class KmsReader:
    """Reads secrets' current values, and nothing else."""

    def __init__(self, *, region: str, protocol: str, caller: Caller) -> None:
        host = f"kms.{region}.aliyuncs.com"
        self._client = LightClient(host, VERSION, protocol, caller, TIMEOUT_SECONDS)

    def get_secret_value(self, name: str) -> Secret:
        """GetSecretValue of the current version; raises CloudRefused or CloudUnknown."""
        answer = self._client.call(ACTION, "POST", query={"SecretName": name})
        if answer.status >= REFUSED:
            code = str(answer.content.get("Code", "")) or f"Http{answer.status}"
            request_id = str(answer.content.get("RequestId", ""))
            raise CloudRefused(ACTION, code, answer.status, request_id)
        value = answer.content.get("SecretData")
        if not isinstance(value, str):
            raise CloudUnknown(ACTION)
        return Secret(value)
