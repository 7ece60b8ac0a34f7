"""A small application behind the real parent and child: what the tests of the server talk to.

Run as ``python -m tests.router.server.standin``; the settings come as JSON in ``STANDIN``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from router.server import child
from router.server.config import ServerSettings
from router.supervisord import ask_parent

TEXT = [(b"content-type", b"text/plain")]


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        if os.environ.get("STANDIN_FAILS"):
            await send({"type": "lifespan.startup.failed", "message": "the database is on fire"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.http.response.start", "status": 426, "headers": TEXT})
        await send({"type": "websocket.http.response.body", "body": b"no WebSocket here"})
        return
    await PATHS.get(scope["path"], hello)(scope, receive, send)


async def answer(send: Any, body: bytes, status: int = 200) -> None:
    head = [*TEXT, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, f"{os.getpid()}".encode())


async def early(scope: Any, receive: Any, send: Any) -> None:
    """Answers without having read the body."""
    await answer(send, b"no key", 401)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        more = message["more_body"]
    await answer(send, str(size).encode())


async def stream(scope: Any, receive: Any, send: Any) -> None:
    """Ticks until the deadline of the drain, then writes its error in band."""
    over = asyncio.Event()
    scope["state"]["drain"].at_deadline(over.set)
    await send({"type": "http.response.start", "status": 200, "headers": TEXT})
    while not over.is_set():
        await send({"type": "http.response.body", "body": b"tick\n", "more_body": True})
        try:
            await asyncio.wait_for(over.wait(), 0.05)
        except TimeoutError:
            continue
    await send({"type": "http.response.body", "body": b"error: the gateway stops\n"})


async def slow(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(float(scope["query_string"] or b"0.5"))
    await answer(send, f"slow {os.getpid()}".encode())


async def hang(scope: Any, receive: Any, send: Any) -> None:
    """Ends only when the client is gone, and says so in a file."""
    message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()
    Path(os.environ["STANDIN_TRACE"]).write_text("disconnected")


async def flood(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": TEXT})
    while True:
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})


async def broken(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("a mistake in the application")


async def replace(scope: Any, receive: Any, send: Any) -> None:
    """Has itself replaced, as the management API does."""
    await answer(send, str(ask_parent(os.environ)).encode())


PATHS = {
    "/replace": replace,
    "/early": early,
    "/echo": echo,
    "/stream": stream,
    "/slow": slow,
    "/hang": hang,
    "/flood": flood,
    "/broken": broken,
}


def prepare(config: str | None) -> tuple[ServerSettings, Any]:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    values = json.loads(Path(config).read_text() if config else os.environ["STANDIN"])
    held = Path(values.pop("held_by", "/nowhere"))
    if held.exists():
        print("held", file=sys.stderr, flush=True)
    while held.exists():
        time.sleep(0.01)
    for name in ("run_dir", "tls_cert", "tls_key"):
        if name in values:
            values[name] = Path(values[name])
    return ServerSettings(**values), app


if __name__ == "__main__":
    sys.exit(child.main(sys.argv[1:], prepare))
