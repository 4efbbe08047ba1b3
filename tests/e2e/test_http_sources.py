"""What every source that speaks HTTP has in common: which requests count as its vendor's, in
whatever form the HTTP trigger hands them over, and which do not.

Each source sends here what would lead to something: a key, a record to be fetched, an answer.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from demo import actors, dingtalk, dingtalk_robot, feishu, feishu_chat, github, jira, slack
from tests import signing
from tests.e2e.conftest import Scene

Fields = tuple[tuple[str, str], ...]
GUESSED = "guessed-by-somebody-0001"
GUESSED_WEBHOOK = "whsec_Z3Vlc3NlZC1ieS1zb21lYm9keS0wMDAx"
OTHER_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


@dataclass(frozen=True)
class Request:
    """As it is sent; names may come twice. What was written in it is found by `marker`."""

    body: bytes
    headers: Fields
    query: Fields = ()
    marker: str = ""

    def value(self, name: str) -> str:
        return dict(self.headers + self.query)[name]

    def having(self, name: str, *values: str) -> Request:
        """With these values of that header or parameter: none, one or two."""

        def changed(fields: Fields) -> Fields:
            others = tuple(one for one in fields if one[0] != name)
            return fields if others == fields else (*others, *((name, one) for one in values))

        return replace(self, headers=changed(self.headers), query=changed(self.query))

    def joined(self) -> dict[str, str]:
        """The headers as whoever is served sees them: HTTP joins what comes twice."""
        found: dict[str, str] = {}
        for name, value in self.headers:
            found[name] = f"{found[name]},{value}" if name in found else value
        return found


@dataclass(frozen=True)
class Source:
    """How a vendor sends, and where its signature and its time stand (empty: it signs none).

    `make` takes the scene, a text to be written somewhere, and what to sign otherwise: `secret`,
    `at` or `stamp`. `judge` is the vendor's own library, which takes the cases in `laxer`;
    `loose`: the signature is not of the body's bytes.
    """

    path: str
    signature: str
    timestamp: str
    make: Callable[..., Request]
    secrets: tuple[str, ...]
    unit: int = 1  # in a second
    loose: bool = False
    judge: Callable[[Scene, Request], bool] | None = None
    laxer: frozenset[str] = field(default_factory=frozenset)


def _number(scene: Scene) -> int:
    """Of a record that no other test knows."""
    return 90_000 + int(scene.application.removeprefix("app"))


def _from(headers: Mapping[str, str], body: bytes, query: str = "") -> Request:
    return Request(body, tuple(headers.items()), tuple(parse_qsl(query)))


def _webhook(scene: Scene, text: str, *, secret: str = "", at: float | None = None,
             stamp: str | None = None) -> Request:  # fmt: skip
    body, secret = scene.body(title=text), secret or scene.secret
    if stamp is not None:  # the standard's library takes a time, not whatever stands for one
        return _from(signing.by_hand(secret, body, delivery="msg_1", stamp=stamp), body)
    return _from(actors.signed_headers(secret, body, at=int(at) if at else None), body)


def _dingtalk(scene: Scene, text: str, *, secret: str = dingtalk.TOKEN, **at: Any) -> Request:
    event = dingtalk.finished(f"proc-{_number(scene)}", title=text)
    query, body = dingtalk.request(event, token=secret, **at)
    return _from({"Content-Type": "application/json"}, body, query)


def _feishu(scene: Scene, text: str, *, secret: str = feishu.ENCRYPT_KEY, **at: Any) -> Request:
    event = feishu.changed(f"81D31358-{_number(scene)}", title=text)
    return _from(*feishu.request(event, encrypt_key=secret, **at))


def _jira(scene: Scene, text: str, *, secret: str = jira.SECRET) -> Request:
    return _from(*jira.request(jira.moved(f"AKW-{_number(scene)}", more=text), secret=secret))


def _github(scene: Scene, text: str, *, secret: str = github.SECRET) -> Request:
    return _from(*github.request(github.commented(_number(scene), more=text), secret=secret))


def _slack(scene: Scene, text: str, **how: Any) -> Request:
    body, _ = slack.command("alice", "whoami", more=text)
    return _from(slack.signed(body, **how), body)


def _feishu_chat(
    scene: Scene, text: str, *, secret: str = feishu_chat.ENCRYPT_KEY, **at: Any
) -> Request:
    event = feishu_chat.typed("alice", "whoami", scene.application, more=text)
    return _from(*feishu_chat.request(event, encrypt_key=secret, **at))


def _robot(scene: Scene, text: str, **how: Any) -> Request:
    return _from(*dingtalk_robot.request(
        dingtalk_robot.typed("alice", "whoami", more=text), **how))  # fmt: skip


def _by_feishu(key: str, token: str) -> Callable[[Scene, Request], bool]:
    return lambda scene, one: signing.feishu_accepted(key, token, one.joined(), one.body)


AGELESS = frozenset({"word as time", "fraction as time", "other digits", "stale", "future"})
SOURCES = {
    "standard-webhooks": Source(
        "akw-approval/", "webhook-signature", "webhook-timestamp", _webhook, (),
        judge=lambda scene, one: signing.webhook_accepted(scene.secret, one.joined(), one.body)),
    "dingtalk": Source(
        "akw-approval/dingtalk", "signature", "timestamp", _dingtalk,
        (dingtalk.TOKEN, dingtalk.AES_KEY), unit=1000, loose=True),
    "feishu": Source(
        "akw-approval/feishu", "X-Lark-Signature", "X-Lark-Request-Timestamp", _feishu,
        (feishu.ENCRYPT_KEY, feishu.TOKEN),
        judge=_by_feishu(feishu.ENCRYPT_KEY, feishu.TOKEN), laxer=AGELESS),
    "jira": Source("akw-approval/jira", "X-Hub-Signature", "", _jira, (jira.SECRET,)),
    "github": Source(
        "akw-approval/github", "X-Hub-Signature-256", "", _github, (github.SECRET,)),
    "slack": Source(
        "akw-chatops/slack", "X-Slack-Signature", "X-Slack-Request-Timestamp", _slack,
        (slack.SECRET, slack.TOKEN), laxer=frozenset({"other digits"}),
        judge=lambda scene, one: signing.slack_accepted(slack.SECRET, one.joined(), one.body)),
    "feishu-chat": Source(
        "akw-chatops/feishu", "X-Lark-Signature", "X-Lark-Request-Timestamp", _feishu_chat,
        (feishu_chat.ENCRYPT_KEY, feishu_chat.TOKEN),
        judge=_by_feishu(feishu_chat.ENCRYPT_KEY, feishu_chat.TOKEN), laxer=AGELESS),
    "dingtalk-robot": Source(
        "akw-chatops/dingtalk", "sign", "timestamp", _robot, (dingtalk_robot.APP_SECRET,),
        unit=1000, loose=True),
}  # fmt: skip


def made(scene: Scene, source: Source, **how: Any) -> Request:
    """A good request, but for what is signed otherwise."""
    marker = f"zq7-written-by-somebody-{scene.application}"
    return replace(source.make(scene, marker, **how), marker=marker)


def sent(scene: Scene, source: Source, request: Request) -> tuple[int, dict[str, Any]]:
    """POST it with each header as it stands: clients for people change them."""
    target = f"/fcapp/{source.path}?{urlencode(request.query)}"
    connection = http.client.HTTPConnection("127.0.0.1", scene.stage.port, timeout=60)
    try:
        connection.putrequest("POST", target)
        for name, value in (*request.headers, ("Content-Length", str(len(request.body)))):
            connection.putheader(name, value.encode())
        connection.endheaders(request.body)
        answer = connection.getresponse()
        content = json.loads(answer.read())
    finally:
        connection.close()
    scene.replies.append(json.dumps(content))
    return answer.status, content


def reserialised(body: bytes) -> bytes:
    """The same content in other bytes: JSON with more space, a form in another order."""
    if body.startswith(b"{"):
        return json.dumps(json.loads(body), indent=1).encode()
    return urlencode(sorted(parse_qsl(body.decode()))).encode()


def now(source: Source) -> int:
    return int(time.time() * source.unit)


Spoil = Callable[[Scene, Source], Request]


def _signature(*change: Callable[[str], str]) -> Spoil:
    """With these in place of its signature."""

    def spoil(scene: Scene, source: Source) -> Request:
        request = made(scene, source)
        given = request.value(source.signature)
        return request.having(source.signature, *(one(given) for one in change))

    return spoil


def _body(change: Callable[[bytes], bytes]) -> Spoil:
    """Changed after it was signed."""

    def spoil(scene: Scene, source: Source) -> Request:
        request = made(scene, source)
        changed = change(request.body)
        assert changed != request.body
        return replace(request, body=changed)

    return spoil


def _same(text: str) -> str:
    return text


def _guessed(scene: Scene, source: Source) -> Request:
    webhook = source is SOURCES["standard-webhooks"]
    return made(scene, source, secret=GUESSED_WEBHOOK if webhook else GUESSED)


def _oversized(scene: Scene, source: Source) -> Request:
    """Signed as it is; what is too long comes at the end."""
    request = source.make(scene, "x" * 100_000)
    assert len(request.body) > 98_304
    return replace(request, marker="x" * 100)


ANYWHERE: dict[str, tuple[Spoil, int, str]] = {
    "other secret": (_guessed, 401, "invalid_signature"),
    "no ASCII": (_signature(lambda text: f"é{text[1:]}"), 401, "invalid_signature"),
    "no signature": (_signature(lambda _: ""), 401, "invalid_signature"),
    "unsigned": (_signature(), 401, "invalid_signature"),
    "signed twice": (_signature(_same, _same), 401, "invalid_signature"),
    "oversized": (_oversized, 413, "body_too_large"),
}
BY_BYTES: dict[str, tuple[Spoil, int, str]] = {
    "re-serialised": (_body(reserialised), 401, "invalid_signature"),
}
# Each is signed as it stands there, so that nothing but the time is wrong.
BY_TIME: dict[str, tuple[Spoil, int, str]] = {
    "word as time": (lambda scene, source: made(scene, source, stamp="soon"), 401,
                     "invalid_signature"),
    "fraction as time": (lambda scene, source: made(scene, source, stamp=f"{now(source)}.0"), 401,
                         "invalid_signature"),
    "other digits": (lambda scene, source: made(
        scene, source, stamp=str(now(source)).translate(OTHER_DIGITS)), 401, "invalid_signature"),
    "stale": (lambda scene, source: made(scene, source, at=time.time() - 3700), 401,
              "delivery_too_old"),
    "future": (lambda scene, source: made(scene, source, at=time.time() + 3700), 401,
               "delivery_from_the_future"),
}  # fmt: skip


def cases() -> Iterator[Any]:
    for name, source in SOURCES.items():
        found = (ANYWHERE | ({} if source.loose else BY_BYTES)
                 | (BY_TIME if source.timestamp else {}))  # fmt: skip
        for case, (spoil, status, reason) in found.items():
            yield pytest.param(name, case, spoil, status, reason, id=f"{name}: {case}")


@pytest.mark.parametrize(("name", "case", "spoil", "status", "reason"), [*cases()])
def test_bad_request_is_refused_and_leaves_nothing(
    scene: Scene, name: str, case: str, spoil: Spoil, status: int, reason: str
) -> None:
    """No change, no task, and of what it held not a word in any log; what is refused for its
    signature or its age is refused by the vendor's own library, where that looks at it."""
    source = SOURCES[name]
    request = spoil(scene, source)

    answer = sent(scene, source, request)

    assert (status, reason) == (answer[0], answer[1]["reason"])
    assert [] == scene.changes()
    logged = json.dumps(scene.stage.manage("GET", "/logs"), ensure_ascii=False)
    held = (request.marker, request.body.decode()[10:60], *source.secrets, scene.secret)
    assert [] == [text for text in held if text in logged]
    if source.judge and status == 401:
        assert (case in source.laxer) == source.judge(scene, request)


