"""Refusals of KMS, one constructor per documented error.

Source: KMS, "Error codes", and the error tables of CreateSecret and GetSecretValue. Where no page
names a code for a case, the constructor says "ours" or the code stands in `emulator.choices`.
"""

from __future__ import annotations

from emulator.errors import ProductError


def parameter_missing(name: str) -> ProductError:
    return ProductError(
        400, "MissingParameter", f'The parameter "{name}" is needed but not provided.'
    )


def parameter_invalid(name: str) -> ProductError:
    return ProductError(400, "InvalidParameter", f'The specified parameter "{name}" is not valid.')


def secret_quota_exceeded() -> ProductError:
    return ProductError(400, "Rejected.LimitExceeded", "The secret quota is exceeded.")


def limit_exceeded(what: str) -> ProductError:
    """Stage labels and tags: the code is documented for the secret quota, its use here is ours."""
    return ProductError(400, "Rejected.LimitExceeded", f"The {what} quota is exceeded.")


def operation_unsupported(why: str = "This action is not supported.") -> ProductError:
    return ProductError(400, "UnsupportedOperation", why)


def no_permission() -> ProductError:
    return ProductError(
        403, "Forbidden.NoPermission", "This operation is forbidden by permission system."
    )


def resource_not_found() -> ProductError:
    """A secret, a version, a stage, an instance: named Forbidden, answered with 404."""
    return ProductError(404, "Forbidden.ResourceNotFound", "Resource not found.")


def key_not_found() -> ProductError:
    return ProductError(404, "Forbidden.KeyNotFound", "The specified Key is not found.")


def alias_not_found() -> ProductError:
    return ProductError(404, "Forbidden.AliasNotFound", "The specified Alias is not found.")


def resource_exists() -> ProductError:
    return ProductError(409, "Rejected.ResourceExist", "The resource already exists.")


def name_in_deletion_window() -> ProductError:
    return ProductError(
        409, "Rejected.ResourceInDeleteWindow", "The secret is planned to be deleted."
    )


def secret_in_deletion_window(code: str) -> ProductError:
    """A use of a secret inside its window; the code is a choice, its status follows from it."""
    status = 404 if code.startswith("Forbidden.") else 409
    return ProductError(status, code, "The secret is planned to be deleted.")


def version_conflict(code: str) -> ProductError:
    """A known VersionId with other data; the code is a choice."""
    return ProductError(409, code, "The resource already exists.")


def key_state_rejected(state: str) -> ProductError:
    """`Rejected.Disabled`, `Rejected.PendingDeletion`, `Rejected.PendingImport`."""
    return ProductError(
        409, f"Rejected.{state}", "The request was rejected because the key state is not valid."
    )


def secret_unavailable() -> ProductError:
    """The secret's instance or key cannot be used (KMS, "FAQ about secrets")."""
    return ProductError(409, "Rejected.Unavailable", "The resource is unavailable.")


def dry_run_succeeded(status: int) -> ProductError:
    return ProductError(
        status, "DryRunOperationError",
        "The request would have succeeded without the DryRun parameter.",
    )


def dry_run_invalid(status: int, message: str) -> ProductError:
    return ProductError(status, "ValidationError", message)


def dry_run_denied(status: int) -> ProductError:
    return ProductError(
        status, "AccessDeniedError", "You are not authorized to perform this operation."
    )
