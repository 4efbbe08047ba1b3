"""Real rows, signed by the timer, changed behind the product's back: each tampering has its class.

Changing goes through SLS's own API, as whoever administers the account could do it: modification
switched on, UpdateLogs, and deletion tasks. The clocks of cloud and auditor move together.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from aliyun.log import DeleteLogsRequest, GetLogsRequest

from demo import actors
from demo.actors import Keys
from demo.stage import DIGEST_KEY, DIGEST_PROJECT, KMS_KEY, PROJECT, ROOT, Stage
from deploy import verify_audit
from deploy.provision import ROLES
from shared import digests
from shared.adapters.sls import TRIES
from shared.audit import row_hash
from shared.digests import SETTLE_SECONDS, WINDOW_SECONDS
from tests.e2e.conftest import Scene, furnish, until, watched
from tests.e2e.ordering import order_of, outcome, submit
from tests.e2e.test_digest_rights import acting, refused, sign
from tests.e2e.test_revoke import withdraw

Row = dict[str, str]
PassTime = Callable[[float], None]


@pytest.fixture(scope="module", autouse=True)
def present(stage: Stage) -> Iterator[None]:
    """Leave the stage to other tests as they know it."""
    yield
    stage.manage("POST", "/choices", {"sls_modification_can_be_enabled_later": False})
    stage.manage("POST", "/reset")
    furnish(stage)


@pytest.fixture
def pass_time(stage: Stage) -> Iterator[PassTime]:
    """Move the cloud's clock and this process's with it."""
    with contextlib.ExitStack() as travels:

        def go(seconds: float) -> None:
            stage.manage("POST", "/clock", {"advance_seconds": seconds})
            there = datetime.fromisoformat(stage.manage("GET", "/clock")["now"])
            travels.enter_context(time_machine.travel(there, tick=True))

        yield go


@pytest.fixture
def scene(stage: Stage, pass_time: PassTime) -> Iterator[Scene]:
    """An empty cloud, furnished, whose audit log an administrator may switch to modifiable."""
    stage.manage("POST", "/choices", {"sls_modification_can_be_enabled_later": True})
    stage.manage("POST", "/reset")
    furnish(stage)
    with watched(stage) as scene:
        yield scene


def windows_pass(pass_time: PassTime, count: int = 1) -> None:
    """Until `count` windows from the present one on have settled."""
    now = datetime.now(UTC).timestamp()
    pass_time((digests.window_of(now) + count) * WINDOW_SECONDS + SETTLE_SECONDS + 2 - now)


def digest_now(scene: Scene) -> dict[str, Any]:
    """Fire the timer; the function's answer."""
    request_id = scene.stage.manage("POST", "/timers/akw-digest/window")["request_id"]
    task = until(lambda: next(
        (t for t in scene.stage.manage("GET", "/tasks")["tasks"]
         if t["request_id"] == request_id and t["state"] in ("Succeeded", "Failed")), None,
    ))  # fmt: skip
    assert "Succeeded" == task["state"], task
    return dict(json.loads(task["return_payload"]))


def sealed(scene: Scene, pass_time: PassTime) -> list[Row]:
    """One application issued, its window and an empty one after it signed; its rows."""
    scene.deliver(scene.body())
    assert "issued" == scene.outcome()["status"]
    windows_pass(pass_time, 2)
    assert 0 == digest_now(scene)["waiting"]
    pass_time(400)  # longer than anything may be on its way
    rows = [r for r in scene.audit() if r["operation_id"]]
    return [r for r in rows if r["chain_id"] == rows[0]["chain_id"]]


def verified(
    scene: Scene, capsys: pytest.CaptureFixture[str], *arguments: str, keys: Keys | None = None,
    settings: Mapping[str, str] | None = None,
) -> tuple[int, str]:  # fmt: skip
    """What `make verify-audit` prints and exits with, for an administrator or with other keys."""
    capsys.readouterr()
    environment = scene.stage.administrator_environment() | dict(settings or {})
    if keys:
        environment |= {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": keys.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": keys.secret,
            "ALIBABA_CLOUD_SECURITY_TOKEN": keys.token,
        }
    with scene.stage.proxied(), pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        code = verify_audit.main(arguments)
    printed = capsys.readouterr()
    return code, printed.out if code != verify_audit.UNREAD else printed.err


def classes(text: str) -> set[str]:
    """The classes of the findings that were printed."""
    return {line.split()[0] for line in text.splitlines()[:-1]}


# -- tampering ------------------------------------------------------------------------------


