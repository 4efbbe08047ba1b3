"""Put together what a handler needs, per invocation, from environment and configuration.

    configuration  settings, and the files of config/
    ingress        what the functions that are reached by HTTP work with
    workers        what all others work with

Imports are inside the functions on purpose: an ingress must not pay for the SDKs of a worker.
"""

from shared.bootstrap.configuration import (
    CONFIG,
    VERSION,
    assets,
    audiences,
    chat_terms,
    enabled,
    lifecycle,
    now,
    people,
    places,
    rules,
    rules_of,
    settings,
    templates,
)
from shared.bootstrap.ingress import (
    IngressSecrets,
    counter,
    desk,
    ear,
    kms_reader,
    light_functions,
)
from shared.bootstrap.workers import (
    audit_log,
    auditor,
    broker,
    desk_of_commands,
    event_desk,
    fetcher,
    functions,
    herald,
    housekeeper,
    observer,
    observing,
    revoker,
    rotator,
    sealer,
    sealer_of,
    shelf,
    worker,
)

__all__ = [
    "CONFIG",
    "VERSION",
    "IngressSecrets",
    "assets",
    "audiences",
    "audit_log",
    "auditor",
    "broker",
    "chat_terms",
    "counter",
    "desk",
    "desk_of_commands",
    "ear",
    "enabled",
    "event_desk",
    "fetcher",
    "functions",
    "herald",
    "housekeeper",
    "kms_reader",
    "lifecycle",
    "light_functions",
    "now",
    "observer",
    "observing",
    "people",
    "places",
    "revoker",
    "rotator",
    "rules",
    "rules_of",
    "sealer",
    "sealer_of",
    "settings",
    "shelf",
    "templates",
    "worker",
]
