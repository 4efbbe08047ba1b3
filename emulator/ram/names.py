"""Names and texts as RAM accepts them; each refusal names the parameter.

Source: parameter tables of RAM's and IMS's API pages.
"""

from __future__ import annotations

import re

from emulator.call import Call
from emulator.ram import errors

USER = re.compile(r"[a-zA-Z0-9.\-_]+")
_ROLE = re.compile(r"[a-zA-Z0-9.\-]+")
_POLICY = re.compile(r"[a-zA-Z0-9\-]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MOBILE = re.compile(r"[0-9]{1,4}-[0-9]{4,20}")
_ALIAS = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def checked(name: str, value: str, pattern: re.Pattern[str], longest: int) -> str:
    """The value, if its characters and its length are right."""
    if not pattern.fullmatch(value):
        raise errors.invalid_chars(name)
    if len(value) > longest:
        raise errors.wrong_length(name)
    return value


def user_name(call: Call, parameter: str = "UserName") -> str:
    """1 to 64 letters, digits, `.`, `-` and `_`."""
    return checked(parameter, call.required(parameter), USER, 64)


def group_name(call: Call, parameter: str = "GroupName") -> str:
    """1 to 64 letters, digits, `.`, `-` and `_`."""
    return checked(parameter, call.required(parameter), USER, 64)


def role_name(call: Call) -> str:
    """1 to 64 letters, digits, `.` and `-`."""
    return checked("RoleName", call.required("RoleName"), _ROLE, 64)


def policy_name(call: Call) -> str:
    """1 to 128 letters, digits and `-`."""
    return checked("PolicyName", call.required("PolicyName"), _POLICY, 128)


def device_name(call: Call) -> str:
    """1 to 64 letters, digits, `.` and `-`."""
    name = "VirtualMFADeviceName"
    return checked(name, call.required(name), _ROLE, 64)


def account_alias(call: Call) -> str:
    """3 to 32 lower-case letters, digits and single hyphens between them."""
    value = call.required("AccountAlias")
    if not _ALIAS.fullmatch(value):
        raise errors.wrong_format("AccountAlias")
    if not 3 <= len(value) <= 32:
        raise errors.wrong_length("AccountAlias")
    return value


def display_name(call: Call, parameter: str = "DisplayName", longest: int = 128) -> str:
    """Any printable text; the exact set of characters is not documented for all scripts."""
    value = call.text(parameter)
    if not value.isprintable():
        raise errors.invalid_chars(parameter)
    return limited(call, parameter, longest)


def limited(call: Call, parameter: str, longest: int) -> str:
    """A free text of at most `longest` characters."""
    value = call.text(parameter)
    if len(value) > longest:
        raise errors.wrong_length(parameter)
    return value


def email(call: Call, parameter: str = "Email") -> str:
    return _formatted(call, parameter, _EMAIL)


def mobile_phone(call: Call, parameter: str = "MobilePhone") -> str:
    """Country code, hyphen, number: `86-18600000000`."""
    return _formatted(call, parameter, _MOBILE)


def _formatted(call: Call, parameter: str, pattern: re.Pattern[str]) -> str:
    value = call.text(parameter)
    if value and not pattern.fullmatch(value):
        raise errors.wrong_format(parameter)
    return value
