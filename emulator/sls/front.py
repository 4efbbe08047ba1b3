"""SLS front end."""
from __future__ import annotations

from emulator.cloud import Cloud
from emulator.wire import Request, Response


def handle(cloud: Cloud, request: Request) -> Response:
    return Response.json(404, {})
