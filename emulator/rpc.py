"""The front end of the RPC products (RAM, IMS, STS, KMS): one POST or GET on `/` per action.

Order of checks (not documented, consistent with the codes): authentication fields, key, status,
token, time, signature, nonce, version and action, throttling, RAM policy, parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator import errors, staleness
from emulator.authentication import Proof, acs3, rpc_v1
from emulator.call import Call, Denied, denial_detail
from emulator.errors import ProductError
from emulator.history import Entry, without_secrets
from emulator.wire import Request, Response

if TYPE_CHECKING:
    from emulator.cloud import Cloud

Answer = dict[str, Any]
Resources = Sequence[str] | Callable[[Call], Sequence[str]]


@dataclass(frozen=True)
class Action:
    """An API action: what it does, what RAM asks of its caller, whether it changes anything."""

    name: str
    run: Callable[[Call], Answer]
    resources: Resources | None
    writes: bool
    permission: str
    group: str

    def needs(self, call: Call, account_id: str) -> list[tuple[str, str]]:
        """The (action, resource) pairs that must all be allowed."""
        if self.resources is None:
            return []
        if callable(self.resources):
            found = self.resources(call)  # complete: what a caller sent is no template
        else:
            found = [_filled(f, call.parameters) for f in self.resources]
        code = self.permission.split(":")[0]
        return [
            (self.permission, f if f == "*" or f.startswith("acs:") else
             f"acs:{code}:*:{account_id}:{f}")
            for f in found
        ]


def _filled(template: str, parameters: dict[str, str]) -> str:
    """`user/{UserName}` with the call's parameters put in; an absent one is empty."""
    return re.sub(r"\{(\w+)\}", lambda name: parameters.get(name[1], ""), template)


class RpcProduct:
    """A product's actions and the way it words its answers.

    Subclass-free: `denied` and `render` are handed in, because that is all products differ in.
    """

    def __init__(
        self,
        name: str,
        version: str,
        *,
        permission_code: str,
        denied: Callable[[Call, Denied], ProductError],
        envelope: Callable[[ProductError, str, str], Answer],
        methods: tuple[str, ...] = ("POST", "GET"),
    ) -> None:
        self.name = name
        self.version = version
        self.actions: dict[str, Action] = {}
        self._code = permission_code
        self._denied = denied
        self._envelope = envelope
        self._methods = methods

    def action(
        self,
        name: str,
        resources: Resources | None = ("*",),
        *,
        writes: bool = False,
        permission: str = "",
        group: str = "",
    ) -> Callable[[Callable[[Call], Answer]], Callable[[Call], Answer]]:
        """Register an action.

        `resources` are relative ids (`user/{UserName}`, completed to an ARN), full ARNs, a
        function of the call, or None where no permission is asked (or where the action asks by
        itself, with a resource policy). `group` shares a throttling quota between actions.
        """

        def register(run: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
            self.actions[name] = Action(
                name, run, resources, writes, permission or f"{self._code}:{name}", group or name
            )
            return run

        return register

    def handle(self, cloud: Cloud, request: Request) -> Response:
        """Authenticate, authorise and run one request; every refusal is the product's own."""
        request_id = cloud.new_request_id()
        entry = cloud.history.begin(cloud.clock.time(), self.name, request)
        entry.request_id = request_id
        try:
            answer = self._run(cloud, request, request_id, entry)
            entry.status = 200
            response = Response.json(200, {"RequestId": request_id, **answer})
        except ProductError as refusal:
            entry.status, entry.code = refusal.status, refusal.code
            headers = {}
            if refusal.retry_after_ms:
                headers["x-acs-retry-after"] = str(refusal.retry_after_ms)
            body = self._envelope(refusal, request_id, request.headers.get("host", ""))
            response = Response.json(refusal.status, body, headers)
        return cloud.faults.after(entry, response)

    def _run(self, cloud: Cloud, request: Request, request_id: str, entry: Entry) -> Answer:
        parameters = _parameters(request)
        proof = _proof(request, parameters)
        entry.action = proof.action
        entry.access_key_id = proof.access_key_id
        entry.parameters = without_secrets(_own(parameters))
        cloud.faults.arrive(entry)
        if request.method not in self._methods:
            raise errors.method_unsupported()
        caller = cloud.authenticate(proof, request, self.name)
        entry.principal = caller.arn
        if proof.version != self.version:
            raise errors.version_invalid()
        action = self.actions.get(proof.action)
        if action is None:
            raise errors.action_not_found()
        entry.writes = action.writes
        cloud.faults.before(entry)
        cloud.throttle(self.name, action.group)
        call = Call(cloud, request, caller, parameters, request_id, entry)
        with cloud.lock:
            try:
                call.authorize(action.needs(call, cloud.account_id))
                answer = staleness.answered(call, action.run)
            except Denied as denial:
                raise self._denied(call, denial) from None
            cloud.note_use(caller.access_key_id, self.name)
            if action.writes:
                cloud.history.commit(entry, request)
        return answer


_FORM = "application/x-www-form-urlencoded"
_SIGNING = frozenset({
    "Action", "Version", "Format", "Timestamp", "SignatureNonce", "SignatureMethod",
    "SignatureVersion", "SignatureType", "AccessKeyId", "SecurityToken", "Signature",
})  # fmt: skip


def _own(parameters: dict[str, str]) -> dict[str, str]:
    """The action's own parameters, without those that only sign the request."""
    return {k: v for k, v in parameters.items() if k not in _SIGNING}


def _parameters(request: Request) -> dict[str, str]:
    """Query and form parameters together, as the actions see them."""
    pairs = list(request.query)
    if request.headers.get("content-type", "").lower().startswith(_FORM):
        pairs += rpc_v1.form(request.body)
    return dict(pairs)


def _proof(request: Request, parameters: dict[str, str]) -> Proof:
    if request.headers.get("authorization", "").startswith("ACS3-"):
        return acs3.proof(request, parameters)
    return rpc_v1.proof(request, parameters)


def ram_denied(call: Call, denial: Denied) -> ProductError:
    """RAM, IMS and STS: 403 NoPermission, the resource and action in the text."""
    decision = denial.decision
    return ProductError(
        403, "NoPermission",
        "You are not authorized to do this action. "
        f"Resource: {decision.resource} Action: {decision.action}",
        detail=denial_detail(call.caller, decision),
    )


def pop_envelope(refusal: ProductError, request_id: str, host: str) -> Answer:
    """The error body of RAM, IMS and STS."""
    body: Answer = {
        "RequestId": request_id,
        "HostId": host,
        "Code": refusal.code,
        "Message": refusal.message,
        "Recommend": f"https://api.aliyun.com/troubleshoot?q={refusal.code}&requestId={request_id}",
    }
    if refusal.detail:
        body["AccessDeniedDetail"] = refusal.detail
    return body


def dumps(value: object) -> str:
    """Compact JSON, for parameters that are JSON strings inside JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
