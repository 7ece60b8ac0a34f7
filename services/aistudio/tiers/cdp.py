"""The page's own answer as it arrives, through the DevTools protocol of Chromium: bytes, no script, no interception."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any


class CdpWire:
    """Passes on the answer of calls whose address holds `generate`, while it is armed.

    Events: ``{kind: wire, status}``, ``{data: bytes}``, ``{end}``, ``{failed}``, each with its run."""

    def __init__(
        self, page: Any, generate: str, emit: Callable[[dict[str, Any]], None], spawn: Callable[..., Any]
    ) -> None:
        self._page = page
        self._generate = generate
        self._emit = emit
        self._spawn = spawn
        self._session: Any = None
        self._run: str | None = None
        self._request: str | None = None
        self._early: list[bytes] | None = None  # what comes before the answer to streamResourceContent
        self._ended: dict[str, Any] | None = None

    async def start(self) -> None:
        """Raises Playwright's error where the browser does not speak the protocol."""
        self._session = await self._page.context.new_cdp_session(self._page)
        self._session.on("Network.responseReceived", self._responded)
        self._session.on("Network.dataReceived", self._received)
        self._session.on("Network.loadingFinished", lambda told: self._over(told, {"end": True}))
        self._session.on("Network.loadingFailed", lambda told: self._over(told, {"failed": True}))
        await self._session.send("Network.enable", {"maxTotalBufferSize": 16 << 20, "maxPostDataSize": 0})

    def arm(self, run: str) -> None:
        """Take the next matching call as the answer of `run`."""
        self._run, self._request, self._early, self._ended = run, None, None, None

    def disarm(self) -> None:
        self._run = self._request = None

    def _tell(self, more: dict[str, Any]) -> None:
        if self._run is not None:
            self._emit({"kind": "wire", "run": self._run, **more})

    def _responded(self, told: dict[str, Any]) -> None:
        answer = told["response"]
        if self._run is None or self._request is not None or self._generate not in answer["url"]:
            return
        if told.get("type") == "Preflight":
            return
        self._request, self._early = told["requestId"], []
        self._tell({"status": answer["status"]})
        self._spawn(self._stream(told["requestId"]), "the page's answer")

    async def _stream(self, request: str) -> None:
        try:
            told = await self._session.send("Network.streamResourceContent", {"requestId": request})
            first = base64.b64decode(told["bufferedData"])
        except Exception:  # Playwright's: the answer is over already
            first = await self._whole(request)
        if request != self._request:
            return
        early, self._early = self._early or [], None
        for data in (first, *early):
            if data:
                self._tell({"data": data})
        if self._ended is not None:
            self._tell(self._ended)

    async def _whole(self, request: str) -> bytes:
        try:
            told = await self._session.send("Network.getResponseBody", {"requestId": request})
        except Exception:  # nothing was kept
            return b""
        body = told["body"]
        return base64.b64decode(body) if told.get("base64Encoded") else str(body).encode()

    def _received(self, told: dict[str, Any]) -> None:
        if told["requestId"] != self._request or not told.get("data"):
            return
        data = base64.b64decode(told["data"])
        if self._early is not None:
            self._early.append(data)
        else:
            self._tell({"data": data})

    def _over(self, told: dict[str, Any], how: dict[str, Any]) -> None:
        if told["requestId"] != self._request:
            return
        if self._early is not None:
            self._ended = how
        else:
            self._tell(how)
