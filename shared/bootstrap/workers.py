"""What every other function works with: ports with the credentials of one invocation, and rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from shared import hints, naming
from shared import settings as settings_module
from shared.bootstrap.configuration import (
    VERSION,
    assets,
    audiences,
    chat_terms,
    enabled,
    lifecycle,
    module_name,
    now,
    people,
    places,
    rules,
    rules_of,
    settings,
    templates,
)
from shared.bootstrap.ingress import kms_reader
from shared.secrecy import Secret
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.adapters.tea import Credentials, Endpoint
    from shared.audit import Attempt
    from shared.broker import Broker
    from shared.casework import Rulebook
    from shared.commanding.desk import Desk as CommandDesk
    from shared.event_intake import EventDesk
    from shared.examination import Auditor
    from shared.fetching import Fetcher
    from shared.housekeeping import House
    from shared.ledger import LiveGrant
    from shared.lifecycle import RotationTerms
    from shared.lookups import Shelf
    from shared.notifying import Herald
    from shared.places import Place
    from shared.ports import AuditLog, Chat, Functions, Messenger, Records
    from shared.posture.reading import Observer
    from shared.refused_deliveries import Refusal
    from shared.sealing import Sealer



def functions(current: Settings, environment: Mapping[str, str]) -> Functions:
    """The way to hand over to other functions."""
    from shared.adapters.fc import FunctionsAdapter, SdkFunctionsAdapter

    key_id = environment["ALIBABA_CLOUD_ACCESS_KEY_ID"]
    secret = environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
    token = environment.get("ALIBABA_CLOUD_SECURITY_TOKEN", "")
    return FunctionsAdapter(
        endpoint=f"{current.protocol}://{current.fc_endpoint}",
        access_key_id=key_id, secret=secret, security_token=token,
        fallback=SdkFunctionsAdapter(
            host=current.fc_endpoint, protocol=current.protocol, region=current.region,
            access_key_id=key_id, secret=secret, security_token=token,
            ca_file=current.requests_ca_bundle,
        ),
    )  # fmt: skip


def desk_of_commands(
    kind: str, environment: Mapping[str, str], function: Any,
    remaining_seconds: Callable[[], float],
) -> tuple[Settings, CommandDesk, Chat]:  # fmt: skip
    """What the command function works with: nothing of RAM."""
    from shared.audit_outbox import Outbox
    from shared.commanding.desk import Desk as CommandDesk

    current, log = audit_log(environment, function.name)
    terms = chat_terms(current)
    desk = CommandDesk(
        people=people(), rules=terms.rules, terms=terms,
        key=kms_reader(current, environment).get_secret_value(naming.CHAT_SECRET),
        most_requests=current.chat_requests, language=current.chat_language,
        issuing=current.issues,
        functions=functions(current, environment), audit_log=Outbox(log),
        account_id=current.account_id, now=now, sleep=time.sleep,
        remaining_seconds=remaining_seconds,
    )  # fmt: skip
    return current, desk, _chat(kind, current, environment)


def shelf(kind: str, environment: Mapping[str, str], function: Any) -> tuple[Shelf, Chat]:
    """What the lookup function reads, and how it answers."""
    from shared.lookups import Shelf

    current, log = audit_log(environment, function.name)
    found = Shelf(people(), rules(), templates(), current.chat_language, log, now)
    return found, _chat(kind, current, environment)


def _chat(kind: str, current: Settings, environment: Mapping[str, str]) -> Chat:
    adapter = import_module(f"shared.adapters.{module_name(kind)}").Adapter
    given: list[Any] = [_endpoint(current)]
    if kind in hints.BOTS:
        given.append(kms_reader(current, environment).get_secret_value(naming.out_secret(kind)))
    made: Chat = adapter(*given)
    return made


def worker(environment: Mapping[str, str], function: Any) -> tuple[Settings, Rulebook, Broker]:
    """What the issue function works with; `function` is the context's."""
    from shared.casework import Rulebook

    current = settings()
    book = Rulebook(
        rules_of(current), templates(), assets(current), current.ledger_secret, places(), people())
    return current, book, broker(current, environment, function.name, function.timeout)