def rewrite(scene: Scene, rows: Mapping[str, Row]) -> None:
    """Make queries show these rows instead of those with the given event ids."""
    with scene.stage.proxied():
        log = actors.administrator(scene.stage).log_client()
        log.enable_logstore_modify(PROJECT, "audit")
        for event_id, row in rows.items():
            own = {k: v for k, v in row.items() if not k.startswith("__")}
            answer = log.update_logs(
                project=PROJECT, logstore="audit", query=f'event_id: "{event_id}"',
                **interval(), update_mode="full", data=json.dumps(own),
            )  # fmt: skip
            assert answer.get_affected_rows() >= 1


def delete(scene: Scene, project: str, logstore: str, query: str) -> None:
    """A deletion task, possible in every logstore."""
    with scene.stage.proxied():
        actors.administrator(scene.stage).log_client().delete_logs(DeleteLogsRequest(
            project, logstore, interval()["from_time"], interval()["to_time"], query=query,
        ))  # fmt: skip


def interval() -> dict[str, int]:
    now = int(datetime.now(UTC).timestamp())
    return {"from_time": now - 86400, "to_time": now + 900}


def stored(scene: Scene, project: str) -> list[Row]:
    """The digests of one place as queries show them, by window."""
    now = int(datetime.now(UTC).timestamp())
    with scene.stage.proxied():
        found = actors.administrator(scene.stage).log_client().get_logs(GetLogsRequest(
            project, "digests", now - 7 * 86400, now + 900, query="*", line=100,
        )).get_logs()  # fmt: skip
    return sorted((dict(r.get_contents()) for r in found), key=lambda row: int(row["number"]))


# -- the laws -------------------------------------------------------------------------------


