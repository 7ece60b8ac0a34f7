"""The first fork: model surfaces go straight to their handler, everything else through the framework's routes.

Starlette's two middlewares wrap every `send`; a stream has hundreds of them, and the surfaces answer their own faults.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class Front:
    """Two applications, told apart by the path."""

    def __init__(self, surfaces: ASGIApp, rest: ASGIApp) -> None:
        self._surfaces = surfaces
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith(("/v1/", "/v1beta/")) and not _is_auth(path):
            await self._surfaces(scope, receive, send)
        else:
            await self._rest(scope, receive, send)


def _is_auth(path: str) -> bool:
    """Sign-ins and accounts are management, below ``/v1`` by the contract of their paths."""
    return path == "/v1/auth" or path.startswith("/v1/auth/")
