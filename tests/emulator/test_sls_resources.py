"""Projects, logstores, indexes, dashboards, saved searches, alerts and tags."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aliyun.log.index_config import IndexConfig, IndexKeyConfig

from emulator.sls.logstores import HASH_KEYS
from tests.emulator.sls_scenario import (
    PROJECT,
    STORE,
    client,
    code,
    index,
    raw,
    ready,
    refusal,
)


@pytest.fixture
def sdk(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    return client(emulator, monkeypatch)


# -- projects ---------------------------------------------------------------------------------


def test_project_life(sdk: Any) -> None:
    """Created, described, changed, listed, deleted."""
    sdk.create_project(PROJECT, "audit", data_redundancy_type="ZRS")
    sdk.create_project("other", "")
    sdk.update_project(PROJECT, "changed")

    found = sdk.get_project(PROJECT)
    names = [p["projectName"] for p in sdk.list_project(project_name_pattern="audit").projects]
    sdk.delete_project(PROJECT)

    assert (found.description, found.region, found.status) == ("changed", "cn-hangzhou", "Normal")
    assert (found.owner, found.get_data_redundancy_type()) == ("1234567890123456", "ZRS")
    assert names == [PROJECT]
    assert sdk.list_project(size=-1).get_total() == 1
    assert refusal(sdk.get_project, PROJECT)[:2] == (404, "ProjectNotExist")


def test_project_exists(sdk: Any) -> None:
    """Names are taken once."""
    sdk.create_project(PROJECT, "")

    assert refusal(sdk.create_project, PROJECT, "") == (
        400, "ProjectAlreadyExist", "Project broker-audit already exist",
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"projectName":5}', b'{"projectName":"other"}',
     b'{"projectName":"broker-audit","dataRedundancyType":"X"}',
     b'{"projectName":"broker-audit","description":5}'],
)  # fmt: skip
def test_project_refused(emulator: Any, body: bytes) -> None:
    """A bad project is no project."""
    assert code(raw(emulator, "POST", "/", body))[0] == 400
    assert emulator.cloud.sls.projects == {}


def test_project_name_refused(sdk: Any) -> None:
    """3 to 63 lower-case letters, digits and hyphens."""
    for name in ("ab", "a_b", "-abc", "x" * 64):
        assert refusal(sdk.create_project, name, "")[:2] == (400, "ParameterInvalid")


@pytest.mark.parametrize(
    "host",
    ["{}.127.0.0.1", "{}.127.0.0.1:8080", "{}.localhost", "{}.sls.test",
     "{}.cn-hangzhou-intranet.log.aliyuncs.com"],
)  # fmt: skip
def test_direct_and_other_hosts(emulator: Any, sdk: Any, host: str) -> None:
    """The project is the first label of Host, with and without the proxy."""
    sdk.create_project(PROJECT, "")

    answer = raw(emulator, "GET", "/", host=host.format(PROJECT))

    assert answer[1]["projectName"] == PROJECT
    assert len(answer[2]["x-log-requestid"]) == 24


def test_direct_client(emulator: Any, sdk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client without proxy, told by its own flag that it speaks to an address."""
    ready(sdk)
    monkeypatch.delenv("http_proxy")
    direct = client(emulator, monkeypatch)
    monkeypatch.delenv("http_proxy")
    direct._setendpoint(f"http://{emulator.endpoint}")
    direct._isRowIp = True

    assert direct.get_logstore(PROJECT, STORE).get_ttl() == 180
    assert direct.list_project().get_total() == 1


def test_other_region(emulator: Any) -> None:
    """One region is all there is."""
    host = f"{PROJECT}.cn-beijing.log.aliyuncs.com"

    assert code(raw(emulator, "GET", "/", host=host)) == (400, "ParameterInvalid")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nothing"), ("PATCH", "/"), ("POST", "/logstores/a/shards/0?action=split&key=1"),
     ("GET", "/logstores//shards"), ("POST", "/asyncsql"), ("GET", "/tags")],
)
def test_unknown_operation(emulator: Any, method: str, path: str) -> None:
    """What is not offered is refused by name."""
    answer = raw(emulator, method, path)

    assert code(answer) == (400, "ParameterInvalid")
    assert answer[1]["errorMessage"].endswith("is not supported.")


