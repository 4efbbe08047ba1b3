"""HTTP triggers: `<function>-emulator.<region>.fcapp.run`, or `/fcapp/<function>/…` directly.

Source: FC 3.0, "HTTP triggers". Choices: a method the trigger does not list is answered 405, an
address that is switched off (`disableURLInternet`) 403, a failed function as `choices` says, with
the runtime's own error text so that what it might leak is seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.authentication import acs3
from emulator.call import Call, Denied
from emulator.errors import ProductError
from emulator.fc import refusals
from emulator.fc.events import MalformedAnswer, request_event, response
from emulator.fc.specification import FunctionSpec, HttpTrigger
from emulator.fc.tasks import new_request_id
from emulator.history import Entry
from emulator.wire import Request, Response

if TYPE_CHECKING:
    from emulator.cloud import Cloud
    from emulator.fc.runtime import FunctionCompute

MAX_BODY_BYTES = 32 * 1024 * 1024


def handle_http_trigger(cloud: Cloud, request: Request) -> Response:
    """Turn one request into an invocation, and its result into an answer."""
    now = cloud.clock.time()
    request_id = new_request_id(now)
    entry = cloud.history.begin(now, "fc", request)
    entry.request_id, entry.action, entry.writes = request_id, "InvokeHTTPTrigger", True
    try:
        answer = _answered(cloud, request, request_id, entry)
    except ProductError as refusal:
        worded = refusals.translated(refusal, entry.access_key_id, cloud.choices)
        entry.code = worded.code
        answer = refusals.rendered(worded, request_id, old=False)
    answer.headers["X-Fc-Request-Id"] = request_id
    entry.status = answer.status
    return cloud.faults.after(entry, answer)


def _answered(cloud: Cloud, request: Request, request_id: str, entry: Entry) -> Response:
    name, path = _address(request)
    if cloud.fc is None or name not in cloud.fc.specs:
        raise refusals.function_not_found(name)
    spec = cloud.fc.specs[name]
    trigger = spec.http
    entry.parameters = {"functionName": name, "method": request.method, "path": path}
    if trigger is None or not trigger.public:
        raise refusals.access_denied(f"function '{name}' has no public address")
    _admitted(cloud, request, request_id, entry, spec, trigger)
    if request.method not in trigger.methods:
        raise ProductError(405, "MethodNotAllowed", f"{request.method} is not allowed")
    if len(request.body) > MAX_BODY_BYTES:
        raise ProductError(413, "EntityTooLarge", refusals.too_large(MAX_BODY_BYTES).message)
    domain = f"{name}-emulator.{spec.region}.fcapp.run"
    event = request_event(
        request, path=path, domain=domain, account_id=cloud.account_id, request_id=request_id,
        trigger=trigger.name, now=cloud.clock.now(), binary=cloud.choices.fc_base64_bodies,
    )  # fmt: skip
    return _run(cloud, cloud.fc, request, spec, event, entry)


def _address(request: Request) -> tuple[str, str]:
    """(function, path behind its address) of either form."""
    if request.host.endswith(".fcapp.run"):
        return request.host.split(".")[0].removesuffix("-emulator"), request.path
    name, _, rest = request.path.removeprefix("/fcapp/").partition("/")
    return name, f"/{rest}"


def _admitted(
    cloud: Cloud, request: Request, request_id: str, entry: Entry, spec: FunctionSpec,
    trigger: HttpTrigger,
) -> None:
    """Let anybody through an anonymous trigger, and signed callers through a `function` one."""
    if trigger.auth == "anonymous":
        entry.principal = "anonymous"
        cloud.faults.arrive(entry, request.text)
        cloud.faults.before(entry, request.text)
        return
    if not request.headers.get("authorization", "").startswith("ACS3-"):
        raise refusals.signature_mismatch()
    try:
        proof = acs3.proof(request, dict(request.query))
        entry.access_key_id = proof.access_key_id
        cloud.faults.arrive(entry, request.text)
        caller = cloud.authenticate(proof, request, "fc")
    except ProductError as refusal:
        if "outage" in entry.faults:
            raise
        worded = refusals.translated(refusal, entry.access_key_id, cloud.choices)
        raise ProductError(403, worded.code, worded.message) from None
    entry.principal = caller.arn
    cloud.faults.before(entry, request.text)
    call = Call(cloud, request, caller, {}, request_id, entry)
    resource = f"acs:fc:{cloud.region}:{cloud.account_id}:functions/{spec.name}"
    with cloud.lock:
        try:
            call.authorize([("fc:InvokeFunction", resource)])
        except Denied as denial:
            raise refusals.not_authorized(denial) from None


def _run(
    cloud: Cloud, running: FunctionCompute, request: Request, spec: FunctionSpec, event: bytes,
    entry: Entry,
) -> Response:
    """Any caller may ask for an asynchronous run, with a task id of its own."""
    if request.headers.get("x-fc-invocation-type", "Sync") == "Async":
        task_id = request.headers.get("x-fc-async-task-id", "")
        task = running.tasks.submit(spec, event, entry.request_id, task_id=task_id)
        cloud.history.commit(entry, request)
        return Response(202, b"", {"X-Fc-Async-Task-Id": task.id})
    outcome = running.pool.invoke(spec, entry.request_id, event)
    cloud.history.commit(entry, request)
    failed = cloud.choices.fc_http_error_status
    failure = {
        "Content-Type": "application/json", "X-Fc-Error-Type": "UnhandledInvocationError",
    }  # fmt: skip
    if not outcome.ok:
        return Response(failed, outcome.body, failure)
    try:
        return response(outcome.body)
    except MalformedAnswer as err:
        return Response.json(failed, {"errorMessage": str(err)}, failure)
