"""A service that answers for Gemini: it sends what it is asked to a simulated Google, with a session of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from router.faults import Fault
from router.relay.protocol.messages import AuthRequest, AuthStatus, Request
from services.link.answer import Answer
from tests.simulators import Upstream
from tests.simulators.asking import GEMINI

HOST = "https://generativelanguage.googleapis.com"


@dataclass
class GeminiService:
    """asked: every request so far. cancelled: how many nobody waited for any more. hold: cleared, answers wait for it
    before their head. fault: raised instead of an answer. person: cleared, sign-ins wait for it."""

    upstream: Upstream
    http: aiohttp.ClientSession
    asked: list[Request] = field(default_factory=list)
    cancelled: int = 0
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    fault: Fault | None = None
    signed_in: list[str] = field(default_factory=list)
    person: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.hold.set()
        self.person.set()

    async def answer(self, request: Request, answer: Answer) -> None:
        """Pass one request on, and its answer back."""
        self.asked.append(request)
        try:
            await self.hold.wait()
            if self.fault is not None:
                raise self.fault
            await self._pass_on(request, answer)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def _pass_on(self, request: Request, answer: Answer) -> None:
        parts = urlsplit(request.url)
        assert request.url.startswith(HOST), request.url
        url = f"{self.upstream.base_url('gemini')}{parts.path}{'?' + parts.query if parts.query else ''}"
        headers = {**request.headers, **GEMINI}
        async with self.http.request(request.method, url, data=request.body.encode(), headers=headers) as response:
            kind = {"content-type": response.headers.get("content-type", "")}
            if not kind["content-type"].startswith("text/event-stream"):
                await answer.respond(response.status, kind, (await response.read()).decode())
                return
            await answer.start(response.status, kind)
            rest = b""
            async for chunk in response.content.iter_any():
                self.begun.set()
                text, rest = _whole(rest + chunk)
                await answer.write(text)

    async def sign_in(self, request: AuthRequest, tell: Callable[[AuthStatus], Awaitable[None]]) -> None:
        """A person who is quick, or comes when a test wants."""
        await tell(AuthStatus(state="waiting", message="Open it.", vnc_url="http://127.0.0.1:6080/"))
        try:
            await self.person.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.signed_in.append(request.profile)
        await tell(AuthStatus(state="done"))


@dataclass
class Browser:
    """An app in a web page with the plain message set, as existing ones are: it knows six words and no more."""

    socket: aiohttp.ClientWebSocketResponse
    upstream: Upstream
    http: aiohttp.ClientSession
    words: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Answer what is asked until the socket is closed."""
        async with asyncio.TaskGroup() as group:
            async for message in self.socket:
                frame = json.loads(message.data)
                self.words.add(frame["type"])
                if frame["type"] == "http_request":
                    group.create_task(self._fetch(frame["id"], frame["payload"]))

    async def _fetch(self, call: str, asked: dict[str, object]) -> None:
        parts = urlsplit(str(asked["url"]))
        url = f"{self.upstream.base_url('gemini')}{parts.path}{'?' + parts.query if parts.query else ''}"
        headers = {name: ", ".join(values) for name, values in asked["headers"].items()}  # type: ignore[attr-defined]
        body = str(asked["body"]).encode()
        async with self.http.request(str(asked["method"]), url, data=body, headers={**headers, **GEMINI}) as response:
            said = {name: [value] for name, value in response.headers.items()}
            if "alt=sse" not in parts.query:
                text = (await response.read()).decode()
                await self.say(call, "http_response", {"status": response.status, "headers": said, "body": text})
                return
            await self.say(call, "stream_start", {"status": response.status, "headers": said})
            rest = b""
            async for chunk in response.content.iter_any():
                text, rest = _whole(rest + chunk)
                await self.say(call, "stream_chunk", {"data": text})
            await self.say(call, "stream_end")

    async def say(self, call: str, kind: str, payload: object = None) -> None:
        await self.socket.send_str(
            json.dumps({"id": call, "type": kind, **({} if payload is None else {"payload": payload})})
        )


def _whole(data: bytes) -> tuple[str, bytes]:
    """What of `data` is whole text, as a page's TextDecoder gives it, and the rest."""
    for cut in range(min(4, len(data) + 1)):
        try:
            return data[: len(data) - cut].decode(), data[len(data) - cut :]
        except UnicodeDecodeError:
            continue
    raise AssertionError("no text")
