"""Function instances: each one process, one request at a time, one set of STS credentials.

Source: FC, "Instance types", "Function roles" (credentials of AssumeRole, valid for 36 hours).
"""

from __future__ import annotations

import json
import os
import secrets as entropy
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.fc import refusals
from emulator.fc.logs import Journal, Logs
from emulator.fc.processes import Ended, Process, TimedOut
from emulator.fc.specification import FunctionSpec
from emulator.policy import language
from emulator.policy.evaluation import action_matches
from emulator.sts.state import Session, new_session

if TYPE_CHECKING:
    from emulator.cloud import Cloud

_SESSION_SECONDS = 36 * 3600
_TERMINATION_SECONDS = 1.0  # between SIGTERM and SIGKILL, for the stack dump
_PRINCIPAL = "fc.aliyuncs.com"
# The caller's address as the emulator's proxy sees it: a documentation address, for network rules.
EGRESS_ADDRESS = "203.0.113.9"


@dataclass(frozen=True)
class Outcome:
    """What became of one request. Not `ok`: FC marks it UnhandledInvocationError."""

    ok: bool
    body: bytes
    duration_ms: int
    memory_mb: int
    instance_id: str
    log: bytes

    @property
    def error_message(self) -> str:
        """The errorMessage of a failure; empty otherwise."""
        return "" if self.ok else str(json.loads(self.body).get("errorMessage", ""))


def assume_role(cloud: Cloud, spec: FunctionSpec, instance_id: str) -> Session | None:
    """Credentials of the function's role as of now; None without a role, 403 if it is refused."""
    if not spec.role:
        return None
    arn = spec.role if ":" in spec.role else f"acs:ram::{cloud.account_id}:role/{spec.role}"
    prefix, _, name = arn.partition(":role/")
    with cloud.lock:
        role = cloud.ram.roles.get(name)
        if prefix != f"acs:ram::{cloud.account_id}" or role is None:
            raise refusals.access_denied(f"the role '{arn}' of '{spec.name}' does not exist")
        if not _trusts_us(role.trust_document):
            raise refusals.access_denied(
                f"FC cannot assume the role '{arn}': its trust policy does not allow {_PRINCIPAL}"
            )
        session = new_session(
            role.name, role.id, f"fc-{instance_id}", cloud.clock.time() + _SESSION_SECONDS,
            function=spec.name,
        )  # fmt: skip
        cloud.sessions[session.access_key_id] = session
        cloud.remember_secret("session-secret", spec.name, session.secret)
        cloud.remember_secret("session-token", spec.name, session.token)
    return session


def _trusts_us(document: str) -> bool:
    statements = [
        statement
        for statement in language.parse(document, principal=True, statement_object=True)
        if any(action_matches(pattern, "sts:AssumeRole") for pattern in statement.actions)
        and _PRINCIPAL in statement.principals.get("Service", ())
    ]
    return bool(statements) and all(s.effect == "Allow" for s in statements)


