"""Servers that repeat every secret they are sent: in errors, headers, pages and broken streams. And what they heard."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.simulators import Upstream, faulty
from tests.simulators.authorisation import AuthorisationServer
from tests.simulators.authorisation import faulty as token_faults
from tests.simulators.authorisation.server import Call
from tests.simulators.connection import Request
from tests.simulators.faulty import Misbehaviour
from tests.simulators.server import Attempt

Manner = Callable[[str], Misbehaviour]
_BORING = ("host", "content-length", "content-type", "accept", "accept-encoding", "connection", "user-agent")
_HOP = re.compile(rb"(?i)proxy-authorization:[^\r\n]*\r\n")


def said(request: Request) -> str:
    """Everything of a request that may be a secret, on one line."""
    headers = [value for name, value in request.headers.items() if name not in _BORING]
    bare = [value.rpartition(" ")[2] for value in headers]
    return " ".join((*headers, *bare, *request.query.values()))


def _page(words: str) -> bytes:
    page = f"<html><head><title>{words}</title></head><body><h1>Bad Gateway</h1>{words}</body></html>"
    return page.encode("latin-1", "replace")


def _status(code: int) -> Manner:
    return lambda words: faulty.status(
        code, message=f"no: {words}", x_request_id=words, www_authenticate=f'Bearer error_description="{words}"'
    )


MANNERS: Mapping[str, Manner] = {
    "400": _status(400),
    "401": _status(401),
    "403": _status(403),
    "404": _status(404),
    "413": _status(413),
    "429": _status(429),
    "500": _status(500),
    "529": _status(529),
    "page": lambda words: Misbehaviour(status=502, body=_page(words), content_type="text/html"),
    "page as a success": lambda words: Misbehaviour(body=_page(words), content_type="text/html"),
    "text": lambda words: Misbehaviour(status=500, body=words.encode(), content_type="text/plain"),
    "odd JSON": lambda words: Misbehaviour(status=400, body=json.dumps({"said": [words]}).encode()),
    "code": lambda words: Misbehaviour(
        status=400,
        body=json.dumps({"error": {"message": "no", "code": words, "param": words, "type": words}}).encode(),
    ),
    "redirect": lambda words: faulty.status(302, body=b"", location=f"http://127.0.0.1:9/?key={words}"),
    "error inside": lambda words: Misbehaviour(after_events=3, ending="error", message=f"no: {words}"),
    "error at once": lambda words: Misbehaviour(after_events=0, ending="error", message=f"no: {words}"),
    "cut": lambda words: faulty.cut(events=3),
    "malformed": lambda words: faulty.cut(events=3, ending="malformed"),
    "no answer": lambda words: faulty.refused(),
}
"""How it says no. Each is given all that it was sent."""


class Parrot(Upstream):
    """Simulated providers that behave until they are told a manner."""

    manner: str = ""

    def _choose(self, attempt: Attempt) -> Misbehaviour:
        return MANNERS[self.manner](said(attempt.request)) if self.manner else super()._choose(attempt)


TokenManner = Callable[[str], token_faults.Misbehaviour]
TOKEN_MANNERS: Mapping[str, TokenManner] = {
    "dead": lambda words: token_faults.refused(400, {"error": "invalid_grant", "error_description": words}),
    "client": lambda words: token_faults.refused(401, {"error": "invalid_client", "error_description": words}),
    "nested": lambda words: token_faults.refused(400, {"error": {"code": "refresh_token_reused", "message": words}}),
    "code": lambda words: token_faults.refused(400, {"error": words}),
    "message": lambda words: token_faults.refused(403, {"message": words}),
    "busy": lambda words: token_faults.refused(429, {"error": words, "message": words}, {"x-said": words}),
    "page": lambda words: token_faults.Misbehaviour(status=502, body=_page(words), content_type="text/html"),
    "no token": lambda words: token_faults.refused(200, {"error_description": words, "scope": words}),
    "no answer": lambda words: token_faults.lost(processed=False),
}
"""How a token endpoint says no. Each is given all the fields that it was sent."""


class TokenParrot(AuthorisationServer):
    """Simulated authorisation servers that behave until they are told a manner. quoting: by sign-in, in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.manner = ""
        self.quoting: dict[str, str] = {}

    def _choose(self, call: Call) -> token_faults.Misbehaviour:
        manner = self.quoting.get(call.sign_in, self.manner)
        if not manner or call.endpoint not in ("token", "poll"):
            return super()._choose(call)
        fields = call.fields if call.request.body else {}
        return TOKEN_MANNERS[manner](" ".join((*fields.values(), said(call.request))))


class Proxy:
    """An outbound proxy for http addresses. url: for a user with a password. heard: what it was told of them.
    strangers: the tunnels that it was asked for, which lead to none of the simulated servers."""

    def __init__(self) -> None:
        self.heard = b""
        self.strangers: list[str] = []
        self.refuses = False
        self._port = 0
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[Any]] = set()

    def url(self, password: str) -> str:
        return f"http://operator:{password}@127.0.0.1:{self._port}"

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        upstream: asyncio.StreamWriter | None = None
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heard += head
            if self.refuses:
                words = head.replace(b"\r\n", b" ")
                writer.write(b"HTTP/1.1 407 No\r\nproxy-authenticate: Basic\r\ncontent-length: %d\r\n\r\n" % len(words))
                writer.write(words)
                await writer.drain()
                return
            if head.startswith(b"CONNECT "):  # somebody wants to leave this machine
                self.strangers.append(head.partition(b"\r\n")[0].decode())
                writer.write(b"HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
                return
            target = urlsplit(head.split(b" ")[1].decode())
            back, upstream = await asyncio.open_connection(target.hostname, target.port)
            upstream.write(_HOP.sub(b"", head))
            await asyncio.wait(
                [asyncio.ensure_future(_pass(reader, upstream)), asyncio.ensure_future(_pass(back, writer))],  # noqa: TID251
                return_when=asyncio.FIRST_COMPLETED,
            )
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._running.discard(task)
            for each in (writer, upstream):
                if each is not None:
                    each.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.CancelledError):
        while data := await reader.read(65_536):
            writer.write(_HOP.sub(b"", data))
            await writer.drain()


def written(request: Request) -> bytes:
    """All of a request."""
    lines = [request.path, *(f"{name}={value}" for name, value in request.query.items())]
    lines += [f"{name}: {value}" for name, value in request.pairs]
    return "\n".join(lines).encode() + b"\n" + request.body
