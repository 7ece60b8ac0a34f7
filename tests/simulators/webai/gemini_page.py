"""Gemini's web page on loopback, as the package gemini-webapi talks to it: behind a proxy of our own, with names and a
certificate that only the tests know. The prompt says how to answer, `MOOD` below.

    echo                     what was asked, in growing snapshots
    LONG n [GAP ms]          n words, one snapshot each
    SAY json                 these snapshots, one after the other
    THINK / IMAGE / FOUND    with thoughts; with a picture that was made; with one of the web
    STATUS n / ERROR n       an HTTP status; an error code in the stream
    CUT / SILENT / EMPTY     ends in the middle; never says anything; says nothing and ends
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.simulators.webai import frames
from tests.simulators.webai.certificate import server_context

HOSTS = ("gemini.google.com", "accounts.google.com", "www.google.com", "content-push.googleapis.com",
         "lh3.googleusercontent.com")  # fmt: skip
MODELS = [("fbb127bbb056c959", "Flash", "2.5 Flash", 1), ("9d8ca3786ebdfbea", "Pro", "2.5 Pro", 3)]
PICTURE = b"\x89PNG\r\n\x1a\n" + b"a picture of the stand-in"
WORD = "word "


@dataclass
class Account:
    """One that is signed in. psidts: the cookie that counts now. status: what the page says of it."""

    psid: str
    psidts: str
    status: int = 1000
    rotations: int = 0


@dataclass
class Asked:
    """One question as it came."""

    account: str | None
    prompt: str
    files: list[tuple[str, str]]
    chat: list[Any]
    temporary: bool
    model: str | None
    thinking: bool
    agent: str


@dataclass
class Uploaded:
    name: str
    mime: str
    data: bytes


@dataclass
class GeminiPage:
    """Between `async with`: `proxy` is the address to go through, `ca` the file to check certificates with."""

    accounts: dict[str, Account] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    uploaded: list[Uploaded] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """Names of side calls."""
    opened: int = 0
    running: int = 0
    stopped: int = 0
    """Answers whose caller left."""
    statuses: list[int] = field(default_factory=list)
    """HTTP statuses of the next questions, whatever they ask."""
    rpc_status: int = 200
    rotate_status: int = 200
    proxy: str = ""
    ca: str = ""

    def account(self, psid: str, psidts: str = "ts-1", status: int = 1000) -> Account:
        found = self.accounts[psid] = Account(psid, psidts, status)
        return found

    async def __aenter__(self) -> GeminiPage:
        self._changed = asyncio.Condition()
        self._numbers = itertools.count(1)
        self._folder = tempfile.TemporaryDirectory()
        self.ca = str(Path(self._folder.name) / "ca.pem")
        app = web.Application(client_max_size=256 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=server_context(Path(self._folder.name), HOSTS))
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._tunnels: set[asyncio.Task[None]] = set()
        self._proxy = await asyncio.start_server(self._tunnel, "127.0.0.1", 0)
        self.proxy = f"http://127.0.0.1:{self._proxy.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._proxy.close()
        for each in list(self._tunnels):
            each.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)
        await self._runner.cleanup()
        self._folder.cleanup()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something to have happened here."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(true), 20)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A proxy's CONNECT, to the one server that stands for all hosts."""
        task = asyncio.current_task()
        assert task is not None
        self._tunnels.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            host = head.split(b" ", 2)[1].partition(b":")[0].decode()
            if host not in HOSTS:
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
                return
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            try:
                await asyncio.gather(_pump(reader, back), _pump(there, writer))
            finally:
                back.close()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tunnels.discard(task)
            writer.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        routes: dict[str, Any] = {
            "/app": self._app,
            "/RotateCookies": self._rotate,
            "/upload": self._upload,
            "/_/BardChatUi/data/batchexecute": self._batch,
            "/_/BardChatUi/data/assistant.lamda.BardFrontendService/StreamGenerate": self._generate,
        }
        if request.path in routes:
            found: web.StreamResponse = await routes[request.path](request)
            return found
        if request.host.startswith("lh3."):
            return web.Response(body=PICTURE, content_type="image/png")
        return web.Response(text="<html></html>", content_type="text/html")

    def _who(self, request: web.Request) -> Account | None:
        found = self.accounts.get(request.cookies.get("__Secure-1PSID", ""))
        right = found is not None and request.cookies.get("__Secure-1PSIDTS", "") == found.psidts
        return found if right else None

    async def _app(self, request: web.Request) -> web.Response:
        self.opened += 1
        who = self._who(request)
        facts = {"cfb2h": "boq_stand-in", "FdrFJe": "-42", "TuX5cc": "en", "qKIAYe": "feeds/stand-in"}
        if who is not None:
            facts["SNlM0e"] = f"token-{who.psid}"
        text = ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in facts.items())
        return web.Response(text=f"<script>{{{text}}}</script>", content_type="text/html")

    async def _rotate(self, request: web.Request) -> web.Response:
        who = self._who(request)
        if who is None or self.rotate_status != 200:
            return web.Response(status=self.rotate_status if who is not None else 401)
        who.rotations += 1
        who.psidts = f"ts-rotated-{who.rotations}"
        response = web.Response(text="[]")
        response.headers["set-cookie"] = f"__Secure-1PSIDTS={who.psidts}; Domain=.google.com; Path=/; Secure"
        await self._tell()
        return response

    async def _upload(self, request: web.Request) -> web.Response:
        part = await (await request.multipart()).next()
        assert part is not None and request.headers["Push-ID"] == "feeds/stand-in"
        data = bytes(await part.read())  # type: ignore[union-attr]
        self.uploaded.append(Uploaded(part.filename or "", part.headers["content-type"], data))  # type: ignore[union-attr]
        return web.Response(text=f"/contrib_service/ttl_1d/{len(self.uploaded)}")

    async def _batch(self, request: web.Request) -> web.Response:
        form = await request.post()
        if self.rpc_status != 200:
            return web.Response(status=self.rpc_status)
        who, text = self._who(request), frames.PREFIX
        for call in json.loads(str(form["f.req"]))[0]:
            self.calls.append(call[0])
            body: Any = []
            if call[0] == "otAQ7b":
                body = frames.status(who.status if who is not None else 1016, MODELS)
            text += frames.frame([frames.result(call[0], body)])
        return web.Response(text=text, content_type="application/json")

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        who = self._who(request)
        inner = json.loads(json.loads(str(form["f.req"]))[1])
        header = request.headers.get("x-goog-ext-525001261-jspb")
        prompt = inner[0][0]
        self.asked.append(
            Asked(
                account=who.psid if who is not None else None,
                prompt=prompt,
                files=[(each[0][0], each[1]) for each in inner[0][3] or ()],
                chat=inner[2],
                temporary=inner[45] == 1,
                model=json.loads(header)[4] if header else None,
                thinking=inner[80] == 2,
                agent=request.headers.get("user-agent", ""),
            )
        )
        await self._tell()
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        if who is None or form["at"] != f"token-{who.psid}":
            return web.Response(status=400)
        if found := re.search(r"\bSTATUS (\d+)", prompt):
            return web.Response(status=int(found[1]))
        return await self._answer(request, prompt, inner[2])

    async def _answer(self, request: web.Request, prompt: str, chat: list[Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "application/json; charset=utf-8"})
        await response.prepare(request)
        await response.write(frames.PREFIX.encode())
        number = next(self._numbers)
        ids = (chat[0] or f"c_{number}", f"r_{number}", f"rc_{number}")
        gap = float(found[1]) / 1000 if (found := re.search(r"\bGAP (\d+)", prompt)) else 0.0
        self.running += 1
        complete = False
        try:
            if "SILENT" in prompt:
                await asyncio.Event().wait()
            if found := re.search(r"\bERROR (\d+)", prompt):
                await response.write(frames.frame([frames.error(int(found[1]))]).encode())
            elif "EMPTY" not in prompt:
                await self._snapshots(response, prompt, ids, gap)
            complete = True
        finally:
            self.running -= 1
            self.stopped += not complete
            await asyncio.shield(self._tell())
        await response.write_eof()
        return response

    async def _snapshots(
        self, response: web.StreamResponse, prompt: str, ids: tuple[str, str, str], gap: float
    ) -> None:
        thoughts = "I think about it." if "THINK" in prompt else ""
        texts = _texts(prompt)
        for place, text in enumerate(texts):
            last = place == len(texts) - 1
            if last and "CUT" in prompt:
                return
            part = frames.answer(
                ids,
                text,
                thoughts=thoughts,
                done=last,
                context=f"context-{ids[1]}" if last else None,
                made=[("https://lh3.googleusercontent.com/gg/made", "a made one")]
                if last and "IMAGE" in prompt
                else [],
                found=[("https://example.org/found.png", "a found one")] if last and "FOUND" in prompt else [],
            )
            data = frames.frame([part]).encode()
            middle = len(data) // 2  # frames come in any pieces
            await response.write(data[:middle])
            await response.write(data[middle:])
            if gap:
                await asyncio.sleep(gap)


def _texts(prompt: str) -> list[str]:
    """The snapshots of an answer."""
    if found := re.search(r"\bSAY (\[.*\])", prompt, re.DOTALL):
        said: list[str] = json.loads(found[1])
        return said
    if found := re.search(r"\bLONG (\d+)", prompt):
        return [WORD * count for count in range(1, int(found[1]) + 1)]
    half = len(prompt) // 2
    return [prompt[:half], prompt] if half else [prompt]


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes in one direction, until one side ends."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
