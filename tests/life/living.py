"""akwarden kept for hundreds of days: its deliveries and timers, and people who do things by hand.

On `kept_house`: real HTTP against the emulator, in this process, and time that only moves when
somebody says so. A run that fails is tried again as FC would do it, and a fault lasts two tries.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import time_machine
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient

from deploy.provision import Administrator
from emulator.ram.state import AccessKey, User
from emulator.sts.state import new_session
from shared import (
    audit,
    bootstrap,
    casework,
    cleanup,
    deliveries,
    handover,
    housekeeping,
    naming,
    revocation,
    rotation_runs,
)
from shared.adapters.kms import KmsAdapter
from shared.adapters.sts import StsAdapter
from shared.adapters.tea import Credentials
from shared.audit import Attempt, Subject
from shared.deliveries import Delivery
from shared.errors import AkwardenError
from shared.refusals import Denied
from shared.rotation import ASKED, LEAKED, Asked
from shared.rotation_runs import Run, Wish
from shared.secrecy import Secret
from shared.sweeps import Sweep
from tests.faults.evidence import SOURCE
from tests.faults.kept_house import ACCOUNT, SETTINGS, House
from tests.faults.workflows import CLEANUP, ISSUE, REVOKE, ROTATE
from tests.integration.clouds import LocalCloud
from tests.unit.samples import approved_body

READER = "orders-reader"
TRIES, FAULTY_TRIES, PAUSE_SECONDS = 9, 2, 400  # longer than a lease
TRUST = json.dumps({"Version": "1", "Statement": [{
    "Action": "sts:AssumeRole", "Effect": "Allow",
    "Principal": {"RAM": [f"acs:ram::{ACCOUNT}:root"]}}]})  # fmt: skip


class Life(House):
    """One account with akwarden in it."""

    def __init__(self, running: LocalCloud, traveller: time_machine.Traveller) -> None:
        super().__init__(running, traveller)
        self.lifecycle = bootstrap.lifecycle()
        self._admin = Administrator.of(self.settings, SETTINGS)
        self.ram: RamClient = self._admin.ram
        self.ram.create_role(ram_models.CreateRoleRequest(
            role_name=READER, assume_role_policy_document=TRUST))  # fmt: skip
        endpoint = bootstrap.workers._endpoint(self.settings)
        self._sts, self._endpoint = StsAdapter(endpoint), endpoint
        self._ledger: Secret | None = None  # and these rules: read once, as a warm instance would
        self._rules: housekeeping.House | None = None
        self._running = ""  # the function that is at work: one at a time
        self.cloud.faults.function_of = lambda caller: self._running
        # Runs that ended well, and `fault` for each that came about.
        self.ended: list[str] = []

    # -- time -------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def go_to(self, at: datetime) -> None:
        """Let time go by until then; not back."""
        self.sleep(max(0.0, (at - self.now).total_seconds()))

    # -- what akwarden does -----------------------------------------------------------------

    def deliver(self, kind: str, application: str, ticket: str, **changes: Any) -> object:
        """A ticket of type `accesskey.ticket.<kind>`, handed over to its function."""
        body = approved_body(now=self.now, application=application, id=ticket,
                             type=f"accesskey.ticket.{kind}",
                             status="revoked" if kind == "revoked" else "approved",
                             **changes)  # fmt: skip
        delivery = deliveries.parse(body, source=SOURCE)
        assert isinstance(delivery, Delivery), delivery
        accepted = self.now
        function = REVOKE if delivery.action == "revoke" else ISSUE
        return self._tried(kind, function, partial(self._serve, delivery, function, accepted))

    def _serve(self, delivery: Delivery, function: str, accepted: datetime) -> object:
        broker, ticket = self._broker(function), delivery.ticket
        record = self._record(function)(
            Subject.of(ticket), naming.operation_id(SOURCE, ticket.id, delivery.action))
        if delivery.action == "revoke":
            return revocation.by_ticket(broker, ticket, record)
        case = handover.Case(ticket, accepted, delivery.action)
        outcome = casework.serve(broker, self._book, case, record)
        assert not isinstance(outcome, Denied), outcome
        return outcome

    def turn(self, at: datetime) -> None:
        """akw-rotate's timer, for everybody whose hour it is."""
        self._tried("turn", ROTATE, lambda: rotation_runs.take_turns(self._rotation(), at))

    def leak(self, application: str, key_id: str) -> None:
        """Somebody tells akw-rotate that a key leaked."""
        self._wished("leak", Wish(application, "prod", Asked(LEAKED, key_id)))

    def ask(self, application: str) -> None:
        """Somebody asks akw-rotate for a new key."""
        self._wished("ask", Wish(application, "prod", Asked(ASKED)))

    def _wished(self, what: str, wish: Wish) -> None:
        self._tried(what, ROTATE, lambda: rotation_runs.fulfil(self._rotation(), wish))

    def _rotation(self) -> Run:
        return Run(self._broker(ROTATE), self._record(ROTATE), self._ledger_key(),
                   self.lifecycle.rotation, lambda: 300.0)  # fmt: skip

    def sweep(self) -> None:
        """akw-cleanup's quick timer."""
        self._tried("sweep", CLEANUP, lambda: cleanup.sweep(self._sweep()))

    def look(self, at: datetime) -> None:
        """akw-cleanup's daily timer, for everybody whose hour it is."""
        if self._rules is None:
            self._rules = bootstrap.housekeeper(self.settings, self._broker(CLEANUP))
        rules = self._rules
        self._tried("look", CLEANUP, lambda: housekeeping.take_turns(self._sweep(), rules, at))

    def _sweep(self) -> Sweep:
        days = self.lifecycle.notice_days
        return Sweep(self._broker(CLEANUP), self._record(CLEANUP), lambda: 300.0, 25, quick=True,
                     ledger_key=self._ledger_key, notice_days=days)  # fmt: skip

    def _tried(self, what: str, function: str, call: Callable[[], object]) -> object:
        for number in range(TRIES):
            if number == FAULTY_TRIES:
                self.end_faults()
            self._running = function
            try:
                outcome = call()
            except AkwardenError:
                self.sleep(PAUSE_SECONDS)
            else:
                self.ended.append(what)
                return outcome
            finally:
                self._running = ""
        raise AssertionError(f"{what} did not end well in {TRIES} tries")

    def end_faults(self) -> None:
        """No fault any more, and a note of those that have come about."""
        self.ended += ["fault" for rule in self.cloud.faults.listed() if rule["fired"]]
        self.cloud.faults.clear()

    def _record(self, function: str) -> Callable[[Subject, str], Attempt]:
        return partial(
            audit.attempt, fc_request_id=f"1-{next(self._numbers)}", fc_function=function,
            account_id=ACCOUNT, region="cn-hangzhou", trigger="timer",
            broker_version=bootstrap.VERSION,
        )  # fmt: skip

    def _ledger_key(self) -> Secret:
        if self._ledger is None:
            self._ledger = self._broker(CLEANUP).kms.get_secret_value(self.settings.ledger_secret)
        return self._ledger

    # -- what others do ---------------------------------------------------------------------

    def read(self, application: str) -> dict[str, str]:
        """The secret as the application reads it, by its role."""
        role = self.cloud.ram.roles[READER]
        session = new_session(role.name, role.id, f"app-{next(self._numbers)}",
                              self.cloud.clock.time() + 3600)  # fmt: skip
        self.cloud.sessions[session.access_key_id] = session
        credentials = Credentials(
            session.access_key_id, Secret(session.secret), Secret(session.token))
        kms = KmsAdapter(self._endpoint, credentials,
                         instance_id=self.settings.kms_instance_id,
                         key_id=self.settings.kms_key_id)  # fmt: skip
        value = kms.get_secret_value(naming.secret_name(application, "prod"))
        return dict(json.loads(value.reveal()))

    def use(self, key_id: str, secret: str) -> None:
        """One call with the key; CloudRefused if it is not accepted."""
        self._sts.get_caller_identity(key_id, Secret(secret))

    # -- what is there ----------------------------------------------------------------------

    def user(self, application: str) -> User | None:
        return self.cloud.ram.users.get(naming.user_name(application, "prod"))

    def keys(self, application: str) -> list[AccessKey]:
        """The user's keys, the oldest first; none if there is no user."""
        user = self.user(application)
        keys = self.cloud.ram.keys.values()
        own = (key for key in keys if user and key.user_id == user.id)
        return sorted(own, key=lambda key: key.created_at)

    def age(self, application: str) -> timedelta:
        """Of the oldest key; zero if there is none."""
        keys = self.keys(application)
        return self.now - keys[0].created_at if keys else timedelta()

    def stored(self, application: str) -> dict[str, set[str]]:
        """Version ids of the application's secret, with their stages; none if it is gone."""
        secret = self.cloud.kms.secrets.get(naming.secret_name(application, "prod"))
        if secret is None or secret.planned_delete_at is not None:
            return {}
        return {version.id: set(version.stages) for version in secret.versions}
