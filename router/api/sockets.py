"""WebSocket attempts: those of the relay are served, every other gets the refusal with which its client goes on over
HTTP.

Codex tries ``GET /v1/responses`` as a WebSocket first and falls back at once on 426, but only on that.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from router.wire.codec import dumps
from router.wire.conversation import JsonObject

_TEXT = "WebSockets are not served at this path: use HTTP, with `stream: true` for events."
_ERROR: JsonObject = {"message": _TEXT, "type": "invalid_request_error", "param": None, "code": "upgrade_required"}


class Sockets:
    """Sends WebSocket handshakes to whoever serves their path, and answers all others with 426 and the reason; lets
    everything else through."""

    def __init__(self, app: ASGIApp, served: Mapping[str, ASGIApp]) -> None:
        self._app = app
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        serves = self._served.get(scope["path"].rstrip("/")) if "path" in scope else None
        if scope["type"] != "websocket":
            await (self._app if serves is None else _want_upgrade)(scope, receive, send)
            return
        if serves is not None:
            await serves(scope, receive, send)
            return
        await receive()
        await refuse_socket(scope, send, 426, _ERROR)


async def _want_upgrade(scope: Scope, receive: Receive, send: Send) -> None:
    """An ordinary request for the address of a WebSocket."""
    body = dumps({"error": {**_ERROR, "message": f"{scope['path']} is a WebSocket: connect to it as one."}})
    head = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"upgrade", b"websocket"),
        (b"connection", b"close"),  # whatever body comes is not read
    ]
    await send({"type": "http.response.start", "status": 426, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def refuse_socket(
    scope: Scope, send: Send, status: int, error: JsonObject, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    """Answer a handshake, of which the first message was received, with an HTTP status and the reason."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    body = dumps({"error": error})
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "websocket.http.response.start", "status": status, "headers": head})
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})
