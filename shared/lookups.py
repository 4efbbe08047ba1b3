"""What people may look up in a chat: what is theirs, and what may be asked for. Read-only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared import chat_log
from shared.chat import grammar, offers, words
from shared.chat.grammar import LISTS, Command, Misread
from shared.chat.messages import Message, Reply
from shared.chat_log import EXPIRING, Grant, is_theirs, may_see
from shared.hints import CHATS
from shared.people import People
from shared.ports import AuditLog
from shared.rules import Environment, Rules
from shared.templates import Template

PAGE = 10
MINE, PENDING, SOON, EVERY = LISTS


@dataclass(frozen=True)
class Shelf:
    """What lookups read."""

    people: People
    rules: Rules
    templates: Mapping[str, Template]
    language: str
    audit_log: AuditLog
    now: Callable[[], datetime]

    def say(self, key: str, **values: object) -> str:
        return words.say(self.language, key, **values)


def answer(shelf: Shelf, message: Message) -> Reply:
    """For whoever asked, alone."""
    if message.tell:
        return Reply(shelf.say(message.tell))
    who = shelf.people.of(message.kind, message.person)
    if not who:
        return Reply(shelf.say("unknown_person", person=message.person))
    command = grammar.parse(message.text)
    if message.kind not in CHATS and (told := _unsigned(shelf, command)):
        return Reply(told)
    if isinstance(command, Misread):
        return Reply(words.misread(shelf.language, command))
    found = {
        grammar.WHOAMI: _whoami, grammar.TEMPLATES: _templates, grammar.STATUS: _status,
        grammar.LIST: _list, grammar.HELP: _help,
    }[command.verb](shelf, who, command)  # fmt: skip
    return Reply(found)


def _unsigned(shelf: Shelf, command: Command | Misread) -> str:
    """What is said where nothing is signed: of all that changes something, even if it was misread,
    that this is not the place; help names no more than what is shown here. Else empty."""
    verb = grammar.meant(command)
    if verb == grammar.HELP:
        return f"{words.help_text(shelf.language, grammar.SHOWING)}\n{shelf.say('not_signed')}"
    return "" if verb in grammar.SHOWING else shelf.say("not_signed")


def _help(shelf: Shelf, who: str, command: Command) -> str:
    return words.help_text(shelf.language)


def _whoami(shelf: Shelf, who: str, command: Command) -> str:
    person = shelf.rules.person(who)
    approves = [_approves(shelf, person, environment)
                for _, environment in sorted(shelf.rules.environments.items())
                if person in environment.everybody]  # fmt: skip
    return shelf.say("you_are", person=who,
                     approves=", ".join(approves) or shelf.say("nothing_to_approve"))  # fmt: skip


def _approves(shelf: Shelf, person: str, environment: Environment) -> str:
    """An environment's name, and for which applications somebody may not approve there."""
    others = sorted(name for name in environment.approvers_of_application
                    if person not in environment.of(name).everybody)  # fmt: skip
    return environment.name if not others else shelf.say(
        "but_not_for", environment=environment.name, applications=", ".join(others))


def _templates(shelf: Shelf, who: str, command: Command) -> str:
    return "\n".join(
        shelf.say("template", name=name,
                  parameters=" ".join(f"{p}=…" for p in one.parameters) or "-")
        for name, one in sorted(shelf.templates.items())
    )  # fmt: skip


def _status(shelf: Shelf, who: str, command: Command) -> str:
    if not command.target:
        return _list(shelf, who, Command(grammar.LIST, MINE))
    found = [one for one in chat_log.grants(shelf.audit_log, shelf.now(), ticket=command.target)
             if may_see(shelf.rules, shelf.people, who, one)]  # fmt: skip
    if found:
        return "\n".join(_line(shelf, one) for one in found)
    rows = [row for row in chat_log.of_ticket(shelf.audit_log, command.target, shelf.now())
            if _may_see_row(shelf, who, row)]  # fmt: skip
    state = chat_log.state_of(rows)
    if state == "was_refused":
        reason = chat_log.refusals(rows)[0]["reason"]
        return shelf.say("refused_because", ticket=command.target, reason=reason)
    if state:
        return shelf.say(state, ticket=command.target)
    asked = [row for row in rows if row["event_type"] == chat_log.REQUESTED]
    if not asked:
        return shelf.say("nothing_found")
    over = chat_log.moment(asked[0]) + offers.LIFETIME <= shelf.now()
    return shelf.say("ran_out", ticket=command.target) if over else _waiting(shelf, asked[0])


def _list(shelf: Shelf, who: str, command: Command) -> str:
    application = command.fields.get("application", "")
    if not all(char.isalnum() or char == "-" for char in application):
        return shelf.say("nothing_found")
    wanted = command.target or MINE
    if wanted == PENDING:
        lines = [_waiting(shelf, row) for row in chat_log.pending(shelf.audit_log, shelf.now())
                 if _may_see_row(shelf, who, row) and application in ("", row["application"])]
    else:
        lines = [_line(shelf, one) for one in _grants(shelf, who, wanted, application)]
    return _paged(shelf, lines, command.fields.get("page", "1"))


def _grants(shelf: Shelf, who: str, wanted: str, application: str) -> list[Grant]:
    found = [one for one in chat_log.grants(shelf.audit_log, shelf.now(), application=application)
             if may_see(shelf.rules, shelf.people, who, one)]  # fmt: skip
    if wanted != EVERY:
        found = [one for one in found if not one.ended]
    if wanted == MINE:
        return [one for one in found if is_theirs(shelf.rules, shelf.people, who, one)]
    if wanted == SOON:
        soon = chat_log.tickets_with(shelf.audit_log, EXPIRING, shelf.now())
        return [one for one in found if (one.source, one.ticket) in soon]
    return found


def _may_see_row(shelf: Shelf, who: str, row: Mapping[str, str]) -> bool:
    asked = Grant(row["ticket_system"], "", row["application"], row["environment"],
                  row["requester_id"], "", "", ended=False)  # fmt: skip
    return may_see(shelf.rules, shelf.people, who, asked)


def _line(shelf: Shelf, one: Grant) -> str:
    return shelf.say("grant", ticket=one.ticket, application=one.application,
                     environment=one.environment, requester=one.requester, date=one.issued_at,
                     state=shelf.say("ended" if one.ended else
                                     "disabled" if one.disabled else "live"))  # fmt: skip


def _waiting(shelf: Shelf, row: Mapping[str, str]) -> str:
    return shelf.say("waiting", ticket=row["ticket_id"], application=row["application"],
                     environment=row["environment"], requester=row["requester_id"])  # fmt: skip


def _paged(shelf: Shelf, lines: list[str], page: str) -> str:
    number = int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 5 else 1
    number = max(number, 1)
    first = (number - 1) * PAGE
    shown = lines[first : first + PAGE]
    left = len(lines) - first - len(shown)
    if left > 0:
        shown.append(shelf.say("more", left=left, page=number + 1))
    return "\n".join(shown) or shelf.say("nothing_found")
