"""The HTTP APIs of Function Compute: 2023-03-30, and 2016-08-15 for functions made in FC 2.0.

Answered: InvokeFunction, GetAsyncTask, ListAsyncTasks, StopAsyncTask, GetFunction, ListFunctions;
functions come from the s.yaml only. Choice: task actions ask for their permission on
`functions/<name>/async-tasks/<id or *>`; the documentation names no resource for them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from emulator.authentication import Proof, acs3
from emulator.call import Call, Denied
from emulator.errors import ProductError
from emulator.fc import refusals, signature
from emulator.fc.actions import READERS, Target, invoke, task_id_of
from emulator.fc.http_trigger import handle_http_trigger
from emulator.fc.tasks import new_request_id
from emulator.history import Entry
from emulator.wire import Request, Response

if TYPE_CHECKING:
    from emulator.cloud import Cloud

__all__ = ["handle", "handle_http_trigger"]

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
ROUTES = tuple(
    (method, re.compile(path), action)
    for method, path, action in (
        ("POST", r"/2023-03-30/functions/(?P<function>[^/]+)/invocations", "InvokeFunction"),
        ("POST", r"/2016-08-15/services/(?P<service>[^/]+)/functions/(?P<function>[^/]+)"
                 r"/invocations", "InvokeFunction"),
        ("GET", r"/2023-03-30/functions/(?P<function>[^/]+)/async-tasks", "ListAsyncTasks"),
        ("GET", r"/2023-03-30/functions/(?P<function>[^/]+)/async-tasks/(?P<task>[^/]+)",
         "GetAsyncTask"),
        ("PUT", r"/2023-03-30/functions/(?P<function>[^/]+)/async-tasks/(?P<task>[^/]+)/stop",
         "StopAsyncTask"),
        ("GET", r"/2023-03-30/functions/(?P<function>[^/]+)", "GetFunction"),
        ("GET", r"/2023-03-30/functions", "ListFunctions"),
    )
)  # fmt: skip


def handle(cloud: Cloud, request: Request) -> Response:
    """Authenticate, authorise and run one API request."""
    given = request.headers.get("x-fc-request-id", "")
    now = cloud.clock.time()
    request_id = given if _REQUEST_ID.fullmatch(given) else new_request_id(now)
    entry = cloud.history.begin(now, "fc", request)
    entry.request_id = request_id
    old = request.path.startswith("/2016-08-15/")
    try:
        response = _answered(cloud, request, request_id, entry)
    except ProductError as refusal:
        worded = refusals.translated(refusal, entry.access_key_id, cloud.choices)
        entry.code = worded.code
        response = refusals.rendered(worded, request_id, old=old)
    response.headers.setdefault("X-Fc-Request-Id", request_id)
    entry.status = response.status
    return cloud.faults.after(entry, response)


def _answered(cloud: Cloud, request: Request, request_id: str, entry: Entry) -> Response:
    target = _target(request)
    entry.action = target.action
    entry.writes = target.action in ("InvokeFunction", "StopAsyncTask")
    entry.parameters = _parameters(request, target)
    proof = _proof(cloud, request, entry)
    cloud.faults.arrive(entry, request.text)
    caller = cloud.authenticate(proof, request, "fc")
    entry.principal = caller.arn
    cloud.faults.before(entry, request.text)
    call = Call(cloud, request, caller, dict(request.query), request_id, entry)
    with cloud.lock:
        try:
            call.authorize([
                (f"fc:{target.action}", target.resource(cloud.region, cloud.account_id))
            ])  # fmt: skip
        except Denied as denial:
            raise refusals.not_authorized(denial) from None
        cloud.note_use(caller.access_key_id, "fc")
    if target.action == "InvokeFunction":
        return invoke(cloud, call, target)
    return Response.json(200, READERS[target.action](cloud, call, target))


def _target(request: Request) -> Target:
    for method, path, action in ROUTES:
        found = path.fullmatch(request.path)
        if not found or method != request.method:
            continue
        parts = {name: unquote(value) for name, value in found.groupdict().items()}
        function, service = parts.get("function", ""), parts.get("service", "")
        qualifier = dict(request.query).get("qualifier", "")
        if service:
            service, _, qualifier = service.partition(".")
            function = f"{service}${function}"
        return Target(action, function, service, parts.get("task", ""), qualifier)
    raise refusals.path_not_supported(request.path, request.method)


def _parameters(request: Request, target: Target) -> dict[str, str]:
    """What the history keeps of a call; never the event."""
    known = {
        "functionName": target.function,
        "qualifier": target.qualifier,
        "taskId": target.task_id or task_id_of(request),
        "invocationType": request.headers.get("x-fc-invocation-type", ""),
    }
    return {name: value for name, value in known.items() if value}


def _proof(cloud: Cloud, request: Request, entry: Entry) -> Proof:
    authorization = request.headers.get("authorization", "")
    old = request.path.startswith("/2016-08-15/")
    if authorization.startswith("ACS3-") and not old:
        entry.access_key_id = _claimed(authorization, "Credential=", ",")
        return acs3.proof(request, dict(request.query))
    if authorization.startswith("FC ") and (old or cloud.choices.fc_signature_on_2023_paths):
        entry.access_key_id = _claimed(authorization, "FC ", ":")
        return signature.proof(request)
    if not authorization:
        raise refusals.header_missing("Authorization")
    raise refusals.signature_mismatch()


def _claimed(authorization: str, before: str, after: str) -> str:
    return authorization.partition(before)[2].partition(after)[0].strip()