def environment(
    cloud: Cloud, spec: FunctionSpec, instance_id: str, session: Session | None, home: str,
    port: int,
) -> dict[str, str]:
    """Exactly what a worker's `os.environ` holds.

    The proxy is ours (its password tells us which instance calls, whatever key it signs with): it
    lets every SDK keep its real host names, with http:// endpoints, and if
    `fc_https` is chosen with https:// ones too. (`requests` and `ssl` obey these two variables; the
    Tea SDKs neither, they are told the file by their `ca` setting only.) `SSL_CERT_FILE` is set in
    any case: nobody else is to be trusted, and a Tea client that speaks http reads all the roots
    that it would trust nevertheless, in 40 ms of each start if they are the machine's.
    """
    proxy = f"http://{EGRESS_ADDRESS}:{instance_id}@127.0.0.1:{port}"
    found = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        **spec.environment,
        "http_proxy": proxy,
        "HTTP_PROXY": proxy,
        "FC_FUNC_CODE_PATH": str(spec.code),
        "FC_ACCOUNT_ID": cloud.account_id,
        "FC_FUNCTION_HANDLER": spec.handler,
        "FC_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "FC_FUNCTION_NAME": spec.name,
        "FC_REGION": spec.region,
        "FC_CUSTOM_LISTEN_PORT": "9000",
        "FC_INSTANCE_ID": instance_id,
        "FC_FUNCTION_VERSION": "LATEST",
    }
    bundle = Path(home) / "ca.pem"
    bundle.write_text(cloud.authority.pem, encoding="utf-8")
    found["SSL_CERT_FILE"] = str(bundle)
    if cloud.choices.fc_https:
        found |= dict.fromkeys(("https_proxy", "HTTPS_PROXY"), proxy)
        found["REQUESTS_CA_BUNDLE"] = str(bundle)
    if session and spec.credentials:
        found["ALIBABA_CLOUD_ACCESS_KEY_ID"] = session.access_key_id
        found["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = session.secret
        found["ALIBABA_CLOUD_SECURITY_TOKEN"] = session.token
    return found


def new_instance_id(now: float) -> str:
    """`c-` and three groups of hexadecimal digits, the first one the time."""
    return f"c-{int(now):08x}-{entropy.token_hex(4)}-{entropy.token_hex(6)}"


class Instance:
    """One process of one function. `alive` turns false where it must not be used again."""

    def __init__(
        self, spec: FunctionSpec, instance_id: str, session: Session | None, logs: Logs
    ) -> None:
        self.spec = spec
        self.id = instance_id
        self.session = session
        self.alive = True
        self.request_id = ""
        self.event = b""
        self.idle_since = time.monotonic()
        self._logs = logs
        self._journal: Journal | None = None
        self._process: Process | None = None
        self._doomed = False
        self._initialized = spec.initializer is None

    def start(
        self, fork: Callable[[Callable[[str], None]], Process], description: dict[str, object]
    ) -> None:
        """Start the process; raises Ended if it does not come up."""
        self._process = fork(self._line)
        if self._doomed:  # killed while it was not there yet
            self.end()
            raise Ended
        try:
            self._process.start(description)
        except TimedOut:
            self.end()
            raise Ended from None

    def _line(self, line: str) -> None:
        self._logs.add(self.spec.name, line)
        if journal := self._journal:
            journal.add(line)

    def run(self, request_id: str, event: bytes) -> Outcome:
        """Run one request, the initializer before the first one."""
        if not self._initialized and (hook := self.spec.initializer):
            outcome = self._run("Initialize", hook.handler, hook.timeout_seconds, request_id, b"")
            if not outcome.ok:
                self.end()
                return outcome
            self._initialized = True
        spec = self.spec
        return self._run("Invoke", spec.handler, spec.timeout_seconds, request_id, event)

    def _run(
        self, kind: str, handler: str, timeout_seconds: int, request_id: str, event: bytes
    ) -> Outcome:
        process = self._process
        assert process is not None
        journal = self._journal = Journal(request_id)
        self.request_id, self.event = request_id, event
        begun = time.monotonic()
        head = {"kind": kind, "handler": handler, "request_id": request_id}
        ok, body, ending = False, b"", ""
        try:
            answer, body = process.ask(head, event, timeout_seconds)
            ok = bool(answer["ok"])
            self.alive = self.alive and bool(answer["loaded"])  # FC tries a broken load anew
            journal.drained()
        except TimedOut:
            process.terminate(_TERMINATION_SECONDS)
            ending = f"Function timed out after {timeout_seconds} seconds"
        except Ended:
            ending = "Process exited unexpectedly before completing request"
        duration_ms = round((time.monotonic() - begun) * 1000)
        if ending:
            self.end()
            usage = f"duration: {duration_ms}ms, maxMemoryUsage: {process.memory_mb}MB"
            body = json.dumps({"errorMessage": f"{ending} ({usage})"}).encode()
            self._line(f"FC {kind} End RequestId: {request_id}, Error: {ending}")
        self._journal = None
        self.idle_since = time.monotonic()
        return Outcome(ok, body, duration_ms, process.memory_mb, self.id, journal.tail())

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.running

    def kill(self) -> bool:
        """SIGKILL, at once and from any thread; False if there is nothing to kill yet."""
        self._doomed = True
        return self._process is not None and self._process.kill()

    def end(self) -> None:
        """Kill the process and let its output drain."""
        self.alive = False
        if self._process:
            self._process.close()
