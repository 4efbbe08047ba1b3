"""Finds text like an AccessKey in what people paste into tickets, before it goes anywhere.

Looks for AccessKey ids (`LTAI…`), temporary ids (`STS.…`, `TMP.…`) and 30-character values with
a label such as `AccessKeySecret`. A secret without its id or a label looks like any random text
and is not found, nor is one that was encoded beyond JSON and URL escapes (base64, say).
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

# An id has 16 to 24 characters after RAM's samples; 16 in all is the shortest seen.
_ID = re.compile(r"LTAI[A-Za-z0-9]{12,}")
_TEMPORARY_ID = re.compile(r"(?:STS|TMP)\.[A-Za-z0-9]{16,}")
# Between label and value: quotes, colons, equals signs, and a word such as "is".
_LABELLED_SECRET = re.compile(
    r"(?:access[\s_-]{0,3}key[\s_-]{0,3}secret|access[\s_-]{0,3}secret|secret[\s_-]{0,3}access[\s_-]{0,3}key"
    r"|secret[\s_-]{0,3}key|(?<![a-z])secret|(?<![a-z])sk|密文|密钥|秘钥)"
    r"(?:[\W_]|\bis\b|\bvalue\b|是|为){1,16}"
    r"(?<![A-Za-z0-9])[A-Za-z0-9]{30}(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_BARE_SECRET = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{30}(?![A-Za-z0-9])")
MOST_IDS = 10  # of one text that are acted on
# What changes nothing of how a text looks: control and format characters, variation selectors.
_UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Mn")
# The look-behind: without it, a run of n backslashes would be tried from each of them, n² steps.
_JSON_ESCAPE = re.compile(r"(?<!\\)\\+u([0-9A-Fa-f]{4})")
_JSON_SPACE = re.compile(r"(?<!\\)\\+[nrt]")


def holds_access_key(text: str) -> bool:
    """Whether the text, as given or with its escapes undone, holds something like a key."""
    return any(
        pattern.search(form)
        for form in _forms(text)
        for pattern in (_ID, _TEMPORARY_ID, _LABELLED_SECRET)
    )


def ids_with_secret(text: str) -> tuple[str, ...]:
    """The ids of keys that stand there beside something like a secret; none if there is no such
    thing. An id alone is no secret, and must not be enough to have its key cut."""
    seen = _forms(text)[-1]
    if not _BARE_SECRET.search(_ID.sub(" ", seen)):
        return ()
    return tuple(dict.fromkeys(_ID.findall(seen)))[:MOST_IDS]


def is_access_key_id(text: str) -> bool:
    """Whether the whole text is of the form of an AccessKey id."""
    return bool(_ID.fullmatch(text))


def _forms(text: str) -> tuple[str, ...]:
    """The text as it stands, and as a reader would see it: `\\u004c`, `%4C` and `Ｌ` are an L."""
    unescaped = _JSON_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    unescaped = _JSON_SPACE.sub(" ", unescaped)
    unquoted = unquote(unescaped, errors="replace")
    folded = unicodedata.normalize("NFKC", unquoted)
    seen = "".join(c for c in folded if unicodedata.category(c) not in _UNSEEN or c.isspace())
    return text, unescaped, seen


def shortened(key_id: str) -> str:
    """Of an id: enough to tell keys apart."""
    return f"{key_id[:4]}…{key_id[-4:]}" if key_id else "?"
