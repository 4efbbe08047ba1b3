"""Encrypt, Decrypt and GenerateDataKey.

Nobody outside KMS can open a CiphertextBlob, so its form is ours: key id, nonce, tag and text, the
text under a keystream of HMAC-SHA-256. It is authenticated, context included, and enough for an
emulator; it is not AES.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets as entropy

from emulator.call import Call
from emulator.kms import errors
from emulator.kms.access import usable_key
from emulator.kms.dry_run import dry_runnable
from emulator.kms.parameters import choice, integer, octets, required, structured
from emulator.kms.product import KMS
from emulator.kms.state import ENCRYPT_USAGE, Key
from emulator.rpc import Answer

MAX_PLAINTEXT_BYTES = 6 * 1024
_NONCE_BYTES, _TAG_BYTES = 16, 32
_DATA_KEY_BYTES = {"AES_256": 32, "AES_128": 16}


@KMS.action("Encrypt", None, group="crypto")
@dry_runnable
def encrypt(call: Call) -> Answer:
    """Encrypt up to 6 KB of base64 Plaintext."""
    key = usable_key(call, "Encrypt", required(call, "KeyId"), ENCRYPT_USAGE)
    plaintext = octets(call, "Plaintext")
    if len(plaintext) > MAX_PLAINTEXT_BYTES:
        raise errors.parameter_invalid("Plaintext")
    return {"CiphertextBlob": _sealed(key, plaintext, _context(call)), **_cited(key)}


@KMS.action("GenerateDataKey", None, group="crypto")
@dry_runnable
def generate_data_key(call: Call) -> Answer:
    """A random key, in clear and encrypted; NumberOfBytes wins over KeySpec."""
    _refuse_recipient(call)
    key = usable_key(call, "GenerateDataKey", required(call, "KeyId"), ENCRYPT_USAGE)
    spec = choice(call, "KeySpec", "AES_256", tuple(_DATA_KEY_BYTES))
    data_key = entropy.token_bytes(integer(call, "NumberOfBytes", _DATA_KEY_BYTES[spec], 1, 1024))
    plaintext = base64.b64encode(data_key).decode()
    call.cloud.remember_secret("data-key", key.id, plaintext)
    sealed = _sealed(key, data_key, _context(call))
    return {"Plaintext": plaintext, "CiphertextBlob": sealed, **_cited(key)}


@KMS.action("Decrypt", None, group="crypto")
@dry_runnable
def decrypt(call: Call) -> Answer:
    """Open a CiphertextBlob of this account with the context it was made with."""
    _refuse_recipient(call)
    blob = octets(call, "CiphertextBlob")
    key_id = blob[1 : 1 + blob[0]].decode("ascii", "replace") if blob else ""
    if not key_id or key_id not in call.cloud.kms.keys:
        raise errors.parameter_invalid("CiphertextBlob")
    key = usable_key(call, "Decrypt", key_id, ENCRYPT_USAGE)
    plaintext = _opened(key, blob[1 + blob[0] :], _context(call))
    if plaintext is None:
        raise errors.parameter_invalid("CiphertextBlob")
    return {"Plaintext": base64.b64encode(plaintext).decode(), **_cited(key)}


def _refuse_recipient(call: Call) -> None:
    if call.text("Recipient"):
        raise errors.operation_unsupported("Recipient (confidential computing) is not emulated.")


def _cited(key: Key) -> Answer:
    return {"KeyId": key.id, "KeyVersionId": key.version_id}


def _context(call: Call) -> bytes:
    """The EncryptionContext in one spelling, whatever the order it was sent in."""
    context = structured(call, "EncryptionContext") if call.text("EncryptionContext") else {}
    if not isinstance(context, dict) or not all(isinstance(v, str) for v in context.values()):
        raise errors.parameter_invalid("EncryptionContext")
    return json.dumps(context, sort_keys=True).encode()


def _sealed(key: Key, plaintext: bytes, context: bytes) -> str:
    nonce = entropy.token_bytes(_NONCE_BYTES)
    text = _masked(key, nonce, plaintext)
    name = key.id.encode()
    blob = bytes([len(name)]) + name + nonce + _tag(key, nonce, context, text) + text
    return base64.b64encode(blob).decode()


def _opened(key: Key, sealed: bytes, context: bytes) -> bytes | None:
    """None if key, context or text are not those it was sealed with."""
    nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES + _TAG_BYTES :]
    tag = sealed[_NONCE_BYTES : _NONCE_BYTES + _TAG_BYTES]
    if not hmac.compare_digest(tag, _tag(key, nonce, context, text)):
        return None
    return _masked(key, nonce, text)


def _tag(key: Key, nonce: bytes, context: bytes, text: bytes) -> bytes:
    length = len(context).to_bytes(4, "big")  # keeps context and text from sliding into each other
    return hmac.digest(key.material, b"tag" + nonce + length + context + text, hashlib.sha256)


def _masked(key: Key, nonce: bytes, text: bytes) -> bytes:
    stream = bytearray()
    while len(stream) < len(text):
        counter = len(stream).to_bytes(4, "big")
        stream += hmac.digest(key.material, b"stream" + nonce + counter, hashlib.sha256)
    return bytes(a ^ b for a, b in zip(text, stream, strict=False))
