"""RAM's documented refusals, with the texts that the service sends.

Source: RAM API reference, "Error messages"; spelling as served (`EntityAlreadyExists` with an s,
`EntityNotExist` without). IMS has no list of its own and answers with the same family.
"""

from __future__ import annotations

from emulator.errors import ProductError

_NOT_EXIST = {
    "User": "The user does not exist.",
    "User.AccessKey": "The user access key does not exist.",
    "User.LoginProfile": "The user login profile does not exist.",
    "User.MFADevice": "The user has not bound any MFA device.",
    "User.Policy": "The indicate policy of the user does not exist.",
    "User.Group": "The user has not joined the group.",
    "VirtualMFADevice": "The virtual mfa device does not exist.",
    "Group": "The group does not exist.",
    "Group.Policy": "The indicate policy attached to the group does not exist.",
    "Policy": "The policy does not exist.",
    "Policy.Version": "The policy version does not exist.",
    "Role": "The role does not exist.",
    "Role.Policy": "The indicate policy attached to the role does not exist.",
}
_ALREADY_EXISTS = {
    "User": "The user does already EXIST.",
    "User.LoginProfile": "The user login profile does already EXIST.",
    "User.MFADevice": "The user has already bound a MFA device.",
    "User.Group": "The user has already joined the group.",
    "User.Policy": "The user has already been attached this policy.",
    "VirtualMFADevice": "The virtual mfa device does already EXIST.",
    "VirtualMFADevice.User": "The virtual mfa device does already been bound to a user.",
    "Group": "The group does already EXIST.",
    "Group.Policy": "The group has already been attached this policy.",
    "Policy": "The group does already EXIST.",  # sic: the service says group
    "Role": "The role does already EXIST.",
    "Role.Policy": "The role has already been attached this policy.",
    "AccountAlias": "The account alias does already exist.",
}
_DELETE_CONFLICT = {
    "User.Group": "The user CAN NOT be in any group while deleting the user.",
    "User.AccessKey": "The user CAN NOT has any access key while deleting the user.",
    "User.LoginProfile": "The user CAN NOT has any login profile while deleting the user.",
    "User.MFADevice": "The user CAN NOT has any mfa device while deleting the user.",
    "User.Policy": "The user CAN NOT has any attached policy while deleting the user.",
    "VirtualMFADevice.User":
        "The virtual mfa device CAN NOT been bound to any user while deleting it.",
    "Group.User": "The group CAN NOT has any user member while deleting the group.",
    "Group.Policy": "The entity CAN NOT has any attached policy while deleting the group.",
    "Policy.User": "The policy CAN NOT been attached to any user while deleting the policy.",
    "Policy.Group": "The policy CAN NOT been attached to any group while deleting the policy.",
    # Named by Resource Manager's list, missing from RAM's.
    "Policy.Role": "The policy CAN NOT been attached to any role while deleting the policy.",
    "Policy.Version": "The policy CAN NOT has any version except the default version.",
    "Policy.Version.Default": "The default policy version CAN NOT been deleted directly.",
    "Role.Policy": "The role CAN NOT has any attached policy while deleting the role.",
}  # fmt: skip
_LIMIT_EXCEEDED = {
    "User": "The count of users beyond the current limits.",
    "User.AccessKey": "The access key count of the user access keys beyond the current limits.",
    "User.Group": "The count of groups the target user joined beyond the current limits.",
    "User.Policy": "The policy count of the user attached policies beyond the current limits.",
    "VirtualMFADevice": "The count of virtual mfa devices beyond the current limits.",
    "Group": "The count of groups beyond the current limits.",
    "Group.Policy": "The policy count of the group beyond the current limits.",
    "Policy": "The count of policy beyond the current limits.",
    "Policy.Version": "The count of policy version beyond the current limits.",
    "Role": "The count of roles beyond the current limits.",
    "Role.Policy": "The count of policies attached to the role beyond the current limits.",
    "Tag": "The count of tags beyond the current limits.",  # code and text ours
}


def not_exist(kind: str) -> ProductError:
    """404 EntityNotExist.<kind>"""
    return ProductError(404, f"EntityNotExist.{kind}", _NOT_EXIST[kind])


def already_exists(kind: str) -> ProductError:
    """409 EntityAlreadyExists.<kind>"""
    return ProductError(409, f"EntityAlreadyExists.{kind}", _ALREADY_EXISTS[kind])


def delete_conflict(kind: str) -> ProductError:
    """409 DeleteConflict.<kind>"""
    return ProductError(409, f"DeleteConflict.{kind}", _DELETE_CONFLICT[kind])


def limit_exceeded(kind: str) -> ProductError:
    """409 LimitExceeded.<kind>"""
    return ProductError(409, f"LimitExceeded.{kind}", _LIMIT_EXCEEDED[kind])


def invalid_chars(name: str) -> ProductError:
    """400 InvalidParameter.<name>.InvalidChars"""
    return ProductError(
        400, f"InvalidParameter.{name}.InvalidChars",
        f'The parameter - "{name}" contains invalid chars.',
    )


def wrong_length(name: str) -> ProductError:
    """400 InvalidParameter.<name>.Length"""
    return ProductError(
        400, f"InvalidParameter.{name}.Length", f'The parameter - "{name}" beyond the length limit.'
    )


def wrong_format(name: str) -> ProductError:
    """400 InvalidParameter.<name>.Format"""
    return ProductError(
        400, f"InvalidParameter.{name}.Format",
        f'The format of the parameter - "{name}" is incorrect.',
    )


def incorrect(name: str) -> ProductError:
    """400 InvalidParameter.<name>: documented for PolicyType, used alike for other choices."""
    return ProductError(400, f"InvalidParameter.{name}", f'The parameter - "{name}" is incorrect.')


def ambiguous(names: str) -> ProductError:
    """400 InvalidParameter where exactly one of several parameters must be given."""
    return ProductError(400, "InvalidParameter", f"Exactly one of {names} must be specified.")


def malformed_policy(reason: str) -> ProductError:
    """400 MalformedPolicyDocument; the text says what is wrong."""
    return ProductError(400, "MalformedPolicyDocument", reason)


def weak_password() -> ProductError:
    return ProductError(
        400, "InvalidParameter.Password.TooWeak",
        'The parameter - "Password" is not compliant with the password policy.',
    )


def malformed_authentication_code() -> ProductError:
    return ProductError(
        400, "InvalidParameter.AuthenticationCode.Format",
        'The parameter - "AuthenticationCode" MUST be 6 numbers.',
    )
