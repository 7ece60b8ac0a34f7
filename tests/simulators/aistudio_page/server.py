"""The stand-in page on a loopback port: serves it, signs people in, answers its calls, and remembers what came."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.simulators.aistudio_page import behaviour

WEB = Path(__file__).parent / "web"
RPC = "/$rpc/google.internal.alkali.applications.makersuite.v1.MakerSuiteService/"
HIDDEN = "/$rpc/google.internal.answers/Stream"
"""Where the page asks under the fault ``hidden-wire``: nothing in this address says what it is."""
LATE = 1.5
"""Seconds that the page takes under the fault ``late``."""
COOKIES = ("SID", "SAPISID")
MODELS = {
    "gemini-2.5-flash": ("Gemini 2.5 Flash", 65536, "toggle", 24576),
    "gemini-2.5-pro": ("Gemini 2.5 Pro", 65536, "always", 32768),
    "gemini-2.5-flash-lite": ("Gemini 2.5 Flash Lite", 65536, "toggle", 24576),
    "gemini-2.0-flash": ("Gemini 2.0 Flash", 8192, "none", 0),
    "gemini-3-flash-preview": ("Gemini 3 Flash Preview", 65536, "levels", 0),
}


class Studio:
    """The server. `received` holds the body of every generation, `stopped` those that the page broke off.

    faults: names of what is wrong with every page that is loaded from now on (`web/state.js` lists them).
    spent: accounts whose quota is used up. gone: accounts that Google has signed out. debounce: ms until Run wakes up.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self.received: list[dict[str, Any]] = []
        self.stopped: list[tuple[dict[str, Any], float]] = []
        self.sent: list[tuple[float, str]] = []
        self.visits: list[str] = []
        self.faults: set[str] = set()
        self.spent: set[str] = set()
        self.gone: set[str] = set()
        self.debounce = 50
        self.forms = 0
        self.running = 0
        self.most_running = 0
        self._changed = asyncio.Event()
        self.address = ""

    @property
    def page_url(self) -> str:
        return f"{self.address}/prompts/new_chat"

    async def __aenter__(self) -> Studio:
        app = web.Application(client_max_size=64 << 20)
        app.add_routes(
            [
                web.get("/prompts/new_chat", self._page),
                web.get("/signin", self._sign_in),
                web.post("/signin", self._signed_in),
                web.post("/signin/shown", self._sign_in_shown),
                web.get("/config.json", self._config),
                web.post(RPC + "GenerateContent", self._generate),
                web.post(HIDDEN, self._generate),
                web.post(RPC + "ListModels", self._models),
                web.post("/control", self._control),
                web.get("/web/{name}", self._file),
            ]
        )
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def until(self, holds: Callable[[], bool], within: float = 40.0) -> None:
        """Wait for something about this server. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    def storage_state(self, account: str) -> dict[str, Any]:
        """What a browser holds that has signed in as `account`."""
        cookies = [
            {
                "name": name,
                "value": account,
                "domain": "127.0.0.1",
                "path": "/",
                "expires": time.time() + 86400,
                "httpOnly": False,
                "secure": False,
                "sameSite": "Lax",
            }
            for name in COOKIES
        ]
        return {"cookies": cookies, "origins": []}

    def _account(self, request: web.Request) -> str | None:
        account = request.cookies.get("SID")
        return None if account in self.gone else account

    def _told(self) -> None:
        self._changed.set()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        account = self._account(request)
        self.visits.append(account or "")
        self._told()
        if account is None:
            here = self.address.replace("127.0.0.1", "localhost")
            raise web.HTTPFound(f"{here}/signin?continue={self.page_url}")
        if "late" in self.faults:
            await asyncio.sleep(LATE)
        answer = web.Response(text=(WEB / "page.html").read_text(), content_type="text/html")
        answer.set_cookie("SIDCC", f"{account}-{len(self.visits)}", max_age=86400)
        return answer

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """From memory: a file that is open while its browser is killed is a warning of somebody else's test."""
        path = WEB / request.match_info["name"]
        if path.parent != WEB or not path.is_file():
            raise web.HTTPNotFound
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return web.Response(body=path.read_bytes(), content_type=kind, charset="utf-8")

    async def _sign_in(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text=(WEB / "signin.html").read_text(), content_type="text/html")

    async def _sign_in_shown(self, _: web.Request) -> web.StreamResponse:
        self.forms += 1
        self._told()
        return web.Response(status=204)

    async def _signed_in(self, request: web.Request) -> web.StreamResponse:
        """The form sends its answer to the page's own host, which sets the cookies and leads back."""
        form = await request.post()
        if form.get("password") != "correct horse":
            raise web.HTTPFound("/signin?wrong=1")
        answer = web.HTTPFound("/prompts/new_chat")
        for name in COOKIES:
            answer.set_cookie(name, str(form["account"]), max_age=86400)
        self.gone.discard(str(form["account"]))
        raise answer

    async def _config(self, _: web.Request) -> web.StreamResponse:
        hidden = "hidden-wire" in self.faults
        return web.json_response(
            {
                "faults": sorted(self.faults),
                "debounce": self.debounce,
                "generate": HIDDEN if hidden else RPC + "GenerateContent",
                "listModels": RPC + "ListModels",
                "models": {
                    name: {"title": title, "output": output, "thinking": thinking, "budget": budget}
                    for name, (title, output, thinking, budget) in MODELS.items()
                },
            }
        )

    async def _models(self, request: web.Request) -> web.StreamResponse:
        if self._account(request) is None:
            return web.Response(status=401, text="[16]", content_type="application/json+protobuf")
        rows = [
            [f"models/{name}", None, "1", title, f"{title}.", 1048576, output, None, 1, 0.95]
            for name, (title, output, *_) in MODELS.items()
        ]
        return web.Response(text=")]}'\n" + json.dumps([rows]), content_type="application/json+protobuf")

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        received = await request.json()
        account = self._account(request)
        received["account"] = account
        self.received.append(received)
        self._told()
        if account is None:
            return web.json_response([16, "Request had invalid authentication credentials."], status=401)
        prompt = received["turns"][-1]["text"]
        answer = behaviour.answer(prompt, received)
        if account in self.spent:
            answer = behaviour.Answer(failure=behaviour.FAILURES["QUOTA"])
        if answer.failure is not None:
            status, place, words = answer.failure
            headers = {"x-place": place}
            return web.json_response([8 if status == 429 else 13, words], status=status, headers=headers)
        return await self._stream(request, received, answer)

    async def _stream(
        self, request: web.Request, received: dict[str, Any], answer: behaviour.Answer
    ) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"content-type": "application/json+protobuf; charset=UTF-8", "x-content-type-options": "nosniff"}
        )
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await response.prepare(request)
            await asyncio.sleep(answer.first)
            await response.write(b"[")
            for number, frame in enumerate(answer.frames):
                if number == answer.stalls:
                    await asyncio.Event().wait()
                self.sent.append((time.monotonic(), frame))
                await response.write(((",\n" if number else "") + frame).encode())
                await asyncio.sleep(answer.gap)
            await response.write(b"]")
        except (asyncio.CancelledError, ConnectionError):
            self.stopped.append((received, time.monotonic()))
            raise
        finally:
            self.running -= 1
            self._told()
        await response.write_eof()
        return response

    async def _control(self, request: web.Request) -> web.StreamResponse:
        """`{"faults": [...], "spent": [...], "gone": [...], "debounce": 50}`; every key is optional."""
        body = await request.json()
        for name in ("faults", "spent", "gone"):
            if name in body:
                setattr(self, name, set(body[name]))
        self.debounce = int(body.get("debounce", self.debounce))
        return web.json_response({"received": len(self.received), "stopped": len(self.stopped)})
