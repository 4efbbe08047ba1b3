"""Any single tampering has exactly its class; lateness, doubles and cut ends have none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import digests
from shared.audit import row_hash
from shared.audit_verification import PULL, QUERY
from shared.digests import WINDOW_SECONDS
from shared.ports import Received
from tests.unit.audit_trails import COPY, FIRST, OWN, Trail, chain, mac, signed, trail, trails

BOTH = (QUERY, PULL)
VIEWS = st.sampled_from([(QUERY,), BOTH])  # what can be queried, or the storage itself


@given(trails())
def test_untouched_log_has_no_findings(log: Trail) -> None:
    """Duplicates, late rows and rows that no digest covers yet are no tampering."""
    assert () == log.verify().findings


@given(trails(), st.integers(0, 3))
def test_untouched_log_has_none_from_any_window_on(log: Trail, skipped: int) -> None:
    """A chain may have begun before the first window that is read."""
    since = FIRST + min(skipped, log.windows - 1)
    start = since * WINDOW_SECONDS
    for view in BOTH:
        log.views[view] = [r for r in log.views[view] if (r.received_at or 0) >= start]
    for place, held in log.places.items():
        log.places[place] = [s for s in held if (s.received_at or 0) >= start]

    assert () == log.verify(since).findings


@given(trails(), VIEWS, st.data())
def test_changed_byte_is_altered(log: Trail, views: Any, data: st.DataObject) -> None:
    """Whatever the field: content, number, link, hash, ids, the chain's own name."""
    victim = data.draw(st.sampled_from(log.covered()))
    name = data.draw(st.sampled_from(sorted(n for n, value in victim.items() if value)))
    at = data.draw(st.integers(0, len(victim[name]) - 1))
    byte = data.draw(st.sampled_from([c for c in "x7" if c != victim[name][at]]))
    changed = victim[name][:at] + byte + victim[name][at + 1 :]

    log.rewrite(lambda row: {**row, name: changed} if row == victim else row, views)

    assert {"altered"} == log.classes()


@given(trails(), VIEWS, st.data())
def test_dropped_row_is_missing(log: Trail, views: Any, data: st.DataObject) -> None:
    """Wherever it stood, a chain's only row included."""
    victim = data.draw(st.sampled_from(log.covered()))

    log.rewrite(lambda row: None if row == victim else row, views)

    assert {"missing"} == log.classes()


@given(trails(), VIEWS, st.data())
def test_dropped_chain_is_missing(log: Trail, views: Any, data: st.DataObject) -> None:
    """The digest remembers an attempt of which no row is left."""
    victim = data.draw(st.sampled_from(log.covered()))["chain_id"]

    log.rewrite(lambda row: None if row["chain_id"] == victim else row, views)

    assert {"missing"} == log.classes()


LINKS = [("seq",), ("prev_hash",), ("hash",), ("seq", "prev_hash"), ("prev_hash", "hash"),
         ("seq", "hash"), ("seq", "prev_hash", "hash")]  # fmt: skip


@given(trails(), VIEWS, st.sampled_from(LINKS), st.data())
def test_swapped_rows_are_reordered(
    log: Trail, views: Any, names: tuple[str, ...], data: st.DataObject
) -> None:
    """Two rows of a chain change places, with or without the hashes that go with them."""
    one = data.draw(st.sampled_from([row for row in log.covered() if row["seq"] == "0"]))
    rows = {int(r.row["seq"]): dict(r.row) for r in log.views[PULL]
            if r.row["chain_id"] == one["chain_id"]}  # fmt: skip
    low, high = sorted(data.draw(st.sets(st.sampled_from(sorted(rows)), min_size=2, max_size=2)))
    first, second = rows[low], rows[high]

    def swapped(row: Any) -> Any:
        other = {first["hash"]: second, second["hash"]: first}.get(row["hash"])
        return row if other is None else {**row, **{name: other[name] for name in names}}

    log.rewrite(swapped, views)

    assert {"reordered"} == log.classes()


