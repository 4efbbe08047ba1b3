"""Analytic statements: the dashboard's queries, Presto's rules, and what is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.emulator.sls_scenario import STORE, client, get, index, put, ready, refusal

FIELDS = index(
    event_id="text", event_type="text", phase="text", outcome="text", error_code="text",
    approver_id="text", target_user="text", access_key_id="text", operation_id="text",
    key_status="text", key_age_days="long", seq="long", score="double", message="words",
)  # fmt: skip


@pytest.fixture
def sdk(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    found = client(emulator, monkeypatch)
    ready(found, fields=FIELDS)
    return found


def rows(sdk: Any, query: str, **more: Any) -> list[dict[str, str]]:
    return get(sdk, query, **more)


def test_issued_per_day(sdk: Any) -> None:
    """Distinct events by day of Shanghai; a row that was sent twice counts once."""
    noon = int(time.time()) // 86400 * 86400 - 86400 + 4 * 3600  # 12:00 in Shanghai, yesterday
    for at, event in ((noon, "e1"), (noon, "e1"), (noon + 60, "e2"), (noon - 86400, "e3")):
        put(sdk, {"event_id": event, "event_type": "key.issued", "phase": "result",
                  "outcome": "success"}, at=at)  # fmt: skip
    put(sdk, {"event_id": "e4", "event_type": "key.issued", "phase": "intent",
              "outcome": "pending"})  # fmt: skip

    found = rows(
        sdk,
        'event_type: "key.issued" and phase: result and outcome: success | '
        "select date_format(date_trunc('day', __time__), '%Y-%m-%d') as day, "
        "count(distinct event_id) as issued from log "
        "group by date_trunc('day', __time__) order by day limit 1000",
        start=noon - 2 * 86400,
    )

    days = [time.strftime("%Y-%m-%d", time.gmtime(noon + at)) for at in (-86400, 0)]
    assert found == [{"day": days[0], "issued": "1"}, {"day": days[1], "issued": "2"}]


def test_failures(sdk: Any) -> None:
    """Failures by type and code with the last time, most frequent first."""
    now = int(time.time())
    for event, code, at in (("e1", "NoPermission", now - 9), ("e2", "NoPermission", now - 5),
                            ("e3", "Throttling.User", now)):  # fmt: skip
        put(sdk, {"event_id": event, "event_type": "key.issued", "outcome": "failure",
                  "error_code": code}, at=at)  # fmt: skip

    found = rows(
        sdk,
        "outcome: failure | select event_type, error_code, count(distinct event_id) as failures, "
        "max(__time__) as last_seen from log group by event_type, error_code "
        "order by failures desc limit 100",
    )

    assert found == [
        {"event_type": "key.issued", "error_code": "NoPermission", "failures": "2",
         "last_seen": str(now - 5)},
        {"event_type": "key.issued", "error_code": "Throttling.User", "failures": "1",
         "last_seen": str(now)},
    ]  # fmt: skip


def test_by_approver(sdk: Any) -> None:
    """Events and users by approver; rows without an approver are left out."""
    for event, approver, user in (("e1", "bob", "u1"), ("e2", "bob", "u1"), ("e3", "bob", "u2"),
                                  ("e4", "", "u3")):  # fmt: skip
        put(sdk, {"event_id": event, "event_type": "key.issued", "phase": "result",
                  "approver_id": approver, "target_user": user})  # fmt: skip

    found = rows(
        sdk,
        "phase: result | select approver_id, event_type, count(distinct event_id) as n, "
        "count(distinct target_user) as users from log where approver_id <> '' "
        "group by approver_id, event_type order by n desc limit 100",
    )

    assert found == [{"approver_id": "bob", "event_type": "key.issued", "n": "3", "users": "2"}]


def test_old_keys(sdk: Any) -> None:
    """The latest inventory row of each key decides; 100 is more than 90 although "1" < "9"."""
    now = int(time.time())
    for key, user, age, status, at in (
        ("LTAI1", "u1", 89, "Active", now - 60), ("LTAI1", "u1", 100, "Active", now),
        ("LTAI2", "u2", 200, "Active", now - 60), ("LTAI2", "u2", 201, "Inactive", now),
        ("LTAI3", "u3", 9, "Active", now), ("LTAI4", "u4", 95, "Active", now),
    ):  # fmt: skip
        put(sdk, {"event_type": "key.inventory", "access_key_id": key, "target_user": user,
                  "key_age_days": age, "key_status": status}, at=at)  # fmt: skip

    found = rows(
        sdk,
        'event_type: "key.inventory" | select access_key_id, '
        "max_by(target_user, __time__) as target_user, max_by(key_age_days, __time__) as age_days "
        "from log group by access_key_id having max_by(key_age_days, __time__) > 90 "
        "and max_by(key_status, __time__) = 'Active' order by age_days desc limit 1000",
    )

    assert found == [
        {"access_key_id": "LTAI1", "target_user": "u1", "age_days": "100"},
        {"access_key_id": "LTAI4", "target_user": "u4", "age_days": "95"},
    ]


def test_unfinished_operations(sdk: Any) -> None:
    """Operations with an intent and no result."""
    now = int(time.time())
    for operation, phase in (("o1", "intent"), ("o1", "result"), ("o2", "intent"), ("o3", "note")):
        put(sdk, {"operation_id": operation, "phase": phase}, at=now - 30)

    found = rows(
        sdk,
        "* | select operation_id, min(__time__) as started from log group by operation_id "
        "having count_if(phase='intent') > 0 and count_if(phase='result') = 0 limit 1000",
    )

    assert found == [{"operation_id": "o2", "started": str(now - 30)}]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select count(*) as c", "6"),
        ("select count(1) as c from log", "6"),
        (f"select count(1) as c from {STORE}", "6"),
        ("select count(score) as c", "5"),
        ("select sum(seq) as c", "21"),
        ("select avg(seq) as c", "3.5"),
        ("select max(score) as c", "4.5"),
        ("select min_by(event_id, seq) as c", "e1"),
        ("select sum(seq) as c where seq > 100", "null"),
        ("select max(seq) / 4 as c", "1"),
        ("select -max(seq) % 4 as c", "-2"),
        ("select max(seq) / 4.0 as c", "1.5"),
        ("select 1 + 2 * 3 as c limit 1", "7"),
        ("select (1 + 2) * 3 as c limit 1", "9"),
        ("select 1 = 1 and not 2 > 3 as c limit 1", "true"),
        ("select 'it''s' || ' ' || upper('ok') as c limit 1", "it's OK"),
        ("select count_if(event_id like 'e_') as c", "6"),
        ("select count_if(event_id like 'E%') as c", "0"),
        ("select count_if(seq between 2 and 4) as c", "3"),
        ("select count_if(seq not in (1, 2)) as c", "4"),
        ("select count_if(score is null) as c", "1"),
        ("select coalesce(max(score), 0) as c", "4.5"),
        ("select if(max(seq) > 5, 'many', 'few') as c", "many"),
        ("select case when max(seq) > 9 then 'a' else 'b' end as c", "b"),
        ("select cast('12' as bigint) + 1 as c limit 1", "13"),
        ("select cast(max(seq) as varchar) as c", "6"),
        ("select round(2.5) as c limit 1", "3.0"),
        ("select round(3.14159, 2) as c limit 1", "3.14"),
        ("select length('中文') as c limit 1", "2"),
        ("select concat(lower('A'), 'b') as c limit 1", "ab"),
        ("select abs(-3) as c limit 1", "3"),
        ("select from_unixtime(0) as c limit 1", "1970-01-01 08:00:00.000"),
        ("select to_unixtime(from_unixtime(1700000000)) as c limit 1", "1700000000.0"),
        ("select date_trunc('hour', 1700000000) as c limit 1", "2023-11-15 06:00:00.000"),
        ("select date_trunc('week', 1700000000) as c limit 1", "2023-11-13 00:00:00.000"),
        ("select date_trunc('quarter', 1700000000) as c limit 1", "2023-10-01 00:00:00.000"),
        ("select date_trunc('year', 1700000000) as c limit 1", "2023-01-01 00:00:00.000"),
        ("select date_format(1700000000, '%H:%i:%S %j%%') as c limit 1", "06:13:20 319%"),
        ("SELECT MAX(SEQ) AS c FROM log", "6"),
        ("select distinct 'x' as c", "x"),
        ("select max(seq) c", "6"),
    ],
)
def test_value(sdk: Any, statement: str, expected: str) -> None:
    """Each piece of the subset has its Presto value; every cell is a string."""
    put(sdk, *({"event_id": f"e{n}", "seq": n, **({"score": n - 0.5} if n < 6 else {})}
               for n in range(1, 7)))  # fmt: skip

    found = rows(sdk, f"* | {statement}")

    assert found == [{"c": expected}]


def test_order_by_ordinal_alias_and_nulls(sdk: Any) -> None:
    """NULL sorts last both ways; ordinals and aliases name selected columns."""
    put(sdk, {"event_id": "a", "score": 1.5}, {"event_id": "b"}, {"event_id": "c", "score": 2.5})

    up = rows(sdk, "* | select event_id as e, score as s order by s")
    down = rows(sdk, "* | select event_id as e, score as s order by 2 desc limit 1, 2")

    assert [row["e"] for row in up] == ["a", "c", "b"]
    assert down == [{"e": "a", "s": "1.5"}, {"e": "b", "s": "null"}]


def test_group_by_alias_and_ordinal(sdk: Any) -> None:
    """GROUP BY takes an alias or an ordinal of the select list."""
    put(sdk, {"phase": "x"}, {"phase": "y"}, {"phase": "x"})

    by_alias = rows(sdk, "* | select lower(phase) as p, count(*) as n group by p order by p")
    by_ordinal = rows(sdk, "* | select lower(phase) as p, count(*) as n group by 1 order by 1")

    assert by_alias == by_ordinal == [{"p": "x", "n": "2"}, {"p": "y", "n": "1"}]


def test_default_limit(sdk: Any) -> None:
    """Without LIMIT a statement gives 100 rows, and `line` does not matter."""
    put(sdk, *({"seq": n} for n in range(120)))

    assert len(rows(sdk, "* | select seq", line=5)) == 100
    assert len(rows(sdk, "* | select seq limit 1000")) == 120


def test_long_value_is_cut_in_sql_only(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQL sees max_text_len bytes of a value, search results all of it."""
    sdk = client(emulator, monkeypatch)
    fields = index(event_id="text")
    fields.docvalue_max_text_len = 64
    ready(sdk, fields=fields)
    put(sdk, {"event_id": "x" * 63 + "中"})

    assert rows(sdk, "* | select event_id")[0]["event_id"] == "x" * 63
    assert rows(sdk, "*")[0]["event_id"] == "x" * 63 + "中"


