"""WebSockets through the real server, with the client of the services."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.router.server.certificates import write_certificate
from tests.router.server.standin import answer
from tests.router.server.test_run import WITHIN, Running, running


class App:
    """Echoes text; a message `limit N` bounds those that follow. Says what it saw."""

    def __init__(self) -> None:
        self.scope: Any = None
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.drained: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "http":
            await answer(send, b"plain")
        else:
            await self._socket(scope, receive, send)

    async def _socket(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        drain, closing = scope["state"]["drain"], asyncio.Event()
        drain.at_start(lambda: self.drained.append("start"))
        drain.at_end(closing.set)
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        closed = asyncio.get_running_loop().create_task(closing.wait())
        while True:
            got = asyncio.get_running_loop().create_task(receive())
            await asyncio.wait([got, closed], return_when=asyncio.FIRST_COMPLETED)
            if closed.done():
                got.cancel()
                self.drained.append("end")
                await send({"type": "websocket.close", "code": 1001, "reason": "going"})
                return
            message = got.result()
            if message["type"] == "websocket.disconnect":
                closed.cancel()
                self.ended.set_result(message["code"])
                return
            if message["text"].startswith("limit "):
                scope["extensions"]["socket.limit"](int(message["text"][6:]))
            await send({"type": "websocket.send", "text": message["text"]})


def dial(it: Running, **options: Any) -> connect:
    scheme = "wss" if "ssl" in options else "ws"
    return connect(f"{scheme}://127.0.0.1:{it.port}/v1/ws", max_size=None, proxy=None, **options)


async def echoed(client: ClientConnection, text: str) -> None:
    async with asyncio.timeout(WITHIN):
        await client.send(text)
        assert await client.recv() == text


async def test_messages_of_every_size_up_to_the_limit_go_both_ways() -> None:
    app = App()
    async with running(app, socket_bytes=40_000_000) as it, dial(it) as client:
        for size in (0, 1, 125, 126, 65_536, 40_000_000):
            await echoed(client, "x" * size)
        await client.close(1000)
        await asyncio.wait_for(app.ended, WITHIN)


async def test_a_message_that_is_too_large_ends_the_socket_and_the_application_hears_of_it() -> None:
    app = App()
    async with running(app, socket_bytes=1000) as it, dial(it) as client:
        await client.send("x" * 1001)
        assert await asyncio.wait_for(app.ended, WITHIN) == 1009
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(client.recv(), WITHIN)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


async def test_an_application_may_change_the_limit() -> None:
    app = App()
    async with running(app) as it, dial(it) as client:
        await echoed(client, "limit 10")
        await echoed(client, "1234567890")
        await client.send("12345678901")
        assert await asyncio.wait_for(app.ended, WITHIN) == 1009


async def test_nothing_of_a_message_that_is_too_large_is_kept() -> None:
    app = App()
    async with running(app) as it, dial(it) as client:
        await echoed(client, "limit 10")
        limit = app.scope["extensions"]["socket.limit"]
        buffer = limit.__closure__[0].cell_contents

        async def pieces() -> Any:
            for _ in range(100):
                yield "x" * 8

        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(WITHIN):
                await client.send(pieces())
                await client.recv()
        assert buffer.value is None


async def test_nothing_is_compressed_though_clients_offer_it() -> None:
    async with running(App()) as it, dial(it, compression="deflate") as client:
        assert client.response is not None
        assert "sec-websocket-extensions" not in client.response.headers
        await echoed(client, "plain")


async def test_pings_are_answered_and_pongs_are_heard() -> None:
    app = App()
    async with running(app) as it, dial(it) as client:
        await echoed(client, "x")
        before = app.scope["extensions"]["socket.heard"]()
        await asyncio.wait_for(await client.ping(), WITHIN)
        assert app.scope["extensions"]["socket.heard"]() > before


async def test_an_open_socket_outlives_the_time_of_idle_connections() -> None:
    limits = {"keep_alive_seconds": 0.05, "header_seconds": 0.05, "body_stall_seconds": 0.05}
    async with running(App(), **limits) as it, dial(it) as client:
        idle = await it.connect()
        assert await idle.rest() == b""
        await echoed(client, "still here")


async def test_a_drain_tells_open_sockets_and_does_not_wait_for_them() -> None:
    app = App()
    async with running(app, drain_seconds=60.0) as it, dial(it) as client:
        await echoed(client, "x")
        async with asyncio.timeout(WITHIN):
            await it.server.end()
        assert app.drained == ["start", "end"]
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(client.recv(), WITHIN)
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1001, "going")


async def test_a_socket_works_over_tls(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    write_certificate(cert, key, "localhost")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with running(App(), tls_cert=cert, tls_key=key) as it, dial(it, ssl=context) as client:
        await echoed(client, "ü" * 100_000)


async def test_a_client_that_vanishes_is_a_disconnect() -> None:
    app = App()
    async with running(app) as it, dial(it) as client:
        await echoed(client, "x")
        client.transport.abort()
        assert await asyncio.wait_for(app.ended, WITHIN) == 1006
