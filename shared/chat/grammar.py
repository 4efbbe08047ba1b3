"""What somebody typed, as a command, or what to tell them: `verb [id] name=value … [words]`.

Forgiving where chats change what was typed: typographic quotes and dashes, spaces that do not
break, links, mentions, entities. Verbs are known in English and Chinese. Never raises.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

HELP, WHOAMI, TEMPLATES, STATUS, LIST = "help", "whoami", "templates", "status", "list"
REQUEST, APPROVE, REJECT, CANCEL = "request", "approve", "reject", "cancel"
ROTATE, REVOKE, EXTEND = "rotate", "revoke", "extend"
BREAK_GLASS, REVIEW, SHOW = "break-glass", "review", "show"
DISABLE, ENABLE = "disable", "enable"
SHOWING = (HELP, WHOAMI, TEMPLATES, STATUS, LIST)  # what changes nothing


@dataclass(frozen=True)
class Verb:
    """`target`: whether an id must come (`None`: may not), `named`: the fields that it takes (None:
    any), `needed`: those that must be there; `words`: whether free words may end it. `other` are
    other spellings; `example` is one that works."""

    example: str
    target: bool | None = None
    named: tuple[str, ...] | None = ()
    needed: tuple[str, ...] = ()
    words: bool = False
    other: tuple[str, ...] = ()


VERBS: dict[str, Verb] = {
    HELP: Verb("help", words=True, other=("帮助", "?", "hi", "hello", "你好")),
    WHOAMI: Verb("whoami", other=("我是谁", "who", "me")),
    TEMPLATES: Verb("templates", other=("模板", "template")),
    REQUEST: Verb(
        "request app=orders env=dev template=sls-logstore-write project=orders-logs logstore=app "
        'usecase=on-premises readers=orders-reader ttl=30d confirm=yes reason="ship the logs"',
        named=None, needed=("application", "environment", "ttl", "purpose"),
        other=("申请", "ask", "new", "req"),
    ),
    STATUS: Verb("status AK-7Q2K-9FXM", target=False, other=("状态", "stat")),
    LIST: Verb("list pending app=orders", target=False, named=("application", "page"),
               other=("列表", "ls", "keys")),
    SHOW: Verb("show AK-7Q2K-9FXM", target=True, other=("details", "详情", "查看")),
    APPROVE: Verb("approve AK-7Q2K-9FXM", target=True, words=True, other=("同意", "批准", "ok")),
    REJECT: Verb("reject AK-7Q2K-9FXM too wide", target=True, words=True,
                 other=("拒绝", "deny", "decline")),
    CANCEL: Verb("cancel AK-7Q2K-9FXM", target=True, words=True, other=("取消", "withdraw")),
    ROTATE: Verb("rotate AK-7Q2K-9FXM", target=True, other=("轮换", "轮转")),
    REVOKE: Verb("revoke AK-7Q2K-9FXM reason=leaked", target=True, named=("purpose",), words=True,
                 other=("吊销", "撤销", "end", "delete")),
    DISABLE: Verb("disable AK-7Q2K-9FXM", target=True, other=("停用", "禁用", "pause")),
    ENABLE: Verb("enable AK-7Q2K-9FXM", target=True, other=("启用", "恢复", "resume")),
    EXTEND: Verb('extend AK-7Q2K-9FXM ttl=30d reason="still needed"', target=True,
                 named=("ttl", "purpose"), needed=("ttl", "purpose"), other=("延期", "renew")),
    BREAK_GLASS: Verb(
        "break-glass incident=PD-431 app=orders-pd431 env=prod template=oss-prefix-read "
        "bucket=orders-data prefix=exports/ ip=198.51.100.7 usecase=cli readers=orders-reader "
        'ttl=2h confirm=yes reason="orders are stuck"',
        named=None, needed=("application", "environment", "purpose", "incident"),
        other=("breakglass", "break_glass", "emergency", "紧急"),
    ),
    REVIEW: Verb("review AK-7Q2K-9FXM ticket=SEC-431", target=True, named=("ticket",),
                 needed=("ticket",), words=True, other=("复核",)),
}  # fmt: skip
# What people write for a field of a ticket; others stay as they are: parameters of the template.
FIELDS = {
    "app": "application", "env": "environment", "usecase": "use_case", "use-case": "use_case",
    "reason": "purpose", "why": "purpose", "ip": "source_ips", "ips": "source_ips",
    "confirm": "necessity_confirmed", "readers": "consumers", "reader": "consumers",
    "for": "beneficiary", "alternative": "alternative_considered", "应用": "application",
    "环境": "environment", "用途": "purpose", "原因": "purpose", "模板": "template",
    "有效期": "ttl",
}  # fmt: skip
# The shortest that people would write back.
SHORT = {"application": "app", "environment": "env", "purpose": "reason", "use_case": "usecase",
         "source_ips": "ip", "necessity_confirmed": "confirm", "consumers": "readers",
         "beneficiary": "for"}  # fmt: skip
LISTS = ("mine", "pending", "expiring", "all")
LONGEST = 4000

UNKNOWN_VERB, NO_TARGET, MISSING, TWICE = "unknown_verb", "no_target", "missing", "twice"
STRAY, UNKNOWN_FIELD, TOO_LONG = "stray", "unknown_field", "too_long"

_SPELLINGS = {other: verb for verb, one in VERBS.items() for other in (verb, *one.other)}
_TARGET = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._#-]{0,63}")
_FIELD = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_QUOTES = str.maketrans({**dict.fromkeys("“”„‟«»「」『』＂", '"'), **dict.fromkeys("‘’‚‛", "'")})
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"))
_LINK = re.compile(r"<(?:mailto:)?([^<>|]+)(?:\|[^<>]*)?>")
# In single quotes, one before a letter is an apostrophe.
_SINGLE = r"""'(?:[^'"]|'(?=\w))*'"""
_SINGLE_QUOTED = re.compile(_SINGLE)
_TOKEN = re.compile(
    rf"""[^\s"=]+="[^"]*(?:"|$)|[^\s"'=]+={_SINGLE}(?!\S)|"[^"]*(?:"|$)|[^\s"]+""")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))  # `&amp;lt;` is `&lt;`
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@dataclass(frozen=True)
class Command:
    """What is to be done: `target` is an id or, of `list`, one of LISTS; `fields` have a ticket's
    names; `words` is the free text at the end."""

    verb: str
    target: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    words: str = ""


