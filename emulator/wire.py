"""What crosses the wire, free of any product: one request in, one response out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl


class Headers(Mapping[str, str]):
    """Request headers, looked up case-insensitively; a repeated header joins with a comma."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            self._values[key] = f"{self._values[key]},{value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True)
class Request:
    """One HTTP request as it arrived.

    `target` is the raw request target without scheme and authority (`/path?query`), `source_ip`
    the caller's address: the user-info of the proxy URL if there is one, else the peer's; its
    password is the `instance`, by which a function instance is known whatever it signs with.
    `abandoned` says whether its client has hung up.
    """

    method: str
    target: str
    headers: Headers
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    secure: bool = False
    instance: str = ""
    abandoned: Callable[[], bool] = field(default=lambda: False, compare=False, repr=False)

    @property
    def path(self) -> str:
        """The path as sent, still percent-encoded."""
        return self.target.partition("#")[0].partition("?")[0] or "/"

    @property
    def query(self) -> list[tuple[str, str]]:
        """Decoded query pairs in the order sent, blank values kept."""
        # urlsplit would raise on targets such as `//[`; nothing but the question mark counts here
        query = self.target.partition("#")[0].partition("?")[2]
        return parse_qsl(query, keep_blank_values=True)

    def text(self) -> str:
        """The body as text, whatever it is; for what only looks for something in it."""
        return self.body.decode(errors="replace")

    @property
    def host(self) -> str:
        """The host name without scheme or port, lower case.

        The Tea SDKs send `host: http://127.0.0.1:80` when the endpoint carries a scheme.
        """
        host = self.headers.get("host", "").lower().removeprefix("http://").removeprefix("https://")
        return host.rsplit(":", 1)[0] if ":" in host else host


@dataclass(frozen=True)
class Response:
    """One HTTP response. `drop` closes the connection instead of answering (fault injection)."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False

    @classmethod
    def json(cls, status: int, content: object, headers: dict[str, str] | None = None) -> Response:
        """Answer with a JSON body."""
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(status, body, {"Content-Type": "application/json", **(headers or {})})
