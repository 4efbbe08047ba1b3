"""GenerateMac and VerifyMac: message authentication with a key that never leaves KMS.

Wire parameters, all required: KeyId, Algorithm (`HMAC_SHA_256` for a key of spec `HMAC_SHA256`),
Message and Mac in base64.
"""

from __future__ import annotations

import base64
import hmac

from emulator.call import Call
from emulator.kms import errors
from emulator.kms.access import usable_key
from emulator.kms.dry_run import dry_runnable
from emulator.kms.parameters import octets, required
from emulator.kms.product import KMS
from emulator.kms.state import MAC_USAGE, Key
from emulator.rpc import Answer


@KMS.action("GenerateMac", None, group="crypto")
@dry_runnable
def generate_mac(call: Call) -> Answer:
    key = _mac_key(call)
    mac = base64.b64encode(_mac(key, octets(call, "Message"))).decode()
    return {"KeyId": key.id, "Algorithm": call.text("Algorithm"), "Mac": mac}


@KMS.action("VerifyMac", None, group="crypto")
@dry_runnable
def verify_mac(call: Call) -> Answer:
    """A wrong MAC is an answer (`Value` false), not an error."""
    key = _mac_key(call)
    right = hmac.compare_digest(octets(call, "Mac"), _mac(key, octets(call, "Message")))
    return {"KeyId": key.id, "Algorithm": call.text("Algorithm"), "Value": right}


def _mac_key(call: Call) -> Key:
    key = usable_key(call, call.entry.action, required(call, "KeyId"), MAC_USAGE)
    if required(call, "Algorithm") != key.spec.replace("SHA", "SHA_"):
        raise errors.parameter_invalid("Algorithm")
    return key


def _mac(key: Key, message: bytes) -> bytes:
    return hmac.digest(key.material, message, key.spec.removeprefix("HMAC_").lower())