def test_meta_says_sql(sdk: Any) -> None:
    """`meta` tells an analytic answer and names its columns."""
    put(sdk, {"seq": 1})
    now = int(time.time())

    meta = sdk.get_log("broker-audit", STORE, now - 60, now + 60,
                       query="* | select seq, count(*) group by seq").get_meta()  # fmt: skip

    assert meta.get_has_sql()
    assert meta.get_keys() == ["seq", "_col1"]
    assert meta._column_types == ["bigint", "bigint"]


def test_search_narrows_what_sql_sees(sdk: Any) -> None:
    """Only rows of the search statement are analysed; a `|` in quotes does not split."""
    put(sdk, {"event_id": "a|b", "seq": 1}, {"event_id": "c", "seq": 2})

    assert rows(sdk, 'event_id: "a|b" | select max(seq) as m') == [{"m": "1"}]


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "select",
        "select seq from log;",
        "select seq from log; drop table log",
        "select seq -- comment",
        "select seq /* comment */",
        "select missing",
        "select rowid",
        "select seq from sqlite_master",
        "select seq from other",
        "select seq from log, log",
        "select a.seq from log a join log b on a.seq = b.seq",
        "select (select 1) as c",
        "select seq union select seq",
        "with x as (select 1) select 1",
        "attach 'x' as y",
        "pragma table_info(log)",
        "insert into log values (1)",
        "delete from log",
        "drop table log",
        "select load_extension('x')",
        "select randomblob(10)",
        "select char(65)",
        "select approx_distinct(seq)",
        "select count(distinct *)",
        "select sum(distinct seq)",
        "select sum(event_id)",
        "select max(sum(seq))",
        "select seq where count(*) > 1",
        "select event_id, count(*)",
        "select event_id, count(*) group by seq",
        "select seq group by count(*)",
        "select seq order by count(*)",
        "select event_id group by event_id having seq > 1",
        "select seq where seq",
        "select seq where seq = 'x'",
        "select seq where event_id > 5",
        "select seq where not seq",
        "select seq where seq like 'x'",
        "select seq and seq",
        "select seq + event_id",
        "select event_id || 1",
        "select -event_id",
        "select - -1",
        "select max(seq) / 0",
        "select cast('x' as bigint)",
        "select cast(seq as blob)",
        "select date_trunc('eon', __time__)",
        "select date_format(__time__, '%Q')",
        "select date_format(__time__, '%')",
        "select from_unixtime(9999999999999999)",
        "select if(seq, 1, 2)",
        "select case seq when 1 then 2 end",
        "select case when seq = 1 then 2 else 'x' end",
        "select seq limit x",
        "select seq limit 1 offset 2",
        "select seq limit 10000000",
        "select seq limit 99999999999999999999",
        "select seq order by 5",
        "select seq order by 99999999999999999999",
        "select seq, seq",
        "select seq as select",
        "select 99999999999999999999",
        "select 1e5",
        "select 'open",
        'select "open',
        "select seq from log where",
        "select seq in ()",
        "select seq not 5",
        "select seq is 5",
        "select distinct seq order by event_id",
        "select * , seq",
        "select seq # 1",
        "select 中文",
        "select seq | select seq",
        "select ?1",
        "select c0",
        "select :name",
        "select " + "(" * 200 + "1" + ")" * 200,
        "select " + "+".join("1" * 700),
        "select " + "not " * 700 + "true",
    ],
)
def test_refused(sdk: Any, statement: str) -> None:
    """What is not of the subset is refused with 400, never guessed and never a 500."""
    put(sdk, {"event_id": "e", "seq": 1})

    status, code, message = refusal(rows, sdk, f"* | {statement}")

    assert (status, code) == (400, "ParameterInvalid")
    assert "ErrorType:" in message


