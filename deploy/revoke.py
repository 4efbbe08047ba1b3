"""End grants by one order: `python -m deploy.revoke --application orders --reason ended`.

Works with the operator's credentials in ALIBABA_CLOUD_ACCESS_KEY_ID and
ALIBABA_CLOUD_ACCESS_KEY_SECRET (and ALIBABA_CLOUD_SECURITY_TOKEN) and the settings of the
functions. It hands the order to akw-revoke and needs fc:InvokeFunction on it; `--dry-run` reads
users and policies itself, `--wait` reads the task and the audit log.
"""

from __future__ import annotations

import argparse
import os
import secrets as entropy
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.models import Config
from Tea.exceptions import TeaException

from shared import bootstrap, bulk_revocation, handover, naming, orders, reasons
from shared import settings as settings_module
from shared.audit import LATE, REVOKED, Row
from shared.broker import Broker
from shared.errors import AkwardenError, CloudUnknown, ConfigError
from shared.orders import Order, Selector
from shared.ports import Functions
from shared.refusals import REASONS, Denied
from shared.settings import Settings
from shared.sources import standard_webhooks

PAUSE_SECONDS = 2.0
FUNCTION_TIMEOUT_SECONDS = 180  # of akw-revoke: settings are checked against it
NO_ANSWER = "no answer from the cloud"
NO_MATCH = "no grant matches; application, ticket and person are compared exactly"
NO_KEY = "no user has this key now"  # the order itself looks for what is left of a former key's
# Members of an order that are given by another option than their own name's.
OPTIONS = {"source": "--ticket SOURCE", "ticket": "--ticket ID", "id": "--order-id"}
DONE, FAILED, UNUSABLE = 0, 1, 2  # exit codes; 2 is also argparse's


@dataclass(frozen=True)
class Operator:
    """What the command works with, and who works with it."""

    broker: Broker
    functions: Functions
    cap: int
    name: str

    @classmethod
    def of(cls, settings: Settings, environment: Mapping[str, str]) -> Operator:
        """From the environment; KeyError if there are no credentials."""
        broker = bootstrap.broker(settings, environment, "command", FUNCTION_TIMEOUT_SECONDS)
        functions = bootstrap.functions(settings, environment)
        return cls(broker, functions, settings.revoke_cap, _caller(settings, environment))


