"""The real router in this process on a random loopback port, before simulated upstreams; and a client for it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from router.api.manage.account_shapes import AccountList
from router.api.manage.model_routes import Models
from router.api.manage.state_routes import Status
from router.app import Router
from router.clock import Clock
from router.server.config import ServerSettings
from router.server.drain import Drain
from router.server.run import Server
from router.settings_file import SettingsFile
from router.state.migrate import migrate
from tests.simulators import Upstream

KEY = "sk-client-canary-0123456789"
MANAGEMENT = "sk-management-canary-0123456789"
OPENAI_KEYS = ("sk-sim-openai-canary-a", "sk-sim-openai-canary-b")
ANTHROPIC_KEY = "sk-ant-sim-canary-a"
GEMINI_KEY = "AIzaSim-canary-a"
DIALECTS = ("chat", "responses", "messages", "gemini")
MODELS = {"chat": "gpt-4.1", "responses": "gpt-4.1", "messages": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
"""A model whose own dialect is the key, so that the same dialect takes the raw lane."""
OTHER = {"chat": "claude-sonnet-4-5", "responses": "gemini-2.5-flash", "messages": "gpt-4.1", "gemini": "gpt-4.1"}
"""A model that is reached by translation from the key."""


SHAPES: dict[str, Any] = {"accounts": AccountList, "status": Status, "models": Models}
"""What management says of its answers: whoever reads one proves it."""


def settings(upstream: Upstream, folder: Path, changes: dict[str, Any]) -> dict[str, Any]:
    """Settings for one router; `changes` are merged in, deeply, and None takes a key out."""
    base: dict[str, Any] = {
        "server": {"host": "127.0.0.1", "port": 0, "state_dir": str(folder / "state")},
        "auth": {
            "dir": str(folder / "accounts"),
            "keys": [{"name": "tester", "key": KEY}],
            "management": {"key": MANAGEMENT},
        },
        "providers": {
            "openai": {"base_url": upstream.base_url("openai"), "api_keys": list(OPENAI_KEYS)},
            "anthropic": {"base_url": upstream.base_url("anthropic"), "api_keys": [ANTHROPIC_KEY]},
            "gemini": {"base_url": upstream.base_url("gemini"), "api_keys": [GEMINI_KEY]},
        },
    }
    return merged(base, changes)


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], value)
        else:
            result[name] = value
    return result


def ask(dialect: str, model: str, text: str = "hello there", *, stream: bool = False, **more: Any) -> tuple[str, Any]:
    """Path and body of a plain request."""
    if dialect == "gemini":
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/{model}:{method}", {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}
    body: dict[str, Any] = {"model": model}
    if dialect == "responses":
        path, body["input"] = "/v1/responses", text
    else:
        path = "/v1/chat/completions" if dialect == "chat" else "/v1/messages"
        body["messages"] = [{"role": "user", "content": text}]
    if dialect == "messages":
        body["max_tokens"] = 1000
    if stream:
        body["stream"] = True
    return path, {**body, **more}


@dataclass
class Answer:
    """A whole answer. frames: of an SSE body, in order, as (event or None, payload or text)."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def frames(self) -> list[tuple[str | None, Any]]:
        return list(_frames(self.body))

    @property
    def text(self) -> str:
        """The text of an answer of any dialect, streamed or not."""
        if self.headers["content-type"].startswith("text/event-stream"):
            return "".join(_delta(payload) for _, payload in self.frames)
        return _whole(self.json)


def _frames(body: bytes) -> Iterator[tuple[str | None, Any]]:
    for block in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        event, data = None, None
        for line in block.split(b"\n"):
            if line.startswith(b"event: "):
                event = line[7:].decode()
            elif line.startswith(b"data: "):
                data = line[6:]
        if data is not None:
            yield event, json.loads(data) if data.startswith((b"{", b"[")) and data != b"[DONE]" else data.decode()


def _delta(payload: Any) -> str:
    if not isinstance(payload, dict):
        return ""
    if payload.get("choices"):
        choice = payload["choices"][0]
        return choice.get("delta", {}).get("content") or choice.get("text") or ""
    if payload.get("type") == "response.output_text.delta":
        return str(payload["delta"])
    if payload.get("type") == "content_block_delta":
        return str(payload["delta"].get("text", ""))
    return _gemini(payload) if "candidates" in payload else ""


def _gemini(payload: Any) -> str:
    parts = payload["candidates"][0].get("content", {}).get("parts", [])
    return "".join(part.get("text", "") for part in parts if not part.get("thought"))


def _whole(payload: Any) -> str:
    if isinstance(payload, list):
        return "".join(_gemini(one) for one in payload if "candidates" in one)
    if "choices" in payload:
        choice = payload["choices"][0]
        return choice["message"]["content"] or "" if "message" in choice else choice["text"]
    if "output" in payload:
        items = [item for item in payload["output"] if item["type"] == "message"]
        return "".join(part.get("text", "") for item in items for part in item["content"])
    if "content" in payload:
        return "".join(block.get("text", "") for block in payload["content"])
    return _gemini(payload)


def error_text(dialect: str, payload: Any) -> str:
    """The message of an error envelope; asserts that it is one of `dialect`."""
    error = payload["error"]
    if dialect == "messages":
        assert payload["type"] == "error"
        assert isinstance(error["type"], str)
    elif dialect == "gemini":
        assert isinstance(error["code"], int)
        assert error["status"] == error["status"].upper()
    else:
        assert isinstance(error["type"], str)
        assert "param" in error
        assert "code" in error
    return str(error["message"])