@given(trails(), VIEWS, st.data())
def test_rehashed_chain_is_forged(log: Trail, views: Any, data: st.DataObject) -> None:
    """Whole in itself from the changed row to its end, but not what was signed."""
    victim = data.draw(st.sampled_from(log.covered()))
    ordered = {r.row["hash"]: dict(r.row) for r in log.views[PULL]
               if r.row["chain_id"] == victim["chain_id"]}  # fmt: skip
    made: dict[str, dict[str, str]] = {}
    last = ""
    for old, row in sorted(ordered.items(), key=lambda item: int(item[1]["seq"])):
        new = {**row, "prev_hash": last}
        if old == victim["hash"]:
            new["requester_id"] = "mallory"
        last = new["hash"] = row_hash(new)
        made[old] = new

    log.rewrite(lambda row: made.get(row["hash"], row), views)

    # A row that no digest covers yet is bound by its chain only, so that a query's other version
    # of it is what was not written.
    assert {"forged"} == log.classes()


@given(trails(), VIEWS, st.integers(1, 4), st.integers(2, 2 * WINDOW_SECONDS - 3))
def test_added_chain_is_forged(log: Trail, views: Any, length: int, second: int) -> None:
    """In time that is covered, but in no digest."""
    for view in views:
        log.views[view] += [Received(row, FIRST * WINDOW_SECONDS + second)
                            for row in chain("op-foreign", length)]  # fmt: skip

    assert {"forged"} == log.classes()


@given(trails(), st.data())
def test_digest_missing_everywhere_is_named_once(log: Trail, data: st.DataObject) -> None:
    """First, middle or last but one: the window has no digest, and its rows are not accused."""
    number = FIRST + data.draw(st.integers(0, log.windows - 2))
    for place, held in log.places.items():
        log.places[place] = [stored for stored in held if stored.number != number]

    found = log.verify().findings

    assert [("digest_missing", f"window {number}")] == [(f.kind, f.what) for f in found]


@given(trails(), st.sampled_from([COPY, OWN]), st.data())
def test_digest_missing_in_one_place_is_named_with_it(
    log: Trail, place: str, data: st.DataObject
) -> None:
    """The other place still proves the window's rows; the newest may be on its way."""
    number = FIRST + data.draw(st.integers(0, log.windows - 1))
    log.places[place] = [stored for stored in log.places[place] if stored.number != number]

    found = log.verify().findings

    assert [("digest_missing", f"window {number}", place)] == [
        (f.kind, f.what, f.where) for f in found
    ]


@given(trails(), st.sampled_from([(COPY,), (OWN,), (COPY, OWN)]), st.data())
def test_changed_document_is_digest_altered(log: Trail, places: Any, data: st.DataObject) -> None:
    """Any byte of it."""
    index = data.draw(st.integers(0, log.windows - 1))
    for place in places:
        stored = log.places[place][index]
        text = stored.text or ""
        at = data.draw(st.integers(0, len(text) - 1))
        byte = data.draw(st.sampled_from([c for c in "x7" if c != text[at]]))
        log.places[place][index] = replace(stored, text=text[:at] + byte + text[at + 1 :])

    assert {"digest_altered"} == log.classes()


@given(trails(), st.sampled_from([(COPY,), (OWN,), (COPY, OWN)]), st.data())
def test_digest_signed_by_another_key_is_forged(
    log: Trail, places: Any, data: st.DataObject
) -> None:
    """Even if it says what the real one says."""
    index = data.draw(st.integers(0, log.windows - 1))
    for place in places:
        stored = log.places[place][index]
        log.places[place][index] = replace(stored, mac=mac(stored.digest, b"another key"))

    assert {"forged"} == log.classes()


def two_chains() -> Trail:
    return trail([(chain("op-1", 3), 10), (chain("op-2", 2), WINDOW_SECONDS + 10)], 3)


def test_second_signed_digest_of_a_window_is_a_fork() -> None:
    """Which of the two is right cannot be told; rows of that window are not accused."""
    log = two_chains()
    other = signed(FIRST + 1, [], log.places[OWN][0].digest)
    log.places[OWN].insert(1, other)

    assert {"digest_forked"} == log.classes()


def test_digest_that_does_not_follow_the_former_is_a_fork() -> None:
    """A chain of digests begun anew in the middle, signed as it may be."""
    log = two_chains()
    for held in log.places.values():
        held[2] = signed(FIRST + 2, [], "")

    assert ["digest_forked"] == [f.kind for f in log.verify().findings]


