"""The certificates of HTTPS through the proxy: a CA made at start, one leaf for each host name.

Every SDK believes that it talks to the real host, so each host needs a certificate of its own. The
CA's private key never leaves this process; a client trusts `Authority.pem` or refuses us.
"""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAME = "Local cloud emulator CA"
_DAYS_BACK, _DAYS = 2, 397  # clients compare with the machine's own clock, never with ours
_MOST_HOSTS = 1000  # contexts kept; a client that invents host names must not fill the memory
_LONGEST_COMMON_NAME = 64


class Authority:
    """Issues certificates with P-256 keys, which take milliseconds to make."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._made()
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def pem(self) -> str:
        """The CA certificate: what a client is to trust."""
        return _pem(self._certificate)

    def context(self, host: str) -> ssl.SSLContext:
        """TLS settings that prove to be `host`; ValueError if it is no host name.

        One for each host, so that clients can resume their sessions.
        """
        host = host.lower()
        with self._lock:
            found = self._contexts.pop(host, None) or self._new_context(host)
            self._contexts[host] = found
            if len(self._contexts) > _MOST_HOSTS:
                self._contexts.popitem(last=False)
        return found

    def _new_context(self, host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        chain = _pem(self._leaf(host, key.public_key())) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()  # fmt: skip
        # OpenSSL takes a chain from a file only: readable by its owner, and gone at once.
        descriptor, path = tempfile.mkstemp(suffix=".pem")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(chain)
            context.load_cert_chain(path)
        finally:
            os.unlink(path)
        return context

    def _made(self) -> x509.Certificate:
        """The CA itself."""
        name = _name(NAME)
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        return (
            _dated(name, name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(_key_id(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _leaf(self, host: str, key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            _dated(_name(host[:_LONGEST_COMMON_NAME]), self._certificate.subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_key_id(key), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )


def _dated(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=_DAYS_BACK))
        .not_valid_after(now + timedelta(days=_DAYS))
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_id(key: ec.EllipticCurvePublicKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
