"""``/dashboard/``: the files of the dashboard, where management answers. What they show comes from management, which
asks for a session; the files themselves hold nothing secret."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from router.api.guard import ELSEWHERE, reachable
from router.dashboard.files import Page, read_files
from router.gateway import Gateway

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",  # asked for again each time: modules of two versions must never meet in a browser
}


class Dashboard:
    """read: gives the files; called once, when somebody first looks, and kept from then on."""

    def __init__(self, gateway: Gateway, read: Callable[[], Mapping[str, Page]] = read_files) -> None:
        self._gateway = gateway
        self._read = read
        self._pages: Mapping[str, Page] | None = None

    def routes(self) -> list[Route]:
        return [Route("/dashboard", self.enter), Route("/dashboard/{file:path}", self.file)]

    async def enter(self, request: Request) -> Response:
        """The address without its slash, from which relative addresses would lead astray."""
        return RedirectResponse("dashboard/", 308, headers=HEADERS)

    async def file(self, request: Request) -> Response:
        """One file; the folder itself is its page."""
        if not reachable(request, self._gateway):
            return PlainTextResponse(f"{ELSEWHERE}\n", 403, headers=HEADERS)
        if self._pages is None:
            self._pages = await asyncio.to_thread(self._read)
        page = self._pages.get(request.path_params["file"] or "index.html")
        if page is None:
            return PlainTextResponse(
                "The dashboard has no such file. It begins at /dashboard/.\n", 404, headers=HEADERS
            )
        headers = {**HEADERS, "etag": page.etag}
        known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
        if page.etag in known:
            return Response(status_code=304, headers=headers)
        return Response(page.content, headers=headers, media_type=page.type)