@dataclass(frozen=True)
class Misread:
    """Why it is no command: `reason` is one of those above, `about` are names of verbs or fields of
    ours (never the text that was typed), `example` one that works."""

    reason: str
    about: tuple[str, ...] = ()
    example: str = VERBS[HELP].example


NOTHING_SAID = Misread(MISSING, (), VERBS[REQUEST].example)  # a request, and no more than that


def parse(typed: str) -> Command | Misread:
    """The command, or why it is none."""
    if len(typed) > LONGEST:
        return Misread(TOO_LONG)
    tokens = _TOKEN.findall(cleaned(typed))
    if not tokens:
        return Command(HELP)
    typed_verb = tokens[0].translate(_DASHES).casefold()
    name = _SPELLINGS.get(typed_verb)
    if name is None:
        near = difflib.get_close_matches(typed_verb, _SPELLINGS, 1, 0.6)
        verb = _SPELLINGS[near[0]] if near else HELP
        return Misread(UNKNOWN_VERB, (verb,) if near else (), VERBS[verb].example)
    return _read(name, VERBS[name], tokens[1:])


def _read(name: str, verb: Verb, tokens: list[str]) -> Command | Misread:
    fields: dict[str, str] = {}
    words: list[str] = []
    for token in tokens:
        key, value = _assignment(token)
        takes = bool(key) and (verb.named is None or key in verb.named)
        if not takes:
            if key and not verb.words:
                return Misread(UNKNOWN_FIELD, verb.named or (), verb.example)
            words.append(token.replace('"', ""))
        elif key in fields:
            return Misread(TWICE, (SHORT.get(key, key),), verb.example)
        else:
            fields[key] = value
    target = ""
    if verb.target is not None and words and _TARGET.fullmatch(words[0].translate(_DASHES)):
        target = words.pop(0).translate(_DASHES)
    if name == LIST and target and target not in LISTS:
        near = difflib.get_close_matches(target.casefold(), LISTS, 1, 0.6)
        return Misread(UNKNOWN_FIELD, tuple(near) or LISTS, verb.example)
    if verb.target and not target:
        return Misread(NO_TARGET, (), verb.example)
    if words and not verb.words:
        return Misread(STRAY, (), verb.example)
    # What is named without a value is missing, too: nobody names what they do not mean.
    lacking = tuple(dict.fromkeys(
        SHORT.get(key, key) for key in (*verb.needed, *fields) if not fields.get(key)))  # fmt: skip
    if lacking and not fields and name == REQUEST:
        return NOTHING_SAID
    if lacking:
        return Misread(MISSING, lacking, verb.example)
    return Command(name, target, fields, " ".join(" ".join(words).split()))


def _assignment(token: str) -> tuple[str, str]:
    """A field by our name, and its value; the first is empty if the token is a word."""
    key, equals, value = token.partition("=")
    key = key.translate(_DASHES).casefold()
    key = FIELDS.get(key, key)
    if not equals or not _FIELD.fullmatch(key):
        return "", ""
    text = value[1:-1] if _SINGLE_QUOTED.fullmatch(value) else value.strip('"')
    return key.replace("-", "_"), named(" ".join(text.split()))


def named(text: str) -> str:
    """One word of ASCII is a name, and has no other dashes than names have; prose keeps its own."""
    plain = text.translate(_DASHES)
    return plain if plain.isascii() and " " not in plain else text


def meant(found: Command | Misread) -> str:
    """The verb that was typed or, of what was misread, that its example is of."""
    if isinstance(found, Command):
        return found.verb
    return next(verb for verb, one in VERBS.items() if one.example == found.example)


def rendered(command: Command) -> str:
    """One way to type it, as a chat would send it on: parsing that gives an equal command."""
    named = [f'{SHORT.get(key, key)}="{value}"' for key, value in command.fields.items()]
    words = f'"{command.words}"' if command.words else ""  # else one of them might be a field
    text = " ".join(filter(None, [command.verb, command.target, *named, words]))
    for entity, character in reversed(_ENTITIES):
        text = text.replace(character, entity)
    return text


def cleaned(typed: str) -> str:
    """As it was meant: without what chats put in or change on the way."""
    text = _LINK.sub(lambda match: match[1], typed.translate(_QUOTES))
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    return "".join(" " if char.isspace() else char for char in text
                   if char.isspace() or unicodedata.category(char) not in _UNSEEN)  # fmt: skip
