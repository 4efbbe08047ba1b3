"""The dashboard and the alerts of the audit log, as data: what is asked, how often, and what to do.

Queries are SLS's Presto dialect over the fields of `shared/audit.py`. A row that was sent again has
the same event id, so that only distinct ids are counted. Shapes: CreateDashboard; CreateAlert,
configuration version 2.0. Chart types other than `table` and the empty action policy were never
tried on a live account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared import audit, digests, inventory, missed_records, naming, notices
from shared.lifecycle import Lifecycle
from shared.posture import rows as posture
from shared.settings import Settings

DASHBOARD = "akwarden"
REPORT, LOW, MEDIUM, HIGH, CRITICAL = 2, 4, 6, 8, 10  # SLS's severities
TURN_HOURS = 26  # what is written once a day is in the last so many hours, even if it came late
UNANSWERED_MINUTES = 20  # longer than any function runs and a sweep takes to come by
UNSEEN_MINUTES = 120  # eight looks of the fetch function's timer, one of which ended well
FAILURES = 3  # of messages of one way within an hour
UNTOLD_MINUTES = 150  # two hours' rows of the notify function, one of which came
SILENT_MINUTES = 40  # the digest function writes every ten, whatever happened

_ISSUED = 'event_type: "key.issued" and phase: result and outcome: success'
_BROKEN = (f"event_type = '{audit.REVIEWED}' or (phase = 'result' and outcome = 'success' and "
           "event_type in ('key.issued', 'self_service.granted'))")
_OPEN = """\
not phase: note | select change_id, max_by(ticket_id, time_ms) as ticket,
max_by(application, time_ms) as application, max_by(event_type, time_ms) as change,
max_by(fc_function, time_ms) as function, max(time_ms) as last_ms
from log where change_id <> '' group by change_id
having count_if(phase = 'result') = 0
and max(time_ms) < (to_unixtime(now()) - {seconds}) * 1000
order by last_ms limit 100"""


@dataclass(frozen=True)
class Chart:
    """One chart: `title` is its id, `shown` what people see; the x-axis and the columns."""

    title: str
    shown: str
    kind: str
    query: str
    hours: int
    x: str
    y: tuple[str, ...]


@dataclass(frozen=True)
class Alert:
    """Fires if the query gives rows, or, of one that waits for `silence`, if it gives none. The
    query sees the last `minutes` and is asked every `every_minutes`."""

    name: str
    shown: str
    query: str
    minutes: int
    every_minutes: int
    severity: int
    advice: str
    logstore: str = ""  # the audit log
    silence: bool = False


def charts() -> list[Chart]:
    """In the order of the page, two in a row."""
    day, month = TURN_HOURS, 30 * 24
    return [Chart(title, shown, kind, _line(query), hours, x, y)
            for title, shown, kind, query, hours, x, y in (
        ("issued_per_day", "Keys issued per day", "column", f"""\
{_ISSUED} | select date_format(date_trunc('day', __time__), '%Y-%m-%d') as day,
count(distinct event_id) as issued from log group by date_trunc('day', __time__)
order by day limit 1000""", month, "day", ("issued",)),
        ("failures_by_reason", "Refusals and failures by reason", "table", """\
outcome: failure | select event_type, if(error_code <> '', error_code, reason) as why,
count(distinct event_id) as failures, count(distinct ticket_id) as tickets,
from_unixtime(max(time_ms) / 1000) as last from log
group by event_type, if(error_code <> '', error_code, reason)
order by failures desc, event_type, why limit 100""", 7 * 24, "event_type",
         ("why", "failures", "tickets", "last")),
        ("oldest_keys", "The oldest keys", "table", f"""\
event_type: "{inventory.EVENT}" | select access_key_id, max_by(target_user, time_ms) as holder,
max_by(requester_id, time_ms) as requester, max_by(key_status, time_ms) as status,
max_by(key_age_days, time_ms) as days from log group by access_key_id
order by days desc, access_key_id limit 20""", day, "access_key_id",
         ("holder", "requester", "status", "days")),
        ("approvals_by_person", "Approvals by person", "table", f"""\
({_ISSUED}) or (event_type: "{audit.EXTENDED}" and phase: result and outcome: success) |
select person, count(distinct operation_id) as approvals,
count(distinct application) as applications
from log, unnest(split(approver_id, ',')) as t(person)
where person <> '' and policy_decision <> '{audit.BROKEN_GLASS}'
group by person order by approvals desc, person limit 100""", month, "person",
         ("approvals", "applications")),
        ("intents_without_result", "Changes whose end is not on record", "table",
         _OPEN.format(seconds=0), 7 * 24, "change_id",
         ("ticket", "application", "change", "function", "last_ms")),
        ("posture", "What is wrong with the account", "table", f"""\
event_type: "{posture.RESULT}" and not outcome: pass | select reason as control,
max_by(outcome, time_ms) as result, max_by(message, time_ms) as severity,
max_by(resources, time_ms) as resources from log group by reason
order by result, control limit 100""", day, "control", ("result", "severity", "resources")),
        ("findings", "What a person has to look at", "table", f"""\
