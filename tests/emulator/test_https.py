"""HTTPS through the proxy: CONNECT, a CA of the emulator's own, one certificate for each host."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_tea_openapi.models import Config
from aliyun.log import LogClient

from emulator import management
from emulator.certificates import Authority
from emulator.server import Server
from emulator.wire import Headers, Request
from tests.emulator import sdk, sls_scenario
from tests.emulator.conftest import ADMIN_ID, ADMIN_SECRET, Emulator
from tests.emulator.sdk import Sdk, allow, key_of

SOURCE_IP = "198.51.100.7"
HOST = "ram.aliyuncs.com"


@pytest.fixture
def ca_file(emulator: Emulator, tmp_path: Path) -> str:
    """What a client is given to trust, as the management port offers it."""
    answer = management.handle(emulator.cloud, Request("GET", "/ca.pem", Headers([])))
    assert answer.status == 200
    path = tmp_path / "ca.pem"
    path.write_bytes(answer.body)
    return str(path)


def config(emulator: Emulator, ca_file: str | None, host: str,
           key: tuple[str, str] = (ADMIN_ID, ADMIN_SECRET)) -> Config:  # fmt: skip
    """As in production, but for a proxy and its CA."""
    return Config(
        access_key_id=key[0], access_key_secret=key[1], protocol="HTTPS", endpoint=host,
        region_id="cn-hangzhou", https_proxy=f"http://{SOURCE_IP}:x@{emulator.endpoint}",
        ca=ca_file,
    )  # fmt: skip


def ram(emulator: Emulator, ca_file: str | None, *key: tuple[str, str]) -> Sdk:
    from alibabacloud_ram20150501 import models
    from alibabacloud_ram20150501.client import Client

    return Sdk(Client(config(emulator, ca_file, HOST, *key)), models)


def kms(emulator: Emulator, ca_file: str) -> Sdk:
    from alibabacloud_kms20160120 import models
    from alibabacloud_kms20160120.client import Client

    return Sdk(Client(config(emulator, ca_file, "kms.cn-hangzhou.aliyuncs.com")), models)


def sts(emulator: Emulator, ca_file: str | None, *key: tuple[str, str]) -> Sdk:
    from alibabacloud_sts20150401 import models
    from alibabacloud_sts20150401.client import Client

    return Sdk(Client(config(emulator, ca_file, "sts.cn-hangzhou.aliyuncs.com", *key)), models)


def log_client(emulator: Emulator, ca_file: str, monkeypatch: pytest.MonkeyPatch) -> LogClient:
    """An unmodified client that is pointed here by the variables which `requests` obeys."""
    sls_scenario.client(emulator, monkeypatch)  # its pauses of a second are patched away
    monkeypatch.setenv("https_proxy", f"http://{SOURCE_IP}:x@{emulator.endpoint}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca_file)
    found = LogClient("https://cn-hangzhou.log.aliyuncs.com", ADMIN_ID, ADMIN_SECRET, source="fc")
    found.timeout = 10
    return found


def tunnel(emulator: Emulator, host: str = HOST) -> socket.socket:
    """A connection on which the proxy has said yes, and TLS has not begun."""
    raw = socket.create_connection(("127.0.0.1", emulator.server.port), timeout=10)
    raw.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
    assert raw.recv(4096) == b"HTTP/1.1 200 Connection established\r\n\r\n"
    return raw


def asked(secured: ssl.SSLSocket) -> int:
    """One unsigned request on an open tunnel; the status of its answer."""
    secured.sendall(f"GET /?Action=ListUsers HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    answer = http.client.HTTPResponse(secured)
    answer.begin()
    answer.read()
    return answer.status


# -- the SDKs ---------------------------------------------------------------------------------


def test_rpc_products_are_reached_over_https(emulator: Emulator, ca_file: str) -> None:
    """RAM, KMS and STS by their real names, over TLS, from the address in the proxy's URL."""
    ram(emulator, ca_file)("CreateUser", UserName="alice")
    kms(emulator, ca_file)("ListSecrets")
    sts(emulator, ca_file)("GetCallerIdentity")

    calls = emulator.cloud.history.since()
    assert [("ram", "CreateUser"), ("kms", "ListSecrets"), ("sts", "GetCallerIdentity")] == [
        (call["product"], call["action"]) for call in calls
    ]
    assert {(True, SOURCE_IP, 200)} == {
        (call["secure"], call["source_ip"], call["status"]) for call in calls
    }