def fetcher(environment: Mapping[str, str], function: Any) -> tuple[Settings, Fetcher]:
    """What the fetch function works with: the sources that are on, and nothing of RAM."""
    from shared.audit_outbox import Outbox
    from shared.fetching import Fetcher, Vendor

    current, log = audit_log(environment, function.name)
    known, vendors = enabled(current), {}
    for kind in (kind for kind in known if kind in hints.KINDS):
        reader = import_module(f"shared.records.{kind}")
        adapter = import_module(f"shared.adapters.{kind}").Adapter
        api = partial(_records, adapter, known[kind], current, environment)
        vendors[kind] = Vendor(
            known[kind], reader.standing, reader.record, reader.votes, api,
            events_say_decided=reader.EVENTS_SAY_DECIDED,
            withdrawn_in_place=reader.WITHDRAWN_IN_PLACE)
    return current, Fetcher(
        vendors=vendors, people=people(), account_id=current.account_id,
        functions=functions(current, environment), issue_function=naming.ISSUE_FUNCTION,
        revoke_function=naming.REVOKE_FUNCTION, audit_log=Outbox(log), now=now,
    )  # fmt: skip


def event_desk(environment: Mapping[str, str], function: Any) -> tuple[Settings, EventDesk]:
    """What the event function works with: a queue for the workers, and the audit log to write to.
    No place if its source is not on."""
    from shared.audit_outbox import Outbox
    from shared.event_intake import EventDesk
    from shared.sources import eventbridge

    current, log = audit_log(environment, function.name)
    return current, EventDesk(
        place=enabled(current).get(eventbridge.KIND), region=current.region,
        functions=functions(current, environment), issue_function=naming.ISSUE_FUNCTION,
        revoke_function=naming.REVOKE_FUNCTION, audit_log=Outbox(log), now=now,
    )  # fmt: skip


def refusal_log(
    refusal: Refusal, environment: Mapping[str, str], context: Any
) -> tuple[AuditLog, Attempt]:
    """What writes the row of a delivery that an ingress has refused, and what begins that row."""
    from shared import audit

    current, log = audit_log(environment, context.function.name)
    return log, audit.attempt(
        audit.Subject(refusal.kind, "", "", ""),
        naming.operation_id(refusal.kind, context.request_id, "refused"),
        fc_request_id=context.request_id, fc_function=context.function.name,
        account_id=current.account_id, region=current.region,
        trigger="webhook" if refusal.kind in (hints.WEBHOOKS, *hints.KINDS) else "chat",
        broker_version=VERSION,
    )  # fmt: skip


def _records(
    adapter: Any, place: Place, current: Settings, environment: Mapping[str, str]
) -> Records:
    """A vendor's API, with the credentials that KMS holds for it."""
    secret = kms_reader(current, environment).get_secret_value(naming.api_secret(place.kind))
    made: Records = adapter(place, secret, _endpoint(current))
    return made


def herald(environment: Mapping[str, str], function: Any) -> tuple[Settings, Herald]:
    """What the notify function works with: the ways of telling that are on, and nothing of RAM."""
    from shared.audit_outbox import Outbox
    from shared.notifying import Herald

    current, log = audit_log(environment, function.name)
    known, everybody = audiences(current), people()

    def messenger(way: str) -> Messenger:
        secret = kms_reader(current, environment).get_secret_value(naming.out_secret(way))
        module = import_module(f"shared.adapters.messengers.{way.replace('-', '_')}")
        made: Messenger = module.Messenger(known[way], everybody, secret, _endpoint(current))
        return made

    return current, Herald(
        audiences=known, messengers={way: partial(messenger, way) for way in known},
        people=everybody, rules=rules(), language=current.chat_language, audit_log=Outbox(log),
        now=now,
    )  # fmt: skip


def revoker(environment: Mapping[str, str], function: Any) -> tuple[Settings, Broker]:
    """What the revoke function works with: no rules and no templates, so that nothing that is
    wrong with those can stop it."""
    current = settings()
    return current, broker(current, environment, function.name, function.timeout)


def rotator(
    environment: Mapping[str, str], function: Any
) -> tuple[Settings, RotationTerms, Secret, Broker]:
    """What the rotate function works with: terms, and the key that signs grants."""
    current = settings()
    ports = broker(current, environment, function.name, function.timeout)
    return current, lifecycle().rotation, ports.kms.get_secret_value(current.ledger_secret), ports


def housekeeper(current: Settings, ports: Broker) -> House:
    """The rules of the daily look at each user; ConfigError where one of their files is wrong."""
    from shared import policies
    from shared.housekeeping import House
    from shared.refusals import Denied

    known, own = templates(), assets(current)

    def rebuilt(grant: LiveGrant) -> str | None:
        text = policies.text_of(grant.permissions, grant.source_ips, known, own)
        return None if isinstance(text, Denied) else text

    return House(
        lifecycle().cleanup, rebuilt, ports.kms.get_secret_value(current.ledger_secret)
    )


