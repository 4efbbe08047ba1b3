"""The front end of SLS: routing by method, path and project, signatures, rights, refusals.

Order of checks (not documented): host, version, signature, faults, rights, body.
"""

from __future__ import annotations

import uuid
from functools import partial

from emulator import staleness
from emulator.call import Call, Denied
from emulator.cloud import Cloud
from emulator.errors import ProductError
from emulator.history import Entry
from emulator.sls import errors, reading, signature, writing
from emulator.sls.operations import Operation, route
from emulator.wire import Request, Response

_API_VERSION = "0.6.0"


def handle(cloud: Cloud, request: Request) -> Response:
    """Answer one request; every refusal is the product's own, with its request id."""
    request_id = uuid.uuid4().hex[:24].upper()
    entry = cloud.history.begin(cloud.clock.time(), "sls", request)
    entry.request_id = request_id
    try:
        response = _run(cloud, request, request_id, entry)
        entry.status = response.status
    except ProductError as refusal:
        refusal = _translated(cloud, refusal, entry)
        entry.status, entry.code = refusal.status, refusal.code
        response = Response.json(
            refusal.status, {"errorCode": refusal.code, "errorMessage": refusal.message}
        )
    response.headers["x-log-requestid"] = request_id
    response.headers["Server"] = "AliyunSLS"
    return cloud.faults.after(entry, response)


def _run(cloud: Cloud, request: Request, request_id: str, entry: Entry) -> Response:
    project = _project(cloud, request)
    operation, captured = route(request, project)
    parameters = {**dict(request.query), **captured}
    if operation:
        entry.action = operation.name
        entry.writes = operation.writes
    entry.parameters = {
        k: parameters[k] for k in ("project", "logstore", "name", "query") if parameters.get(k)
    }
    version = request.headers.get("x-log-apiversion")
    if version is None:
        raise errors.missing_api_version()
    if version != _API_VERSION:
        raise errors.invalid_api_version(version)
    proof = signature.proof(request, cloud.region)
    entry.access_key_id = proof.access_key_id
    texts = {"PutLogs": writing.text, "GetLogs": reading.text}.get(entry.action)
    detail = partial(texts, request) if texts else None
    cloud.faults.arrive(entry, detail)
    try:
        caller = cloud.authenticate(proof, request, "sls")
    except ProductError as refusal:
        if refusal.code == "SignatureDoesNotMatch":  # only here is the sent signature at hand
            raise errors.signature_mismatch(proof.signature) from None
        raise
    entry.principal = caller.arn
    if operation is None:
        raise errors.unknown_operation(request.method, request.path)
    cloud.faults.before(entry, detail)
    cloud.throttle("sls", operation.name)
    call = Call(cloud, request, caller, parameters, request_id, entry)
    return _act(cloud, call, operation)


def _act(cloud: Cloud, call: Call, operation: Operation) -> Response:
    with cloud.lock:
        try:
            call.authorize(operation.needs(call))
        except Denied as denial:
            decision = denial.decision
            raise errors.denied(decision.action, decision.resource) from None
        response = staleness.answered(call, operation.run)
        cloud.note_use(call.caller.access_key_id, "sls")
        if operation.writes:
            cloud.history.commit(call.entry, call.request)
    return response


def _project(cloud: Cloud, request: Request) -> str:
    """The first label of Host, if there is one before the endpoint's own name."""
    host = request.host
    if not host:
        raise errors.missing_host()
    if not host.endswith(".log.aliyuncs.com"):
        for local in ("127.0.0.1", "localhost"):
            if host == local or host.endswith("." + local):
                return host.removesuffix(local).rstrip(".")
        return host.split(".")[0] if "." in host else ""
    labels = host.removesuffix(".log.aliyuncs.com").split(".")
    region = labels[-1]
    for network in ("-intranet", "-internal", "-share", "-vpc"):
        region = region.removesuffix(network)
    if region != cloud.region:
        raise errors.parameter_invalid(f"This cloud has no region {region}.")
    return ".".join(labels[:-1])


def _translated(cloud: Cloud, refusal: ProductError, entry: Entry) -> ProductError:
    """What authentication says in the words of RAM, in the words of SLS."""
    access_key_id = entry.access_key_id
    match refusal.code:
        case "InvalidAccessKeyId.NotFound":
            return errors.unauthorized(f"AccessKeyId not found: {access_key_id}")
        case "InvalidAccessKeyId.Inactive":
            return errors.unauthorized(f"AccessKeyId is disabled: {access_key_id}")
        case "InvalidTimeStamp.Expired":
            return errors.clock_skewed(cloud.choices.sls_time_skew_code)
        case "InvalidSecurityToken.Expired":
            return errors.unauthorized("The security token you provided has expired.")
        case (
            "InvalidSecurityToken.Malformed"
            | "InvalidSecurityToken.MismatchWithAccessKey"
            | "MissingSecurityToken"
        ):
            return errors.unauthorized("The security token you provided is invalid.")
        case "ServiceUnavailable":
            return ProductError(refusal.status, "ServerBusy", "The specified server is busy.")
        case "InternalError":
            return ProductError(refusal.status, "InternalServerError", refusal.message)
        case _:
            return refusal
