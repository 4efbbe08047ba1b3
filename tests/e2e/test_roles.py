"""Least privilege, measured: what a role may do is what decided some call of this very run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from demo import actors
from deploy.provision import POLICY_PREFIX, ROLES
from tests.e2e.conftest import DECISIVE, Scene, until

# Actions granted although no test needs them, because the documentation leaves open whether the
# real cloud asks for them; each with its reason. None so far.
GRANTED_FOR_DOCUMENTED_UNCERTAINTY: dict[tuple[str, str], str] = {}

# `make test` runs it in a process of its own. It calls what others call, only more often and with
# kills; if it did not, the test below would tell.
# They have clouds of their own, and a process of their own in `make test`.
APART = {"test_concurrency.py", "test_demo.py", "test_https.py", "test_bulk.py",
         "test_kill_switch.py"}  # fmt: skip

REMOVALS = [
    ("akw-approval", "fc:InvokeFunction"),
    ("akw-issue", "ram:AttachPolicyToUser"),
    ("akw-issue", "log:PostLogStoreLogs"),
]


def granted() -> set[tuple[str, str]]:
    """(role, action) of everything that a role policy allows; what it denies grants nothing."""
    return {
        (path.stem, action)
        for path in ROLES.glob("*.json")
        for statement in json.loads(path.read_text(encoding="utf-8"))["Statement"]
        if statement["Effect"] == "Allow"
        for action in statement["Action"]
    }


def test_no_role_has_a_wildcard_action() -> None:
    """A wildcard would grant what nobody has thought of."""
    assert [pair for pair in granted() if "*" in pair[1]] == []


@pytest.mark.parametrize(("role", "action"), REMOVALS)
def test_removed_action_stops_issuing(scene: Scene, role: str, action: str) -> None:
    """Without the action nothing is issued; with it again, the same approval is."""
    body = scene.body()
    with_policy(scene, role, without=action)
    scene.deliver(body)
    until(lambda: denied(scene, action))
    assert f"akw-{scene.application}-prod" not in issued_users(scene)

    with_policy(scene, role)

    scene.deliver(body)
    assert scene.outcome()["status"] == "issued"


def denied(scene: Scene, action: str) -> bool:
    return any(
        decision["action"] == action and decision["effect"] != "Allow"
        for call in scene.history()
        for decision in call["decisions"]
    )


def issued_users(scene: Scene) -> list[str]:
    """Users whose secret has a current key."""
    secrets = scene.state()["kms"]["secrets"].items()
    return [
        f"akw-{name.removeprefix('akw/').replace('/', '-')}"
        for name, secret in secrets
        for version in secret["versions"]
        if "ACSCurrent" in version["stages"] and version["id"] != "reserve"
    ]


def with_policy(scene: Scene, role: str, *, without: str = "") -> None:
    """Give a role its policy anew, perhaps without one action."""
    from alibabacloud_ram20150501 import models

    from deploy.provision import role_document
    from shared import settings

    current = settings.read(scene.stage.administrator_environment())
    document = json.loads(role_document(ROLES / f"{role}.json", current))
    for statement in document["Statement"]:
        statement["Action"] = [a for a in statement["Action"] if a != without]
    document["Statement"] = [s for s in document["Statement"] if s["Action"]]
    with scene.stage.proxied():
        ram = actors.RamClient(actors.administrator(scene.stage).config("ram.aliyuncs.com"))
        ram.create_policy_version(models.CreatePolicyVersionRequest(
            policy_name=f"{POLICY_PREFIX}{role}", policy_document=json.dumps(document),
            set_as_default=True, rotate_strategy="DeleteOldestNonDefaultVersionWhenLimitExceeded",
        ))  # fmt: skip


def test_granted_is_what_was_needed(request: pytest.FixtureRequest) -> None:
    """Every granted action was the deciding Allow of some call, and none is granted beside it: of
    this run, or of those that have kept theirs in the folder AKW_DECISIVE_OF."""
    here = Path(__file__).parent
    asked = {path.name for path in here.glob("test_*.py")} - APART
    seen = {item.path.name for item in request.session.items if item.path.parent == here}
    needed = set(DECISIVE)
    if kept := os.environ.get("AKW_DECISIVE_OF"):
        seen.clear()  # this run alone has needed nothing
        for file in Path(kept).glob("*.json"):
            content = json.loads(file.read_text(encoding="utf-8"))
            seen |= set(content["files"])
            needed |= {(role, action) for role, action in content["decisive"]}
    if asked - seen:
        pytest.skip("only a run of all end-to-end tests shows what is needed")

    assert granted() - set(GRANTED_FOR_DOCUMENTED_UNCERTAINTY) == needed
