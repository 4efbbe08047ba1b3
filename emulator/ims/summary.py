"""The account at a glance: its domain, its counts and quotas, its security practice."""

from __future__ import annotations

from datetime import datetime, timedelta

from emulator.call import Call
from emulator.ims.product import IMS
from emulator.ram import network, quotas
from emulator.rpc import Answer

# The console's scale for "old" and "unused"; the API page gives no number.
OLD_KEY = timedelta(days=90)


@IMS.action("GetDefaultDomain")
def get_default_domain(call: Call) -> Answer:
    return {"DefaultDomainName": call.cloud.ram.domain}


@IMS.action("GetAccountSummary")
def get_account_summary(call: Call) -> Answer:
    """Quotas as enforced here; read them instead of hard-coding."""
    ram = call.cloud.ram
    custom, system = quotas.ATTACHED["Custom"], quotas.ATTACHED["System"]
    holders = ("Group", "Role", "User")
    return {"SummaryMap": {
        "Users": len(ram.users), "UsersQuota": quotas.USERS,
        "Groups": len(ram.groups), "GroupsQuota": quotas.GROUPS,
        "Roles": len(ram.roles), "RolesQuota": quotas.ROLES,
        "Policies": sum(kind == "Custom" for kind, _ in ram.policies),
        "PoliciesQuota": call.cloud.choices.ram_policies_quota,
        "PolicySizeQuota": quotas.POLICY_CHARACTERS,
        "VersionsPerPolicyQuota": quotas.VERSIONS_PER_POLICY,
        "AccessKeysPerUserQuota": quotas.KEYS_PER_USER,
        "AccountAccessKeysPerAccountQuota": quotas.KEYS_PER_USER,
        "GroupsPerUserQuota": quotas.GROUPS_PER_USER,
        "MFADevices": len(ram.mfa_devices), "VirtualMFADevicesQuota": quotas.MFA_DEVICES,
        "MFADevicesInUse": sum(bool(device.user_id) for device in ram.mfa_devices.values()),
        "ConditionsPerAKPolicyQuota": network.MOST_STATEMENTS,
        "IPItemsPerAKPolicyQuota": network.MOST_ADDRESSES,
    } | {f"AttachedPoliciesPer{holder}Quota": custom for holder in holders}
      | {f"AttachedSystemPoliciesPer{holder}Quota": system for holder in holders}}  # fmt: skip


@IMS.action("GetAccountSecurityPracticeReport")
def get_account_security_practice_report(call: Call) -> Answer:
    """Counts are true; the score's formula is not published, ours takes 20 points per fault."""
    ram = call.cloud.ram

    def old(since: datetime) -> bool:
        return call.now - since > OLD_KEY

    of_users = [key for key in ram.keys.values() if key.user_id != ram.account_id]
    aged = [k for k in of_users if old(k.created_at)]
    unused = [
        k for k in of_users if k.status == "Active" and old(k.last_used_at or k.created_at)
    ]
    root_keys = len(ram.keys_of(ram.account_id))
    faults = [bool(aged), bool(unused), root_keys > 0]
    return {"AccountSecurityPracticeInfo": {
        "Score": 100 - 20 * sum(faults),
        "AccountSecurityPracticeUserInfo": {
            "BindMfa": ram.root_mfa, "SubUser": len(ram.users), "RootWithAccessKey": root_keys,
            "SubUserBindMfa": sum(bool(user.mfa_device) for user in ram.users.values()),
            "SubUserPwdLevel": "mid", "OldAkNum": len(aged), "UnusedAkNum": len(unused),
            "SubUserWithOldAccessKey": len({key.user_id for key in aged}),
            "SubUserWithUnusedAccessKey": len({key.user_id for key in unused}),
        },
    }}  # fmt: skip
