"""What can be read of KMS instances; buying one is no API call, so one is there from the start."""

from __future__ import annotations

from emulator.call import Call
from emulator.clock import iso
from emulator.kms import errors
from emulator.kms.parameters import choice, filters, page, required
from emulator.kms.product import KMS
from emulator.kms.state import Instance
from emulator.rpc import Answer

_QUOTAS = ("key", "secret", "qps", "vpc")


@KMS.action("ListKmsInstances", group="instance-read")
def list_kms_instances(call: Call) -> Answer:
    """Ids and ARNs; the filters' keys are published nowhere, so every one is refused."""
    filters(call, ())
    shown, numbers = page(call, list(call.cloud.kms.instances.values()), 20)
    return {
        **numbers,
        "KmsInstances": {"KmsInstance": [
            {"KmsInstanceId": i.id, "KmsInstanceArn": call.cloud.kms.arn(f"instance/{i.id}")}
            for i in shown
        ]},
    }  # fmt: skip


def _instance(call: Call) -> Instance:
    instance = call.cloud.kms.instances.get(required(call, "KmsInstanceId"))
    if instance is None:
        raise errors.resource_not_found()
    return instance


@KMS.action("GetKmsInstance", group="instance-read")
def get_kms_instance(call: Call) -> Answer:
    """State, quotas and billing; the network is left out, there is none."""
    instance = _instance(call)
    return {"KmsInstance": {
        "InstanceId": instance.id,
        "InstanceName": instance.id,
        "Status": instance.status,
        "ChargeType": "POSTPAY",
        "ProductVersion": "3",
        "CreateTime": iso(instance.created_at),
        "StartDate": iso(instance.created_at),
        "KeyNum": instance.key_quota,
        "SecretNum": str(instance.secret_quota),  # the SDK has a string here and a number there
        "Spec": instance.calls_per_second,
        "BindVpcs": {"BindVpc": []},
    }}  # fmt: skip


@KMS.action("GetDefaultKmsInstance", group="instance-read")
def get_default_kms_instance(call: Call) -> Answer:
    """The first instance; none is an empty id."""
    return {"DefaultKmsInstanceId": next(iter(call.cloud.kms.instances), "")}


@KMS.action("GetKmsInstanceQuotaInfos", group="instance-read")
def get_kms_instance_quota_infos(call: Call) -> Answer:
    """Quota and use of keys and secrets. A plain list, not wrapped."""
    instance, kms = _instance(call), call.cloud.kms
    kms.purge(call.now)
    used = {
        "key": (instance.key_quota, sum(k.instance_id == instance.id for k in kms.keys.values())),
        "secret": (instance.secret_quota,
                   sum(s.instance_id == instance.id for s in kms.secrets.values())),
        "qps": (instance.calls_per_second, 0),
        "vpc": (1, 0),
    }  # fmt: skip
    wanted = choice(call, "ResourceType", "all", ("all", *_QUOTAS))
    return {
        "KmsInstanceId": instance.id,
        "KmsInstanceQuotaInfos": [
            {"ResourceType": kind, "ResourceQuota": quota, "UsedQuantity": quantity}
            for kind, (quota, quantity) in used.items()
            if wanted in ("all", kind)
        ],
    }