def test_field_without_doc_value_is_no_column(
    emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only fields indexed with doc_value can be used in SQL."""
    sdk = client(emulator, monkeypatch)
    fields = index(event_id="text", seq="long")
    fields.key_config_list["seq"].doc_value = False
    ready(sdk, fields=fields)
    put(sdk, {"event_id": "e", "seq": 1})

    assert refusal(rows, sdk, "* | select seq")[2] == (
        "ErrorType:ColumnNotExists.ErrorMessage:line 1:8: Column 'seq' cannot be resolved"
    )
    assert len(rows(sdk, "seq > 0")) == 1


def test_mode_query_has_no_sql(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A logstore of mode query searches but does not analyse."""
    sdk = client(emulator, monkeypatch)
    ready(sdk, mode="query")

    assert refusal(rows, sdk, "* | select 1")[:2] == (400, "ParameterInvalid")


@pytest.mark.parametrize("join", [", ", " cross join "])
def test_parts_of_a_text_are_rows(sdk: Any, join: str) -> None:
    """What a list in one field holds is counted one by one; a row without it has no parts."""
    put(sdk, {"event_id": "e1", "approver_id": "carol,dave"}, {"event_id": "e2",
              "approver_id": "carol"}, {"event_id": "e3"})  # fmt: skip

    found = rows(sdk, f"* | select person, count(distinct event_id) as n from log{join}"
                      "unnest(split(approver_id, ',')) as t(person) where person <> '' "
                      "group by person order by n desc, person limit 10")  # fmt: skip

    assert found == [{"person": "carol", "n": "2"}, {"person": "dave", "n": "1"}]


@pytest.mark.parametrize("source", [
    "log, unnest(approver_id) as t(x)", "log, unnest(split(seq, ',')) as t(x)",
    "log, unnest(split(approver_id, ',')) as t(phase)", "log, log", "json_each('[1]')",
    "log, unnest(split(approver_id, ''))  as t(x)", "log, unnest(split(approver_id, ',')) as t()",
])  # fmt: skip
def test_other_tables_are_refused(sdk: Any, source: str) -> None:
    put(sdk, {"event_id": "e1", "approver_id": "carol"})

    assert refusal(lambda: get(sdk, f"* | select count(*) as n from {source}"))[:2] == (
        400, "ParameterInvalid")  # fmt: skip


def test_now_is_the_moment_of_the_request(sdk: Any) -> None:
    """In seconds by `to_unixtime`; what is older by so much is found, and nothing else."""
    now = int(time.time())
    put(sdk, {"event_id": "old", "seq": str((now - 900) * 1000)})
    put(sdk, {"event_id": "new", "seq": str(now * 1000)})

    found = rows(sdk, "* | select event_id, cast(to_unixtime(now()) as bigint) as at from log "
                      "where seq < (to_unixtime(now()) - 600) * 1000 limit 10")  # fmt: skip

    assert ["old"] == [row["event_id"] for row in found]
    assert abs(int(found[0]["at"]) - now) < 60
