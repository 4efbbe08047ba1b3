"""AccessKey network policies: from which addresses a key may be used.

A key's own policy replaces the account's. Reads and enforcement follow a change a moment later
(providers that poll GetAccessKeyPolicy say so); the answer of Set shows the new one at once.
"""

from __future__ import annotations

from emulator.call import Call
from emulator.errors import ProductError
from emulator.ims.keys import owner
from emulator.ims.product import IMS
from emulator.ram import keys
from emulator.ram.network import MalformedKeyPolicy, parse
from emulator.rpc import Answer, dumps


def _document(call: Call) -> str:
    """The parameter AccessKeyPolicy, normalised: Version is always there."""
    try:
        return dumps(parse(call.required("AccessKeyPolicy")))
    except MalformedKeyPolicy as reason:
        raise ProductError(
            400, call.cloud.choices.key_policy_malformed_code,
            f'The parameter - "AccessKeyPolicy" is incorrect: {reason}.',
        ) from None


@IMS.action("SetAccessKeyPolicy", None, writes=True)
def set_access_key_policy(call: Call) -> Answer:
    key, document = keys.owned(call, owner(call)), _document(call)
    key.network_policy, key.updated_at = document, call.now
    key.network_policy_since.append((call.cloud.propagation(), document))
    return {"AccessKeyId": key.id, "AccessKeyPolicy": document}


@IMS.action("GetAccessKeyPolicy", None)
def get_access_key_policy(call: Call) -> Answer:
    key = keys.owned(call, owner(call))
    policy = key.network_policy_at(call.cloud.clock.time())
    return {"AccessKeyId": key.id, "AccessKeyPolicy": policy}


@IMS.action("SetAccessKeyPolicyForAccount", writes=True)
def set_access_key_policy_for_account(call: Call) -> Answer:
    call.cloud.ram.account_key_policy = _document(call)
    return {"AccessKeyPolicy": call.cloud.ram.account_key_policy}


@IMS.action("GetAccessKeyPolicyForAccount")
def get_access_key_policy_for_account(call: Call) -> Answer:
    return {"AccessKeyPolicy": call.cloud.ram.account_key_policy}
