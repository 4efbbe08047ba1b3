"""Users by principal name, id or AccessKey id; created together with their tags."""

from __future__ import annotations

from emulator.call import Call
from emulator.clock import iso
from emulator.errors import ProductError
from emulator.ims import principals
from emulator.ims.product import IMS
from emulator.ram import errors, names, tags, users
from emulator.ram.paging import page
from emulator.ram.recycle_bin import recycle_key
from emulator.ram.state import RamState, User
from emulator.rpc import Answer

SELECTORS = ("UserPrincipalName", "UserId", "UserAccessKeyId")
LONGEST_DISPLAY_NAME = 24
STATUSES = frozenset({"active", "freeze"})


def described(ram: RamState, user: User) -> Answer:
    """A user as IMS prints it; `tags` doubly nested, an unknown date empty."""
    return {
        "UserId": user.id, "UserPrincipalName": principals.principal_name(ram, user),
        "DisplayName": user.display_name, "Email": user.email, "MobilePhone": user.mobile_phone,
        "Comments": user.comments, "ProvisionType": user.provision_type,
        "CreateDate": iso(user.created_at), "UpdateDate": iso(user.updated_at),
        "LastLoginDate": iso(user.last_login_at) if user.last_login_at else "",
        "Tags": tags.described(user.tags),
    }  # fmt: skip


def find(call: Call) -> User | None:
    """The user whom one of the three selectors names; None if there is none."""
    ram = call.cloud.ram
    if key_id := call.text("UserAccessKeyId"):
        key = ram.keys.get(key_id)
        return ram.user_by_id(key.user_id) if key else None
    if user_id := call.text("UserId"):
        return ram.user_by_id(user_id)
    principal = call.text("UserPrincipalName")
    foreign = not principal.endswith(f"@{ram.domain}")
    return None if foreign else ram.users.get(principals.bare_name(call, principal))


def resource(call: Call) -> list[str]:
    """The named user; by id or key, whom it stands for (`user/*` if for nobody)."""
    if call.text("UserId") or call.text("UserAccessKeyId"):
        user = find(call)
        return [f"user/{user.name if user else '*'}"]
    return principals.resource(call)


def selected(call: Call, selectors: tuple[str, ...]) -> User:
    """The user named by exactly one of the selectors."""
    if sum(bool(call.text(name)) for name in selectors) != 1:
        raise errors.ambiguous(", ".join(selectors))
    user = find(call)
    if user is None:
        raise errors.not_exist("User.AccessKey" if call.text("UserAccessKeyId") else "User")
    return user


def _new_name(call: Call, parameter: str) -> str:
    """The user name of a principal name that is to be given to a user."""
    principal, domain = call.required(parameter), f"@{call.cloud.ram.domain}"
    if not principal.endswith(domain):
        raise ProductError(
            400, call.cloud.choices.foreign_domain_code,
            f'The format of the parameter - "{parameter}" is incorrect.',
        )
    names.checked(parameter, principal.removesuffix(domain), names.USER, 64)
    if len(principal) > 128:
        raise errors.wrong_length(parameter)
    return principal.removesuffix(domain)


@IMS.action("CreateUser", ("user/*",), writes=True)
def create_user(call: Call) -> Answer:
    """User and tags in one step; DisplayName is required and short."""
    call.required("DisplayName")
    user = User(
        call.cloud.ram.new_id(), _new_name(call, "UserPrincipalName"),
        names.display_name(call, longest=LONGEST_DISPLAY_NAME), names.email(call),
        names.mobile_phone(call), names.limited(call, "Comments", 128),
        created_at=call.now, updated_at=call.now,
        tags=tags.checked(call.pairs(), longest_value=128),
    )  # fmt: skip
    return {"User": described(call.cloud.ram, users.add(call, user))}


@IMS.action("GetUser", resource)
def get_user(call: Call) -> Answer:
    user = selected(call, SELECTORS)
    return {"User": described(call.cloud.ram, user) | {"UserName": user.name}}


def _listed(call: Call) -> tuple[list[User], Answer]:
    statuses = set(call.text("Status", "active").split(","))
    if not statuses <= STATUSES:
        raise errors.incorrect("Status")
    wanted = call.pairs()
    asked = [
        user for user in call.cloud.ram.users.values()
        if user.status in statuses and tags.matches(user, wanted)
    ]  # fmt: skip
    return page(call, asked, lambda user: user.name, default=1000)


@IMS.action("ListUsers", ("user/*",))
def list_users(call: Call) -> Answer:
    found, about = _listed(call)
    return about | {"Users": {"User": [
        described(call.cloud.ram, user) | {"Status": user.status} for user in found
    ]}}  # fmt: skip


@IMS.action("ListUserBasicInfos", ("user/*",))
def list_user_basic_infos(call: Call) -> Answer:
    found, about = _listed(call)
    return about | {"UserBasicInfos": {"UserBasicInfo": [
        {"UserId": user.id, "DisplayName": user.display_name, "Status": user.status,
         "UserPrincipalName": principals.principal_name(call.cloud.ram, user)}
        for user in found
    ]}}  # fmt: skip


@IMS.action("UpdateUser", resource, writes=True)
def update_user(call: Call) -> Answer:
    user = selected(call, SELECTORS[:2])
    name = user.name
    if call.text("NewUserPrincipalName"):
        name = _new_name(call, "NewUserPrincipalName")
    users.check_rename(call, user, name)
    users.change(call, user, longest_display_name=LONGEST_DISPLAY_NAME)
    users.rename(call, user, name)
    return {"User": described(call.cloud.ram, user)}


@IMS.action("DeleteUser", resource, writes=True)
def delete_user(call: Call) -> Answer:
    user = selected(call, SELECTORS[:2])
    if call.cloud.choices.ims_delete_user_cascades:
        _strip(call, user)
    users.remove(call, user)
    return {}


def _strip(call: Call, user: User) -> None:
    """Take everything from a user, as the console does before it deletes one."""
    ram = call.cloud.ram
    for key in ram.keys_of(user.id):
        key.status_since.append((call.cloud.propagation(), ""))
        recycle_key(ram, key, call.now)
    if user.mfa_device:
        ram.mfa_devices[user.mfa_device].user_id = ""
    user.groups.clear()
    user.attached.clear()
    user.login_profile = user.mfa_device = None
