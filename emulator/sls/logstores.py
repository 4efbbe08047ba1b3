"""Logstores: their settings, their shards and whether their rows may be changed."""

from __future__ import annotations

import re
from typing import Any

from emulator.call import Call
from emulator.sls import documents, errors
from emulator.sls.state import FOREVER_DAYS, LogStore, Shard
from emulator.wire import Response

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,61}[a-z0-9]")
_MAX_LOGSTORES = 200
HASH_KEYS = 1 << 128

_DEFAULTS: dict[str, Any] = {
    "ttl": 30, "shardCount": 2, "enable_tracking": False, "autoSplit": False, "maxSplitShard": 64,
    "appendMeta": False, "telemetryType": "", "mode": "standard", "enableModify": False,
}  # fmt: skip
_KNOWN = {"logstoreName", "hot_ttl", "encrypt_conf", "infrequentAccessTTL", *_DEFAULTS}


def create(call: Call) -> Response:
    """CreateLogStore."""
    project = call.cloud.sls.project(call.parameters["project"])
    document = documents.body(call)
    name = document.get("logstoreName")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise errors.logstore_invalid(f"store name {name} is invalid")
    settings = _settings(document)
    if name in project.logstores:
        raise errors.logstore_exists(name)
    if len(project.logstores) >= _MAX_LOGSTORES:
        raise errors.quota_exceeded(f"A project holds at most {_MAX_LOGSTORES} logstores.")
    now = call.cloud.clock.time()
    shards = _shards(settings["shardCount"], now)
    project.logstores[name] = LogStore(name, settings, now, now, shards)
    return documents.done()


def update(call: Call) -> Response:
    """UpdateLogStore. A shorter ttl drops rows at once; encryption and enableModify stay."""
    store = found(call)
    document = documents.body(call)
    if document.get("logstoreName", store.name) != store.name:
        raise errors.logstore_invalid("logstoreName must be the logstore of the path")
    settings = _settings({**store.settings, **document})
    for fixed in ("encrypt_conf", "enableModify", "shardCount"):
        if settings.get(fixed) != store.settings.get(fixed):
            raise errors.logstore_invalid(f"{fixed} can not be updated")
    store.settings = settings
    store.modified_at = call.cloud.clock.time()
    store.drop_expired(call.cloud.clock.time())
    return documents.done()


def get(call: Call) -> Response:
    if "type" in call.parameters:
        raise errors.parameter_invalid("The parameter type is invalid.")
    store = found(call)
    return Response.json(200, {
        "logstoreName": store.name, **store.settings,
        "createTime": int(store.created_at), "lastModifyTime": int(store.modified_at),
    })  # fmt: skip


def delete(call: Call) -> Response:
    """DeleteLogStore: its rows are gone."""
    store = found(call)
    del call.cloud.sls.project(call.parameters["project"]).logstores[store.name]
    return documents.done()


def list_all(call: Call) -> Response:
    """ListLogStores: names that contain `logstoreName`."""
    project = call.cloud.sls.project(call.parameters["project"])
    pattern = call.parameters.get("logstoreName", "")
    names = [name for name in sorted(project.logstores) if pattern in name]
    shown = documents.page(call, names)
    return Response.json(200, {"count": len(shown), "total": len(names), "logstores": shown})


def enable_modify(call: Call) -> Response:
    """PUT …/modification. The SDK has it, the page says an existing logstore cannot be switched."""
    store = found(call)
    if not documents.boolean(documents.body(call), "enabled"):
        raise errors.parameter_invalid("enableModify can not be disabled")
    if not call.cloud.choices.sls_modification_can_be_enabled_later:
        raise errors.parameter_invalid("enableModify can only be set when a logstore is created")
    store.settings["enableModify"] = True
    return documents.done()


def list_shards(call: Call) -> Response:
    return Response.json(200, [
        {
            "shardID": shard.id, "status": "readwrite", "createTime": int(shard.created_at),
            "inclusiveBeginKey": f"{shard.begin:032x}",
            "exclusiveEndKey": f"{min(shard.end, HASH_KEYS - 1):032x}",
        }
        for shard in found(call).shards
    ])  # fmt: skip


def found(call: Call) -> LogStore:
    """The call's logstore, without what has outlived its ttl."""
    store = call.cloud.sls.logstore(call.parameters["project"], call.parameters["logstore"])
    store.drop_expired(call.cloud.clock.time())
    return store


def _shards(count: int, now: float) -> list[Shard]:
    bounds = [HASH_KEYS * index // count for index in range(count + 1)]
    return [Shard(i, bounds[i], bounds[i + 1], now) for i in range(count)]


def _settings(document: documents.Document) -> dict[str, Any]:
    if not set(document) <= _KNOWN:
        raise errors.logstore_invalid("redundant key exist in json")
    settings = _DEFAULTS | {k: v for k, v in document.items() if k != "logstoreName"}
    if settings["telemetryType"] is None:
        settings["telemetryType"] = ""
    bounds = {"ttl": FOREVER_DAYS, "shardCount": 10, "maxSplitShard": 256,
              "hot_ttl": FOREVER_DAYS, "infrequentAccessTTL": FOREVER_DAYS}  # fmt: skip
    for name, most in bounds.items():
        value = settings.get(name, 1)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise errors.logstore_invalid(f"{name} is invalid")
    for name in ("enable_tracking", "autoSplit", "appendMeta", "enableModify"):
        if not isinstance(settings[name], bool):
            raise errors.logstore_invalid(f"{name} is invalid")
    if settings["mode"] not in ("standard", "query"):
        raise errors.logstore_invalid("mode is invalid")
    if settings["telemetryType"] not in ("", "None", "Event"):
        raise errors.logstore_invalid("telemetryType is invalid")
    _check_encryption(settings.get("encrypt_conf"))
    return settings


def _check_encryption(encryption: object) -> None:
    if encryption is None:
        return
    if (
        not isinstance(encryption, dict)
        or not isinstance(encryption.get("enable"), bool)
        or encryption.get("encrypt_type", "default") not in ("default", "m4")
    ):
        raise errors.logstore_invalid("The encrypt_conf is invalid, enable or encrypt_type")