def test_untouched_log_verifies(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every window from the log's creation on has a digest, the empty one too, in both places."""
    sealed(scene, pass_time)

    code, text = verified(scene, capsys)

    assert (0, True) == (code, text.rstrip().endswith(": nothing found")), text
    own, copy = stored(scene, PROJECT), stored(scene, DIGEST_PROJECT)
    assert [r["digest"] for r in own] == [r["digest"] for r in copy]
    numbers = [int(r["number"]) for r in own]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert not json.loads(own[-1]["document"])["attempts"]


def test_all_that_the_product_writes_verifies(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Issued, refused, ordered away, and withdrawn although SLS refuses the first writes of it:
    chains are whole, and everything is covered."""
    kept, gone = scene.application, f"{scene.application}-x"
    for application in (kept, gone):
        scene.deliver(scene.body(application=application, id=f"T-{application}"))
    scene.settled(2)  # else it would wait for the lease of the application
    scene.deliver(scene.body(application=kept, id="T-another"))  # has a live key: refused
    assert {"issued", "refused"} == {
        json.loads(task["return_payload"])["status"] for task in scene.settled(3)
    }
    outcome(scene, submit(scene, order_of(scene, "leaked", by="application", application=gone)))
    scene.stage.manage("POST", "/faults", {
        "kind": "throttle", "product": "sls", "action": "PutLogs", "function": "akw-revoke",
        "times": 2 * TRIES,
    })  # fmt: skip
    withdraw(scene)
    scene.settled(5)
    windows_pass(pass_time)
    digest_now(scene)
    pass_time(400)

    code, text = verified(scene, capsys)

    assert 0 == code, text
    assert " 0 rows not covered yet" in text
    refused_writes = [c for c in scene.history() if c["action"] == "PutLogs" and c["status"] == 403]
    assert 2 * TRIES == len(refused_writes)


def test_changed_byte_is_altered(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """One letter of the requester's name."""
    victim = sealed(scene, pass_time)[2]
    changed = victim | {"requester_id": "blice@example.com"}

    rewrite(scene, {victim["event_id"]: changed})

    code, text = verified(scene, capsys)
    assert (1, {"altered"}) == (code, classes(text)), text


def test_dropped_row_is_missing(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Queries no longer find it; the chain and the pull do."""
    victim = sealed(scene, pass_time)[2]

    delete(scene, PROJECT, "audit", f'event_id: "{victim["event_id"]}"')

    code, text = verified(scene, capsys)
    assert (1, {"missing"}) == (code, classes(text)), text


def test_dropped_row_that_no_digest_covers_is_missing(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last of its chain, before any digest was made: only the pull still shows it."""
    scene.deliver(scene.body())
    scene.outcome()
    pass_time(400)
    rows = scene.audit()
    last = [r for r in rows if r["chain_id"] == rows[0]["chain_id"]][-1]

    delete(scene, PROJECT, "audit", f'event_id: "{last["event_id"]}"')

    code, text = verified(scene, capsys)
    assert (1, {"missing"}) == (code, classes(text)), text
    assert "deleted after the fact" in text


def test_swapped_rows_are_reordered(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two rows in each other's place."""
    one, other = sealed(scene, pass_time)[1:3]

    rewrite(scene, {
        one["event_id"]: one | {"seq": other["seq"], "prev_hash": other["prev_hash"]},
        other["event_id"]: other | {"seq": one["seq"], "prev_hash": one["prev_hash"]},
    })  # fmt: skip

    code, text = verified(scene, capsys)
    assert (1, {"reordered"}) == (code, classes(text)), text


def test_operation_hashed_anew_is_forged(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole in itself to the last hash, but nobody signed that one."""
    rows = sealed(scene, pass_time)
    made, last = {}, ""
    for row in rows:
        new = row | {"approver_id": "mallory", "prev_hash": last}
        last = new["hash"] = row_hash(new)
        made[row["event_id"]] = new

    rewrite(scene, made)

    code, text = verified(scene, capsys)
    assert (1, {"forged"}) == (code, classes(text)), text


@pytest.mark.parametrize("projects", [(PROJECT,), (DIGEST_PROJECT,), (PROJECT, DIGEST_PROJECT)])
def test_missing_digest_is_named(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str],
    projects: tuple[str, ...],
) -> None:
    """Deleted from one place or from both: with the window, and with the place."""
    sealed(scene, pass_time)
    number = stored(scene, PROJECT)[0]["number"]

    for project in projects:
        delete(scene, project, "digests", f"number: {number}")

    code, text = verified(scene, capsys)
    assert (1, {"digest_missing"}) == (code, classes(text)), text
    assert all(f"window {number}  ({project}, by query)" in text for project in projects)


def test_digest_by_another_hand_is_forged(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Written to one place for a window that has one, with a MAC that is not the key's."""
    sealed(scene, pass_time)
    row = {k: v for k, v in stored(scene, PROJECT)[-1].items() if not k.startswith("__")}

    actors.put_rows(scene.stage, PROJECT, "digests", [row | {"mac": "AAAA" * 10 + "AAA="}])

    code, text = verified(scene, capsys)
    assert (1, {"forged"}) == (code, classes(text)), text


def test_missed_timers_are_caught_up(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """A day without a run: one run signs every window of it; nothing is covered twice."""
    sealed(scene, pass_time)
    pass_time(86_400)
    late, _ = verified(scene, capsys)

    answer = digest_now(scene)

    assert 1 == late  # for more than an hour nobody signed
    assert (True, 0) == (answer["windows"] >= 143, answer["waiting"])
    code, text = verified(scene, capsys)
    assert 0 == code, text
    since = datetime.now(UTC).isoformat()
    assert 0 == verified(scene, capsys, "--since", since)[0]


def test_two_runs_at_once_make_one_chain(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """The timer fires while a run is still at work: both write the same documents."""
    scene.deliver(scene.body())
    scene.outcome()
    windows_pass(pass_time, 4)
    scene.stage.manage("POST", "/faults", {
        "kind": "delay", "product": "sls", "action": "PutLogs", "function": "akw-digest",
        "seconds": 0.3, "times": 0,
    })  # fmt: skip
    for _ in range(3):
        scene.stage.manage("POST", "/timers/akw-digest/window")
    digest_now(scene)
    until(lambda: all(t["state"] == "Succeeded" for t in scene.stage.manage("GET", "/tasks")
                      ["tasks"] if t["function"] == "akw-digest"))  # fmt: skip
    pass_time(400)

    code, text = verified(scene, capsys)

    assert 0 == code, text
    found = stored(scene, PROJECT)
    assert len(found) > len({r["number"] for r in found})  # they did run at once
    assert len({r["number"] for r in found}) == len({r["digest"] for r in found})


CALLS = [("GetLogStore", 1), ("ListShards", 1), ("ListShards", 3), ("GetCursor", 1),
         ("GetCursor", 9), ("PullLogs", 1), ("GenerateMac", 1), ("PutLogs", 1), ("PutLogs", 2),
         ("PutLogs", 3)]  # fmt: skip


@pytest.mark.parametrize(("action", "nth"), CALLS)
@pytest.mark.parametrize("kind", ["kill-before", "kill-after"])
def test_killed_run_leaves_no_gap_and_no_fork(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str],
    kind: str, action: str, nth: int,
) -> None:  # fmt: skip
    """Whatever was written by then, the next run goes on from it."""
    scene.deliver(scene.body())
    scene.outcome()
    windows_pass(pass_time, 2)
    product = "kms" if action == "GenerateMac" else "sls"
    scene.stage.manage("POST", "/faults", {
        "kind": kind, "product": product, "action": action, "function": "akw-digest", "nth": nth,
    })  # fmt: skip

    digest_now(scene)

    assert [1] == [rule["fired"] for rule in scene.stage.manage("GET", "/faults")["rules"]]
    windows_pass(pass_time, 1)
    digest_now(scene)
    pass_time(400)
    code, text = verified(scene, capsys)
    assert 0 == code, text
    for project in (PROJECT, DIGEST_PROJECT):
        numbers = {int(r["number"]) for r in stored(scene, project)}
        assert numbers == set(range(min(numbers), max(numbers) + 1))


def test_auditor_verifies_and_can_do_nothing_else(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """deploy/auditor-policy.json is enough to confirm what was signed, and gives no pen."""
    sealed(scene, pass_time)
    keys = acting(scene.stage, ROLES.parent / "auditor-policy.json")

    code, text = verified(scene, capsys, keys=keys)

    assert (0, True) == (code, "nothing found" in text), text
    with refused():
        sign(scene.stage, keys)
    for place in ((PROJECT, "audit"), (PROJECT, "digests"), (DIGEST_PROJECT, "digests")):
        with refused():
            actors.put_rows(scene.stage, *place, [{"event_id": "1"}], keys)


def test_unreadable_log_is_neither_clean_nor_tampered(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """I6: exit code 2, and no word of findings."""
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "product": "sls", "action": "PullLogs", "status": 403, "times": 0,
        "code": "ProjectForbidden",
    })  # fmt: skip
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "product": "sls", "action": "GetCursor", "status": 403, "times": 0,
        "code": "ProjectForbidden",
    })  # fmt: skip

    code, text = verified(scene, capsys)

    assert (2, True) == (code, text.startswith("could not be read, so nothing is known: "))


def test_cloud_that_does_not_answer_is_told_in_our_words(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """I6: nothing is known, and no SDK's text says why."""
    sealed(scene, pass_time)
    scene.stage.manage("POST", "/faults", {
        "kind": "drop", "product": "kms", "action": "VerifyMac", "times": 0,
    })  # fmt: skip

    answer = verified(scene, capsys)

    assert (2, "no answer from the cloud, so nothing is known\n") == answer


def test_another_key_in_the_setting_accuses_nobody(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both keys are named, and nothing is claimed: exit code 2."""
    sealed(scene, pass_time)

    code, text = verified(scene, capsys, settings={"AKWARDEN_DIGEST_KEY_ID": KMS_KEY})

    assert (2, True) == (code, text.startswith(
        f"the digests name key {DIGEST_KEY}, the setting AKWARDEN_DIGEST_KEY_ID says {KMS_KEY}: "
    )), text  # fmt: skip


def test_digest_that_names_another_key_among_ours_is_forged(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """It must not make a finding of the setting's."""
    sealed(scene, pass_time)
    row = {k: v for k, v in stored(scene, PROJECT)[-1].items() if not k.startswith("__")}

    actors.put_rows(scene.stage, PROJECT, "digests", [row | {"key_id": "key-of-mallory"}])

    code, text = verified(scene, capsys)
    assert (1, {"forged"}) == (code, classes(text)), text


def test_since_before_the_log_is_since_the_log(
    scene: Scene, pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody could sign what lies before it; its own first window still has to be the first."""
    sealed(scene, pass_time)
    whole = verified(scene, capsys)

    assert 0 == whole[0]
    assert whole == verified(scene, capsys, "--since", "2020-01-01")
    for project in (PROJECT, DIGEST_PROJECT):
        delete(scene, project, "digests", f"number: {stored(scene, PROJECT)[0]['number']}")
    code, text = verified(scene, capsys, "--since", "2020-01-01")
    assert (1, {"digest_missing"}) == (code, classes(text)), text


def test_nothing_signed_yet_is_no_verdict(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the first digest only the chains speak, and the summary says so."""
    scene.deliver(scene.body())
    scene.outcome()

    code, text = verified(scene, capsys)

    assert (0, True) == (
        code, text.rstrip().endswith("nothing found, but nothing is signed yet")
    ), text  # fmt: skip


@pytest.mark.parametrize(
    ("since", "why"),
    [("yesterday", "not an ISO 8601 time"), ("2999-01-01", "lies in the future"),
     ("", "not an ISO 8601 time")],
)  # fmt: skip
def test_since_that_is_no_past_is_refused(
    capsys: pytest.CaptureFixture[str], since: str, why: str
) -> None:
    """Verifying nothing must not end with 0."""
    with pytest.raises(SystemExit) as ended:
        verify_audit.main(["--since", since])

    assert (2, True) == (ended.value.code, why in capsys.readouterr().err)


def test_command_says_what_is_missing() -> None:
    """As an auditor starts it, without settings: one line each, exit code 2."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AKWARDEN_")}

    ended = subprocess.run([sys.executable, "-m", "deploy.verify_audit"], cwd=ROOT, text=True,
                           env=environment, capture_output=True, check=False)  # fmt: skip

    assert (2, True) == (ended.returncode, "AKWARDEN_DIGEST_KEY_ID is required" in ended.stderr)