def broker(
    current: Settings, environment: Mapping[str, str], function: str, timeout_seconds: int
) -> Broker:
    """The ports, with the credentials of this invocation."""
    from shared.adapters.ims import ImsAdapter
    from shared.adapters.kms import KmsAdapter
    from shared.adapters.ram import RamAdapter
    from shared.adapters.sls import AuditLogAdapter
    from shared.adapters.sts import StsAdapter
    from shared.audit_outbox import Outbox
    from shared.broker import Broker
    from shared.leases import LeaseTerms

    settings_module.check_timeout(current, timeout_seconds)
    endpoint, credentials = _endpoint(current), _credentials(environment)
    return Broker(
        ims=ImsAdapter(endpoint, credentials, current.upn_domain),
        ram=RamAdapter(endpoint, credentials),
        kms=KmsAdapter(endpoint, credentials, instance_id=current.kms_instance_id,
                       key_id=current.kms_key_id),
        sts=StsAdapter(endpoint),
        audit_log=Outbox(AuditLogAdapter(
            endpoint, credentials, project=current.audit_project,
            logstore=current.audit_logstore, source=function,
        )),
        lease_terms=LeaseTerms(timeout_seconds + current.max_lag_seconds, current.max_lag_seconds),
        broker_role=current.issue_role_arn,
        now=now,
        sleep=time.sleep,
    )  # fmt: skip


def sealer(environment: Mapping[str, str], function: Any) -> Sealer:
    """What the digest function works with: it reads the audit log and writes digests only."""
    current = settings()
    return sealer_of(current, _credentials(environment), function.name)


def sealer_of(current: Settings, credentials: Credentials, source: str) -> Sealer:
    """The same ports with anybody's credentials; the copy's place comes first, see `sealing`."""
    from shared import audit
    from shared.adapters.kms_mac import KmsMacAdapter
    from shared.adapters.sls_reader import AuditReaderAdapter
    from shared.digests import SCHEMA
    from shared.sealing import Sealer

    endpoint = _endpoint(current)

    def logstore(project: str, name: str, schema: str = SCHEMA) -> AuditReaderAdapter:
        return AuditReaderAdapter(endpoint, credentials, project=project, logstore=name,
                                  source=source, schema=schema)  # fmt: skip

    return Sealer(
        audit=logstore(current.audit_project, current.audit_logstore, audit.SCHEMA),
        places={
            project: logstore(project, naming.DIGEST_LOGSTORE)
            for project in (current.digest_project, current.audit_project)
        },
        macs=KmsMacAdapter(endpoint, credentials, key_id=current.digest_key_id),
        now=now,
    )


def observer(
    environment: Mapping[str, str], function: Any, remaining_seconds: Callable[[], float]
) -> tuple[Settings, Observer, AuditLog]:
    """What the posture function works with: it reads the account, and writes audit rows."""
    current, log = audit_log(environment, function.name)
    return current, observing(environment, remaining_seconds), log


def audit_log(
    environment: Mapping[str, str], source: str = "report"
) -> tuple[Settings, AuditLog]:
    """The audit log with anybody's credentials; `source` is the name under which they write."""
    from shared.adapters.sls import AuditLogAdapter

    current = settings()
    return current, AuditLogAdapter(
        _endpoint(current), _credentials(environment), project=current.audit_project,
        logstore=current.audit_logstore, source=source,
    )  # fmt: skip


def observing(
    environment: Mapping[str, str], remaining_seconds: Callable[[], float]
) -> Observer:
    """What whoever looks at the account works with; their credentials need only read."""
    from shared.adapters.account_reader import AccountReaderAdapter
    from shared.posture.reading import Observer

    current = settings()
    reader = AccountReaderAdapter(
        _endpoint(current), _credentials(environment), current.upn_domain)  # fmt: skip
    return Observer(reader, current.account_id, current.region, lifecycle().rotation, now,
                    time.sleep, remaining_seconds)  # fmt: skip


def auditor(environment: Mapping[str, str]) -> Auditor:
    """What whoever verifies the audit log works with; their own credentials may only read."""
    from shared.examination import Auditor

    ports = sealer_of(settings(), _credentials(environment), "verify-audit")
    return Auditor(ports.audit, ports.places, ports.macs, ports.now)


def _endpoint(current: Settings) -> Endpoint:
    from shared.adapters.tea import Endpoint

    return Endpoint(
        current.region, current.protocol, current.connect_timeout_ms, current.read_timeout_ms,
        current.requests_ca_bundle, current.audit_timeout_ms,
    )  # fmt: skip


def _credentials(environment: Mapping[str, str]) -> Credentials:
    from shared.adapters.tea import Credentials

    token = environment.get("ALIBABA_CLOUD_SECURITY_TOKEN", "")
    return Credentials(
        environment["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        Secret(environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]),
        Secret(token) if token else None,
    )