def _caller(settings: Settings, environment: Mapping[str, str]) -> str:
    """The ARN of whoever orders: it stands in the record."""
    client = StsClient(Config(
        access_key_id=environment["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        security_token=environment.get("ALIBABA_CLOUD_SECURITY_TOKEN") or None,
        endpoint=f"sts.{settings.region}.aliyuncs.com", protocol=settings.protocol,
        region_id=settings.region, ca=settings.requests_ca_bundle or None,
    ))  # fmt: skip
    return str(client.get_caller_identity().body.arn)


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; exits with 2 and a sentence for what is wrong with it."""
    parser = argparse.ArgumentParser(
        prog="make revoke ARGS='…'", description="End grants by one order, access first."
    )
    whom = parser.add_mutually_exclusive_group(required=True)
    whom.add_argument("--application", metavar="A", help="every grant of an application")
    whom.add_argument("--ticket", nargs=2, metavar=("SOURCE", "ID"),
                      help="one ticket's grant; the SOURCE of every ticket that came by webhook is "
                           f"{standard_webhooks.KIND}")  # fmt: skip
    whom.add_argument("--requester", metavar="P", help="every grant that a person asked for")
    whom.add_argument("--access-key-id", metavar="ID", help="the grant that has this key")
    whom.add_argument("--person", metavar="P", help="everything of a person, self-service too")
    parser.add_argument("--environment", metavar="E", help="with --application: only there")
    parser.add_argument("--ram-user", metavar="U", help="with --person: their RAM user")
    parser.add_argument("--reason", choices=reasons.ALL, default=reasons.ENDED)
    parser.add_argument("--at-most", type=int, metavar="N", help="instead of the cap")
    parser.add_argument("--order-id", metavar="ID", help="to repeat an order under its own id")
    parser.add_argument("--dry-run", action="store_true", help="only show what would end")
    parser.add_argument("--wait", action="store_true", help="follow it, grant by grant")
    options = parser.parse_args(_with_ids(given))
    if options.ticket:
        options.ticket = [part.strip() for part in options.ticket]
    for name, value in vars(options).items():
        # An unset variable in a shell: left out, it would mean more than what was typed.
        if value == "" or (isinstance(value, list) and "" in value):
            parser.error(f"--{name.replace('_', '-')} must not be empty")
    if options.environment is not None and options.application is None:
        parser.error("--environment goes with --application only")
    if options.ram_user is not None and options.person is None:
        parser.error("--ram-user goes with --person only")
    return options


def _with_ids(given: Sequence[str]) -> list[str]:
    """A ticket's id may begin with a hyphen (DingTalk's do): with a space before it, it is no
    option to argparse. Two hyphens are an option, where somebody forgot the id."""
    words = list(given)
    for at, word in enumerate(words):
        id = words[at + 2] if word == "--ticket" and at + 2 < len(words) else ""
        if id.startswith("-") and not id.startswith("--"):
            words[at + 2] = f" {id}"
    return words


def order_of(options: argparse.Namespace, ordered_by: str, now: datetime) -> Order | Denied:
    """The order that the options mean, read as strictly as the function reads it."""
    source, ticket = options.ticket or (None, None)
    values = {
        "application": options.application, "environment": options.environment,
        "source": source, "ticket": ticket, "requester": options.requester,
        "access_key_id": options.access_key_id, "person": options.person,
        "ram_user": options.ram_user,
    }  # fmt: skip
    by = next(name for name in orders.SELECTORS if values[name] is not None)
    selector = Selector(by, **{name: value or "" for name, value in values.items()})
    number = f"{now:%Y%m%dT%H%M%SZ}-{entropy.token_hex(3)}"
    order = Order(options.order_id or number, options.reason, selector, options.at_most, ordered_by)
    return orders.of_text(orders.as_text(order))


def shown(operator: Operator, order: Order, tell: Callable[[str], None]) -> int:
    """What the order would end, as a table; nothing is changed."""
    found = bulk_revocation.preview(operator.broker, order)
    for what in found.flagged:
        tell(f"flagged, and not touched: {_printable(what)}")
    for user in found.meant:
        tell(f"to be cut off, and left for a person: {_printable(user.name)}")
    if not found.chosen and not found.meant:
        of_key = order.selector.by == "access_key_id"
        tell(f"{NO_KEY if of_key else NO_MATCH}; nothing was changed")
        return FAILED
    rows = [("NAME", "APPLICATION", "ENVIRONMENT", "TICKET", "REQUESTER")] + [
        (one.target.user, one.target.application, one.target.environment, one.target.ticket_id,
         _printable(one.requester))
        for one in found.chosen
    ]  # fmt: skip
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        tell("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    count, limit = len(found.chosen), order.limit(operator.cap)
    tell(f"{count} grant{'' if count == 1 else 's'}; nothing was changed")
    if count > limit:
        tell(f"the order would be refused: at most {limit} (say --at-most {count})")
    return DONE


def _printable(text: str) -> str:
    """A tag's text for a terminal: whoever may write a tag must not write on an operator's screen
    more than letters."""
    return "".join(char if char.isprintable() else "?" for char in text)


def ordered(operator: Operator, order: Order, tell: Callable[[str], None]) -> str:
    """Hand the order over; the id of its task."""
    task = f"{order.operation_id}-{entropy.token_hex(4)}"
    operator.functions.invoke_async(naming.REVOKE_FUNCTION, orders.event_of(order), task)
    tell(f"order {order.id} handed to {naming.REVOKE_FUNCTION}")
    return task


def followed(operator: Operator, order: Order, task: str, tell: Callable[[str], None]) -> int:
    """Tell each grant's end as the audit log gets it, until the task has ended."""
    began, told = operator.broker.now(), set[str]()
    while True:
        # The state first: what it had written by then is in the rows, but for the index's lag.
        state = operator.functions.get_async_task(naming.REVOKE_FUNCTION, task)
        if state in handover.ENDED:
            operator.broker.sleep(PAUSE_SECONDS)
        for row in _new(_results(operator, order, began), told):
            tell(_line(row))
        if state in handover.ENDED:
            tell(f"task {state.lower()}")
            rows = _results(operator, order, began)
            if state != "Succeeded" or not _complete(rows):
                return FAILED
            nothing = _nothing_ended(rows)
            if nothing:
                tell(f"NOTHING ENDED: {nothing}")
            return FAILED if nothing else DONE
        operator.broker.sleep(PAUSE_SECONDS)


