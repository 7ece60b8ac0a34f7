"""Browser pages of other origins: none by default, those of ``server.cors.origins`` where set. Pure ASGI."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from router.settings.schema import Settings

_MAX_AGE = "600"


class Cors:
    """Answers preflights and marks answers, for the origins that the settings name now."""

    def __init__(self, app: ASGIApp, settings: Callable[[], Settings]) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origins = self._settings().server.cors.origins
        if scope["type"] != "http" or (not origins and scope["method"] != "OPTIONS"):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        allowed = origin != "" and ("*" in origins or origin in origins)
        if scope["method"] == "OPTIONS":
            await _options(send, origin if allowed else "", headers)
        elif allowed:
            await self._app(scope, receive, _marked(send, origin))
        else:
            await self._app(scope, receive, send)


async def _options(send: Send, origin: str, headers: dict[bytes, bytes]) -> None:
    """OPTIONS is answered by every path; only an allowed origin learns that it may call."""
    fields = [(b"allow", b"GET, HEAD, POST, OPTIONS"), (b"content-length", b"0")]
    if origin:
        fields += [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-methods", b"GET, HEAD, POST, OPTIONS"),
            (b"access-control-allow-headers", headers.get(b"access-control-request-headers", b"*")),
            (b"access-control-max-age", _MAX_AGE.encode()),
            (b"vary", b"Origin"),
        ]
    await send({"type": "http.response.start", "status": 204, "headers": fields})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _marked(send: Send, origin: str) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message.get("headers", [])))
            headers["access-control-allow-origin"] = origin
            headers["access-control-expose-headers"] = "*"
            headers.add_vary_header("Origin")
            message = {**message, "headers": headers.raw}
        await send(message)

    return marked
