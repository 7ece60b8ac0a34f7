"""The service in the test's own process, behind its real HTTP server, with the real package or a stand-in of it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp

from router.faults import Fault
from router.tasks import Tasks
from router.vault.keys import AccountVault
from services.webai import free, gemini_faults
from services.webai.accounts import PSID, PSIDTS, Accounts
from services.webai.app import App
from services.webai.gemini_package import Package
from services.webai.server import listen, serve_app
from services.webai.service import WebAI
from services.webai.settings import Cookies, read
from tests.simulators.webai.gemini_page import GeminiPage

KEY = "sk-service-of-the-tests"
FREE = {"enabled": True, "first": 5, "chains": {"*": ["One/good", "Two/good"]}}
"""Settings of the fallback."""


def worker(block: dict[str, Any], **more: float) -> free.Worker:
    """A stand-in of gpt4free's process."""
    script = Path(__file__).with_name("fake_free.py")
    return free.Worker(read(block).fallback, lambda: [sys.executable, str(script)], **more)


@dataclass
class Answer:
    """What came over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """The chunks of a stream, without `[DONE]`."""
        lines = [line.removeprefix("data: ") for line in self.body.decode().split("\n\n") if line]
        return [json.loads(line) for line in lines if line != "[DONE]"]

    @property
    def done(self) -> bool:
        return self.body.endswith(b"data: [DONE]\n\n")

    @property
    def text(self) -> str:
        """The words of an answer, streamed or not."""
        if not self.headers["content-type"].startswith("text/event-stream"):
            return str(self.json["choices"][0]["message"]["content"])
        deltas = [each["choices"][0]["delta"] for each in self.chunks if each.get("choices")]
        return "".join(delta.get("content") or "" for delta in deltas)


class Service:
    """The running service and a client of it."""

    def __init__(self, service: WebAI, app: App, url: str, session: aiohttp.ClientSession) -> None:
        self.webai = service
        self.app = app
        self.url = url
        self.session = session

    async def ask(self, method: str, path: str, body: Any = None, key: str | None = KEY) -> Answer:
        headers = {"authorization": f"Bearer {key}"} if key is not None else {}
        async with self.session.request(method, self.url + path, json=body, headers=headers) as response:
            found = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, found, await response.read())

    async def chat(self, text: Any, model: str = "gemini-flash", **more: Any) -> Answer:
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return await self.ask("POST", "/v1/chat/completions", body)

    async def put(self, name: str, psid: str, psidts: str = "ts-1") -> Answer:
        return await self.ask("PUT", f"/v1/accounts/{name}", {"secure_1psid": psid, "secure_1psidts": psidts})


@asynccontextmanager
async def running(
    folder: Path,
    block: dict[str, Any],
    *,
    package: Any = None,
    worker: free.Worker | None = None,
    wall: Callable[[], float] = time.time,
    installed: dict[str, str | None] | None = None,
    changed: Callable[[], None] = lambda: None,
) -> AsyncIterator[Service]:
    """installed: versions to go by, where the packages themselves are stood in for."""
    settings = read(block)
    accounts = Accounts(folder / "auth_profiles", AccountVault(folder), wall, changed)
    service = WebAI(settings, accounts, package or Package(), worker or free.Worker(settings.fallback), wall, changed)
    if installed is not None:
        service.installed = installed
    app = App(service, lambda: KEY, wall, "0.0.0")
    listening = listen("127.0.0.1", 0)
    ended, background = asyncio.Event(), Tasks("test")
    server = background.spawn(serve_app(app, listening, ended), "http")
    try:
        async with aiohttp.ClientSession() as session:
            yield Service(service, app, f"http://127.0.0.1:{listening.getsockname()[1]}", session)
    finally:
        ended.set()
        await asyncio.wait([server], timeout=10)
        await app.calls.close()
        await service.close()
        await background.close()


def before(page: GeminiPage, **gemini: object) -> dict[str, Any]:
    """Settings of a service that asks this stand-in of the page, through the real package."""
    return {"gemini": {"proxy": page.proxy, "ca": page.ca, **gemini}, "timeouts": {"first": 20, "idle": 20}}


@dataclass
class FakeClient:
    """What the service uses of the package's client. say: snapshots by prompt; an exception in it is raised."""

    package: FakePackage
    cookies_given: Cookies
    leases: int = 0
    broken: bool = False
    closed: bool = False
    account_status: int = 1000
    access_token: str = "token"
    quotas: dict[str, Any] = field(default_factory=dict)

    @property
    def cookies(self) -> Any:
        both = ((PSID, self.cookies_given.secure_1psid.reveal()), (PSIDTS, self.psidts))
        return SimpleNamespace(jar=[SimpleNamespace(name=name, value=value) for name, value in both])

    @property
    def psidts(self) -> str:
        return self.package.renewed or self.cookies_given.secure_1psidts.reveal()

    def list_models(self) -> list[Any]:
        return [SimpleNamespace(model_name=name) for name in self.package.models]

    def resolve_model(self, name: str) -> Any:
        if name not in self.package.models:
            raise ValueError(name)
        return SimpleNamespace(model_name=name)

    def start_chat(self, metadata: list[Any] | None = None) -> Any:
        return SimpleNamespace(metadata=metadata or ["c_1", "r_1", "rc_1"])

    async def generate_content_stream(self, **given: Any) -> AsyncGenerator[Any, None]:
        self.package.asked.append((self.cookies_given.secure_1psid.reveal(), given))
        said = self.package.answers.pop(0) if self.package.answers else [given["prompt"]]
        for each in said:
            if isinstance(each, Exception):
                raise each
            if isinstance(each, asyncio.Event):
                await each.wait()
                continue
            yield SimpleNamespace(text=each, thoughts=None, images=[])

    async def close(self) -> None:
        self.closed = True


@dataclass
class FakePackage:
    """Stands in for `Package`. valid: what a first cookie must be; others are signed out."""

    valid: set[str] = field(default_factory=lambda: {"good", "better"})
    models: list[str] = field(default_factory=lambda: ["gemini-flash", "gemini-pro"])
    answers: list[list[Any]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    clients: list[FakeClient] = field(default_factory=list)
    opening: Exception | None = None
    rotating: Exception | None = None
    renewed: str = ""
    rotations: int = 0

    def client(self, cookies: Cookies, settings: Any) -> FakeClient:
        found = FakeClient(self, cookies)
        self.clients.append(found)
        return found

    async def start(self, client: FakeClient, timeouts: Any) -> None:
        if self.opening is not None:
            raise self.opening
        if client.cookies_given.secure_1psid.reveal() not in self.valid:
            raise gemini_faults.signed_out()

    async def rotate(self, client: FakeClient) -> str | None:
        if self.rotating is not None:
            raise self.rotating
        self.rotations += 1
        self.renewed = f"ts-rotated-{self.rotations}"
        return self.renewed

    def forget(self) -> None:
        return None

    def close(self) -> None:
        return None


HERE: dict[str, str | None] = {"gemini-webapi": "2.1.1", "g4f": "8.8.6", "browser-cookie3": None}
"""Versions for the stand-ins."""


def broken(text: str = "it broke") -> Fault:
    return Fault("upstream_broken", text)
