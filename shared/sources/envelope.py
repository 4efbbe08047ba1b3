"""The envelope of DingTalk's and WeCom's callbacks: AES-256-CBC under a 43-character key, SHA-1.

Plain text: 16 random bytes, its length in bytes (4, big-endian), the message, who it is for. The
signature covers token, timestamp, nonce and cipher text, sorted as strings.
Source: open-dingtalk/DingTalk-Callback-Crypto; WeCom, "Encryption and decryption". The padding is
PKCS#7 over blocks of 32 bytes, which unpadders for AES refuse.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from shared.secrecy import Secret

_KEY = re.compile(r"[A-Za-z0-9+/]{43}")
_BLOCK_BITS = 256
_RANDOM_BYTES, _LENGTH_BYTES = 16, 4


def is_key(text: str) -> bool:
    """Whether that could be a callback's AES key."""
    return bool(_KEY.fullmatch(text))


@dataclass(frozen=True)
class Letter:
    """What was in an envelope, and whom it is addressed to."""

    message: bytes
    receiver: str


@dataclass(frozen=True)
class Codec:
    """One callback's token and key. ValueError if the key is none."""

    token: Secret
    aes_key: Secret

    def __post_init__(self) -> None:
        self._key()

    def signature(self, timestamp: str, nonce: str, cipher_text: str) -> str:
        """Lower-case hexadecimal."""
        parts = sorted([self.token.reveal(), timestamp, nonce, cipher_text])
        text = "".join(parts).encode(errors="replace")
        return hashlib.sha1(text, usedforsecurity=False).hexdigest()

    def signed(self, signature: str, timestamp: str, nonce: str, cipher_text: str) -> bool:
        """Whether the signature is that of this text, compared in constant time."""
        own = self.signature(timestamp, nonce, cipher_text)
        return hmac.compare_digest(own.encode(), signature.encode(errors="replace"))

    def opened(self, cipher_text: str) -> Letter | None:
        """The letter; None if it was not sealed with this key, or is no envelope."""
        try:
            sealed = base64.b64decode(cipher_text, validate=True)
            decryptor = self._cipher().decryptor()
            padded = decryptor.update(sealed) + decryptor.finalize()
            unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
            plain = (unpadder.update(padded) + unpadder.finalize())[_RANDOM_BYTES:]
            (length,) = struct.unpack(">I", plain[:_LENGTH_BYTES])
            if length > len(plain) - _LENGTH_BYTES:
                return None
            message = plain[_LENGTH_BYTES : _LENGTH_BYTES + length]
            return Letter(message, plain[_LENGTH_BYTES + length :].decode())
        except (ValueError, struct.error):  # also binascii.Error and UnicodeDecodeError
            return None

    def sealed(self, letter: Letter) -> str:
        """The cipher text in base64, another one each time."""
        plain = os.urandom(_RANDOM_BYTES) + struct.pack(">I", len(letter.message))
        plain += letter.message + letter.receiver.encode()
        padder = padding.PKCS7(_BLOCK_BITS).padder()
        encryptor = self._cipher().encryptor()
        padded = padder.update(plain) + padder.finalize()
        return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()

    def _key(self) -> bytes:
        """Decoded leniently: the last of its characters may have bits to spare (WeCom's own
        sample has)."""
        text = self.aes_key.reveal()
        if not is_key(text):
            raise ValueError("an AES key of a callback has 43 characters of base64")
        return base64.b64decode(text + "=")

    def _cipher(self) -> Cipher[modes.CBC]:
        key = self._key()
        return Cipher(algorithms.AES(key), modes.CBC(key[:16]))
