"""What may come of a request, whichever vendor tells of it: said here from the story alone, apart
from the code that reads records and counts votes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from shared.resumption import Issued
from tests.unit.fetching_scene import Scene
from tests.unit.samples import NOW
from tests.unit.stories import (
    APPROVES,
    PEOPLE,
    RECORDS,
    REJECTS,
    REVISES,
    TELLS,
    Act,
    Story,
    people,
)
from tests.unit.strategies import stories, thorough
from tests.unit.whole_way import Way

MAY_APPROVE = {"carol", "dave", "erin"}  # in prod, of those that people.toml knows
QUORUM, MOST_AGE, SKEW = 2, timedelta(days=1), timedelta(minutes=10)


def way(kind: str) -> Way:
    return Way(Scene(kind=kind, people=people()))


def issues(here: Way, story: Story) -> bool:
    """Whether a look at the record, as it tells the story, leads to a key."""
    kind = here.scene.kind
    here.scene.records[RECORDS[kind]] = TELLS[kind](story)
    return any(isinstance(outcome, Issued) for outcome in here.look(RECORDS[kind]))


@pytest.mark.parametrize("kind", TELLS)
@given(story=stories())
@thorough
def test_key_is_for_what_enough_others_have_approved_and_nobody_rejected(
    kind: str, story: Story
) -> None:
    here = way(kind)

    issued = issues(here, story)

    assert may_issue(story) is issued
    assert issued is bool(here.cloud.keys)
    event("issued" if issued else "not issued")


def may_issue(story: Story) -> bool:
    """Distinct people of ours who may approve, neither ask nor get it, and have seen what is asked
    for by now; lately. A clock that is far ahead makes all ages doubtful."""
    asking = {PEOPLE[story.requester], PEOPLE.get(story.beneficiary, "")}
    if not PEOPLE[story.requester] or any(vetoes(act) for act in story.acts):
        return False
    revised = max((n for n, act in enumerate(story.acts) if act.does == REVISES), default=-1)
    given = [act for act in story.acts[revised + 1:] if act.does == APPROVES and not act.touched
             and act.person in MAY_APPROVE - asking]  # fmt: skip
    if any(act.at > NOW + SKEW for act in given):
        return False
    return len({act.person for act in given if act.at >= NOW - MOST_AGE}) >= QUORUM


def vetoes(act: Act) -> bool:
    return act.does == REJECTS and act.person in MAY_APPROVE


@given(story=stories(), looked_after=st.integers(0, 3))
@thorough
def test_rejection_that_was_seen_is_as_good_as_one_that_is_there(
    story: Story, looked_after: int
) -> None:
    """All those of GitHub's comments are deleted after a first look."""
    here = way("github")
    before, after = story.acts[:looked_after], story.acts[looked_after:]

    first = issues(here, replace(story, acts=before))
    left = tuple(act for act in before if act.does != REJECTS)
    issues(here, replace(story, acts=left + after))

    assert may_issue(replace(story, acts=before)) is first
    assert (first or may_issue(story)) is bool(here.cloud.keys)
