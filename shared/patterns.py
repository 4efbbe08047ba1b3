"""Wildcard patterns compared with each other: can one string match both?

RAM grants by pattern, so a check against our own assets must ask about patterns, not about equal
texts: `secret/a*` reaches `secret/akw/*` although neither is a prefix written out in the other.
"""

from __future__ import annotations


def overlap(a: str, b: str) -> bool:
    """Whether some string matches both patterns; `*` is any text, `?` any one character.

    Exact, in len(a) x len(b) steps: row i, column j says whether a[i:] and b[j:] overlap. Most
    pairs differ before their first `*` and need no table: every cold start compares hundreds.
    """
    for one, other in zip(a, b, strict=False):
        if "*" in (one, other):
            break
        if one != other and "?" not in (one, other):
            return False
    below = [False] * (len(b) + 1)
    for i in range(len(a), -1, -1):
        row = [False] * (len(b) + 1)
        for j in range(len(b), -1, -1):
            row[j] = _overlap_from(a, b, i, j, row, below)
        below = row
    return below[0]


def _overlap_from(
    a: str, b: str, i: int, j: int, row: list[bool], below: list[bool]
) -> bool:
    """One cell; `row[j + 1]` has one character of b less, `below[j]` one of a."""
    if i == len(a) and j == len(b):
        return True
    if i < len(a) and a[i] == "*":
        return below[j] or (j < len(b) and row[j + 1])
    if j < len(b) and b[j] == "*":
        return row[j + 1] or (i < len(a) and below[j])
    if i == len(a) or j == len(b):
        return False
    return (a[i] == b[j] or "?" in (a[i], b[j])) and below[j + 1]


def resources_overlap(a: str, b: str) -> bool:
    """Whether two RAM resource patterns (`acs:service:region:account:id`) can name one resource.

    Compared segment by segment, as no segment before the id can hold a colon; an empty region or
    account stands for any. A shorter pattern, such as `*`, is compared as a whole. Case is
    ignored: RAM folds it in some names, and a refusal too many does no harm.
    """
    one, other = a.casefold().split(":", 4), b.casefold().split(":", 4)
    if len(one) != 5 or len(other) != 5:
        return overlap(a.casefold(), b.casefold())
    return all(
        (index in (2, 3) and "" in pair) or overlap(*pair)
        for index, pair in enumerate(zip(one, other, strict=True))
    )
