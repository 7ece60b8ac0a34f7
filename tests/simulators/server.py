"""The simulated upstream on a loopback port: records what comes, answers by `service.py`, misbehaves by script."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.simulators import access, refusal, subscriptions
from tests.simulators.connection import Request, read_request
from tests.simulators.deliver import Ended, deliver
from tests.simulators.faulty import GOOD, Misbehaviour
from tests.simulators.prompt import Usage
from tests.simulators.refusal import Refusal
from tests.simulators.reply import Reply
from tests.simulators.service import Service

# Where each official SDK's base URL points, after the address.
BASES = {
    "openai": "/openai/v1",
    "anthropic": "/anthropic",
    "gemini": "/gemini",
    "vertex": "/vertex",
} | subscriptions.BASES
ACCOUNT_HEADERS = {
    "openai": {
        "x-request-id": "req_sim",
        "openai-organization": "org-of-the-account",
        "openai-version": "2020-10-01",
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "499",
        "x-ratelimit-reset-requests": "120ms",
    },
    "anthropic": {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": "2026-11-20T21:00:00Z",
    },
    "chatgpt": subscriptions.CODEX_HEADERS,
}


@dataclass(slots=True)
class Attempt:
    """One request that arrived. Times are of `time.monotonic`.

    status: of the answer, None while or when there was none. finished: the answer went out whole. cancelled: the client
    closed before it had. frames: how many went out. gap: seconds since the attempt before, None for the first.
    usage: what the answer is charged for if it goes out whole.
    """

    number: int
    at: float
    gap: float | None
    host: str
    dialect: str
    path: str
    request: Request
    status: int | None = None
    finished: bool = False
    cancelled: bool = False
    ended_at: float | None = None
    usage: Usage | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def headers(self) -> Any:
        """Request headers, names in lower case."""
        return self.request.headers

    @property
    def body(self) -> Any:
        """The request body as JSON, None without."""
        return json.loads(self.request.body) if self.request.body else None

    @property
    def key(self) -> str:
        """The credential that was sent."""
        return access.credential(self.request)


@dataclass(slots=True)
class _Rule:
    remaining: deque[Misbehaviour | None]
    forever: bool
    host: str | None
    key: str | None
    path: str | None
    model: str | None

    def fits(self, attempt: Attempt) -> bool:
        if not self.remaining:
            return False
        model = self.model is None or self.model in attempt.path or self.model in attempt.request.body.decode("latin-1")
        return (
            self.host in (None, attempt.host)
            and self.key in (None, attempt.key)
            and (self.path is None or self.path in attempt.path)
            and model
        )


class Upstream:
    """All four hosts on one port of 127.0.0.1, as an async context manager.

    `script(...)` lists the misbehaviours of the next requests in order (None: behave); `always(...)` stays. Both may be
    narrowed by host, key, path or model, so that parallel requests do not take each other's lines. tls: speak TLS.
    """

    def __init__(self, port: int = 0, *, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self._port, self._address, self._tls = port, address, tls
        self._server: asyncio.Server | None = None
        self._rules: list[_Rule] = []
        self._arrived = asyncio.Condition()
        self._writers: set[asyncio.StreamWriter] = set()
        self._answering: set[asyncio.StreamWriter] = set()
        self._running: set[asyncio.Task[Any]] = set()
        self.requests: list[Attempt] = []
        self.service = Service()

    async def __aenter__(self) -> Upstream:
        await self.open_port()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close_port()
        for writer in list(self._writers):
            writer.transport.abort()
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def open_port(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = await asyncio.start_server(self._serve, self._address, self._port, limit=2**24, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close_port(self) -> None:
        """Refuse new connections; running ones go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    @contextlib.asynccontextmanager
    async def closed_port(self) -> Any:
        """The port is closed inside: connections are refused, and idle ones are gone."""
        await self.close_port()
        for writer in self._writers - self._answering:
            writer.transport.abort()
        try:
            yield
        finally:
            await self.open_port()

    @property
    def address(self) -> str:
        """Scheme, address and port."""
        return f"{'http' if self._tls is None else 'https'}://{self._address}:{self._port}"

    def base_url(self, host: str) -> str:
        """The base URL as one gives it to the SDK of that host: with /v1 for openai, without version for others."""
        return self.address + BASES[host]

    def service_account(self) -> dict[str, str]:
        """A service account file for Vertex, whose token endpoint is here."""
        return self.service.tokens.account(f"{self.address}/token")

    def script(
        self,
        *misbehaviours: Misbehaviour | None,
        host: str | None = None,
        key: str | None = None,
        path: str | None = None,
        model: str | None = None,
    ) -> None:
        """What the next requests meet, in order."""
        self._rules.append(_Rule(deque(misbehaviours), False, host, key, path, model))

    def always(
        self,
        misbehaviour: Misbehaviour,
        *,
        host: str | None = None,
        key: str | None = None,
        path: str | None = None,
        model: str | None = None,
    ) -> None:
        """What every fitting request meets until `behave`."""
        self._rules.append(_Rule(deque([misbehaviour]), True, host, key, path, model))

    def behave(self) -> None:
        """Forget all scripts."""
        self._rules.clear()

    async def arrived(self, count: int, within: float = 40.0) -> list[Attempt]:
        """Wait until `count` requests have come. Raises `TimeoutError`."""
        async with asyncio.timeout(within), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    async def count(self, count: int) -> None:
        """Wait until `count` requests have come, however long that takes."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)

    async def seen(self, text: str) -> None:
        """Wait until a request whose body has `text` has come, however long that takes."""
        sought = text.encode()
        async with self._arrived:
            await self._arrived.wait_for(lambda: any(sought in one.request.body for one in reversed(self.requests)))

    def _choose(self, attempt: Attempt) -> Misbehaviour:
        for rule in self._rules:
            if rule.fits(attempt):
                chosen = rule.remaining[0] if rule.forever else rule.remaining.popleft()
                return chosen or GOOD
        return GOOD

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        self._writers.add(writer)
        ahead = b""
        try:
            while (request := await read_request(reader, ahead)) is not None:
                self._answering.add(writer)
                ahead = await self._attempt(request, reader, writer)
                self._answering.discard(writer)
        except (Ended, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._running.discard(task)
            self._writers.discard(writer)
            self._answering.discard(writer)
            writer.close()

    async def _attempt(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        attempt = await self._record(request)
        bad = self._choose(attempt)
        reply = self._reply(attempt, bad)
        if reply.breaks is not None and bad is GOOD:
            bad = Misbehaviour(after_events=reply.breaks, ending="error", message="the simulated upstream broke")
        attempt.usage = reply.usage
        attempt.status = None if bad.hang or bad.before_head else reply.status
        sending = asyncio.ensure_future(deliver(writer, reply, bad, attempt.dialect))  # noqa: TID251
        watching = asyncio.ensure_future(reader.read(1))  # noqa: TID251
        try:
            await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done() and _gone(watching):
                attempt.cancelled = True
                raise Ended
            await sending
            attempt.finished = True
        except ConnectionError:
            attempt.cancelled = True
            raise
        finally:
            ahead = await _stop(sending, watching)
            attempt.ended_at = time.monotonic()
            attempt.ended.set()
        return ahead

    async def _record(self, request: Request) -> Attempt:
        host, path = access.locate(request)
        now = time.monotonic()
        gap = now - self.requests[-1].at if self.requests else None
        attempt = Attempt(len(self.requests), now, gap, host, access.dialect_of(host, path), path, request)
        async with self._arrived:
            self.requests.append(attempt)
            self._arrived.notify_all()
        return attempt

    def _reply(self, attempt: Attempt, bad: Misbehaviour) -> Reply:
        extra = ACCOUNT_HEADERS.get(attempt.host, {})
        try:
            if bad.status is not None:
                raise refusal.of_status(attempt.dialect, bad.status, bad.message)
            reply = self.service.answer(attempt.request, attempt.host, attempt.path, self.address)
        except Refusal as refused:
            body: Any = refused.body
            if attempt.path.endswith(":streamGenerateContent") and attempt.request.query.get("alt") != "sse":
                body = [body]
            return Reply(body=body, status=refused.status, headers={**extra, **refused.headers})
        return Reply(
            body=reply.body,
            frames=reply.frames,
            status=reply.status,
            content_type=reply.content_type,
            headers={**extra, **reply.headers},
            gap=reply.gap,
            array=reply.array,
            breaks=reply.breaks,
            usage=reply.usage,
        )


def _gone(watching: asyncio.Future[bytes]) -> bool:
    return watching.done() and (watching.exception() is not None or watching.result() == b"")


async def _stop(sending: asyncio.Future[int], watching: asyncio.Future[bytes]) -> bytes:
    for task in (sending, watching):
        task.cancel()
    await asyncio.gather(sending, watching, return_exceptions=True)
    if watching.cancelled() or watching.exception() is not None:
        return b""
    return watching.result()