def test_first_digests_that_are_gone_are_missing() -> None:
    """The oldest that is left says that there was one before it."""
    log = two_chains()
    for place in log.places:
        log.places[place] = log.places[place][1:]

    assert {"digest_missing"} == log.classes()


def test_no_digest_for_too_long_is_missing() -> None:
    """The newest digests may be late, not absent: an hour is more than any catching up takes."""
    log = two_chains()
    late = replace_now(log, 2 * WINDOW_SECONDS)
    gone = replace_now(log, 12 * WINDOW_SECONDS)

    assert [set(), {"digest_missing"}] == [late, gone]


def replace_now(log: Trail, more_seconds: int) -> set[str]:
    from shared import audit_verification

    genuine = {(s.key_id, s.digest, s.mac) for held in log.places.values() for s in held}
    report = audit_verification.verify(
        log.views, log.places, genuine=genuine, now_seconds=log.now + more_seconds
    )
    return {finding.kind for finding in report.findings}


def test_log_without_any_digest_is_not_clean() -> None:
    """Rows older than an hour, and nobody signed."""
    log = two_chains()
    log.places = {COPY: [], OWN: []}

    assert {"digest_missing"} == replace_now(log, 12 * WINDOW_SECONDS)


def test_rows_after_the_newest_digest_are_counted_only() -> None:
    """They are bound by their chain alone until then."""
    log = trail([(chain("op-1", 3), 10), (chain("op-2", 2), 2 * WINDOW_SECONDS + 5)], 2)

    report = log.verify()

    assert ((), 2, 5, 2, 2) == (
        report.findings, report.uncovered, report.rows, report.attempts, report.windows,
    )  # fmt: skip


def test_row_rewritten_with_its_own_hash_only_is_altered() -> None:
    """Its successor still names what it was."""
    log = two_chains()

    def rewritten(row: Any) -> Any:
        if (row["chain_id"], row["seq"]) != ("op-1/run", "1"):
            return row
        new = {**row, "requester_id": "mallory"}
        return {**new, "hash": row_hash(new)}

    log.rewrite(rewritten, BOTH)

    assert {"altered"} == log.classes()


def test_uncovered_row_that_a_query_shows_otherwise_is_altered() -> None:
    """No digest binds it, but it can still be pulled as it was written."""
    log = trail([(chain("op-1", 2), 10), (chain("op-2", 1), WINDOW_SECONDS + 5)], 1)

    def rewritten(row: Any) -> Any:
        new = {**row, "requester_id": "mallory"}
        return {**new, "hash": row_hash(new)} if row["operation_id"] == "op-2" else row

    log.rewrite(rewritten, (QUERY,))

    assert {"altered"} == log.classes()


def test_row_that_can_no_longer_be_queried_was_deleted() -> None:
    """The reason is told: it can still be pulled."""
    log = trail([(chain("op-1", 2), 10), (chain("op-2", 1), WINDOW_SECONDS + 5)], 1)

    log.rewrite(lambda row: None if row["operation_id"] == "op-2" else row, (QUERY,))

    (found,) = log.verify().findings
    assert ("missing", "row 0 was deleted after the fact") == (found.kind, found.detail)


@pytest.mark.parametrize("row", [
    {}, {"chain_id": "x"}, {"chain_id": "x", "seq": "²", "hash": "y"},
    {"chain_id": "x", "seq": "9" * 30, "hash": ""}, {"message": "hello"},
])  # fmt: skip
def test_row_that_is_none_of_ours_is_altered(row: dict[str, str]) -> None:
    """Whoever may write to the logstore may write anything; nothing of it breaks the reading."""
    log = trail([(chain("op-1", 2), 10), ([row], 20)], 1)

    assert {"altered"} == log.classes()


def test_huge_number_is_no_work() -> None:
    """A forged row may claim any place; what lies between is counted, not walked."""
    row = {"chain_id": "x", "seq": "999999999", "prev_hash": ""}
    log = trail([([{**row, "hash": row_hash(row)}], 20)], 1)

    assert "missing" in log.classes()
    assert 1 == digests.parse(log.places[OWN][0].text or "").attempts[0].rows  # type: ignore[union-attr]