def test_sls_is_reached_over_https(
    emulator: Emulator, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each project is a host name, and so a certificate, of its own."""
    client = log_client(emulator, ca_file, monkeypatch)
    sls_scenario.ready(client)

    sls_scenario.put(client, {"event_id": "e"})

    assert ["e"] == [row["event_id"] for row in sls_scenario.get(client)]
    assert {(True, SOURCE_IP)} == {
        (call["secure"], call["source_ip"]) for call in emulator.cloud.history.since()
    }


def test_policy_sees_secure_transport(emulator: Emulator, ca_file: str) -> None:
    """acs:SecureTransport is true in a tunnel, whatever plain HTTP is taken for."""
    condition = {"Bool": {"acs:SecureTransport": "true"}}
    key = key_of(ram(emulator, ca_file), "bob", allow("ram:*", Condition=condition))
    emulator.cloud.choices.secure_transport = False

    assert ram(emulator, ca_file, key)("ListUsers")["Users"]["User"]
    assert sdk.ram(emulator, *key).refusal("ListUsers") == (403, "NoPermission")


def test_other_ca_is_refused_by_the_client(
    emulator: Emulator, ca_file: str, tmp_path: Path
) -> None:
    """A client that trusts another CA, or the public ones only, sends no request."""
    other = tmp_path / "other.pem"
    other.write_text(Authority().pem)

    for trusted in (str(other), None):
        with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
            ram(emulator, trusted)("ListUsers")

    assert emulator.cloud.history.since() == []
    assert ram(emulator, ca_file)("ListUsers")["Users"]["User"]


def test_many_connections_at_once(emulator: Emulator, ca_file: str) -> None:
    """Parallel clients with connections of their own, to hosts seen for the first time."""
    trusting = ssl.create_default_context(cafile=ca_file)

    def call(number: int) -> int:
        host = f"project-{number % 8}.cn-hangzhou.log.aliyuncs.com"
        with trusting.wrap_socket(tunnel(emulator, host), server_hostname=host) as secured:
            return asked(secured)

    with ThreadPoolExecutor(32) as threads:
        statuses = list(threads.map(call, range(64)))

    assert [400] * 64 == statuses  # unsigned: an answer of the product's


def test_sdks_of_many_threads_share_their_tunnels(emulator: Emulator, ca_file: str) -> None:
    """The SDK's connection pool works across the proxy."""
    client = sts(emulator, ca_file)

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: client("GetCallerIdentity")["UserId"], range(48)))

    assert len(answers) == 48
    assert len(set(answers)) == 1


# -- TLS itself -------------------------------------------------------------------------------


def test_connection_is_kept_and_session_resumed(emulator: Emulator, ca_file: str) -> None:
    """Several requests in one tunnel; a second tunnel resumes the first one's session."""
    trusting = ssl.create_default_context(cafile=ca_file)
    with trusting.wrap_socket(tunnel(emulator), server_hostname=HOST) as first:
        statuses = [asked(first) for _ in range(3)]
        session = first.session

    with trusting.wrap_socket(tunnel(emulator), server_hostname=HOST, session=session) as second:
        statuses.append(asked(second))
        resumed = second.session_reused

    assert [400] * 4 == statuses
    assert resumed


def test_certificate_is_of_the_host_that_was_asked_for(emulator: Emulator, ca_file: str) -> None:
    """A certificate of one host proves no other."""
    trusting = ssl.create_default_context(cafile=ca_file)

    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        trusting.wrap_socket(tunnel(emulator), server_hostname="kms.cn-hangzhou.aliyuncs.com")


@pytest.mark.parametrize(
    "sent", [b"\x00" * 300, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b""]
)
def test_garbage_instead_of_a_handshake_hurts_nobody(
    emulator: Emulator, ca_file: str, sent: bytes
) -> None:
    """The tunnel ends, the next one works."""
    raw = tunnel(emulator)
    try:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(4096):
            pass
    except OSError:  # a reset is an end as well
        pass
    raw.close()

    assert ram(emulator, ca_file)("ListUsers")["Users"]["User"]


def test_garbage_inside_a_tunnel_is_answered(emulator: Emulator, ca_file: str) -> None:
    """What is no HTTP gets a 400 over TLS, a tunnel in a tunnel 501."""
    trusting = ssl.create_default_context(cafile=ca_file)
    answers = []
    for sent in (b"\xff\xfe\r\n\r\n", b"CONNECT kms.aliyuncs.com:443 HTTP/1.1\r\n\r\n"):
        with trusting.wrap_socket(tunnel(emulator), server_hostname=HOST) as secured:
            secured.sendall(sent)
            answers.append(secured.recv(4096).split(b"\r\n")[0])

    assert [b"HTTP/1.1 400 Bad Request", b"HTTP/1.1 501 Not Implemented"] == answers


@pytest.mark.parametrize("target", ["/", "ram.aliyuncs.com", "a b:443", "ä.com:443", ":443"])
def test_malformed_connect_is_refused(emulator: Emulator, target: str) -> None:
    """CONNECT takes host:port; anything else is answered 400 and closed."""
    with socket.create_connection(("127.0.0.1", emulator.server.port), timeout=10) as raw:
        raw.sendall(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
        answer = raw.recv(4096)

    assert answer.startswith(b"HTTP/1.1 400 ")


def test_without_an_authority_there_is_no_tunnel() -> None:
    """The management port is no proxy."""
    server = Server(0, lambda request: pytest.fail("nothing gets here"))

    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            raw.sendall(b"CONNECT ram.aliyuncs.com:443 HTTP/1.1\r\n\r\n")
            answer = raw.recv(4096)
    finally:
        server.shutdown()
        server.server_close()

    assert answer.startswith(b"HTTP/1.1 501 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["Code"] == "ConnectNotSupported"


def test_lost_answer_looks_alike_over_tls(emulator: Emulator, ca_file: str) -> None:
    """A dropped answer ends the tunnel: the change is made, the client sees a broken connection."""
    emulator.cloud.faults.add({"kind": "drop", "product": "ram", "action": "CreateUser"})
    client: Any = ram(emulator, ca_file)

    with pytest.raises(Exception, match=r"RemoteDisconnected|EOF|reset"):
        client("CreateUser", UserName="carol")

    assert client("GetUser", UserName="carol")["User"]["UserName"] == "carol"
