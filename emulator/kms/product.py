"""KMS as an RPC product: its own words for a denial, its own envelope for an error."""

from __future__ import annotations

from emulator.call import Call, Denied
from emulator.errors import ProductError
from emulator.kms import errors
from emulator.rpc import Answer, RpcProduct


def denied(call: Call, denial: Denied) -> ProductError:
    """KMS does not say which action on which resource was refused."""
    return errors.no_permission()


def envelope(refusal: ProductError, request_id: str, host: str) -> Answer:
    """The error body of KMS, which repeats the status (KMS, "Sample responses")."""
    return {
        "HttpStatus": refusal.status,
        "Code": refusal.code,
        "Message": refusal.message,
        "RequestId": request_id,
    }


KMS = RpcProduct("kms", "2016-01-20", permission_code="kms", denied=denied, envelope=envelope)