def test_tags(sdk: Any) -> None:
    """Tags are set, listed, filtered and removed."""
    sdk.create_project(PROJECT, "")
    sdk.tag_project(PROJECT, app="broker", env="prod")

    every = next(sdk.get_project_tags(PROJECT)).get_tags()
    some = next(sdk.get_project_tags(PROJECT, env="prod")).get_tags()
    sdk.untag_project(PROJECT, "env")

    assert every == {"app": "broker", "env": "prod"}
    assert some == {"env": "prod"}
    assert next(sdk.get_project_tags(PROJECT)).get_tags() == {"app": "broker"}


def test_tags_refused(emulator: Any, sdk: Any) -> None:
    """Bad tag requests are 400, unknown projects 404, more than 20 tags a quota."""
    sdk.create_project(PROJECT, "")
    project = {"resourceType": "project", "resourceId": [PROJECT]}
    bodies: list[dict[str, Any]] = [
        {}, {"resourceType": "x"}, {**project, "resourceId": [5]}, {**project, "tags": 5},
        {**project, "tags": [{"key": "", "value": ""}]},
    ]  # fmt: skip
    for body in bodies:
        for path in ("/tag", "/untag"):
            answer = raw(emulator, "POST", path, json.dumps(body).encode())
            assert code(answer) == (400, "ParameterInvalid")
    assert refusal(sdk.tag_project, "nobody", a="b")[:2] == (404, "ProjectNotExist")
    tags = {f"k{n}": "v" for n in range(21)}
    assert refusal(sdk.tag_project, PROJECT, **tags)[1] == "ExceedQuota"
    for query in ("resourceId=x", "resourceType=project&resourceId=[]", "resourceType=project",
                  "resourceType=project&resourceId=5",
                  f"resourceType=project&resourceId=[%22{PROJECT}%22]&tags=5"):  # fmt: skip
        answer = raw(emulator, "GET", "/tags?" + query, host="cn-hangzhou.log.aliyuncs.com")
        assert code(answer)[0] == 400


# -- logstores --------------------------------------------------------------------------------


def test_logstore_life(sdk: Any) -> None:
    """Created with every setting, described, changed, listed, deleted."""
    sdk.create_project(PROJECT, "")
    encryption = {"enable": True, "encrypt_type": "default"}
    sdk.create_logstore(PROJECT, STORE, ttl=180, shard_count=3, append_meta=True, auto_split=True,
                        max_split_shard=64, mode="standard", encrypt_conf=encryption)  # fmt: skip

    found = sdk.get_logstore(PROJECT, STORE)
    sdk.update_logstore(PROJECT, STORE, ttl=3650, append_meta=False)
    changed = sdk.get_logstore(PROJECT, STORE)
    names = sdk.list_logstore(PROJECT).get_logstores()
    sdk.delete_logstore(PROJECT, STORE)

    assert (found.get_ttl(), found.get_shard_count(), found.append_meta) == (180, 3, True)
    assert (found.auto_split, found.max_split_shard, found.mode) == (True, 64, "standard")
    assert found.encrypt_conf == encryption
    assert found.get_enable_modify() is False
    assert (changed.get_ttl(), changed.append_meta) == (3650, False)
    assert names == [STORE]
    assert refusal(sdk.get_logstore, PROJECT, STORE)[:2] == (404, "LogStoreNotExist")


def test_logstore_exists(sdk: Any) -> None:
    """Names are taken once in a project."""
    ready(sdk)

    assert refusal(sdk.create_logstore, PROJECT, STORE) == (
        400, "LogStoreAlreadyExist", "logstore audit already exists",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["a", "A_b", "-ab", "x" * 64])
