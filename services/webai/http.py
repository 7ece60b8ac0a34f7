"""What the routes share: keys, bodies, errors, and an answer to a caller who may leave. ASGI by hand for the streams,
because Hypercorn neither cancels an application nor raises when its client has gone.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from router.faults import Fault, bad_request
from router.tasks import Tasks
from router.wire import openai_errors
from router.wire.codec import Malformed, dumps, loads
from services.webai.accounts import NEEDS_LOGIN
from services.webai.cancelling import called_off

_log = logging.getLogger("switchyard.webai.http")
SERVED_BY, NOTES = "x-webai-served-by", "x-webai-notes"
_NOTES_MOST = 1000
_BODY = 120.0
"""Seconds for a whole body."""


class Reply:
    """One answer that goes out; `started` once its head has gone."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def head(self, status: int, headers: Mapping[str, str]) -> None:
        """Status and headers."""
        self.started = True
        raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def body(self, data: bytes, *, more: bool = False) -> None:
        """A piece of the body, the last one unless `more`."""
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def json(self, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """A whole body of JSON."""
        data = dumps(value)
        own = {"content-type": "application/json", "content-length": str(len(data))}
        await self.head(status, {**own, **(headers or {})})
        await self.body(data)

    async def fault(self, fault: Fault) -> None:
        """An error in OpenAI's envelope. A signed-out account is a 401: the router that asks knows what it means."""
        status, headers, body = openai_errors.render(fault, "")
        if fault.code == NEEDS_LOGIN:
            status = 401
            body["error"]["code"] = NEEDS_LOGIN
        await self.json(body, status, headers)


class Calls:
    """The calls that are open, and their tasks."""

    def __init__(self) -> None:
        self._tasks = Tasks("webai-calls")
        self._open = 0
        self._none = asyncio.Event()
        self._none.set()

    def __len__(self) -> int:
        return self._open

    async def run(self, work: Coroutine[Any, Any, None], receive: Receive) -> None:
        """Run `work` until its end, or until the caller leaves; then it is cancelled, and over when this returns."""
        self._open += 1
        self._none.clear()
        task = self._tasks.spawn(work, "call")
        watcher = self._tasks.spawn(_left(receive), "watch")
        try:
            await asyncio.wait((task, watcher), return_when=asyncio.FIRST_COMPLETED)
        finally:
            watcher.cancel()
            if not await called_off(task):
                _log.error("a call goes on though its caller has left")
            await asyncio.gather(watcher, return_exceptions=True)
            self._open -= 1
            if not self._open:
                self._none.set()

    async def over(self) -> None:
        """When none is open."""
        await self._none.wait()

    async def close(self) -> None:
        """Cut those that are open."""
        await self._tasks.close()


Work = Callable[[dict[str, Any], Reply], Awaitable[None]]


class Endpoint:
    """A route with a body of JSON: reads it, runs `work` as long as the caller stays, and tells of faults."""

    def __init__(self, work: Work, most: int, refusal: Callable[[], Fault | None], calls: Calls) -> None:
        """most: bytes of a body. refusal: why nothing new is taken in now, None where it is."""
        self._work = work
        self._most = most
        self._refusal = refusal
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = Reply(send)
        try:
            if (refusal := self._refusal()) is not None:
                raise refusal
            async with asyncio.timeout(_BODY):
                body = await read_json(scope, receive, self._most)
        except TimeoutError:
            await reply.fault(Fault("timeout", f"The body did not come within {_BODY:g} s.", status=408))
            return
        except Fault as fault:
            await reply.fault(fault)
            return
        except Gone:
            return
        await self._calls.run(self._run(body, reply), receive)

    async def _run(self, body: dict[str, Any], reply: Reply) -> None:
        try:
            await self._work(body, reply)
        except Fault as fault:
            if not reply.started:
                await reply.fault(fault)
        except Exception:
            _log.exception("a request failed")
            if not reply.started:
                await reply.fault(Fault("internal", "WebAI made a mistake; its log has more."))


class Gone(Exception):
    """The caller has left."""


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def read_json(scope: Scope, receive: Receive, most: int) -> dict[str, Any]:
    """The body as a JSON object. Raises `Fault`, and `Gone`."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > most:
            raise Fault("too_large", f"The body has more than {most // 1048576} MiB.")
    data = bytearray()
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        data += message.get("body", b"")
        if len(data) > most:
            raise Fault("too_large", f"The body has more than {most // 1048576} MiB.")
        if not message.get("more_body"):
            break
    try:
        value = loads(bytes(data)) if data else {}
    except Malformed as error:
        raise bad_request(f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise bad_request("The body must be a JSON object.")
    return value


class Guard:
    """Lets through what brings the key; `open_paths` need none."""

    def __init__(self, app: Any, key: Callable[[], str], open_paths: frozenset[str]) -> None:
        self._app = app
        self._key = key
        self._open = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._open or self._admits(scope):
            await self._app(scope, receive, send)
            return
        text = "The key is missing or wrong: Authorization: Bearer <service key>, of state/keys/service.key."
        await Reply(send).fault(Fault("unauthenticated", text, code="invalid_api_key"))

    def _admits(self, scope: Scope) -> bool:
        key = self._key()
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        kind, _, token = given.partition(b" ")
        return bool(key) and kind.lower() == b"bearer" and hmac.compare_digest(token.strip(), key.encode())


def notes_header(notes: Iterable[str]) -> str:
    """Notes as one header: ASCII, bounded."""
    text = "; ".join(notes).encode("ascii", "replace").decode()
    text = "".join(each if each.isprintable() else " " for each in text)
    return text if len(text) <= _NOTES_MOST else f"{text[: _NOTES_MOST - 3]}..."
