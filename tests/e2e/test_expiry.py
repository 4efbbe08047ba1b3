"""The end of a grant in the local cloud: told before, and kept."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from Tea.exceptions import TeaException

from demo import actors
from tests.e2e.conftest import Scene, pass_time
from tests.e2e.test_cleanup import swept
from tests.e2e.test_revoke import ADDRESS, GONE, answer_of, issued, key_of, remains
from tests.e2e.test_rotate import ask as asked_for_a_new_one


def sweep_after(scene: Scene, travels: contextlib.ExitStack, seconds: float) -> dict[str, Any]:
    """Let so much time pass, for this process too; the counts of the sweep that comes then."""
    pass_time(scene, travels, seconds)
    return dict(json.loads(swept(scene)["return_payload"])["counts"])


def test_grant_is_told_of_its_end_and_ended_on_it(
    scene: Scene, travels: contextlib.ExitStack
) -> None:
    """26 hours from its approval, one of which had passed: a notice on its last day, once, and ten
    minutes after it nothing is left. No notice when it begins, of how short it is."""
    key = key_of(scene, issued(scene, ttl_seconds=26 * 3600))

    early = sweep_after(scene, travels, 0)
    first, again = sweep_after(scene, travels, 3660), sweep_after(scene, travels, 60)
    rows = scene.audit('event_type: "grant.expiring"')
    last = sweep_after(scene, travels, 24 * 3600 + 660)

    assert [None, 1, None] == [counts.get("give notice") for counts in (early, first, again)]
    assert 1 == last["end grant"]
    with pytest.raises(TeaException) as caught:
        actors.identity(scene.stage, key, ADDRESS)
    assert GONE == caught.value.code
    assert [] == remains(scene)
    assert [("alice", "1 d")] == [(row["requester_id"], row["resources"]) for row in rows]
    (end,) = scene.audit('event_type: "ticket.revoked" and phase: result')
    assert ("ended", "success", "akw-cleanup") == (
        end["reason"], end["outcome"], end["fc_function"])  # fmt: skip


def test_extended_grant_keeps_its_key_until_the_new_end(
    scene: Scene, travels: contextlib.ExitStack
) -> None:
    """A second ticket, approved anew, puts the end off by two hours; the key does not notice."""
    key = key_of(scene, issued(scene, ttl_seconds=2 * 3600))
    second = scene.body(type="accesskey.ticket.extended", id=f"T-{scene.application}-2",
                        ttl_seconds=4 * 3600)  # fmt: skip

    accepted = [scene.deliver(second)[0] for _ in range(3)]
    outcome = answer_of(scene, "akw-issue")
    sweep_after(scene, travels, 3600 + 660)

    assert [202, 202, 202] == accepted
    assert ("extended", f"akw-{scene.application}-prod") == (outcome["status"], outcome["ram_user"])
    assert actors.identity(scene.stage, key, ADDRESS).endswith(f"/akw-{scene.application}-prod")
    assert key == key_of(scene, {"secret_name": f"akw/{scene.application}/prod"})
    (row,) = scene.audit('event_type: "grant.extended" and phase: result')
    assert (f"T-{scene.application}-2", "success", "carol@example.com,dave@example.com") == (
        row["ticket_id"], row["outcome"], row["approver_id"])  # fmt: skip
    sweep_after(scene, travels, 2 * 3600)
    assert [] == remains(scene)


def test_amended_grant_keeps_its_key_and_moves_to_another_address(
    scene: Scene, travels: contextlib.ExitStack
) -> None:
    """Other permissions and addresses by a second ticket; the key works where the grant says now,
    and after its rotation still. The first ticket's end is the grant's end."""
    key = key_of(scene, issued(scene, ttl_seconds=2 * 3600))
    address = "198.51.100.99"
    logs = {"project": "orders-logs", "logstore": "another"}
    second = scene.body(type="accesskey.ticket.amended", id=f"T-{scene.application}-2",
                        permissions=[{"template": "sls-logstore-write", "parameters": logs}],
                        network={"source_ips": [address]}, ttl_seconds=4 * 3600)  # fmt: skip

    accepted = [scene.deliver(second)[0] for _ in range(3)]
    outcome = answer_of(scene, "akw-issue")

    assert [202, 202, 202] == accepted
    assert ("amended", f"akw-{scene.application}-prod") == (outcome["status"], outcome["ram_user"])
    assert actors.identity(scene.stage, key, address).endswith(f"/akw-{scene.application}-prod")
    with pytest.raises(TeaException) as caught:
        actors.identity(scene.stage, key, ADDRESS)
    assert "Forbidden.AccessKeyNetworkRestricted" == caught.value.code
    policy = scene.state()["ram"]["policies"][f"Custom:akw-{scene.application}-prod"]
    assert "another" in json.dumps(policy)
    (row,) = scene.audit('event_type: "grant.amended" and phase: result')
    assert (f"T-{scene.application}-2", "success") == (row["ticket_id"], row["outcome"])
    asked_for_a_new_one(scene)
    new = key_of(scene, {"secret_name": f"akw/{scene.application}/prod"})
    assert new != key
    assert actors.identity(scene.stage, new, address)
    sweep_after(scene, travels, 2 * 3600)
    assert [] == remains(scene)