@pytest.mark.parametrize("seq", range(4))
@pytest.mark.parametrize("name", sorted(n for n, value in chain("op", 2)[1].items() if value))
def test_changed_field_of_any_row_is_altered_and_nothing_else(name: str, seq: int) -> None:
    """Also a row that lost its number, or its chain's name: its place is not a missing row too."""
    for length in {4, seq + 1}:
        log = trail([(chain("op-1", length), 10), (chain("op-2", 1), 20)], 2)
        victim = log.covered()[seq]
        if victim[name]:
            changed = victim | {name: "9" + victim[name]}

            log.rewrite(lambda row: changed if row == victim else row, BOTH)  # noqa: B023

            assert {"altered"} == log.classes()


def rewritten_chain(**changes: Any) -> dict[str, str]:
    """The second row of op-1, changed and hashed anew."""
    new = dict(chain("op-1", 3)[1], **changes)
    return new | {"hash": row_hash(new)}


@pytest.mark.parametrize(("changes", "expected"), [
    ({"requester_id": "mallory"}, "altered"), ({"event_id": "another"}, "forged"),
])  # fmt: skip
def test_second_row_at_one_place_is_told_apart(changes: dict[str, str], expected: str) -> None:
    """One event with two contents was altered; another event at its place was slipped in."""
    log = two_chains()
    row = rewritten_chain(**changes)
    for view in BOTH:
        log.views[view].append(Received(row, log.now))

    assert {expected} == log.classes()


def test_links_in_another_order_are_reordered_even_if_hashed_anew() -> None:
    """A row that names its grandparent as its parent."""
    log = two_chains()
    rows = chain("op-1", 3)
    skipping = rewritten_chain(prev_hash=rows[2]["hash"])

    log.rewrite(lambda row: skipping if row == rows[1] else row, BOTH)

    assert "reordered" in log.classes()


def test_row_that_queries_cannot_show_yet_is_not_missed() -> None:
    """The index lags behind the storage, by minutes at most."""
    log = two_chains()
    young, old = (Received(chain(name, 1)[0], log.now - age) for name, age in
                  (("op-3", 100), ("op-4", 200)))  # fmt: skip
    log.views[PULL] += [young, old]

    assert [("missing", "op-4/run")] == [(f.kind, f.what) for f in log.verify().findings]


def test_row_that_only_queries_show_was_never_written() -> None:
    """Not yet covered, and in no shard."""
    log = two_chains()
    log.views[QUERY].append(Received(chain("op-3", 1)[0], log.now))

    (found,) = log.verify().findings
    assert ("altered", "row 0 was never written") == (found.kind, found.detail)


def test_beginning_that_is_gone_is_missing_where_it_was_read() -> None:
    """Only a chain that shows up soon after the first window read may have begun before it."""
    windows = 12
    log = trail([(chain("op-1", 3), 10), (chain("op-2", 3), 10 * WINDOW_SECONDS)], windows)
    log.rewrite(lambda row: None if row["seq"] == "0" else row, BOTH)
    for held in log.places.values():
        documents = []
        for stored in held:
            inside = [r for r in log.views[PULL]
                      if digests.window_of(r.received_at or 0) == stored.number]  # fmt: skip
            previous = documents[-1].digest if documents else "before"
            documents.append(signed(stored.number or 0, inside, previous))
        held[:] = documents

    assert [("missing", "op-2/run")] == [(f.kind, f.what) for f in log.verify(FIRST).findings]


def test_digest_just_written_may_be_on_its_way_to_the_other_place() -> None:
    """Or to the queries; after five minutes it is missing there."""
    log = two_chains()
    last = log.places[OWN].pop()
    log.places[COPY][-1] = replace(last, received_at=log.now - 100)
    young = log.classes()
    log.places[COPY][-1] = replace(last, received_at=log.now - 301)

    assert [set(), {"digest_missing"}] == [young, log.classes()]


def test_digest_whose_number_was_changed_is_altered_and_not_missing_too() -> None:
    """Its document still tells which window it is of."""
    log = two_chains()
    log.places[OWN][1] = replace(log.places[OWN][1], number=FIRST + 77)

    assert [("digest_altered", f"window {FIRST + 1}")] == [
        (f.kind, f.what) for f in log.verify().findings
    ]
