"""The account's alias, on which the domain of all user principal names hangs."""

from __future__ import annotations

from emulator.call import Call
from emulator.ram import errors, names
from emulator.ram.product import RAM
from emulator.rpc import Answer


@RAM.action("GetAccountAlias")
def get_account_alias(call: Call) -> Answer:
    return {"AccountAlias": call.cloud.ram.account_alias}


@RAM.action("SetAccountAlias", writes=True)
def set_account_alias(call: Call) -> Answer:
    """The default domain follows: `<alias>.onaliyun.com`."""
    ram, alias = call.cloud.ram, names.account_alias(call)
    if ram.account_alias:
        raise errors.already_exists("AccountAlias")
    ram.account_alias, ram.domain = alias, f"{alias}.onaliyun.com"
    return {}


@RAM.action("ClearAccountAlias", writes=True)
def clear_account_alias(call: Call) -> Answer:
    """The default domain is the account id's again."""
    ram = call.cloud.ram
    ram.account_alias, ram.domain = "", f"{ram.account_id}.onaliyun.com"
    return {}
