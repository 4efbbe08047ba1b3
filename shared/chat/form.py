"""The form of a request: what it asks, with which choices, and what is wrong with its answers.

Of no chat in particular: each shows it in its own way. What was filled in becomes the very text
that could have been typed, so that from there on there is one way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared import forms
from shared.chat import grammar, terms, words
from shared.chat.grammar import Command
from shared.chat.messages import Filled
from shared.chat.terms import Terms
from shared.fields import Refused
from shared.refusals import Denied
from shared.use_cases import ALTERNATIVES

LINE, LINES, CHOICE, TICK = "line", "lines", "choice", "tick"
YES = "yes"
PARAMETERS = "parameters"  # the one question that is no field of a ticket
LIFETIME = "30d"
_PARAMETER = re.compile(r"[a-z][a-z0-9_]{0,31}")
_TAKEN = frozenset({*forms.NAMES, *grammar.FIELDS, PARAMETERS})
# Where a ticket's members stand in the form, by how the place of a refusal begins.
_PLACES = {"ttl": "ttl", "network": "source_ips", "consumers": "consumers",
           "permissions[0].parameters": PARAMETERS, "permissions": "template"}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """`field` is a ticket's, or PARAMETERS; `kind` says how it is answered, `label` is a sentence's
    key. `choices` are the values of a CHOICE or TICK, `initial` what stands there at first."""

    field: str
    label: str
    kind: str = LINE
    needed: bool = True
    longest: int = 300
    choices: tuple[str, ...] = ()
    initial: str = ""


@dataclass(frozen=True)
class Form:
    """The form, by the rules and templates of today."""

    terms: Terms
    language: str

    def questions(self) -> tuple[Question, ...]:
        """In order; none if no chat may approve anywhere."""
        environments = tuple(sorted(filter(
            self.terms.may_be_approved, self.terms.rules.environments)))  # fmt: skip
        if not environments:
            return ()
        templates = sorted({name for one in environments
                            for name in self.terms.rules.environments[one].templates})  # fmt: skip
        return (
            Question("application", "form_application", longest=39),
            Question("environment", "form_environment", CHOICE, choices=environments),
            Question("template", "form_template", CHOICE, choices=tuple(templates)),
            Question(PARAMETERS, "form_parameters", LINES, needed=False, longest=1000),
            Question("ttl", "form_ttl", longest=10, initial=LIFETIME),
            Question("purpose", "form_purpose", LINES, longest=500),
            Question("use_case", "form_use_case", CHOICE, choices=tuple(ALTERNATIVES)),
            Question("consumers", "form_consumers", needed=False),
            Question("source_ips", "form_source_ips", needed=False),
            # Not needed by the form: left out, the way to do without a key is told.
            Question("necessity_confirmed", "form_necessity", TICK, needed=False, choices=(YES,)),
            Question("alternative_considered", "form_alternative", LINES, needed=False,
                     longest=500),
        )  # fmt: skip

    def read(self, filled: Filled, who: str) -> Command | dict[str, str]:
        """The command that it is; else by field what is wrong: all that is missing, or the first
        thing that could not be served. Never raises."""
        questions, written = self.questions(), filled.fields
        given = {one.field: _plain(written.get(one.field, "")) for one in questions}
        missing = words.say(self.language, "form_needed")
        lacking = {one.field: missing for one in questions if one.needed and not given[one.field]}
        if lacking:
            return lacking
        try:
            parameters = _parameters(written.get(PARAMETERS, ""))
            fields = {k: v for k, v in given.items() if k != PARAMETERS and v} | parameters
            denied = self._refusal(fields, filled, who)
        except Refused as refused:
            denied = refused.denied
        if denied:
            return {_place(denied.where): words.refused(self.language, denied)}
        command = Command(grammar.REQUEST, "", fields)
        if grammar.parse(grammar.rendered(command)) != command:  # too long, or not to be typed
            return {"purpose": words.say(self.language, grammar.TOO_LONG)}
        return command

    def _refusal(self, fields: Mapping[str, str], filled: Filled, who: str) -> Denied | None:
        content = forms.content(fields, account_id=self.terms.assets.account_id)
        ticket = terms.ticket_of(content, id="AK-FORM", url=filled.message.url,
                                 kind=filled.message.kind, who=who)  # fmt: skip
        return ticket if isinstance(ticket, Denied) else self.terms.refusal(ticket)


def _plain(text: str) -> str:
    """On one line, with quotes that do not end a typed value, as the grammar would read it."""
    return grammar.named(" ".join(grammar.cleaned(text).replace('"', "'").split()))


def _parameters(text: str) -> dict[str, str]:
    """Of each line `name=value`; raises Refused for others, and for names that are none of a
    template's parameters but a field's."""
    found: dict[str, str] = {}
    for line in filter(None, map(_plain, text.splitlines())):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not _PARAMETER.fullmatch(name) or name in _TAKEN or name in found:
            raise Refused("invalid_value", "permissions[0].parameters")
        if value:
            found[name] = grammar.named(value)
    return found


def _place(where: str) -> str:
    """The question that a refusal is about; the first one where it is about none."""
    known = ("application", "environment", "use_case", "purpose", "alternative_considered",
             "necessity_confirmed", "template")  # fmt: skip
    if where in known:
        return where
    return next((ours for start, ours in _PLACES.items() if where.startswith(start)), known[0])