event_type: "{audit.FINDING}" | select reason, count(distinct resources) as things,
max_by(resources, time_ms) as latest, from_unixtime(max(time_ms) / 1000) as last
from log group by reason order by things desc, reason limit 100""", 7 * 24, "reason",
         ("things", "latest", "last")),
        ("break_glass", "Access without approval, and its review", "table", f"""\
policy_decision: {audit.BROKEN_GLASS} or event_type: "{audit.REVIEWED}" | select ticket_id,
min_by(requester_id, time_ms) as requester, max_by(application, time_ms) as application,
max_by(environment, time_ms) as environment, min_by(reason, time_ms) as incident,
if(count_if(event_type = '{audit.REVIEWED}') > 0, max_by(approver_id, time_ms), 'open') as review
from log where {_BROKEN} group by ticket_id order by ticket_id limit 100""", month, "ticket_id",
         ("requester", "application", "environment", "incident", "review")),
        ("ended_by_reason", "Grants ended, by reason", "column", f"""\
event_type: "{audit.REVOKED}" and phase: result and outcome: success | select reason,
count(distinct ticket_id) as grants from log group by reason
order by grants desc, reason limit 100""", month, "reason", ("grants",)),
    )]  # fmt: skip


def alerts(terms: Lifecycle) -> list[Alert]:
    """Every alert; ages from `config/lifecycle.toml`."""
    day = TURN_HOURS * 60
    return [
        _alert("akw-unanswered", "A change has no result on record",
               _OPEN.format(seconds=UNANSWERED_MINUTES * 60), 24 * 60, 15, HIGH,
               "akw-cleanup resolves it within minutes; if this stays, read its task's error"),
        _alert("akw-silent", "The audit log's digests have stopped",
               f'schema: "{digests.SCHEMA}" | select count(*) as digests from log '
               "having count(*) > 0", SILENT_MINUTES, 15, CRITICAL,
               "akw-digest does not run, or cannot write: see its tasks, then make verify-audit",
               logstore=naming.DIGEST_LOGSTORE, silence=True),
        _alert("akw-refused", "The cloud refuses what akwarden does", """\
outcome: failure and phase: result | select error_code, cloud_action,
count(distinct event_id) as refusals from log
where error_code in ('NoPermission', 'Forbidden.RAM', 'Forbidden.NoPermission', 'Unauthorized')
group by error_code, cloud_action limit 100""", 30, 15, HIGH,
               "a role's policy was changed, or a control policy forbids it: make provision"),
        _alert("akw-revocation-open", "A revocation is not done", f"""\
event_type: "{audit.FINDING}" and reason: revocation_unfinished |
select resources, max(message) as since from log group by resources limit 100""", day, 60,
               CRITICAL, "cut the user by hand if it must not wait, and read akw-revoke's tasks"),
        _alert("akw-leak-unreadable", "Somebody told of a leaked key, not of which one", f"""\
event_type: "{audit.UNREADABLE_LEAK}" | select count(distinct event_id) as events from log
having count(distinct event_id) > 0""", 60, 15, CRITICAL,
               "ask who published the event; order: make revoke ARGS='--access-key-id LTAI…'"),
        _alert("akw-account-limit", "The account has as many grants as it may", f"""\
event_type: "{audit.REJECTED}" and reason: too_many_for_account | select reason,
count(distinct ticket_id) as tickets from log group by reason limit 10""", 60, 15, HIGH,
               "who asks for so many? AKWARDEN_ISSUING=off stops it, and a new signing secret "
               "whoever has the old one; if all is well, raise it in config/rules.toml"),
        _alert("akw-old-key", "A key is older than the rule", f"""\
event_type: "{inventory.EVENT}" and key_status: Active and
key_age_days >= {terms.cleanup.too_old_days} | select access_key_id,
max_by(target_user, time_ms) as holder, max(key_age_days) as days from log
group by access_key_id limit 100""", day, 12 * 60, MEDIUM,
               "its rotation does not come to its end: the findings say why"),
        _alert("akw-findings", "Something needs a person's look", f"""\
event_type: "{audit.FINDING}" | select reason, count(distinct resources) as things
from log group by reason limit 100""", 60, 60, LOW,
               "README, what `akw-cleanup` finds"),
        _alert("akw-posture", "The account does not hold its posture", f"""\
event_type: "{posture.CHECKED}" and not outcome: pass | select outcome, max(message) as counts
from log group by outcome limit 10""", day, 24 * 60, MEDIUM, "docs/posture.md"),
        _alert("akw-posture-silent", "Nobody has looked at the account's posture",
               f'event_type: "{posture.CHECKED}" | select count(*) as looks from log '
               "having count(*) > 0", day, 6 * 60, MEDIUM,
               "akw-posture does not run: see its tasks", silence=True),
        _alert("akw-fetch-silent", "Nobody looks for missed approvals and withdrawals",
               f'event_type: "{missed_records.LOOKED}" | select count(*) as looks from log '
               "having count(*) > 0", UNSEEN_MINUTES, 60, HIGH,
               "akw-fetch's timer fails: a source or its API secret; see its tasks, and its log",
               silence=True),
        _alert("akw-notify-silent", "Nobody looks what is to be told",
               f'event_type: "{notices.LOOKED}" | select count(*) as looks from log '
               "having count(*) > 0", UNTOLD_MINUTES, 60, MEDIUM,
               "akw-notify's timer fails: config/notifications.toml or a setting; see its tasks",
               silence=True),
        _alert("akw-break-glass", "Somebody has access that nobody approved", f"""\
