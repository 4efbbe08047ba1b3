"""The stage: an emulator process with akwarden's functions, provisioned by its own script."""

from __future__ import annotations

import contextlib
import json
import os
import secrets as entropy
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = "1234567890123456"
REGION = "cn-hangzhou"
DOMAIN = f"{ACCOUNT}.onaliyun.com"
PROJECT, DIGEST_PROJECT = "akwarden-audit-demo", "akwarden-digests-demo"
KMS_INSTANCE, KMS_KEY = "kst-emulator0001", "key-emulator0001"
DIGEST_KEY = "key-emulator-mac01"
ADMIN_ID = "LTAI5tLocalAdministrator"
FUNCTION = "akw-approval"


# Past every proxy; made once, as it reads the machine's CAs, even for http.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def manage(url: str, method: str, path: str, content: object = None) -> Any:
    """One call of the management port at that URL."""
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url + path, data=body, method=method)  # noqa: S310 (loopback)
    with DIRECT.open(request, timeout=60) as response:
        return json.loads(response.read())


class Cloud(Protocol):
    """A local cloud, wherever it runs."""

    @property
    def url(self) -> str: ...

    def manage(self, method: str, path: str, content: object = None) -> Any: ...


class Stage:
    """A running local cloud. `url` serves all products, `management_url` the tests' side door."""

    def __init__(self, *, calm: bool = False, max_lag_seconds: int = 10,
                 ports: tuple[int, int] = (0, 0), choices: Mapping[str, object] | None = None,
                 settings: Mapping[str, str] | None = None,
                 functions: Path = ROOT / "s.yaml",
                 quiet: bool = False) -> None:  # fmt: skip
        self.admin_secret = entropy.token_hex(15)
        # Whatever a function writes to a file lands here, where the leak checks look.
        self.scratch = tempfile.mkdtemp(prefix="akwarden-")
        self.settings = {
            "AKWARDEN_REGION": REGION,
            "AKWARDEN_ACCOUNT_ID": ACCOUNT,
            "AKWARDEN_UPN_DOMAIN": DOMAIN,
            "AKWARDEN_KMS_INSTANCE_ID": KMS_INSTANCE,
            "AKWARDEN_KMS_KEY_ID": KMS_KEY,
            "AKWARDEN_AUDIT_PROJECT": PROJECT,
            "AKWARDEN_DIGEST_PROJECT": DIGEST_PROJECT,
            "AKWARDEN_DIGEST_KEY_ID": DIGEST_KEY,
            "AKWARDEN_MAX_LAG_SECONDS": str(max_lag_seconds),
            "AKWARDEN_PROTOCOL": "http",
            **(settings or {}),
        }
        self._ca_file = str(Path(self.scratch) / "ca.pem")
        self._https = self.settings["AKWARDEN_PROTOCOL"] == "https"
        command = [
            sys.executable, "-m", "emulator", "--port", str(ports[0]),
            "--management-port", str(ports[1]), "--account-id", ACCOUNT, "--region", REGION,
            "--access-key-id", ADMIN_ID, "--access-key-secret", self.admin_secret,
            "--functions", str(functions), "--ca-file", self._ca_file,
            "--choice", f"fc_https={self._https}",
            *(["--calm"] if calm else []),
        ]  # fmt: skip
        for name, value in (choices or {}).items():
            command += ["--choice", f"{name}={value}"]
        # Quiet: what the emulator itself says goes to the scratch folder, and is searched there.
        errors = (Path(self.scratch) / "emulator.log").open("w") if quiet else None
        self._process = subprocess.Popen(  # noqa: S603 (our own module)
            command, start_new_session=True,  # Ctrl-C is ours to hand on, once
            cwd=ROOT, stdout=subprocess.PIPE, text=True, stderr=errors,
            env=_environment() | self.settings | {"TMPDIR": self.scratch},
        )
        if errors:
            errors.close()
        try:
            self.port, self.management_port = self._ports(ports)
        except BaseException:  # Ctrl-C included: whoever never got a stage cannot stop it
            self.stop()
            raise

    def _ports(self, asked: tuple[int, int]) -> tuple[int, int]:
        """Read the emulator's own words up to `ready`; RuntimeError if it ends before."""
        found = asked
        for line in self._process.stdout or ():
            words = line.split()
            if words[:1] == ["port"]:
                found = (int(words[1]), int(words[3]))
            if words == ["ready"]:
                return found
        raise RuntimeError("the local cloud did not start; its own words stand above")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def management_url(self) -> str:
        return f"http://127.0.0.1:{self.management_port}"

    @property
    def webhook_url(self) -> str:
        """The approval function's HTTP trigger, without a host name that needs resolving."""
        return f"{self.url}/fcapp/{FUNCTION}/"

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """End the emulator and everything it runs; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        shutil.rmtree(self.scratch, ignore_errors=True)
        return code

    # -- reaching it ------------------------------------------------------------------------

    @contextlib.contextmanager
    def proxied(self, source_ip: str = "198.51.100.7") -> Iterator[None]:
        """Within it, every SDK's http:// calls with real host names reach this cloud, coming from
        `source_ip`; where the functions speak https, https:// calls too. Process-wide, as the proxy
        variables are."""
        proxy = f"http://{source_ip}:x@127.0.0.1:{self.port}"
        wanted = dict.fromkeys(("http_proxy", "HTTP_PROXY"), proxy)
        wanted["SSL_CERT_FILE"] = self._ca_file  # read by http clients too; the machine's is long
        if self._https:
            wanted |= dict.fromkeys(("https_proxy", "HTTPS_PROXY"), proxy)
            wanted["REQUESTS_CA_BUNDLE"] = self._ca_file
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value

    def manage(self, method: str, path: str, content: object = None) -> Any:
        """One call of the management port."""
        return manage(self.management_url, method, path, content)

    def now(self) -> datetime:
        """The cloud's own time."""
        return datetime.fromisoformat(self.manage("GET", "/clock")["now"])

    def administrator_environment(self) -> dict[str, str]:
        """What `deploy.provision` reads."""
        trust = {"REQUESTS_CA_BUNDLE": self._ca_file} if self._https else {}
        return self.settings | trust | {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": ADMIN_ID,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": self.admin_secret,
        }

    def provision(self, tell: Callable[[str], None], *, watched: bool = False) -> None:
        """Run the very script that an administrator runs; `tell` gets its lines. Dashboard and
        alerts, which nothing here looks at, only if it is to be `watched`."""
        from deploy.provision import Administrator, provision, watch
        from shared import settings

        environment = self.administrator_environment()
        with self.proxied():
            current = settings.read(environment)
            administrator = Administrator.of(current, environment)
            provision(administrator, current, tell)
            if watched:
                watch(administrator, current, tell)


def end_on_signals() -> None:
    """Make SIGTERM, and the end of the terminal, the same way out as Ctrl-C: the emulator has a
    session of its own and would outlive this process."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup: somebody wants it to stay
        signal.signal(signal.SIGHUP, signal.default_int_handler)


def _environment() -> dict[str, str]:
    """This process's environment without proxies and credentials of its own."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("ALIBABA_CLOUD_", "FC_"))
    }
