"""STS 2015-04-01, called with the very key that is to be proved: it needs no permission."""

from __future__ import annotations

from alibabacloud_sts20150401.client import Client

from shared.adapters.tea import Credentials, Endpoint, answer, config, present
from shared.secrecy import Secret


class StsAdapter:
    """Implements `ports.Sts`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def get_caller_identity(self, access_key_id: str, secret: Secret) -> str:
        """GetCallerIdentity: the caller's ARN; NotFound while the key is not accepted yet."""
        host = f"sts.{self._endpoint.region}.aliyuncs.com"
        client = Client(config(host, self._endpoint, Credentials(access_key_id, secret)))
        body = answer("GetCallerIdentity", lambda: client.get_caller_identity().body,
                      repeatable=True)  # fmt: skip
        return str(present("GetCallerIdentity", body, "arn"))
