"""The leak search itself: it must find what is there, or every green test above is worthless."""

from __future__ import annotations

import base64
import json
import urllib.parse
from pathlib import Path

import pytest

from demo import actors, leaks
from tests.e2e.conftest import Scene, furnish

SECRET = 'a/Secret+with "signs" = 30'


@pytest.mark.parametrize("text", [
    SECRET,
    json.dumps({"key": SECRET}),
    json.dumps({"body": json.dumps({"key": SECRET})}),
    SECRET.encode().hex(),
    urllib.parse.quote(SECRET, safe=""),
    urllib.parse.quote_plus(SECRET),
    *(base64.b64encode(b"x" * n + SECRET.encode() + b"tail").decode() for n in range(4)),
    SECRET[::-1],
])  # fmt: skip
def test_disguised_secret_is_found(text: str) -> None:
    """Raw, JSON-escaped once and twice, hex, URL-encoded, base64 at any alignment, reversed."""
    found = leaks.found_in([("sink", f"before {text} after")], [SECRET])

    assert found == ["sink"]


def test_innocent_text_is_not_reported() -> None:
    """A search that finds everything proves nothing either."""
    assert leaks.found_in([("sink", "the key is LTAI5tAbCdEfGhIjKlMnOpQr")], [SECRET]) == []


def test_deliberate_leak_of_a_real_key_is_caught(scene: Scene) -> None:
    """A key's secret in a file or a reply is found by the very check that ends every test."""
    scene.deliver(scene.body())
    name = scene.outcome()["secret_name"]
    key = actors.read_key(scene.stage, actors.assume(scene.stage, actors.READER), name)
    spilled = Path(scene.stage.scratch) / "spilled.log"
    spilled.write_text(f"handled {base64.b64encode(key.secret.encode()).decode()}")

    with pytest.raises(AssertionError) as caught:
        leaks.assert_none(scene.stage, [json.dumps({"oops": key.secret})])

    spilled.unlink()
    assert "HTTP reply" in str(caught.value)
    assert "spilled.log" in str(caught.value)


def test_functions_get_a_scratch_folder_that_is_searched(scene: Scene) -> None:
    """Otherwise the search of files would look where nobody writes."""
    described = scene.stage.manage("GET", "/functions")["functions"]

    assert {f["name"] for f in described} == {
        "akw-approval", "akw-chatops", "akw-command", "akw-lookup", "akw-notify", "akw-fetch",
        "akw-event", "akw-issue", "akw-revoke", "akw-rotate", "akw-cleanup",
        "akw-digest", "akw-posture",
    }  # fmt: skip
    assert Path(scene.stage.scratch).is_dir()


def test_repeated_search_looks_at_what_is_new_and_again_after_a_reset(scene: Scene) -> None:
    """A secret that is spilled after the first search is found by the second, once; a cloud that
    was reset is searched from its beginning."""
    search = leaks.Search(scene.stage)
    search.assert_none([])
    scene.deliver(scene.body())
    scene.settled()
    spilled = Path(scene.stage.scratch) / "spilled.log"
    spilled.write_text(scene.stage.admin_secret)

    with pytest.raises(AssertionError, match=r"spilled\.log"):
        search.assert_none([])
    spilled.unlink()
    before = dict(search.sinks([]))["/history"]
    scene.stage.manage("POST", "/reset")
    furnish(scene.stage)
    after = dict(search.sinks([]))["/history"]

    assert "CreateUser" not in before
    assert "CreateProject" in after
