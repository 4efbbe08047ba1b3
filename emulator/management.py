"""The management port: no part of any protocol; for tests and for `make serve`.

GET  /healthz /clock /choices /history?since=N /state /secrets /faults /functions /logs
GET  /tasks /tasks?event=TEXT   asynchronous invocations, or those with that text in their event
GET  /ca.pem   the certificate that clients of HTTPS through the proxy are to trust
POST /reset /clock {"advance_seconds": n} /choices {name: value} /faults {rule}
POST /timers/<function>/<trigger>   fire a timer now
POST /events {a CloudEvent}   publish it on the default event bus; answers who got it
POST /vendors/<vendor> {"app": {credentials}, "records": {id: record}}   what a vendor's API shows;
     with "forget": true no more than these records
POST /invoke/<function>   hand it the body as an asynchronous event, as another service would
DELETE /faults /faults/<id>

A fault rule is `{"kind": …}` with what it aims at: `product`, `action`, `function` (names, `*` for
any), `contains` (text in the call's parameters, in the rows of PutLogs or in the event of an
invocation) and `event` (text in the event that the calling function is running). What is unknown,
or has no effect on that kind, is refused with 400. By kind:

error            answer `status`, `code`, `message` instead of acting
throttle         the product's throttling error
delay            wait `seconds` (of the machine's clock), then act, whether or not anybody waits
drop             act, then close the connection without an answer
kill-before      SIGKILL the calling function instance instead of acting
kill-after       SIGKILL it once the change is made
expire-token     the calling session's token has expired, for this call and all later ones
stale-not-found  answer a read of something that exists as if it did not
outage           refuse every call with `status` (503), `code`, `message`, or `drop` its connection,
                 for `seconds` of the emulator's clock or until the rule is deleted
lag              Get, List and Describe calls of ram, ims, kms see writes after `seconds` of the
                 emulator's clock only

All but the last two fire on the matching calls number `nth` (1) to `nth + times - 1` (`times`: 1;
0: on all from `nth` on). SLS has an index lag of its own: the choice `sls_index_lag_seconds`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from emulator import gateway, snapshot
from emulator.clock import iso
from emulator.cloud import Cloud
from emulator.vendors import front as vendors
from emulator.wire import Request, Response

Route = Callable[[Cloud, Request], Any]


class Refused(Exception):
    """A management request that cannot be served; the text says why."""


def handle(cloud: Cloud, request: Request) -> Response:
    """Serve one management request; errors are JSON with one `error` line."""
    if request.method == "POST" and request.path.startswith("/timers/"):
        return _answer(cloud, request, _fire_timer)
    if request.method == "POST" and request.path.startswith("/invoke/"):
        return _answer(cloud, request, _invoke)
    if request.method == "POST" and request.path.startswith("/vendors/"):
        return _answer(cloud, request, _vendor)
    if request.method == "DELETE" and request.path.startswith("/faults/"):
        return _answer(cloud, request, _remove_fault)
    route = ROUTES.get((request.method, request.path))
    if route is None:
        return Response.json(404, {"error": f"no {request.method} {request.path} here"})
    return _answer(cloud, request, route)


def _answer(cloud: Cloud, request: Request, route: Route) -> Response:
    try:
        answer = route(cloud, request)
    except (Refused, ValueError, TypeError, KeyError, RecursionError) as err:
        return Response.json(400, {"error": f"{type(err).__name__}: {err}"})
    return answer if isinstance(answer, Response) else Response.json(200, answer)


def _body(request: Request) -> dict[str, Any]:
    content = json.loads(request.body or b"{}")
    if not isinstance(content, dict):
        raise Refused("the body must be a JSON object")
    return content


def _healthz(cloud: Cloud, request: Request) -> Any:
    return {"status": "ok"}


def _ca(cloud: Cloud, request: Request) -> Any:
    pem = cloud.authority.pem.encode()
    return Response(200, pem, {"Content-Type": "application/x-pem-file"})


def _reset(cloud: Cloud, request: Request) -> Any:
    if cloud.fc:
        cloud.fc.reset()
    cloud.reset()
    return {"status": "ok"}


def _clock(cloud: Cloud, request: Request) -> Any:
    return {"now": iso(cloud.clock.now()), "offset_seconds": cloud.clock.offset_seconds}


def _advance(cloud: Cloud, request: Request) -> Any:
    body = _body(request)
    if "advance_seconds" not in body:
        raise Refused('say by how much, such as {"advance_seconds": 600}')
    cloud.clock.advance(float(body["advance_seconds"]))
    if cloud.fc:
        cloud.fc.time_jumped()
    return _clock(cloud, request)


def _choices(cloud: Cloud, request: Request) -> Any:
    return dataclasses.asdict(cloud.choices)


def _choose(cloud: Cloud, request: Request) -> Any:
    for name, value in _body(request).items():
        cloud.choices.set(name, value)
    return _choices(cloud, request)


def _history(cloud: Cloud, request: Request) -> Any:
    since = int(dict(request.query).get("since", "0"))
    return {"calls": cloud.history.since(since), "resets": cloud.resets}


def _state(cloud: Cloud, request: Request) -> Any:
    with cloud.lock:
        return snapshot.take(cloud)


def _secrets(cloud: Cloud, request: Request) -> Any:
    return {"secrets": list(cloud.secrets)}


def _faults(cloud: Cloud, request: Request) -> Any:
    return {"rules": cloud.faults.listed()}


def _add_fault(cloud: Cloud, request: Request) -> Any:
    rule = _body(request)
    _check_names(cloud, rule)
    return dataclasses.asdict(cloud.faults.add(rule))


def _check_names(cloud: Cloud, rule: dict[str, Any]) -> None:
    """Refuse an action that its product does not have, and a function that was not loaded."""
    product, action = rule.get("product", "*"), rule.get("action", "*")
    known = gateway.actions()
    of_product = known.get(str(product)) or frozenset[str]().union(*known.values())
    if action not in {"*", *of_product}:
        raise Refused(f"{product} has no action {action}")
    function = rule.get("function", "*")
    if function not in {"*", *(cloud.fc.specs if cloud.fc else ())}:
        raise Refused(f"there is no function {function}")


def _remove_fault(cloud: Cloud, request: Request) -> Any:
    cloud.faults.remove(int(request.path.removeprefix("/faults/")))
    return {"status": "ok"}


def _clear_faults(cloud: Cloud, request: Request) -> Any:
    cloud.faults.clear()
    return {"status": "ok"}


def _functions(cloud: Cloud, request: Request) -> Any:
    return {"functions": cloud.fc.described() if cloud.fc else []}


def _tasks(cloud: Cloud, request: Request) -> Any:
    event = dict(request.query).get("event", "")
    return {"tasks": cloud.fc.tasks_described(event) if cloud.fc else []}


def _logs(cloud: Cloud, request: Request) -> Any:
    return {"logs": cloud.fc.logs() if cloud.fc else {}}


def _fire_timer(cloud: Cloud, request: Request) -> Any:
    if cloud.fc is None:
        raise Refused("no functions were loaded")
    function, trigger = request.path.removeprefix("/timers/").split("/", 1)
    return {"request_id": cloud.fc.fire_timer(function, trigger)}


def _vendor(cloud: Cloud, request: Request) -> Any:
    with cloud.lock:
        return vendors.configure(cloud, request.path.removeprefix("/vendors/"), _body(request))


def _publish(cloud: Cloud, request: Request) -> Any:
    if cloud.fc is None:
        raise Refused("no functions were loaded")
    return cloud.fc.publish(_body(request))


def _invoke(cloud: Cloud, request: Request) -> Any:
    if cloud.fc is None:
        raise Refused("no functions were loaded")
    function = request.path.removeprefix("/invoke/")
    return {"request_id": cloud.fc.invoke(function, request.body)}


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/healthz"): _healthz,
    ("GET", "/ca.pem"): _ca,
    ("POST", "/reset"): _reset,
    ("GET", "/clock"): _clock,
    ("POST", "/clock"): _advance,
    ("GET", "/choices"): _choices,
    ("POST", "/choices"): _choose,
    ("GET", "/history"): _history,
    ("GET", "/state"): _state,
    ("GET", "/secrets"): _secrets,
    ("GET", "/faults"): _faults,
    ("POST", "/faults"): _add_fault,
    ("DELETE", "/faults"): _clear_faults,
    ("GET", "/functions"): _functions,
    ("GET", "/tasks"): _tasks,
    ("GET", "/logs"): _logs,
    ("POST", "/events"): _publish,
}