@pytest.fixture(params=["plain", "base64"])
def trigger(scene: Scene, request: pytest.FixtureRequest) -> Iterator[None]:
    """FC may hand the body over in either form."""
    scene.stage.manage("POST", "/choices", {"fc_base64_bodies": request.param == "base64"})
    yield
    scene.stage.manage("POST", "/choices", {"fc_base64_bodies": False})


@pytest.mark.usefixtures("trigger")
@pytest.mark.parametrize("spelt", [str.lower, str.upper], ids=["lower", "upper"])
@pytest.mark.parametrize("name", SOURCES)
def test_good_request_is_taken_once(
    scene: Scene, name: str, spelt: Callable[[str], str]
) -> None:
    """However its headers are spelt and its body is handed over: the exact duplicate is answered
    as well and changes nothing, though nothing else tells it from the first."""
    source = SOURCES[name]
    good = made(scene, source)
    request = replace(good, headers=tuple((spelt(one), value) for one, value in good.headers))

    told = [sent(scene, source, request) for _ in range(2)]

    assert [202 if name == "standard-webhooks" else 200] * 2 == [status for status, _ in told]
    scene.settled()
    assert 1 == len(scene.tasks())
    keys = [call for call in scene.history() if call["action"] == "CreateAccessKey"]
    assert (1 if name == "standard-webhooks" else 0) == len(keys)
    assert not source.judge or source.judge(scene, good)


@pytest.mark.parametrize("name", [name for name, source in SOURCES.items() if source.loose])
def test_bytes_that_are_not_signed_may_differ(scene: Scene, name: str) -> None:
    """DingTalk signs the cipher text alone, and of a robot's message nothing but the time: what
    means the same is the same."""
    source = SOURCES[name]
    request = made(scene, source)
    other = replace(request, body=reserialised(request.body))
    assert request.body != other.body

    told = [sent(scene, source, one) for one in (request, other)]

    assert [200] * 2 == [status for status, _ in told]
    scene.settled()
    assert 1 == len(scene.tasks())