@dataclass
class Running:
    """A router that serves. log: what it has written to its standard output so far (after `stop`, all of it)."""

    url: str
    folder: Path
    config: Path
    router: Router
    server: Server
    upstream: Upstream
    client: aiohttp.ClientSession
    drain: Drain
    output: io.StringIO
    headers: dict[str, str] = field(default_factory=lambda: {"authorization": f"Bearer {KEY}"})
    stopped: bool = False

    @property
    def log(self) -> str:
        return self.output.getvalue()

    @property
    def state(self) -> Path:
        return self.folder / "state"

    async def send(
        self,
        path: str | URL,
        body: Any = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Answer:
        """One exchange. body: bytes as they are, anything else as JSON. headers: added; None values take one out."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        used = {"content-type": "application/json", **self.headers} if data is not None else dict(self.headers)
        for name, value in (headers or {}).items():
            if value is None:
                used.pop(name, None)
            else:
                used[name] = value
        verb = method or ("GET" if data is None else "POST")
        async with self.client.request(
            verb, URL(self.url).join(path) if isinstance(path, URL) else self.url + path, data=data, headers=used
        ) as response:
            return Answer(response.status, response.headers.copy(), await response.read())

    async def ask(self, dialect: str, model: str, text: str = "hello there", **more: Any) -> Answer:
        headers = more.pop("headers", None)
        return await self.send(*ask(dialect, model, text, **more), headers=headers)

    @asynccontextmanager
    async def open(self, path: str, body: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """A streamed exchange whose head has arrived."""
        async with self.client.post(self.url + path, json=body, headers=self.headers) as response:
            yield response

    async def management(self, path: str) -> Any:
        answer = await self.send(f"/v0/management/{path}", headers={"authorization": f"Bearer {MANAGEMENT}"})
        assert answer.status == 200, answer.body
        shape = SHAPES.get(path)
        if shape is not None:
            msgspec.json.decode(answer.body, type=shape)
        return answer.json

    async def metrics(self) -> dict[str, float]:
        """Every sample by its name with labels."""
        text = (await self.send("/metrics")).body.decode()
        lines = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    async def until(self, test: Callable[[], Any], within: float = 40.0) -> None:
        """Wait until `test` holds. Raises `TimeoutError`."""
        async with asyncio.timeout(within):
            while not test():
                await asyncio.sleep(0.01)

    def write(self, changes: dict[str, Any]) -> None:
        """Put other settings into the file, as an editor does: a new file in the place of the old one."""
        new = self.config.with_suffix(".new")
        new.write_text(json.dumps(settings(self.upstream, self.folder, changes)))
        new.replace(self.config)

    async def reloaded(self, changes: dict[str, Any]) -> None:
        """The same, and wait until they are in force."""
        before = self.router._gateway.current
        self.write(changes)
        await self.until(lambda: self.router._gateway.current is not before)

    async def stop(self) -> None:
        if not self.stopped:
            self.stopped = True
            await self.client.close()
            await self.server.end()


@asynccontextmanager
async def running(
    upstream: Upstream,
    folder: Path,
    changes: dict[str, Any] | None = None,
    *,
    server: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    keep: bool = False,
    clock: Clock | None = None,
) -> AsyncIterator[Running]:
    """A router. changes: to the plain settings. server: of `ServerSettings`. environ: beside HOME. keep: the settings
    file that is there. clock: in the place of the machine's."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yaml"
    if not keep:
        config.write_text(json.dumps(settings(upstream, folder, changes or {})))
    (folder / "state").mkdir(exist_ok=True)
    if not (folder / "state" / "switchyard.sqlite").exists():
        shutil.copy(_database(folder), folder / "state" / "switchyard.sqlite")
    output = io.StringIO()
    with _own_logging():
        file = SettingsFile(config, {"HOME": str(folder), **(environ or {})})
        with contextlib.redirect_stdout(output):
            router = Router(file, file.read(), clock)
        drain = Drain()
        options: dict[str, Any] = {"quiet_seconds": 0.0, "drain_seconds": 5.0, **(server or {})}
        served = Server(router.app(), ServerSettings(**options), drain)
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else every answer waits 40 ms
        sock.bind(("127.0.0.1", 0))
        sock.listen(200)
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        await served.start([sock])
        client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60), auto_decompress=False)
        one = Running(url, folder, config, router, served, upstream, client, drain, output)
        try:
            yield one
        finally:
            await one.stop()


@asynccontextmanager
async def scripted(*pieces: bytes | float | asyncio.Event | None) -> AsyncIterator[str]:
    """A server that answers every request with these bytes of an event stream, and sleeps where a number stands.

    None: never end. An event is set when its turn comes. Gives its address. For what no good simulator would send.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
            for piece in pieces:
                if isinstance(piece, bytes):
                    writer.write(piece)
                    await writer.drain()
                elif piece is None:
                    await reader.read()
                elif isinstance(piece, asyncio.Event):
                    piece.set()
                else:
                    await asyncio.sleep(piece)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def _database(folder: Path) -> Path:
    """A migrated, empty database, made once for all tests of one run."""
    template = folder.parents[0] / "template.sqlite"
    for parent in folder.parents:
        if parent.name.startswith("pytest-") and parent.name != "pytest-of":
            template = parent / "template.sqlite"
            break
    if not template.exists():
        made = template.with_name(f"{template.name}.{os.getpid()}")  # whole before anybody else may copy it
        migrate(made)
        made.replace(template)
    return template


@contextlib.contextmanager
def _own_logging() -> Iterator[None]:
    """The router takes the process's logging over; afterwards what was there comes back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    names = ("_srcfile", "logThreads", "logProcesses", "logMultiprocessing")
    facts = {name: getattr(logging, name) for name in names}
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, value in facts.items():
            setattr(logging, name, value)
        logging.getLogger("switchyard").setLevel(logging.NOTSET)
