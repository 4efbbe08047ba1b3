"""KMS 2016-01-20, GenerateMac and VerifyMac with one key that never leaves KMS."""

from __future__ import annotations

from base64 import b64encode

from alibabacloud_kms20160120 import models
from alibabacloud_kms20160120.client import Client

from shared.adapters.tea import Credentials, Endpoint, answer, config, present
from shared.errors import CloudRefused

ALGORITHM = "HMAC_SHA_256"


class KmsMacAdapter:
    """Implements `ports.Macs` with a key of spec HMAC_SHA256."""

    def __init__(self, endpoint: Endpoint, credentials: Credentials, *, key_id: str) -> None:
        host = f"kms.{endpoint.region}.aliyuncs.com"
        self._client = Client(config(host, endpoint, credentials))
        self.key_id = key_id

    def generate_mac(self, message: bytes) -> str:
        """GenerateMac, base64. The same message has the same MAC each time."""
        request = models.GenerateMacRequest(
            key_id=self.key_id, algorithm=ALGORITHM, message=b64encode(message).decode()
        )
        body = answer("GenerateMac", lambda: self._client.generate_mac(request).body,
                      repeatable=True)  # fmt: skip
        return str(present("GenerateMac", body, "mac"))

    def verify_mac(self, message: bytes, mac: str) -> bool:
        """VerifyMac: a wrong MAC is an answer, not an error; so is here what can be none."""
        request = models.VerifyMacRequest(
            key_id=self.key_id, algorithm=ALGORITHM, message=b64encode(message).decode(), mac=mac
        )
        try:
            body = answer("VerifyMac", lambda: self._client.verify_mac(request).body,
                          repeatable=True)  # fmt: skip
        except CloudRefused as err:
            if err.code != "InvalidParameter":
                raise
            return False
        return bool(present("VerifyMac", body, "value"))