def _results(operator: Operator, order: Order, since: datetime) -> list[Row]:
    """How grants and order have ended so far, oldest first."""
    rows = operator.broker.audit_log.get_logs(
        f'trigger: "{order.trigger}" and phase: result and '
        f'(event_type: "{REVOKED}" or event_type: "{orders.EVENT}")',
        since - timedelta(minutes=1), operator.broker.now() + timedelta(minutes=15),
    )  # fmt: skip
    return sorted(rows, key=lambda row: int(row["time_ms"]))


def _new(rows: Iterable[Row], told: set[str]) -> list[Row]:
    found = [row for row in rows if row["event_id"] not in told]
    told |= {row["event_id"] for row in found}
    return found


def _line(row: Row) -> str:
    what = row["target_user"] or f"order, {row['message']}"
    why = f" ({row['error_code']})" if row["error_code"] else ""
    return f"{row['outcome']:8} {what}{why}"


def _complete(rows: Sequence[Row]) -> bool:
    """Whether the order itself ended well: a refusal ends its task well too."""
    ends = [row for row in rows if row["event_type"] == orders.EVENT]
    return bool(ends) and ends[-1]["outcome"] == "success"


def _nothing_ended(rows: Sequence[Row]) -> str:
    """Why an order that is done has ended no grant at all, which whoever mistyped it must not take
    for success; empty if it has ended one, in this run of it or in an earlier one."""
    (*_, last) = (row["message"] for row in rows if row["event_type"] == orders.EVENT)
    said = last.removeprefix(f"{LATE}; ")
    count, of, rest = said.partition(" of ")
    counted = bool(of) and count.isdigit() and rest.endswith(" ended")
    if (counted and int(count)) or any(row["event_type"] == REVOKED for row in rows):
        return ""
    return NO_MATCH if counted else said  # of one key the order says in words why not


def run(
    given: Sequence[str], environment: Mapping[str, str], tell: Callable[[str], None]
) -> int:
    """The whole command; its exit code."""
    options = arguments(given)
    operator = Operator.of(settings_module.read(environment), environment)
    order = order_of(options, operator.name, datetime.now(UTC))
    if isinstance(order, Denied):
        member = order.where.rpartition(".")[2]
        wanted = orders.expected(member) or REASONS[order.reason][1]
        raise ConfigError([f"{OPTIONS.get(member, '--' + member.replace('_', '-'))}: {wanted}"])
    if options.dry_run:
        return shown(operator, order, tell)
    task = ordered(operator, order, tell)
    return followed(operator, order, task, tell) if options.wait else DONE


def main(given: Sequence[str]) -> int:
    """Run it; one line for what is wrong."""
    failed: Callable[..., Any] = partial(print, file=sys.stderr)
    try:
        return run(given, os.environ, print)
    except ConfigError as err:
        failed("\n".join(err.problems))
    except KeyError as err:
        failed(f"{err.args[0]} is required: an operator's credentials")
    except TeaException as err:
        code = getattr(err, "code", "")
        failed(f"refused: {code}" if code else NO_ANSWER)
    except CloudUnknown:
        failed(NO_ANSWER)
    except AkwardenError as err:
        failed(f"refused: {err}")
    return UNUSABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
