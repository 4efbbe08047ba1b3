"""Was the audit log changed after the fact? Rows and digests in, findings out; reads nothing.

The log is judged as each *view* shows it (queries, and pulls, which no change or deletion reaches),
then the views are compared. One act of tampering has one class:

altered         a row's hash does not fit its content, or its successor does not name it; one event
                id stands for different contents; or a query shows what was never written
reordered       a row's content fits its hash at another place of its chain, or rows are linked in
                another order than their numbers say
missing         a number is left out of a chain; a chain ends before a digest says, or is not there
                at all; or a row can be pulled but no longer be queried
forged          a chain that is whole in itself and ends in another hash than was signed; two rows
                at one place of a chain; a chain that no digest of its time names; a digest whose
                MAC is not the key's
digest_missing  a window has no digest, or one of the places lacks it
digest_altered  a digest's text is not what its hash says, or parts of it are missing
digest_forked   two digests of one window, both signed, or one that does not follow the former one

Not findings: a row delivered twice, a row that arrives late, a chain that a crash cut short, rows
that are not covered yet (younger than the newest digest, or in a window whose digest is bad).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from shared import digests
from shared.audit import Row, row_hash
from shared.audit_places import Places, judge_places
from shared.digests import NO_SEQ, Attested
from shared.findings import ALTERED, FORGED, MISSING, REORDERED, Finding
from shared.ports import Received

QUERY, PULL = "query", "pull"
CLOCK_SLACK_SECONDS = 2  # between a row's receive time and the place of its group in the shard
INDEX_LAG_SECONDS = 180  # a row may be pulled this long before it can be queried
LONGEST_ATTEMPT_SECONDS = 3600  # a chain that began before `since` ends by then


@dataclass(frozen=True)
class Report:
    """What was looked at and what was found; `uncovered` counts rows that no digest binds yet."""

    findings: tuple[Finding, ...]
    rows: int
    attempts: int
    windows: int
    uncovered: int


@dataclass(frozen=True)
class Link:
    """A distinct row of a chain: where it says it stands, and whether its hash fits it."""

    row: Row
    received_at: int | None
    seq: int
    prev: str
    claimed: str
    fits: bool

    @classmethod
    def of(cls, received: Received) -> Link:
        row = received.row
        claimed, place = row.get("hash", ""), digests.seq(row)
        fits = row_hash(row) == claimed and place != NO_SEQ
        return cls(row, received.received_at, place, row.get("prev_hash", ""), claimed, fits)

    @property
    def event_id(self) -> str:
        return self.row.get("event_id", "")


@dataclass
class Chain:
    """The distinct rows of one attempt in one view, and what digests say of it, by window."""

    id: str
    links: list[Link] = field(default_factory=list)
    signed: dict[int, Attested] = field(default_factory=dict)

    @property
    def fitting(self) -> dict[int, list[Link]]:
        by_seq: dict[int, list[Link]] = defaultdict(list)
        for link in self.links:
            if link.fits:
                by_seq[link.seq].append(link)
        return by_seq


def verify(
    rows: Mapping[str, Sequence[Received]],
    places: Mapping[str, Sequence[digests.Stored]],
    *,
    genuine: AbstractSet[tuple[str, str, str]],
    now_seconds: int,
    since: int | None = None,
) -> Report:
    """Findings of what each view shows, `rows` by view and digests by place.

    `genuine` are the (key id, digest, MAC) that the key has confirmed; `since` is the first window
    that was read, None for the log from its beginning.
    """
    signed = judge_places(places, genuine=genuine, now_seconds=now_seconds, since=since,
                          rows_since=_oldest(rows))  # fmt: skip
    findings = list(signed.findings)
    by_view: dict[str, dict[str, list[Finding]]] = {}
    chains: dict[str, dict[str, Chain]] = {}
    for view, received in rows.items():
        chains[view] = _chains(received, signed)
        by_view[view] = _view_findings(view, chains[view], signed, since)
    if QUERY in chains and PULL in chains:
        by_view["both"] = _compared(chains, by_view, now_seconds)
    findings += _merged(by_view)
    ids = {name for view in chains.values() for name, chain in view.items() if chain.links}
    views = [_uncovered(view, signed) for view in chains.values()]
    return Report(tuple(findings), max((len(received) for received in rows.values()), default=0),
                  len(ids), len(signed.windows), max(views, default=0))  # fmt: skip


def _oldest(rows: Mapping[str, Sequence[Received]]) -> int | None:
    stamps = (r.received_at for received in rows.values() for r in received if r.received_at)
    return min(stamps, default=None)


def _chains(received: Sequence[Received], signed: Places) -> dict[str, Chain]:
    """Rows by chain, each content once, with the first time that it was received."""
    chains: dict[str, Chain] = {}
    first: dict[tuple[str, str], Received] = {}
    for entry in sorted(received, key=lambda r: r.received_at or 0):
        first.setdefault((row_hash(entry.row), entry.row.get("hash", "")), entry)
    for entry in first.values():
        name = entry.row.get("chain_id", "")
        chains.setdefault(name, Chain(name)).links.append(Link.of(entry))
    for number, document in signed.windows.items():
        for attested in document.attempts:
            if attested.last != NO_SEQ:
                name = attested.chain_id
                chains.setdefault(name, Chain(name)).signed[number] = attested
    return chains


# -- one view -------------------------------------------------------------------------------


def _view_findings(
    view: str, chains: Mapping[str, Chain], signed: Places, since: int | None
) -> dict[str, list[Finding]]:
    # Hashes of rows that do not fit: such a row may have lost its number or its chain's name, and
    # the place that it left is then not also a missing row.
    displaced = {ln.claimed for chain in chains.values() for ln in chain.links if not ln.fits}
    repeated = _repeated_ids(chains)
    found: dict[str, list[Finding]] = {}
    for name, chain in chains.items():
        inner = [
            *_unfit(chain), *_conflicts(chain, repeated), *_gaps(chain, displaced, since),
            *_broken_links(chain),
        ]  # fmt: skip
        judged = inner or list(_unsigned(chain, signed))
        if judged:
            found[name] = [Finding(k, name, where=view, detail=text) for k, text in judged]
    return found


Judged = tuple[str, str]  # class and detail


def _unfit(chain: Chain) -> Iterator[Judged]:
    """Rows whose hash does not fit, told apart by whether it fits elsewhere in the chain."""
    bad = [link for link in chain.links if not link.fits]
    if not bad:
        return
    every = [(link.row.get("seq", ""), link.prev) for link in chain.links]
    hashes = {link.claimed for link in chain.links}
    for link in bad:
        own = (link.row.get("seq", ""), link.prev)
        here = {other.claimed for other in chain.links if other is not link}
        candidates = {p for s, h in every for p in ((s, h), (s, own[1]), (own[0], h))} - {own}
        fits_elsewhere = row_hash(link.row) in here or any(
            row_hash({**link.row, "seq": s, "prev_hash": h}) in hashes for s, h in candidates
        )
        yield (REORDERED if fits_elsewhere else ALTERED), f"row {link.seq} ({link.event_id})"


def _repeated_ids(chains: Mapping[str, Chain]) -> set[str]:
    """Event ids under which several contents stand, each with a hash that fits it."""
    contents: dict[str, set[str]] = defaultdict(set)
    for chain in chains.values():
        for link in chain.links:
            if link.fits:
                contents[link.event_id].add(link.claimed)
    return {event_id for event_id, hashes in contents.items() if len(hashes) > 1}


def _conflicts(chain: Chain, repeated: set[str]) -> Iterator[Judged]:
    for place, links in sorted(chain.fitting.items()):
        ids = {link.event_id for link in links}
        if ids & repeated:
            yield ALTERED, f"row {place}: one event id, several contents"
        elif len(links) > 1:
            yield FORGED, f"row {place}: two rows at one place"


def _gaps(chain: Chain, displaced: set[str], since: int | None) -> Iterator[Judged]:
    """Numbers that nobody holds, up to the highest that is known from a row or a digest."""
    fitting = chain.fitting
    ends = {attested.last: attested.last_hash for attested in chain.signed.values()}
    known = sorted({*fitting, *ends, _before(chain, since)})
    unfit = {link.seq for link in chain.links if not link.fits}
    for low, high in itertools.pairwise(known):
        absent = high - low - 1 + (high not in fitting)
        absent -= sum(low < place <= high for place in unfit - set(fitting))
        absent -= any(link.prev in displaced for link in fitting.get(high, ()) if high - 1 > low
                      and high - 1 not in unfit)  # fmt: skip
        absent -= high not in fitting and high not in unfit and ends.get(high) in displaced
        if absent > 0:
            yield MISSING, f"{absent} of the rows {low + 1} to {high}"


def _before(chain: Chain, since: int | None) -> int:
    """The number before the first one that must be there: a chain may have begun before the first
    window that was read, if it shows up soon after it."""
    if since is None:
        return -1
    stamps = [link.received_at for link in chain.links if link.received_at is not None]
    soon = since * digests.WINDOW_SECONDS + LONGEST_ATTEMPT_SECONDS
    early = min(stamps, default=soon) < soon or min(chain.signed, default=since) <= since + 6
    firsts = [*chain.fitting, *(attested.first for attested in chain.signed.values())]
    return min(firsts, default=0) - 1 if early else -1


def _broken_links(chain: Chain) -> Iterator[Judged]:
    fitting = chain.fitting
    hashes = {link.claimed for link in chain.links}
    for place, links in sorted(fitting.items()):
        before = fitting.get(place - 1, [])
        for link in links:
            expected = {earlier.claimed for earlier in before} if place else {""}
            if expected and link.prev not in expected:
                kind = REORDERED if link.prev in hashes else ALTERED
                yield kind, f"row {place} does not follow row {place - 1}"


def _unsigned(chain: Chain, signed: Places) -> Iterator[Judged]:
    """Of a chain that is whole in itself: what digests say of its head and of its being there."""
    fitting = chain.fitting
    for number, attested in sorted(chain.signed.items()):
        heads = {link.claimed for link in fitting.get(attested.last, ())}
        if heads and attested.last_hash not in heads:
            yield FORGED, f"row {attested.last} is not the one that window {number} signed"
            return
    unnamed = [link for link in chain.links if _named(chain, link, signed) is False]
    if unnamed:
        yield FORGED, f"row {unnamed[0].seq} was in no digest of its time"


def _named(chain: Chain, link: Link, signed: Places) -> bool | None:
    """Whether a digest binds this row; None while that is not to be expected."""
    if any(attested.last >= link.seq for attested in chain.signed.values()):
        return True
    if link.received_at is None:
        return None
    around = {digests.window_of(link.received_at + s) for s in
              (-CLOCK_SLACK_SECONDS, 0, CLOCK_SLACK_SECONDS)}  # fmt: skip
    return False if around <= signed.sure else None


def _uncovered(chains: Mapping[str, Chain], signed: Places) -> int:
    return sum(
        _named(chain, link, signed) is not True
        for chain in chains.values() for link in chain.links
    )  # fmt: skip


# -- both views -----------------------------------------------------------------------------


def _compared(
    chains: Mapping[str, Mapping[str, Chain]],
    known: Mapping[str, Mapping[str, Sequence[Finding]]],
    now_seconds: int,
) -> dict[str, list[Finding]]:
    """What only the difference shows; chains that a view itself convicts are left out."""
    shown, written = _contents(chains[QUERY]), _contents(chains[PULL])
    convicted = {*known[QUERY], *known[PULL]}
    found: dict[str, list[Finding]] = defaultdict(list)
    for name, link in _rows_of(chains[PULL], convicted):
        young = (link.received_at or 0) >= now_seconds - INDEX_LAG_SECONDS
        if link.event_id not in shown and not young:
            found[name].append(_by_query(MISSING, name, link, "was deleted after the fact"))
        elif link.event_id in shown and link.claimed not in shown[link.event_id]:
            found[name].append(_by_query(ALTERED, name, link, "was written otherwise"))
    for name, link in _rows_of(chains[QUERY], convicted):
        if link.event_id not in written:
            found[name].append(_by_query(ALTERED, name, link, "was never written"))
    return found


def _by_query(kind: str, chain_id: str, link: Link, text: str) -> Finding:
    return Finding(kind, chain_id, QUERY, f"row {link.seq} {text}")


def _contents(chains: Mapping[str, Chain]) -> dict[str, set[str]]:
    """The hashes under each event id."""
    contents: dict[str, set[str]] = defaultdict(set)
    for chain in chains.values():
        for link in chain.links:
            contents[link.event_id].add(link.claimed)
    return contents


def _rows_of(
    chains: Mapping[str, Chain], without: AbstractSet[str]
) -> Iterator[tuple[str, Link]]:
    return ((name, link) for name, chain in chains.items() if name not in without
            for link in chain.links)  # fmt: skip


def _merged(by_view: Mapping[str, Mapping[str, Sequence[Finding]]]) -> list[Finding]:
    """Each finding once, with all views that show it."""
    where: dict[tuple[str, str, str], list[str]] = {}
    for view in by_view.values():
        for findings in view.values():
            for f in findings:
                views = where.setdefault((f.kind, f.what, f.detail), [])
                if f.where not in views:
                    views.append(f.where)
    return [Finding(k, what, " and ".join(views), detail)
            for (k, what, detail), views in sorted(where.items())]  # fmt: skip
