"""WebSocket attempts. None is served yet: each gets the refusal with which its client goes on over HTTP.

Codex tries ``GET /v1/responses`` as a WebSocket first and falls back at once on 426, but only on that.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from router.wire.codec import dumps

_TEXT = "WebSockets are not served at this path: use HTTP, with `stream: true` for events."
_ERROR = {"message": _TEXT, "type": "invalid_request_error", "param": None, "code": "upgrade_required"}


class RefuseSockets:
    """Answers every WebSocket handshake with 426 and the reason; lets everything else through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        body = dumps({"error": _ERROR})
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "websocket.http.response.start", "status": 426, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body, "more_body": False})
