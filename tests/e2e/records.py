"""What came of a vendor's event: what the fetch function answered, and who got it next."""

from __future__ import annotations

import json
from typing import Any

from demo import vendors
from tests.e2e.conftest import Scene, until


def fetched(scene: Scene) -> dict[str, Any]:
    """What the fetch function answered to this scene's newest hint."""
    return dict(until(lambda: next((json.loads(task["return_payload"]) for task in tasks(scene)
                                    if task["state"] == "Succeeded"), None)))  # fmt: skip


def tasks(scene: Scene, function: str = "akw-fetch") -> list[dict[str, Any]]:
    """That function's, of those that this scene's events led to."""
    return [task for task in scene.tasks() if task["function"] == function]


def issued(scene: Scene) -> dict[str, Any]:
    """What the issue function answered to the ticket that was handed over."""
    return dict(until(lambda: next((
        json.loads(task["return_payload"]) for task in handed_over(scene)
        if task["state"] == "Succeeded"), None)))  # fmt: skip


def handed_over(scene: Scene) -> list[dict[str, Any]]:
    """Tasks that the fetch function has handed over are its calls, not the scene's."""
    calls = [c for c in scene.history() if c["action"] == "InvokeFunction"
             and "akw-fetch" in c["principal"]]  # fmt: skip
    accepted = {call["request_id"] for call in calls}
    tasks = scene.stage.manage("GET", "/tasks")["tasks"]
    return [task for task in tasks if task["request_id"] in accepted]


def forget_others(scene: Scene) -> None:
    """The records of other tests, of some of which no event came."""
    for name in vendors.NAMES:
        scene.stage.manage("POST", f"/vendors/{name}", {"forget": True})


def look(scene: Scene) -> dict[str, Any]:
    """One run by the timer; its counts."""
    request_id = scene.stage.manage("POST", "/timers/akw-fetch/missed")["request_id"]
    task = until(lambda: next(
        (t for t in scene.stage.manage("GET", "/tasks")["tasks"]
         if t["request_id"] == request_id and t["state"] in ("Succeeded", "Failed")), None))
    assert task["state"] == "Succeeded", task
    return dict(json.loads(task["return_payload"])["counts"])
