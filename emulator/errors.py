"""Refusals as the products give them: a status, a code, a message.

One constructor per documented gateway error; products keep their own beside their actions.
Source: the error tables of the products' API pages; a status marked "guess" in `choices` is ours.
"""

from __future__ import annotations


class ProductError(Exception):
    """An error answer of a product, raised by an action and rendered by the product's front end."""

    def __init__(
        self, status: int, code: str, message: str, *, detail: dict[str, str] | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.retry_after_ms = retry_after_ms


def client_gone() -> ProductError:
    """For the history alone: nobody is there to read it."""
    return ProductError(499, "ClientClosedRequest", "The client has closed the connection.")


def access_key_not_found() -> ProductError:
    return ProductError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")


def access_key_inactive() -> ProductError:
    return ProductError(400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.")


def signature_mismatch(string_to_sign: str) -> ProductError:
    return ProductError(
        400, "SignatureDoesNotMatch",
        "Specified signature is not matched with our calculation. "
        f"server string to sign is:{string_to_sign}",
    )


def signature_incomplete(what: str) -> ProductError:
    return ProductError(
        400, "IncompleteSignature",
        f"The request signature does not conform to Aliyun standards. {what}",
    )


def nonce_used() -> ProductError:
    return ProductError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")


def timestamp_expired() -> ProductError:
    return ProductError(
        400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."
    )


def timestamp_malformed() -> ProductError:
    return ProductError(
        400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."
    )


def security_token_expired() -> ProductError:
    return ProductError(
        400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired."
    )


def security_token_malformed() -> ProductError:
    return ProductError(
        400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed."
    )


def security_token_mismatch() -> ProductError:
    return ProductError(
        400, "InvalidSecurityToken.MismatchWithAccessKey",
        "Specified SecurityToken mismatch with the AccessKey.",
    )


def security_token_missing() -> ProductError:
    return ProductError(
        400, "MissingSecurityToken", "SecurityToken is mandatory for this action."
    )


def parameter_missing(name: str) -> ProductError:
    return ProductError(
        400, f"Missing{name}", f"{name} is mandatory for this action."
    )


def action_not_found() -> ProductError:
    return ProductError(
        404, "InvalidAction.NotFound",
        "Specified api is not found, please check your url and method.",
    )


def version_invalid() -> ProductError:
    return ProductError(400, "InvalidVersion", "Specified parameter Version is not valid.")


def method_unsupported() -> ProductError:
    return ProductError(400, "UnsupportedHTTPMethod", "This http method is not supported.")


def throttled() -> ProductError:
    return ProductError(
        400, "Throttling.User", "Request was denied due to user flow control."
    )


def internal_error() -> ProductError:
    return ProductError(
        500, "InternalError",
        "The request processing has failed due to some unknown error, exception or failure.",
    )
