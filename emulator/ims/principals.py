"""User principal names: `<user name>@<default domain>`, and who is meant where none is given."""

from __future__ import annotations

from emulator.call import Call
from emulator.errors import parameter_missing
from emulator.ram import errors
from emulator.ram.directory import user_named
from emulator.ram.state import RamState, User

PARAMETER = "UserPrincipalName"


def principal_name(ram: RamState, user: User) -> str:
    return f"{user.name}@{ram.domain}"


def bare_name(call: Call, principal: str) -> str:
    """The user name that RAM is asked about: the principal name without its domain."""
    domain = f"@{call.cloud.ram.domain}"
    return principal.removesuffix(domain) if principal.endswith(domain) else _before_at(principal)


def _before_at(principal: str) -> str:
    return principal.split("@")[0]


def resource(call: Call) -> list[str]:
    """`user/NAME` of the named user, or of the caller where no name is given."""
    return [f"user/{asked_name(call) or '*'}"]


def asked_name(call: Call) -> str:
    """The asked user's name; the caller's own, if it is a user and none is given; or empty."""
    principal = call.text(PARAMETER)
    if principal:
        return bare_name(call, principal)
    return call.caller.name if call.caller.kind == "user" else ""


def user(call: Call) -> User:
    """The user named by UserPrincipalName, which is required."""
    return named(call, call.required(PARAMETER))


def named(call: Call, principal: str) -> User:
    """The user of a principal name; a foreign domain holds nobody."""
    if not principal.endswith(f"@{call.cloud.ram.domain}"):
        raise errors.not_exist("User")
    return user_named(call, bare_name(call, principal))


def user_or_caller(call: Call) -> User:
    """The named user, or the calling one where no name is given."""
    if call.text(PARAMETER):
        return user(call)
    if not asked_name(call):
        raise parameter_missing(PARAMETER)
    return user_named(call, asked_name(call))
