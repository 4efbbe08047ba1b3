"""A vendor, an audit log and functions that keep to one list of what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from demo import dingtalk as vendor
from shared import audit, bootstrap, fetching, missed_records, naming, rejections
from shared.audit import SERVED
from shared.errors import CloudUnknown
from shared.fetching import FETCHED, Fetcher, Vendor
from shared.hints import Hint
from shared.people import People
from shared.records import dingtalk, feishu, github, jira
from tests.unit.fakes import FakeFunctions
from tests.unit.samples import ACCOUNT_ID, NOW

HINT = Hint("dingtalk", "proc-1")
FORM = vendor.form("parcels")


@dataclass
class Scene:
    """A vendor, a log and functions that all keep to one list of what was done, and break off
    where they are told to."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    rows: list[audit.Row] = field(default_factory=list)
    breaks: str = ""
    functions: FakeFunctions = field(default_factory=FakeFunctions)
    now: datetime = NOW
    kind: str = "dingtalk"
    people: People = field(default_factory=bootstrap.people)

    def _do(self, what: str) -> None:
        self.done.append(what)
        if self.breaks == what:
            raise CloudUnknown(what)

    # -- ports.Records
    def get(self, record: str) -> Mapping[str, Any] | None:
        self._do("get")
        return self.records.get(record)

    def finished(self, since: datetime, until: datetime) -> Sequence[str]:
        self._do("finished")
        return self.listed

    # -- ports.AuditLog
    def put_logs(self, rows: Sequence[audit.Row]) -> None:
        self._do("put_logs")
        self.rows += rows

    def get_logs(self, query: str, since: datetime, until: datetime) -> Sequence[audit.Row]:
        self._do("get_logs")
        return [row for row in self.rows if f'ticket_id: "{row["ticket_id"]}"' in query
                and f'event_type: "{row["event_type"]}"' in query]  # fmt: skip

    def select_logs(self, query: str, since: datetime, until: datetime) -> Sequence[audit.Row]:
        self._do("select_logs")
        assert f'ticket_system: "{self.kind}"' in query
        if "outcome: success" in query:
            return [{"ticket_id": row["ticket_id"], "event_type": row["event_type"]}
                    for row in self.rows if row["outcome"] == audit.SUCCESS
                    and row["event_type"] in (*SERVED, audit.REVOKED)]  # fmt: skip
        before = int(query.partition("time_ms > ")[2].split()[0].rstrip(")"))
        return [{"ticket_id": row["ticket_id"]} for row in self.rows
                if row["event_type"] != rejections.SEEN and (
                    row["event_type"] != FETCHED or row["reason"] == "revoke"
                    or int(row["time_ms"]) > before)]  # fmt: skip

    # -- ports.Functions
    def invoke_async(self, function: str, payload: bytes, task_id: str) -> bool:
        self._do(function)
        return self.functions.invoke_async(function, payload, task_id)

    def get_async_task(self, function: str, task_id: str) -> str:
        return self.functions.get_async_task(function, task_id)

    def fetcher(self, *, events_say_decided: bool = True) -> Fetcher:
        reader: Any = {"dingtalk": dingtalk, "feishu": feishu, "jira": jira,
                       "github": github}[self.kind]  # fmt: skip
        return Fetcher(
            {self.kind: Vendor(
                bootstrap.places()[self.kind], reader.standing, reader.record, reader.votes,
                lambda: self, events_say_decided, reader.WITHDRAWN_IN_PLACE)},
            self.people, ACCOUNT_ID, self, "akw-issue", "akw-revoke", self,
            lambda: self.now,
        )  # fmt: skip


def attempt(hint: Hint | None = HINT) -> audit.Attempt:
    hint = hint or Hint("", "")
    return audit.attempt(
        audit.Subject(hint.kind, hint.record, "", ""),
        naming.operation_id(hint.kind, hint.record, "fetch"), fc_request_id="1",
        fc_function="akw-fetch", account_id=ACCOUNT_ID, region="r", trigger="webhook",
        broker_version="0",
    )  # fmt: skip


def fetch(scene: Scene, hint: Hint = HINT, **more: Any) -> fetching.Fetched:
    return fetching.fetch(scene.fetcher(**more), hint, attempt())


def approved(**changes: Any) -> Scene:
    return Scene({"proc-1": vendor.instance(FORM, **changes)})


def look(scene: Scene, seconds: float = 60) -> dict[str, int]:
    return missed_records.look(scene.fetcher(), attempt, lambda: seconds)
