"""What a function is: the props of component fc3, checked as strictly as FC checks them.

Source: component fc3, "YAML specification"; FC, "CreateFunction", "Configure environment
variables", "Limits". Limits: runtime python3.12 only; triggers http, timer and eventbridge (of the
default bus) only; no layers, no preStop hook; destinations, VPC, tags and tracing are accepted and
have no effect here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.fc.cron import Schedule
from emulator.fc.event_pattern import EventPattern
from emulator.fc.template import Resource, TemplateError

_NAME = re.compile(r"[_a-zA-Z][-_a-zA-Z0-9]*")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TRIGGER_NAME = re.compile(r"[_a-zA-Z][-_a-zA-Z0-9]{0,127}")
_HANDLER = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\.[A-Za-z_]\w*")
_WITHOUT_EFFECT = {
    "description", "cpu", "diskSize", "internetAccess", "vpcConfig", "vpcBinding", "tags",
    "resourceGroupId", "tracingConfig", "instanceConcurrency", "provisionConfig", "scalingConfig",
}  # fmt: skip
_PROPS = _WITHOUT_EFFECT | {
    "functionName", "region", "runtime", "handler", "code", "timeout", "memorySize", "role",
    "environmentVariables", "logConfig", "triggers", "asyncInvokeConfig", "concurrencyConfig",
    "instanceLifecycleConfig", "disableInjectCredentials",
}  # fmt: skip
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
MAX_ENVIRONMENT_BYTES = 4096


@dataclass(frozen=True)
class HttpTrigger:
    """An HTTP trigger; `auth` is `anonymous` or `function`."""

    name: str
    methods: tuple[str, ...]
    auth: str
    public: bool


@dataclass(frozen=True)
class TimerTrigger:
    """A timer; `payload` is handed over as text inside the event."""

    name: str
    schedule: Schedule
    expression: str
    payload: str
    enabled: bool


@dataclass(frozen=True)
class EventTrigger:
    """A rule on the default event bus; matching events arrive as CloudEvents, asynchronously."""

    name: str
    pattern: EventPattern
    enabled: bool


@dataclass(frozen=True)
class Hook:
    """The initializer: its handler and its own timeout."""

    handler: str
    timeout_seconds: int


@dataclass(frozen=True)
class AsyncConfig:
    """How asynchronous invocations are retried, and whether task ids are kept."""

    task_mode: bool = False
    max_retries: int = 3
    max_age_seconds: int = 86400  # the API's default; the component's documentation says 18000


@dataclass(frozen=True)
class FunctionSpec:
    """One function as s.yaml describes it."""

    name: str
    region: str
    runtime: str
    handler: str
    code: Path
    timeout_seconds: int = 3
    memory_mb: int = 512
    role: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    http: HttpTrigger | None = None
    timers: tuple[TimerTrigger, ...] = ()
    events: tuple[EventTrigger, ...] = ()
    async_config: AsyncConfig = AsyncConfig()
    initializer: Hook | None = None
    log_project: str = ""
    log_store: str = ""
    reserved_concurrency: int | None = None
    credentials: bool = True


def specifications(resources: list[Resource], directory: Path) -> list[FunctionSpec]:
    """The functions of rendered resources; `code` is relative to `directory`."""
    found: dict[str, FunctionSpec] = {}
    for resource in resources:
        where = f"resources.{resource.id}"
        if resource.component != "fc3":
            raise TemplateError(f"{where}: component {resource.component} is not emulated")
        spec = _Props(resource.props, f"{where}.props").function(directory)
        if spec.name in found:
            raise TemplateError(f"{where}: function {spec.name} is described twice")
        found[spec.name] = spec
    return list(found.values())


@dataclass(frozen=True)
class _Props:
    """A mapping with a place in the file, for messages that say where."""

    values: dict[str, Any]
    where: str

    def fail(self, name: str, why: str) -> TemplateError:
        return TemplateError(f"{self.where}.{name} {why}")

    def known(self, names: set[str]) -> None:
        for name in self.values:
            if name not in names:
                raise self.fail(str(name), "is not known here")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.values.get(name, default)
        if not isinstance(value, str):
            raise self.fail(name, "must be a string" if name in self.values else "is missing")
        return value

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        value = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.fail(name, f"must be a whole number from {low} to {high}")
        return value

    def boolean(self, name: str, default: bool) -> bool:
        value = self.values.get(name, default)
        if not isinstance(value, bool):
            raise self.fail(name, "must be true or false")
        return value

    def nested(self, name: str) -> _Props:
        value = self.values.get(name) or {}
        if not isinstance(value, dict):
            raise self.fail(name, "must be a mapping")
        return _Props(value, f"{self.where}.{name}")

    # -- the parts of a function ------------------------------------------------------------

    def function(self, directory: Path) -> FunctionSpec:
        self.known(_PROPS)
        http, timers, events = self._triggers()
        project, store = self._logs()
        injected = self.text("disableInjectCredentials", "None")
        if injected not in ("None", "Env", "Request", "All"):
            raise self.fail("disableInjectCredentials", "must be None, Env, Request or All")
        concurrency = self.nested("concurrencyConfig")
        return FunctionSpec(
            name=self._name(),
            region=self.text("region"),
            runtime=self._runtime(),
            handler=self._handler("handler"),
            code=self._code(directory),
            timeout_seconds=self.integer("timeout", 3, 1, 86400),
            memory_mb=self._memory(),
            role=self.text("role", "").lower(),  # the component lower-cases it, too
            environment=self._environment(),
            http=http,
            timers=timers,
            events=events,
            async_config=self._async(),
            initializer=self._initializer(),
            log_project=project,
            log_store=store,
            reserved_concurrency=concurrency.integer("reservedConcurrency", 1, 0, 10000)
            if concurrency.values
            else None,
            credentials=injected in ("None", "Request"),
        )

    def _name(self) -> str:
        """A `service$function` name stands for a function made in FC 2.0 (component `s2tos3`)."""
        name = self.text("functionName")
        parts = name.split("$")
        if len(parts) > 2 or not all(_NAME.fullmatch(p) and len(p) <= 64 for p in parts):
            raise self.fail("functionName", f"doesn't match expected format (actual: '{name}')")
        return name

    def _runtime(self) -> str:
        runtime = self.text("runtime")
        if runtime != "python3.12":
            raise self.fail("runtime", f"{runtime} is not emulated, only python3.12")
        return runtime

    def _handler(self, name: str) -> str:
        handler = self.text(name)
        if not _HANDLER.fullmatch(handler):
            raise self.fail(name, "must be package.module.function")
        return handler

    def _code(self, directory: Path) -> Path:
        code = (directory / self.text("code")).resolve()
        if not code.is_dir():
            raise self.fail("code", f"is not a directory: {code}")
        return code

    def _memory(self) -> int:
        memory = self.integer("memorySize", 512, 128, 32768)
        if memory % 64:
            raise self.fail("memorySize", "must be a multiple of 64")
        return memory

    def _environment(self) -> dict[str, str]:
        given = self.nested("environmentVariables")
        total = 0
        for name in given.values:
            value = given.text(name)
            if not _VARIABLE.fullmatch(name):
                raise given.fail(name, "is no name of a variable")
            if name.startswith("FC_"):
                raise given.fail(name, "must not start with FC_")
            total += len(name.encode()) + len(value.encode())
        if total > MAX_ENVIRONMENT_BYTES:
            raise self.fail(
                "environmentVariables", f"has {total} bytes, more than {MAX_ENVIRONMENT_BYTES}"
            )
        return dict(given.values)

    def _logs(self) -> tuple[str, str]:
        if self.values.get("logConfig") == "auto":
            return "auto", "auto"
        given = self.nested("logConfig")
        if not given.values:
            return "", ""
        given.known({"project", "logstore", "enableRequestMetrics", "enableInstanceMetrics",
                     "enableLlmMetrics", "logBeginRule"})  # fmt: skip
        return given.text("project"), given.text("logstore")

    def _async(self) -> AsyncConfig:
        given = self.nested("asyncInvokeConfig")
        given.known({"asyncTask", "maxAsyncRetryAttempts", "maxAsyncEventAgeInSeconds",
                     "destinationConfig", "qualifier"})  # fmt: skip
        default = AsyncConfig()
        return AsyncConfig(
            given.boolean("asyncTask", default.task_mode),
            given.integer("maxAsyncRetryAttempts", default.max_retries, 0, 8),
            given.integer("maxAsyncEventAgeInSeconds", default.max_age_seconds, 1, 604800),
        )

    def _initializer(self) -> Hook | None:
        lifecycle = self.nested("instanceLifecycleConfig")
        lifecycle.known({"initializer"})
        given = lifecycle.nested("initializer")
        if not given.values:
            return None
        given.known({"handler", "timeout"})
        return Hook(given._handler("handler"), given.integer("timeout", 3, 1, 600))

    def _triggers(
        self,
    ) -> tuple[HttpTrigger | None, tuple[TimerTrigger, ...], tuple[EventTrigger, ...]]:
        listed = self.values.get("triggers") or []
        if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
            raise self.fail("triggers", "must be a list of mappings")
        https: list[HttpTrigger] = []
        timers: list[TimerTrigger] = []
        events: list[EventTrigger] = []
        for index, item in enumerate(listed):
            trigger = _Props(item, f"{self.where}.triggers[{index}]")
            trigger.known({"triggerName", "triggerType", "triggerConfig", "description",
                           "qualifier"})  # fmt: skip
            kind = trigger.text("triggerType")
            if kind == "http":
                https.append(trigger._http())
            elif kind == "timer":
                timers.append(trigger._timer())
            elif kind == "eventbridge":
                events.append(trigger._event())
            else:
                raise trigger.fail("triggerType", f"{kind} is not emulated")
        names = [t.name for t in https] + [t.name for t in timers] + [t.name for t in events]
        if len(set(names)) < len(names) or len(https) > 1:
            raise self.fail("triggers", "may hold one http trigger, and each name once")
        return (https[0] if https else None), tuple(timers), tuple(events)

    def _trigger_name(self) -> str:
        name = self.text("triggerName")
        if not _TRIGGER_NAME.fullmatch(name):
            raise self.fail("triggerName", f"is not allowed: {name}")
        return name

    def _http(self) -> HttpTrigger:
        config = self.nested("triggerConfig")
        config.known({"authType", "methods", "disableURLInternet"})
        auth = config.text("authType")
        if auth not in ("anonymous", "function"):
            raise config.fail("authType", f"{auth} is not emulated")
        methods = config.values.get("methods")
        if not isinstance(methods, list) or not methods or not set(methods) <= set(METHODS):
            raise config.fail("methods", f"must be a list out of {', '.join(METHODS)}")
        return HttpTrigger(
            self._trigger_name(), tuple(methods), auth,
            not config.boolean("disableURLInternet", False),
        )  # fmt: skip

    def _timer(self) -> TimerTrigger:
        config = self.nested("triggerConfig")
        config.known({"cronExpression", "enable", "payload"})
        expression = config.text("cronExpression")
        try:
            schedule = Schedule.parse(expression)
        except ValueError as err:
            raise config.fail("cronExpression", f"is not one: {err}") from None
        return TimerTrigger(
            self._trigger_name(), schedule, expression, config.text("payload", ""),
            config.boolean("enable", False),
        )  # fmt: skip

    def _event(self) -> EventTrigger:
        """All members are required by the component's own schema; `runOptions` has no effect."""
        config = self.nested("triggerConfig")
        config.known({"triggerEnable", "asyncInvocationType", "eventRuleFilterPattern",
                      "eventSinkConfig", "eventSourceConfig", "runOptions"})  # fmt: skip
        for name in ("eventSinkConfig", "eventSourceConfig", "runOptions"):
            if not isinstance(config.values.get(name), dict):
                raise config.fail(name, "must be a mapping")
        if not config.boolean("asyncInvocationType", False):
            raise config.fail("asyncInvocationType", "must be true: no other is emulated")
        source = config.nested("eventSourceConfig")
        if source.text("eventSourceType") != "Default":
            raise source.fail("eventSourceType", "must be Default: no other is emulated")
        sink = config.nested("eventSinkConfig").nested("deliveryOption")
        if sink.text("eventSchema", "CloudEvents") != "CloudEvents":
            raise sink.fail("eventSchema", "must be CloudEvents: no other is emulated")
        try:
            pattern = EventPattern.parse(config.text("eventRuleFilterPattern"))
        except ValueError as err:
            raise config.fail("eventRuleFilterPattern", f"is not understood: {err}") from None
        return EventTrigger(
            self._trigger_name(), pattern, config.boolean("triggerEnable", False)
        )
