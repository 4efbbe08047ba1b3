"""Function Compute's refusals, and how it words those of the common gateway.

Source: FC, "Error codes"; the code for a wrong clock or token is not in that table (see choices).
"""

from __future__ import annotations

from emulator.call import Denied
from emulator.choices import Choices
from emulator.errors import ProductError
from emulator.wire import Response


def function_not_found(name: str) -> ProductError:
    return ProductError(404, "FunctionNotFound", f"function '{name}' does not exist")


def service_not_found(name: str) -> ProductError:
    return ProductError(404, "ServiceNotFound", f"service '{name}' does not exist")


def version_not_found(qualifier: str, name: str) -> ProductError:
    if qualifier.isdigit():
        return ProductError(
            404, "VersionNotFound", f"version '{qualifier}' of '{name}' does not exist"
        )
    return ProductError(404, "AliasNotFound", f"alias '{qualifier}' of '{name}' does not exist")


def task_not_found(task_id: str) -> ProductError:
    return ProductError(404, "AsyncTaskNotFound", f"async task '{task_id}' does not exist")


def task_exists(task_id: str, choices: Choices) -> ProductError:
    return ProductError(
        409, choices.fc_task_exists_code, f"async task '{task_id}' has been submitted already"
    )


def path_not_supported(path: str, method: str) -> ProductError:
    return ProductError(400, "PathNotSupported", f"'{path}' against '{method}' is not supported")


def header_missing(name: str) -> ProductError:
    return ProductError(
        400, "MissingRequiredHeader", f"required HTTP header {name} was not specified"
    )


def invalid_argument(message: str) -> ProductError:
    return ProductError(400, "InvalidArgument", message)


def too_large(limit_bytes: int) -> ProductError:
    return ProductError(
        400, "EntityTooLarge", f"payload size exceeds maximum allowed size ({limit_bytes} bytes)"
    )


def access_denied(message: str) -> ProductError:
    return ProductError(403, "AccessDenied", message)


def not_authorized(denial: Denied) -> ProductError:
    decision = denial.decision
    return access_denied(
        f"the caller is not authorized to perform '{decision.action}' "
        f"on resource '{decision.resource}'"
    )


def signature_mismatch() -> ProductError:
    return ProductError(
        403, "SignatureNotMatch",
        "The request signature we calculated does not match the signature you provided. "
        "Check your access key and signing method",
    )  # fmt: skip


def concurrency_exhausted() -> ProductError:
    return ProductError(
        429, "ResourceExhausted", "Your request is denied due to exceeding the concurrency limit"
    )


def translated(refusal: ProductError, access_key_id: str, choices: Choices) -> ProductError:
    """The common gateway's refusal in Function Compute's words."""
    code = refusal.code
    if code.startswith("InvalidAccessKeyId"):
        return ProductError(403, "InvalidAccessKeyID", f"invalid access key ID '{access_key_id}'")
    if code in ("SignatureDoesNotMatch", "IncompleteSignature"):
        return signature_mismatch()
    if code == "InvalidTimeStamp.Expired":
        return ProductError(403, choices.fc_time_skew_code, refusal.message)
    if code == "InvalidTimeStamp.Format":
        return invalid_argument(refusal.message)
    if "SecurityToken" in code:
        return access_denied(refusal.message)
    if code == "Throttling.User":
        return concurrency_exhausted()
    if code.startswith("Missing") and code != "MissingRequiredHeader":
        return header_missing(code.removeprefix("Missing"))
    return refusal


def rendered(refusal: ProductError, request_id: str, *, old: bool) -> Response:
    """A refusal as the 2016-08-15 API (`old`) or the 2023-03-30 API answers it."""
    if old:
        return Response.json(
            refusal.status, {"ErrorCode": refusal.code, "ErrorMessage": refusal.message}
        )
    return Response.json(
        refusal.status,
        {"RequestId": request_id, "Code": refusal.code, "Message": refusal.message},
    )