def test_logstore_name_refused(sdk: Any, name: str) -> None:
    """2 to 63 lower-case letters, digits, hyphens and underscores."""
    sdk.create_project(PROJECT, "")

    assert refusal(sdk.create_logstore, PROJECT, name) == (
        400, "LogStoreInfoInvalid", f"store name {name} is invalid",
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [{"ttl": 0}, {"ttl": 3651}, {"ttl": "x"}, {"shardCount": 11}, {"autoSplit": 1},
     {"mode": "lite"}, {"encrypt_conf": {"enable": 1}}, {"telemetryType": "Metrics"},
     {"surprise": 1}, {"logstoreName": 5}, {"maxSplitShard": True}],
)
def test_logstore_setting_refused(emulator: Any, sdk: Any, change: dict[str, Any]) -> None:
    """Each bad setting is refused."""
    sdk.create_project(PROJECT, "")
    body = json.dumps({"logstoreName": STORE, "ttl": 1, "shardCount": 1, **change}).encode()

    assert code(raw(emulator, "POST", "/logstores", body)) == (400, "LogStoreInfoInvalid")


def test_logstore_quota(emulator: Any, sdk: Any) -> None:
    """200 logstores in a project."""
    ready(sdk)
    stores = emulator.cloud.sls.projects[PROJECT].logstores
    stores |= {f"filler{n}": stores[STORE] for n in range(199)}

    assert refusal(sdk.create_logstore, PROJECT, "onemore")[1] == "ExceedQuota"


def test_what_an_update_cannot_change(emulator: Any, sdk: Any) -> None:
    """Encryption, modifiability and the name are decided at creation."""
    ready(sdk)
    for change in ({"encrypt_conf": {"enable": True}}, {"enableModify": True},
                   {"logstoreName": "other"}):  # fmt: skip
        answer = raw(emulator, "PUT", f"/logstores/{STORE}", json.dumps(change).encode())
        assert code(answer) == (400, "LogStoreInfoInvalid")


def test_shards(sdk: Any) -> None:
    """Shards share the range of hash keys without gap."""
    ready(sdk, shard_count=3)

    shards = sdk.list_shards(PROJECT, STORE).get_shards_info()

    assert [shard["shardID"] for shard in shards] == [0, 1, 2]
    assert int(shards[0]["inclusiveBeginKey"], 16) == 0
    assert int(shards[-1]["exclusiveEndKey"], 16) == HASH_KEYS - 1
    assert shards[0]["exclusiveEndKey"] == shards[1]["inclusiveBeginKey"]


def test_unknown_type_of_logstore_read(emulator: Any, sdk: Any) -> None:
    """A `type` that is none is not taken for GetLogStore."""
    ready(sdk)

    answer = raw(emulator, "GET", f"/logstores/{STORE}?type=context_log")

    assert code(answer) == (400, "ParameterInvalid")


# -- indexes ----------------------------------------------------------------------------------


def test_index_life(sdk: Any) -> None:
    """Created, read back as sent, replaced, deleted."""
    ready(sdk)
    first = sdk.get_index_config(PROJECT, STORE).get_index_config()

    sdk.update_index(PROJECT, STORE, index(user="words"))
    second = sdk.get_index_config(PROJECT, STORE).get_index_config()
    sdk.delete_index(PROJECT, STORE)

    assert set(first.key_config_list) == {"event_id", "user", "n"}
    assert first.docvalue_max_text_len == 16384
    assert (first.key_config_list["n"].index_type, first.ttl) == ("long", 180)
    assert list(second.key_config_list) == ["user"]
    assert refusal(sdk.get_index_config, PROJECT, STORE) == (
        400, "IndexConfigNotExist", "index config doesn't exist.",
    )  # fmt: skip
    assert refusal(sdk.update_index, PROJECT, STORE, index())[1] == "IndexConfigNotExist"
    assert refusal(sdk.delete_index, PROJECT, STORE)[1] == "IndexConfigNotExist"


def test_index_exists(sdk: Any) -> None:
    """A second index is refused, the first one stays."""
    ready(sdk)

    assert refusal(sdk.create_index, PROJECT, STORE, index()) == (
        400, "IndexAlreadyExist", "Logstore index is already created.",
    )  # fmt: skip


def test_index_without_tokens(emulator: Any, sdk: Any) -> None:
    """A text field must say its delimiters, even if there are none."""
    ready(sdk)
    body = json.dumps({"keys": {"user": {"type": "text"}}}).encode()

    answer = raw(emulator, "PUT", f"/logstores/{STORE}/index", body)

    assert answer[0] == 400
    assert answer[1] == {
        "errorCode": "IndexInfoInvalid",
        "errorMessage": "Required field token is lacking or of error format.",
    }


