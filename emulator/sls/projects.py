"""Projects and their tags."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from emulator.call import Call
from emulator.clock import iso
from emulator.sls import documents, errors
from emulator.sls.state import Project
from emulator.wire import Response

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


def create(call: Call) -> Response:
    """CreateProject. Names are unique over all accounts of a region; here there is one."""
    document = documents.body(call)
    name = documents.text(document, "projectName")
    if not _NAME.fullmatch(name):
        raise errors.parameter_invalid(f"project name {name} is invalid")
    if name != call.parameters.get("project", name):
        raise errors.parameter_invalid("projectName must be the project of Host")
    projects = call.cloud.sls.projects
    if name in projects:
        raise errors.project_exists(name)
    redundancy = documents.text(document, "dataRedundancyType", "LRS")
    if redundancy not in ("LRS", "ZRS"):
        raise errors.parameter_invalid("The parameter dataRedundancyType is invalid.")
    now = call.cloud.clock.time()
    projects[name] = Project(
        name, documents.text(document, "description", ""), now, now,
        documents.text(document, "resourceGroupId", ""), redundancy,
    )
    return documents.done()


def update(call: Call) -> Response:
    """UpdateProject: the description."""
    project = call.cloud.sls.project(call.parameters["project"])
    project.description = documents.text(documents.body(call), "description", "")
    project.modified_at = call.cloud.clock.time()
    return documents.done()


def get(call: Call) -> Response:
    return Response.json(200, _described(call, call.cloud.sls.project(call.parameters["project"])))


def delete(call: Call) -> Response:
    """DeleteProject: everything in it is gone."""
    name = call.parameters["project"]
    call.cloud.sls.project(name)
    del call.cloud.sls.projects[name]
    return documents.done()


def list_all(call: Call) -> Response:
    """ListProject: names that contain `projectName`."""
    pattern = call.parameters.get("projectName", "")
    found = [p for name, p in sorted(call.cloud.sls.projects.items()) if pattern in name]
    shown = documents.page(call, found)
    return Response.json(200, {
        "count": len(shown), "total": len(found), "projects": [_described(call, p) for p in shown],
    })  # fmt: skip


def _described(call: Call, project: Project) -> dict[str, Any]:
    return {
        "projectName": project.name,
        "status": "Normal",
        "owner": call.cloud.account_id,
        "description": project.description,
        "region": call.cloud.region,
        "resourceGroupId": project.resource_group_id,
        "dataRedundancyType": project.redundancy,
        "createTime": iso(datetime.fromtimestamp(project.created_at, UTC)),
        "lastModifyTime": iso(datetime.fromtimestamp(project.modified_at, UTC)),
    }


# -- tags -------------------------------------------------------------------------------------


def tag(call: Call) -> Response:
    """TagResources, of projects only."""
    document = documents.body(call)
    projects = _tagged(call, document)
    pairs = document.get("tags")
    if not isinstance(pairs, list) or not all(isinstance(pair, dict) for pair in pairs):
        raise errors.parameter_invalid("The parameter tags is invalid.")
    tags = {documents.text(p, "key"): documents.text(p, "value", "") for p in pairs}
    if any(not key or len(key) > 128 or len(value) > 128 for key, value in tags.items()):
        raise errors.parameter_invalid("The parameter tags is invalid.")
    for project in projects:
        if len(project.tags | tags) > 20:
            raise errors.quota_exceeded("A project holds at most 20 tags.")
    for project in projects:
        project.tags |= tags
    return documents.done()


def untag(call: Call) -> Response:
    """UntagResources, of projects only."""
    document = documents.body(call)
    projects = _tagged(call, document)
    keys = document.get("tags")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise errors.parameter_invalid("The parameter tags is invalid.")
    for project in projects:
        project.tags = {k: v for k, v in project.tags.items() if k not in keys}
    return documents.done()


def list_tags(call: Call) -> Response:
    """ListTagResources: all on one page, filtered by the given key-value pairs."""
    parameters = dict(call.parameters)
    try:
        document = {
            "resourceType": parameters.get("resourceType", ""),
            "resourceId": json.loads(parameters.get("resourceId") or "[]"),
            "tags": json.loads(parameters.get("tags") or "[]"),
        }
    except (ValueError, RecursionError):
        raise errors.parameter_invalid("The parameter resourceId is invalid.") from None
    wanted = document["tags"]
    if not isinstance(wanted, list) or not all(isinstance(pair, dict) for pair in wanted):
        raise errors.parameter_invalid("The parameter tags is invalid.")
    found = [
        {"resourceId": project.name, "resourceType": "project", "tagKey": key, "tagValue": value}
        for project in _tagged(call, document)
        for key, value in project.tags.items()
        if not wanted or {"key": key, "value": value} in wanted
    ]
    return Response.json(200, {"nextToken": "", "tagResources": found})


def tagged_names(call: Call) -> list[str]:
    """The projects that a tag operation speaks of, for its authorisation."""
    if call.request.method == "GET":
        try:
            found = json.loads(call.parameters.get("resourceId") or "[]")
        except (ValueError, RecursionError):
            found = []
    else:
        found = documents.body(call).get("resourceId")
    names = found if isinstance(found, list) else []
    return [name for name in names if isinstance(name, str)]


def _tagged(call: Call, document: documents.Document) -> list[Project]:
    if document.get("resourceType") != "project":
        raise errors.parameter_invalid("The parameter resourceType is invalid.")
    names = document.get("resourceId")
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise errors.parameter_invalid("The parameter resourceId is invalid.")
    return [call.cloud.sls.project(name) for name in names]
