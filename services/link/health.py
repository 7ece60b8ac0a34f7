"""``/healthz`` and ``/readyz`` of a service, on loopback: alive, and able to do its job or why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from msgspec import to_builtins
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from router.wire import codec
from services.link.cause import Cause as Cause


def health_server(
    name: str,
    version: str,
    causes: Callable[[], Iterable[Cause]],
    port: int,
    host: str = "127.0.0.1",
    *,
    pages: Mapping[str, Callable[[], str]] = MappingProxyType({}),
) -> AbstractAsyncContextManager[Server]:
    """A server while the context lasts. causes: asked anew for each request; none that is blocking means ready.
    pages: further paths with plain text."""

    def answer(connection: ServerConnection, request: Request) -> Response:
        path = request.path.partition("?")[0]
        if path == "/healthz":
            return _json(connection, HTTPStatus.OK, {"status": "ok", "name": name, "version": version})
        if path == "/readyz":
            found = [to_builtins(each) for each in causes()]
            ready = not any(each["blocking"] for each in found)
            status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
            return _json(connection, status, {"ready": ready, "causes": found})
        if path in pages:
            return connection.respond(HTTPStatus.OK, pages[path]())
        return _json(connection, HTTPStatus.NOT_FOUND, {"error": "there are /healthz and /readyz"})

    return serve(_no_socket, host, port, process_request=answer, open_timeout=5, max_size=1024, compression=None)


async def _no_socket(connection: ServerConnection) -> None:
    """Never reached: every request is answered before a handshake."""


def _json(connection: ServerConnection, status: HTTPStatus, body: Any) -> Response:
    response = connection.respond(status, codec.dumps_text(body) + "\n")
    del response.headers["content-type"]
    response.headers["content-type"] = "application/json"
    return response
