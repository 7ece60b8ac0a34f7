"""The payloads of the relay, typed: what each frame says, read strictly and written plainly. Pure.

Unknown fields are ignored, so that either side may be newer. ``docs/relay.md`` is the description for other clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from router.relay.protocol.frames import MESSAGE_BYTES, Frame, ProtocolError
from router.wire.conversation import JsonObject

CHUNK_BYTES = 256 * 1024
"""Largest piece of a body in one frame."""
CREDIT_CHUNKS = 32
CREDIT_BYTES = 1024 * 1024
"""What a service may send of one answer before the first credit: so many chunks or bytes, whichever is less."""
PLAIN_BUFFER = 8 * 1024 * 1024
"""Bytes of one answer of a plain client that may wait for a slow reader."""

Name = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9._-]{0,62}\Z")]
Word = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(max_length=2000)]
Models = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...], Meta(max_length=1000)]
Count = Annotated[int, Meta(ge=0, le=100_000)]
M = TypeVar("M", bound=Struct)


class Terms(Struct, frozen=True, kw_only=True):
    """What a router lets a service do. chunks, bytes: the first credit of each answer. ping: seconds of silence after
    which the router asks whether the service is there; after three times as many the service counts as gone."""

    chunks: int = CREDIT_CHUNKS
    bytes: int = CREDIT_BYTES
    chunk_bytes: int = CHUNK_BYTES
    message_bytes: int = MESSAGE_BYTES
    ping: float = 20.0


class Profile(Struct, frozen=True, kw_only=True):
    """One account behind a service. state: ``ready`` where it can serve. cause: why not, for people."""

    name: Name
    state: Word = "ready"
    cause: Text = ""


Profiles = Annotated[tuple[Profile, ...], Meta(max_length=100)]


class Hello(Struct, frozen=True, kw_only=True):
    """A service introduces itself. service: what it is (``aistudio``). name: its own, which survives reconnects.
    capabilities: ``sticky`` asks that a conversation stays with one account. models: upstream names; empty: those that
    the router knows. capacity: calls that it can work on at once. key: the service key, where no header carried it."""

    service: Name
    name: Name
    version: Word = ""
    capabilities: Annotated[tuple[Word, ...], Meta(max_length=100)] = ()
    models: Models = ()
    capacity: Annotated[int, Meta(ge=1, le=10_000)] = 1
    profiles: Profiles = ()
    key: str = ""


class Welcome(Struct, frozen=True, kw_only=True):
    """The router's answer. session: for logs. router: this very process. routers: addresses of all siblings."""

    session: str
    router: str
    routers: tuple[str, ...] = ()
    limits: Terms = Terms()


class Request(Struct, frozen=True, kw_only=True):
    """An HTTP request that a service answers. headers: lower-case names. profile: which account of the service."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: str = ""
    stream: bool = False
    profile: str = ""


class Status(Struct, frozen=True, kw_only=True):
    """How a service is, pushed on change. None: as before. cause: why it can do nothing now, empty where it can."""

    busy: Count | None = None
    free: Count | None = None
    profiles: Profiles | None = None
    models: Models | None = None
    cause: Text | None = None


class AuthRequest(Struct, frozen=True, kw_only=True):
    """A person wants to sign in to a profile. headed: in a window; None: as the service's settings say."""

    profile: str = "default"
    headed: bool | None = None


class AuthStatus(Struct, frozen=True, kw_only=True):
    """How a sign-in goes. state: ``waiting``, ``done``, ``failed``, or another word for people."""

    state: Word
    message: Text = ""
    vnc_url: Text | None = None


class Routers(Struct, frozen=True):
    """The siblings have changed."""

    routers: tuple[str, ...] = ()


class Credit(Struct, frozen=True, kw_only=True):
    """The service may send so many more chunks, and so many more bytes of them."""

    n: int = 0
    bytes: int = 0


class Head(Struct, frozen=True):
    """Status and headers of an answer. headers: lower-case names; of a repeated one, the values joined."""

    status: int
    headers: Mapping[str, str] = {}


class _RawHead(Struct, frozen=True):
    status: int
    headers: dict[str, str | list[str]] = {}


class Body(Struct, frozen=True):
    """A whole body."""

    body: str = ""


class Chunk(Struct, frozen=True):
    """A piece of a body. seq: from 0 without gaps; None in the plain protocol. last: of a request's body."""

    data: str = ""
    seq: int | None = None
    last: bool = False


def read(frame: Frame, kind: type[M]) -> M:
    """The payload of a frame as `kind`. Raises `ProtocolError` wrong_type with the path of the mistake."""
    try:
        return msgspec.convert(frame.payload, kind)
    except msgspec.ValidationError as error:
        raise ProtocolError("wrong_type", f"{frame.type}: {error}") from None


def write(message: Struct) -> JsonObject:
    """A message as a payload."""
    made: Any = msgspec.to_builtins(message)
    return made  # type: ignore[no-any-return]


def read_head(frame: Frame) -> Head:
    """Status and headers. Raises `ProtocolError` wrong_type, also for a status that HTTP does not have."""
    raw = read(frame, _RawHead)
    if not 200 <= raw.status <= 599:
        raise ProtocolError("wrong_type", f"{frame.type}: {raw.status} is no final status of HTTP")
    return Head(raw.status, {name.lower(): _joined(value) for name, value in raw.headers.items()})


class _RawRequest(Struct, frozen=True):
    method: str
    url: str
    headers: dict[str, str | list[str]] = {}
    body: str = ""
    stream: bool = False
    profile: str = ""
    more: bool = False


def read_request(frame: Frame) -> tuple[Request, bool]:
    """A request, and whether the rest of its body follows in chunks. Raises `ProtocolError` wrong_type."""
    raw = read(frame, _RawRequest)
    request = Request(
        method=raw.method,
        url=raw.url,
        headers={name.lower(): _joined(value) for name, value in raw.headers.items()},
        body=raw.body,
        stream=raw.stream,
        profile=raw.profile,
    )
    return request, raw.more


def write_request(request: Request, sent_at: str, more: bool) -> JsonObject:
    """A request as plain clients read it too: header values as lists, the moment of sending beside them."""
    payload: JsonObject = {
        "method": request.method,
        "url": request.url,
        "headers": {name: [value] for name, value in request.headers.items()},
        "body": request.body,
        "stream": request.stream,
        "sent_at": sent_at,
    }
    if request.profile:
        payload["profile"] = request.profile
    if more:
        payload["more"] = True
    return payload


def _joined(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)
