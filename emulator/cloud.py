"""One account's cloud: the state of all products, and what every product asks of it."""

from __future__ import annotations

import hmac
import random
import threading
import uuid
from collections import OrderedDict, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from emulator import errors
from emulator.authentication import Proof
from emulator.call import Call
from emulator.caller import Caller
from emulator.certificates import Authority
from emulator.choices import Choices
from emulator.clock import Clock, iso
from emulator.errors import ProductError
from emulator.faults import Faults
from emulator.history import History
from emulator.kms.state import KmsState
from emulator.policy.conditions import Context
from emulator.ram.network import allowed as network_allowed
from emulator.ram.state import AccessKey, RamState, User
from emulator.sls.state import SlsState
from emulator.sts.state import Session
from emulator.throttling import Throttle
from emulator.vendors.state import Vendor
from emulator.wire import Request

if TYPE_CHECKING:
    from emulator.fc.runtime import FunctionCompute

ADMINISTRATOR = "administrator"
WINDOW_SECONDS = 15 * 60


class Cloud:
    """Everything one account holds. `lock` makes each action atomic, as a product would."""

    def __init__(
        self,
        account_id: str,
        access_key_id: str,
        access_key_secret: str,
        *,
        region: str = "cn-hangzhou",
        choices: Choices | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.account_id = account_id
        self.region = region
        self.choices = choices or Choices()
        self.clock = clock or Clock()
        self.history = History()
        self.faults = Faults(self.clock)
        self.faults.expire = self.expire_session
        self.lock = threading.RLock()
        self.secrets: list[dict[str, str]] = []
        self.fc: FunctionCompute | None = None
        self.authority = Authority()
        self._administrator_key = (access_key_id, access_key_secret)
        self.resets = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything but the administrator, the choices and the functions."""
        with self.lock:
            self.resets += 1
            self.clock.reset()
            self.ram = RamState(self.account_id)
            self.kms = KmsState(self.account_id, self.region)
            self.sls = SlsState(self.account_id, self.region)
            self.sessions: dict[str, Session] = {}
            self.vendors: defaultdict[str, Vendor] = defaultdict(Vendor)
            self.secrets.clear()
            self.history.clear()
            self.faults.clear()
            self._throttle = Throttle(self.choices)
            self._nonces: OrderedDict[tuple[str, str], float] = OrderedDict()
            self._add_administrator(*self._administrator_key)

    def _add_administrator(self, access_key_id: str, access_key_secret: str) -> None:
        from emulator.ram.system_policies import install

        now = self.clock.now()
        install(self.ram, now)
        user = User(self.ram.new_id(), ADMINISTRATOR, "Administrator", created_at=now,
                    updated_at=now)  # fmt: skip
        user.attached[("System", "AdministratorAccess")] = now
        self.ram.users[user.name] = user
        self.ram.keys[access_key_id] = AccessKey(
            access_key_id, access_key_secret, user.id, created_at=now, updated_at=now,
            status_since=[(0.0, "Active")],
        )  # fmt: skip

    # -- small services to the products -----------------------------------------------------

    def new_request_id(self) -> str:
        """An upper-case UUID."""
        return str(uuid.uuid4()).upper()

    def remember_secret(self, kind: str, owner: str, value: str) -> None:
        """Keep what must never show up anywhere else, for the leak checks of the tests."""
        self.secrets.append({"kind": kind, "owner": owner, "value": value})

    def propagation(self) -> float:
        """The moment from which a change of a key made now takes effect."""
        low = self.choices.key_propagation_min_seconds
        high = self.choices.key_propagation_max_seconds
        return self.clock.time() + random.uniform(low, high)

    def throttle(self, product: str, group: str) -> None:
        with self.lock:
            self._throttle.check(product, group, self.clock.time())

    def note_use(self, access_key_id: str, service: str) -> None:
        """Keep the last use of a key truly: every authenticated call counts."""
        key = self.ram.keys.get(access_key_id)
        if key:
            key.last_used_at = self.clock.now()
            key.last_used_service = service.capitalize()

    def context(self, call: Call) -> Context:
        """The global condition keys of a call."""
        return {
            "acs:CurrentTime": (iso(self.clock.now()),),
            "acs:SecureTransport": (
                str(call.request.secure or self.choices.secure_transport).lower(),
            ),
            "acs:SourceIp": (call.caller.source_ip,),
            "acs:MFAPresent": ("false",),
            "acs:PrincipalARN": call.caller.arns[:1],
        }

    # -- authentication ---------------------------------------------------------------------

    def authenticate(self, proof: Proof, request: Request, product: str) -> Caller:
        """Check key, status, token, time, signature, nonce and network, in this order.

        A request that had to wait until its client gave up is left alone: under too much load
        there would be no time for anything but the requests of clients that have gone.
        """
        with self.lock:
            if request.abandoned():
                raise errors.client_gone()
            if proof.access_key_id.startswith("STS."):
                return self._session_caller(proof, request)
            return self._key_caller(proof, request, product)

    def _key_caller(self, proof: Proof, request: Request, product: str) -> Caller:
        key = self.ram.keys.get(proof.access_key_id)
        status = key.effective_status(self.clock.time()) if key else self._ghost_status(proof)
        key = key or self.ram.deleted_key(proof.access_key_id)
        if key is None or not status:
            raise errors.access_key_not_found()
        if status != "Active":
            raise errors.access_key_inactive()
        if proof.security_token:
            raise errors.security_token_mismatch()
        self._check(proof, key.secret)
        if key.user_id == self.account_id:
            self._check_network(key, request.source_ip)
            return Caller("root", self.account_id, key.id, source_ip=request.source_ip)
        user = self.ram.user_by_id(key.user_id)
        if user is None:
            raise errors.access_key_not_found()
        self._check_network(key, request.source_ip)
        return Caller("user", self.account_id, key.id, user.name, user.id,
                      source_ip=request.source_ip)  # fmt: skip

    def _ghost_status(self, proof: Proof) -> str:
        """A deleted key answers until its deletion has propagated."""
        key = self.ram.deleted_key(proof.access_key_id)
        return key.effective_status(self.clock.time()) if key else ""

    def _session_caller(self, proof: Proof, request: Request) -> Caller:
        session = self.sessions.get(proof.access_key_id)
        if session is None:
            raise errors.access_key_not_found()
        if not proof.security_token:
            raise errors.security_token_missing()
        if not hmac.compare_digest(proof.security_token.encode(), session.token.encode()):
            if proof.security_token in {s.token for s in self.sessions.values()}:
                raise errors.security_token_mismatch()
            raise errors.security_token_malformed()
        if self.clock.time() >= session.expires_at:
            raise errors.security_token_expired()
        self._check(proof, session.secret)
        return Caller(
            "session", self.account_id, session.access_key_id, session.role_name,
            f"{session.role_id}:{session.session_name}", session.session_name, session.policies,
            request.source_ip,
        )  # fmt: skip

    def session_valid(self, access_key_id: str) -> bool:
        """Whether a session is known and not expired."""
        session = self.sessions.get(access_key_id)
        return session is not None and self.clock.time() < session.expires_at

    def expire_session(self, access_key_id: str) -> None:
        """Let a session's token expire now; nothing happens to other keys."""
        with self.lock:
            if session := self.sessions.get(access_key_id):
                self.sessions[access_key_id] = replace(session, expires_at=self.clock.time())

    def _check(self, proof: Proof, secret: str) -> None:
        now = self.clock.time()
        if abs(now - proof.at) > WINDOW_SECONDS:
            raise errors.timestamp_expired()
        if not hmac.compare_digest(proof.expected(secret).encode(), proof.signature.encode()):
            raise errors.signature_mismatch(proof.string_to_sign)
        if not proof.nonce:
            return
        if (proof.access_key_id, proof.nonce) in self._nonces:
            raise errors.nonce_used()
        self._nonces[(proof.access_key_id, proof.nonce)] = now
        # A nonce is only needed while its timestamp is accepted; the oldest stand first.
        while now - next(iter(self._nonces.values())) > 2 * WINDOW_SECONDS:
            self._nonces.popitem(last=False)

    def _check_network(self, key: AccessKey, source_ip: str) -> None:
        """The key's own network policy replaces the account's; neither applies to sessions."""
        own = key.network_policy_at(self.clock.time())
        policy = own if own != "{}" else self.ram.account_key_policy
        if not network_allowed(policy, source_ip):
            raise ProductError(
                self.choices.key_policy_refusal_status,
                self.choices.key_policy_refusal_code,
                "The source address is not allowed by the AccessKey network policy.",
            )

