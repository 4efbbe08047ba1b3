"""akwarden's use cases in this process, over real HTTP against an emulator in this process.

No function processes: a run is a call, time moves only when somebody sleeps, and a run can be made
to happen in the middle of another one, at any call of it. Kills stay with the matrix.
"""

from __future__ import annotations

import functools
import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import time_machine

from demo.stage import DIGEST_KEY, DIGEST_PROJECT, KMS_INSTANCE, KMS_KEY, PROJECT
from deploy.provision import Administrator, provision
from emulator import gateway
from emulator.sts.state import new_session
from emulator.wire import Request, Response
from shared import audit, bootstrap, casework, deliveries, handover, naming, revocation
from shared import settings as settings_module
from shared.broker import Broker
from shared.casework import Rulebook
from shared.deliveries import Delivery
from shared.errors import AkwardenError
from tests.faults.evidence import SOURCE
from tests.faults.workflows import ISSUE, REVOKE, ticket_body
from tests.integration.clouds import ACCOUNT, ADMIN_ID, ADMIN_SECRET, LocalCloud
from tests.unit.samples import LIFTED

MAX_LAG_SECONDS, TIMEOUT_SECONDS = 5, 180
SETTINGS = {
    "AKWARDEN_REGION": "cn-hangzhou", "AKWARDEN_ACCOUNT_ID": ACCOUNT,
    "AKWARDEN_UPN_DOMAIN": f"{ACCOUNT}.onaliyun.com",
    "AKWARDEN_KMS_INSTANCE_ID": KMS_INSTANCE, "AKWARDEN_KMS_KEY_ID": KMS_KEY,
    "AKWARDEN_AUDIT_PROJECT": PROJECT, "AKWARDEN_DIGEST_PROJECT": DIGEST_PROJECT,
    "AKWARDEN_DIGEST_KEY_ID": DIGEST_KEY,
    "AKWARDEN_PROTOCOL": "http", "AKWARDEN_MAX_LAG_SECONDS": str(MAX_LAG_SECONDS),
    "ALIBABA_CLOUD_ACCESS_KEY_ID": ADMIN_ID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ADMIN_SECRET,
}  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """What is to be done about an application's ticket: `issue` or `revoke` it."""

    what: str
    application: str


class House:
    """The cloud, provisioned, and runs of operations in it. `traveller` owns this process's time:
    the emulator's clock is the machine's, so both move together."""

    def __init__(self, running: LocalCloud, traveller: time_machine.Traveller) -> None:
        self.cloud, self._traveller = running.cloud, traveller
        self._numbers = itertools.count(1)
        self._between: tuple[int, Callable[[], object]] | None = None
        self._lock = threading.Lock()
        running.server.handle = self._handled
        self.cloud.reset()
        self.settings = settings_module.read(SETTINGS)
        provision(Administrator.of(self.settings, SETTINGS), self.settings, lambda line: None)
        self._book = Rulebook(
            replace(bootstrap.rules(), limits=LIFTED), bootstrap.templates(),
            bootstrap.assets(self.settings), self.settings.ledger_secret,
            bootstrap.places(), bootstrap.people(),
        )  # fmt: skip
        self.approved_at = datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Let so much time go by, for everybody."""
        self._traveller.shift(seconds)

    def _handled(self, request: Request) -> Response:
        with self._lock:
            due = None
            if self._between:
                calls, act = self._between
                self._between = (calls - 1, act) if calls > 1 else None
                due = act if calls == 1 else None
        if due:
            due()
        return gateway.handle(self.cloud, request)

    def run(
        self, operation: Operation, *, between: Operation | None = None, at: int = 0
    ) -> bool:
        """Run it to its end; whether that was a good one. `between` runs at the call number `at`
        of it, before that call is served."""
        if between and at:
            self._between = (at, functools.partial(self.run, between))
        try:
            self._once(operation)
        except AkwardenError:
            return False
        finally:
            if between:
                self._between = None
        return True

    def _once(self, operation: Operation) -> None:
        function = ISSUE if operation.what == "issue" else REVOKE
        kind = "approved" if operation.what == "issue" else "revoked"
        body = ticket_body(operation.application, self.approved_at,
                           type=f"accesskey.ticket.{kind}", status=kind)  # fmt: skip
        delivery = deliveries.parse(body, source=SOURCE)
        assert isinstance(delivery, Delivery)
        ticket, broker = delivery.ticket, self._broker(function)
        record = audit.attempt(
            audit.Subject.of(ticket), naming.operation_id(SOURCE, ticket.id, operation.what),
            fc_request_id=f"1-{next(self._numbers)}", fc_function=function, account_id=ACCOUNT,
            region="cn-hangzhou", trigger="webhook", broker_version=bootstrap.VERSION,
        )  # fmt: skip
        if operation.what == "issue":
            case = handover.Case(ticket, self.approved_at)
            casework.serve(broker, self._book, case, record)
        else:
            revocation.by_ticket(broker, ticket, record)

    def _broker(self, function: str) -> Broker:
        """With a session of the function's role, as an instance has one."""
        role = self.cloud.ram.roles[function]
        session = new_session(role.name, role.id, f"fc-{next(self._numbers)}",
                              self.cloud.clock.time() + 36 * 3600, function=function)  # fmt: skip
        self.cloud.sessions[session.access_key_id] = session
        environment = {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": session.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": session.secret,
            "ALIBABA_CLOUD_SECURITY_TOKEN": session.token,
        }
        broker = bootstrap.broker(self.settings, environment, function, TIMEOUT_SECONDS)
        return replace(broker, now=bootstrap.now, sleep=self.sleep)

    # -- what is seen -----------------------------------------------------------------------

    def history(self) -> list[dict[str, Any]]:
        return self.cloud.history.since()

    def state(self) -> dict[str, Any]:
        from emulator import snapshot

        return dict(json.loads(json.dumps(snapshot.take(self.cloud))))
