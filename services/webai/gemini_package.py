"""The package gemini-webapi, loaded when it is needed and kept in bounds. The only file that imports it.

What it does by itself and must not do here: read every browser of this machine at each start; keep cookies in the
temporary folder, with a cookie as the file's name; close its connections under other calls when one of them fails;
read an answer to its end after its caller has left; ask the page for settings and quotas around each answer; imitate
the TLS handshake of a browser.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

from router.faults import Fault
from services.link.logs import redacted
from services.webai import extras
from services.webai.settings import Cookies, Gemini, Timeouts

_log = logging.getLogger("switchyard.webai.gemini")
_CACHED = re.compile(r"\.cached_cookies_[^\s'\"]+")
_SIDE_CALLS = 60.0
"""Seconds between two of the page's own side calls (activity, quotas)."""
AGENT = "switchyard-webai"
"""Who asks. The very first request, which the package makes by itself, names nobody."""
CACHE = "GEMINI_COOKIE_PATH"
"""The variable that the package takes its folder for cookies from."""


class Package:
    """The loaded package. One per process: the folder of its cookies is an environment variable."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._client: Any = None

    def client(self, cookies: Cookies, settings: Gemini) -> Any:
        """A client of the package that has not started. Raises `Fault` where the package is not installed."""
        kind = self._load()
        psid, psidts = cookies.secure_1psid.reveal(), cookies.secure_1psidts.reveal()
        return kind(psid, psidts or None, settings.proxy, verify=settings.ca or True)

    async def start(self, client: Any, timeouts: Timeouts) -> None:
        """Let it open the page; raises what the package raises."""
        self.forget()
        try:
            await client.init(
                timeout=timeouts.total,
                auto_close=False,
                auto_refresh=False,  # rotated cookies are kept here, encrypted, so rotation is ours
                watchdog_timeout=timeouts.idle,
                impersonate=None,
            )
            client.client.headers["user-agent"] = AGENT
            client.client.stream = _abortable(client.client)
        finally:
            self.forget()

    async def rotate(self, client: Any) -> str | None:
        """Ask for a new second cookie; None where the page gave none. Raises what the package raises."""
        self.forget()  # a file younger than a minute would make the package skip it
        try:
            rotated = importlib.import_module("gemini_webapi.utils.rotate_1psidts")
            found: str | None = await rotated.rotate_1psidts(client.client)
            return found
        finally:
            self.forget()

    def forget(self) -> None:
        """Remove the cookies that the package wrote into a file."""
        if self._folder is not None:
            for path in self._folder.glob(".cached_cookies_*"):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
            self._client = None

    def _load(self) -> Any:
        if self._client is not None:
            return self._client
        try:
            module = importlib.import_module("gemini_webapi")
            opening = importlib.import_module("gemini_webapi.utils.get_access_token")
            loguru = importlib.import_module("loguru")
        except ImportError:
            raise Fault("unavailable", extras.missing(extras.GEMINI)) from None
        self._folder = Path(tempfile.mkdtemp(prefix="switchyard-webai-"))
        os.environ[CACHE] = str(self._folder)
        opening.load_browser_cookies = _no_browsers  # type: ignore[attr-defined]
        loguru.logger.remove()
        loguru.logger.add(_into_log, level="DEBUG", format="{message}")
        self._client = _careful(module.GeminiClient)
        return self._client


def _abortable(session: Any) -> Any:
    """Its `stream`, whose transfers can be ended in the middle; by itself it reads what is left to the end.

    transfers: gets the task of the transfer, to be cancelled by whoever leaves."""

    @contextlib.asynccontextmanager
    async def stream(*given: Any, transfers: list[Any] | None = None, **named: Any) -> AsyncIterator[Any]:
        response = await session.request(*given, stream=True, **named)
        if transfers is not None:
            transfers.append(response.astream_task)
        try:
            yield response
        except BaseException:
            response.astream_task.cancel()
            raise
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await response.aclose()

    return stream


def _careful(base: Any) -> Any:
    """The package's client, with what it does around its calls kept in bounds."""

    class Careful(base):  # type: ignore[misc]
        """leases: calls that use it. broken: it wanted to close; a new one takes over, and it closes after the last."""

        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.leases = 0
            self.broken = False
            self._side: dict[str, float] = {}

        async def close(self, delay: float = 0) -> None:
            if self.leases:
                self.broken = True
            else:
                await super().close(delay)

        async def _batch_execute(self, *given: Any, **named: Any) -> Any:
            # Once: its second try opens the page again, under a lock that opening holds already.
            return await super()._batch_execute(*given, **{"current_retry": 0, **named})

        async def _sync_activity(self) -> None:
            if self._time_for("activity"):
                await self._aside(super()._sync_activity())

        async def _fetch_usage_info(self) -> None:
            if self._time_for("usage"):
                await self._aside(super()._fetch_usage_info())

        async def _aside(self, call: Awaitable[None]) -> None:
            """A side call whose failure must not cost an answer; while the page is opened, it counts."""
            try:
                await call
            except Exception as error:
                if not self.leases:
                    raise
                _log.debug("a side call of the page failed: %s", type(error).__name__)

        def _time_for(self, what: str) -> bool:
            now = time.monotonic()
            if now - self._side.get(what, -_SIDE_CALLS) < _SIDE_CALLS:
                return False
            self._side[what] = now
            return True

    return Careful


def _no_browsers(*_: Any, **__: Any) -> dict[str, Any]:
    """Instead of reading the cookies of every browser of this machine unasked."""
    return {}


def _into_log(message: Any) -> None:
    _log.debug("%s", redacted(_CACHED.sub("(a file)", str(message).strip())))