@pytest.mark.parametrize(
    "body",
    [{}, {"keys": []}, {"line": {}}, {"line": 5}, {"keys": {"a": 5}}, {"keys": {"a": {}}},
     {"keys": {"a": {"type": "blob"}}}, {"keys": {"": {"type": "long"}}},
     {"keys": {"__rowid__": {"type": "long"}}}, {"keys": {"a": {"type": "long"}}, "x": 1},
     {"keys": {"a": {"type": "long"}}, "max_text_len": 5},
     {"keys": {"a": {"type": "long"}}, "max_text_len": "x"},
     {"keys": {"a": {"type": "long", "doc_value": "yes"}}}, {"line": {"token": ["ab"]}}],
)
def test_index_refused(emulator: Any, sdk: Any, body: dict[str, Any]) -> None:
    """A bad definition is refused as a whole."""
    ready(sdk)

    answer = raw(emulator, "PUT", f"/logstores/{STORE}/index", json.dumps(body).encode())

    assert code(answer) == (400, "IndexInfoInvalid")


def test_json_index_is_kept_but_not_searched(sdk: Any) -> None:
    """A json field can be indexed; searching in it is refused, not guessed."""
    from aliyun.log.index_config import IndexJsonKeyConfig

    key = IndexKeyConfig([","], index_type="json", json_key_config=IndexJsonKeyConfig())
    ready(sdk, fields=IndexConfig(key_config_list={"event": key}))

    assert refusal(sdk.get_log, PROJECT, STORE, 1, 9, query="event: x")[1] == "ParameterInvalid"


# -- dashboards, saved searches, alerts -------------------------------------------------------

DASHBOARD = {
    "dashboardName": "broker-audit", "displayName": "Audit", "description": "",
    "attribute": {"type": "grid"},
    "charts": [{"title": "issued", "type": "line", "search": {"logstore": STORE}, "display": {}}],
}  # fmt: skip
SEARCH = {"savedsearchName": "failures", "displayName": "f", "logstore": STORE,
          "searchQuery": "outcome: failure", "topic": ""}  # fmt: skip
QUERY = {"storeType": "log", "project": PROJECT, "region": "cn-hangzhou", "store": STORE,
         "query": "*", "start": "-15m", "end": "now", "timeSpanType": "Relative"}  # fmt: skip
ALERT: dict[str, Any] = {
    "name": "broker-silent", "displayName": "d", "type": "Alert", "status": "ENABLED",
    "schedule": {"type": "FixedRate", "interval": "5m"},
    "configuration": {
        "version": "2.0", "queryList": [QUERY], "groupConfiguration": {"type": "no_group"},
        "severityConfigurations": [], "autoAnnotation": True, "threshold": 1,
        "sendResolved": False, "noDataFire": False,
    },
}  # fmt: skip
ENTITIES = [
    ("dashboard", DASHBOARD, "dashboardName", "DashboardNotExist", "ParameterInvalid"),
    ("savedsearch", SEARCH, "savedsearchName", "SavedSearchNotExist", "ParameterInvalid"),
    ("alert", ALERT, "name", "JobNotExist", "JobAlreadyExist"),
]


@pytest.mark.parametrize(("kind", "content", "named", "missing", "exists"), ENTITIES)
def test_entity_life(
    sdk: Any, kind: str, content: Any, named: str, missing: str, exists: str
) -> None:
    """Kept and given back; get-then-put makes set-up idempotent; a second create is refused."""
    sdk.create_project(PROJECT, "")
    name = content[named]
    call = {verb: getattr(sdk, f"{verb}_{kind}")
            for verb in ("create", "get", "update", "list", "delete")}  # fmt: skip

    call["create"](PROJECT, content)
    again = refusal(call["create"], PROJECT, content)
    call["update"](PROJECT, {**content, "displayName": "changed"})
    found = call["get"](PROJECT, name).get_entity()
    listed = call["list"](PROJECT)
    call["delete"](PROJECT, name)

    assert again[:2] == (400, exists)
    assert found["displayName"] == "changed"
    assert listed.get_count() == listed.get_total() == 1
    assert name in json.dumps(listed.get_entities())
    for verb in ("get", "delete"):
        assert refusal(call[verb], PROJECT, name)[:2] == (404, missing)
    assert refusal(call["update"], PROJECT, content)[:2] == (404, missing)