policy_decision: {audit.BROKEN_GLASS} or event_type: "{audit.REVIEWED}" | select ticket_id,
max_by(requester_id, time_ms) as requester, max_by(application, time_ms) as application,
max_by(environment, time_ms) as environment from log where {_BROKEN}
group by ticket_id having count_if(event_type = '{audit.REVIEWED}') = 0 limit 100""", day, 15,
               CRITICAL,
               "find out why, open a ticket, and say in the chat: review AK-… ticket=…"),
        _alert("akw-notify-failing", "People are not told of what happened", f"""\
event_type: "{notices.FAILED}" | select cloud_service as way, max_by(error_code, time_ms) as code,
count(distinct event_id) as failures from log group by cloud_service
having count(distinct event_id) >= {FAILURES} limit 10""", 60, 15, MEDIUM,
               "the vendor's code says why, and its page what is to be set: docs/notifications.md"),
    ]  # fmt: skip


def _alert(
    name: str, shown: str, query: str, minutes: int, every_minutes: int, severity: int,
    advice: str, **more: Any,
) -> Alert:  # fmt: skip
    return Alert(name, shown, _line(query), minutes, every_minutes, severity, advice, **more)


def _line(query: str) -> str:
    return " ".join(query.split())


# -- as SLS takes them ----------------------------------------------------------------------


def dashboard(settings: Settings) -> dict[str, Any]:
    """As CreateDashboard and UpdateDashboard take it."""
    return {
        "dashboardName": DASHBOARD,
        "displayName": "akwarden",
        "description": "AccessKeys by ticket; deploy.provision makes it and overwrites changes",
        "attribute": {"type": "grid"},
        "charts": [_chart(chart, at, settings.audit_logstore)
                   for at, chart in enumerate(charts())],
    }  # fmt: skip


def _chart(chart: Chart, at: int, logstore: str) -> dict[str, Any]:
    return {
        "title": chart.title,
        "type": chart.kind,
        "search": {"logstore": logstore, "topic": "", "query": chart.query,
                   "start": f"-{chart.hours * 3600}s", "end": "now"},
        "display": {"xAxis": [chart.x], "yAxis": list(chart.y), "xPos": at % 2 * 5,
                    "yPos": at // 2 * 5, "width": 5, "height": 5, "displayName": chart.shown},
        "action": {},
    }  # fmt: skip


def jobs(settings: Settings, terms: Lifecycle) -> list[dict[str, Any]]:
    """As CreateAlert and UpdateAlert take them, one for each alert."""
    return [_job(alert, settings) for alert in alerts(terms)]


def _job(alert: Alert, settings: Settings) -> dict[str, Any]:
    return {
        "name": alert.name,
        "displayName": alert.shown,
        "description": alert.advice,
        "type": "Alert",
        "schedule": {"type": "FixedRate", "interval": f"{alert.every_minutes}m",
                     "runImmediately": False, "delay": 10, "timeZone": "+0800"},
        "configuration": {
            "version": "2.0",
            "type": "default",
            "dashboard": "internal-alert-analysis",
            "queryList": [{
                "storeType": "log", "project": settings.audit_project, "region": settings.region,
                "store": alert.logstore or settings.audit_logstore, "query": alert.query,
                "start": f"-{alert.minutes}m", "end": "now", "timeSpanType": "Relative",
                "powerSqlMode": "disable", "chartTitle": "", "roleArn": "",
            }],
            "groupConfiguration": {"type": "no_group", "fields": []},
            "joinConfigurations": [],
            "severityConfigurations": [{
                "severity": alert.severity,
                # Of silence no number of rows is an alarm, but that there are none (noDataFire).
                "evalCondition": {"condition": "", "countCondition": (
                    "__count__ < 0" if alert.silence else "__count__ > 0")},
            }],
            "labels": [{"key": "app", "value": "akwarden"}],
            "annotations": [{"key": "title", "value": alert.shown},
                            {"key": "desc", "value": alert.advice}],
            "autoAnnotation": True,
            "threshold": 1,
            "sendResolved": False,
            "noDataFire": alert.silence,
            "noDataSeverity": alert.severity,
            "muteUntil": 0,
            "policyConfiguration": {
                "alertPolicyId": "sls.builtin.dynamic",
                "actionPolicyId": settings.alert_action_policy, "repeatInterval": "1h",
            },
        },
    }  # fmt: skip


def differs(known: object, wanted: object) -> bool:
    """Whether something that we set is otherwise; what SLS adds does not count."""
    if isinstance(wanted, dict):
        return not isinstance(known, dict) or any(
            name not in known or differs(known[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return not isinstance(known, list) or len(known) != len(wanted) or any(
            differs(one, other) for one, other in zip(known, wanted, strict=True)
        )
    return known != wanted
