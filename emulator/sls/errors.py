"""Refusals of SLS, one constructor per documented error.

Source: "Common error codes" and the error tables of the operations' API pages. Codes that the
pages leave open are marked "ours".
"""

from __future__ import annotations

from emulator.errors import ProductError

MAX_BODY_BYTES = 10 * 1024 * 1024


# -- the request as such ----------------------------------------------------------------------


def missing_host() -> ProductError:
    return ProductError(400, "MissingHost", "Host does not exist in http header.")


def missing_date() -> ProductError:
    return ProductError(400, "MissingDate", "Date does not exist in http header.")


def invalid_date(date: str) -> ProductError:
    return ProductError(400, "InvalidDateFormat", f"Date {date} must follow RFC822.")


def missing_api_version() -> ProductError:
    return ProductError(
        400, "MissingAPIVersion", "x-log-apiversion does not exist in http header."
    )


def invalid_api_version(version: str) -> ProductError:
    return ProductError(
        400, "InvalidAPIVersion", f"x-log-apiversion {version} is unsupported."
    )


def missing_access_key_id() -> ProductError:
    return ProductError(400, "MissAccessKeyId", "x-log-accesskeyid does not exist in header.")


def missing_signature_method() -> ProductError:
    return ProductError(
        400, "MissingSignatureMethod", "x-log-signaturemethod does not exist in http header."
    )


def invalid_signature_method(method: str) -> ProductError:
    return ProductError(
        400, "InvalidSignatureMethod", f"signature method {method} is unsupported."
    )


def header_invalid(name: str) -> ProductError:
    """A header that cannot be read, or a body hash that is not the body's."""
    return ProductError(
        400, "ParameterInvalid", f"Http extend {name} : {name} pair is invalid."
    )


def parameter_invalid(message: str) -> ProductError:
    return ProductError(400, "ParameterInvalid", message)


def body_not_json() -> ProductError:
    return ProductError(
        400, "PostBodyInvalid", "The request body is not valid JSON object."
    )


def unknown_operation(method: str, path: str) -> ProductError:
    """Code ours: no page says what an unknown path is answered with."""
    return parameter_invalid(f"The operation {method} {path} is not supported.")


# -- who asks ---------------------------------------------------------------------------------


def unauthorized(message: str) -> ProductError:
    return ProductError(401, "Unauthorized", message)


def signature_mismatch(signature: str) -> ProductError:
    return ProductError(401, "SignatureNotMatch", f"signature {signature} not matched")


def clock_skewed(code: str) -> ProductError:
    return ProductError(
        400, code, "Request time exceeds server time more than 15 minutes."
    )


def denied(action: str, resource: str) -> ProductError:
    return unauthorized(f"denied by sts or ram, action: {action}, resource: {resource}")


# -- projects, logstores, indexes -------------------------------------------------------------


def project_missing(name: str) -> ProductError:
    return ProductError(404, "ProjectNotExist", f"The Project does not exist : {name}")


def project_exists(name: str) -> ProductError:
    return ProductError(400, "ProjectAlreadyExist", f"Project {name} already exist")


def logstore_missing(name: str) -> ProductError:
    return ProductError(404, "LogStoreNotExist", f"logstore {name} does not exist")


def logstore_exists(name: str) -> ProductError:
    return ProductError(400, "LogStoreAlreadyExist", f"logstore {name} already exists")


def logstore_invalid(message: str) -> ProductError:
    return ProductError(400, "LogStoreInfoInvalid", message)


def index_exists() -> ProductError:
    return ProductError(400, "IndexAlreadyExist", "Logstore index is already created.")


def index_missing(message: str = "index config doesn't exist.") -> ProductError:
    return ProductError(400, "IndexConfigNotExist", message)


def index_invalid(message: str) -> ProductError:
    return ProductError(400, "IndexInfoInvalid", message)


def quota_exceeded(message: str) -> ProductError:
    """Code documented, status ours."""
    return ProductError(403, "ExceedQuota", message)


# -- writing and pulling ----------------------------------------------------------------------


def post_body_invalid(message: str) -> ProductError:
    return ProductError(400, "PostBodyInvalid", message)


def post_body_too_large(size: int) -> ProductError:
    return ProductError(
        413, "PostBodyTooLarge", f"Body size {size} must little than {MAX_BODY_BYTES}."
    )


def uncompress_failed() -> ProductError:
    return ProductError(400, "PostBodyUncompressError", "Fail to uncompress the post body.")


def missing_body_raw_size() -> ProductError:
    return ProductError(
        400, "MissingBodyRawSize",
        "x-log-bodyrawsize does not exist in header when it is necessary.",
    )


def invalid_body_raw_size() -> ProductError:
    return ProductError(400, "InvalidBodyRawSize", "x-log-bodyrawsize is invalid.")


def invalid_compress_type(name: str) -> ProductError:
    return ProductError(
        400, "InvalidCompressType", f"x-log-compresstype {name} is unsupported."
    )


def missing_content_type() -> ProductError:
    return ProductError(
        400, "MissingContentType",
        "Content-Type does not exist in http header when body is not empty.",
    )


def invalid_content_type(name: str) -> ProductError:
    return ProductError(415, "InvalidContentType", f"Content-Type {name} is unsupported.")


def invalid_timestamp() -> ProductError:
    return ProductError(400, "InvalidTimestamp", "Timestamp of logs are in invalid format.")


def invalid_encoding() -> ProductError:
    return ProductError(400, "InvalidEncoding", "Non-UTF8 characters are in logs.")


def invalid_key(key: str) -> ProductError:
    return ProductError(400, "InvalidKey", f"The key of logs {key!r} is invalid.")


def shard_missing(shard: str) -> ProductError:
    return ProductError(404, "ShardNotExist", f"Shard {shard} does not exist")


def invalid_cursor(cursor: str) -> ProductError:
    return ProductError(400, "InvalidCursor", f"Cursor {cursor} is invalid")