def test_dashboard_exists_message(sdk: Any) -> None:
    """The text by which a caller can tell this ParameterInvalid from others."""
    sdk.create_project(PROJECT, "")
    sdk.create_dashboard(PROJECT, DASHBOARD)

    assert refusal(sdk.create_dashboard, PROJECT, DASHBOARD)[2] == (
        "specified dashboard already exists"
    )


def test_duplicate_chart_title(sdk: Any) -> None:
    """A chart's title is its id within the dashboard."""
    sdk.create_project(PROJECT, "")
    content = {**DASHBOARD, "charts": DASHBOARD["charts"] * 2}  # type: ignore[operator]

    assert refusal(sdk.create_dashboard, PROJECT, content) == (
        400, "PostBodyInvalid", "Duplicate chart title: issued",
    )  # fmt: skip


def test_alert_is_switched(sdk: Any) -> None:
    """disable and enable change the status."""
    sdk.create_project(PROJECT, "")
    sdk.create_alert(PROJECT, ALERT)

    sdk.disable_alert(PROJECT, "broker-silent")
    off = sdk.get_alert(PROJECT, "broker-silent").get_entity()["status"]
    sdk.enable_alert(PROJECT, "broker-silent")
    on = sdk.get_alert(PROJECT, "broker-silent").get_entity()["status"]

    assert (off, on) == ("DISABLED", "ENABLED")


@pytest.mark.parametrize("lacking", ALERT["configuration"])
def test_alert_lacks_a_required_part(sdk: Any, lacking: str) -> None:
    """Each required part of an alert of version 2.0 is asked for."""
    sdk.create_project(PROJECT, "")
    configuration = {k: v for k, v in ALERT["configuration"].items() if k != lacking}
    if lacking == "version":
        configuration = {**ALERT["configuration"], "queryList": []}

    answer = refusal(sdk.create_alert, PROJECT, {**ALERT, "configuration": configuration})

    assert answer[:2] == (400, "ParameterInvalid")


@pytest.mark.parametrize("lacking", QUERY)
def test_alert_query_lacks_a_required_part(sdk: Any, lacking: str) -> None:
    """Each required part of an alert's query is asked for."""
    sdk.create_project(PROJECT, "")
    query = {k: v for k, v in QUERY.items() if k != lacking}
    configuration = {**ALERT["configuration"], "queryList": [query]}

    answer = refusal(sdk.create_alert, PROJECT, {**ALERT, "configuration": configuration})

    assert answer[2] == f"configuration.queryList.{lacking} is required"


@pytest.mark.parametrize(
    ("path", "body"),
    [("/dashboards", {}), ("/dashboards", {"dashboardName": "x"}),
     ("/dashboards", {**DASHBOARD, "charts": 5}), ("/dashboards", {**DASHBOARD, "charts": [{}]}),
     ("/savedsearches", {"savedsearchName": "abc"}), ("/jobs", {"name": "abc"}),
     ("/jobs", {"name": "abc", "displayName": "d"}),
     ("/jobs", {**ALERT, "configuration": {**ALERT["configuration"], "queryList": [5]}})],
)  # fmt: skip
def test_entity_refused(emulator: Any, sdk: Any, path: str, body: Any) -> None:
    """A bad entity is a 400."""
    sdk.create_project(PROJECT, "")

    assert code(raw(emulator, "POST", path, json.dumps(body).encode()))[0] == 400


def test_entity_quota(emulator: Any, sdk: Any) -> None:
    """100 dashboards in a project."""
    sdk.create_project(PROJECT, "")
    held = {f"d{n}": {} for n in range(100)}
    emulator.cloud.sls.projects[PROJECT].entities["dashboards"] = held

    assert refusal(sdk.create_dashboard, PROJECT, DASHBOARD)[1] == "ExceedQuota"


def test_bad_page(emulator: Any, sdk: Any) -> None:
    """offset and size are numbers."""
    sdk.create_project(PROJECT, "")

    assert code(raw(emulator, "GET", "/dashboards?offset=x&size=1")) == (400, "ParameterInvalid")
    assert code(raw(emulator, "GET", "/logstores?offset=-1")) == (400, "ParameterInvalid")
