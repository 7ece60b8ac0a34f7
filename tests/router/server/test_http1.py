"""Plain calls and those that are left to h11, over one connection, as a client sees them."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from tests.router.server import standin
from tests.router.server.test_run import running


async def test_a_whole_answer_is_on_its_way_before_the_application_goes_on() -> None:
    client = socket.socket()
    client.settimeout(2)
    seen: list[bytes] = []
    done = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await standin.app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"whole"})
        try:
            seen.append(client.recv(65536))  # the loop cannot turn before this has something
        finally:
            done.set()

    async with running(app) as server:
        with client:
            await asyncio.get_running_loop().run_in_executor(None, client.connect, ("127.0.0.1", server.port))
            client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            await asyncio.wait_for(done.wait(), 10)
    assert seen[0].endswith(b"\r\n\r\nwhole")


async def test_a_line_break_in_a_header_never_reaches_a_client() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await standin.app(scope, receive, send)
            return
        split = [(b"x-split", b"a\r\nx-forged: 1")] if scope["path"] == "/split" else []
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0"), *split]})
        await send({"type": "http.response.body", "body": b""})

    async with running(app) as server:
        client = await server.connect()
        client.send("/split")
        assert b"x-forged" not in await client.rest()
        client = await server.connect()
        client.send("/good", headers="upgrade: h2c\r\ncontent-length: 0\r\n")
        assert (await client.answer())[0] == 200


async def test_the_rest_of_a_refused_body_is_never_taken_for_a_request() -> None:
    asked: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope.get("path", ""))
        await standin.app(scope, receive, send)

    smuggled = b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
    async with running(app) as server:
        client = await server.connect()
        client.send("/early", method="POST", headers="content-length: 1000\r\n")
        assert (await client.answer())[0] == 401
        client.writer.write(smuggled)
        assert await client.rest() == b""
        await client.close()
        client = await server.connect()
        client.writer.write(b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n" + smuggled)
        assert (await client.answer())[0] == 401
        assert await client.rest() == b""
    assert "/smuggled" not in asked
    assert asked.count("/early") == 2


async def test_one_connection_carries_plain_requests_and_others_in_any_order() -> None:
    chunked = b"POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    async with running() as server:
        client = await server.connect()
        client.send("/echo", method="POST", body=b"four")
        client.writer.write(chunked)
        client.send("/echo", method="POST", body=b"fives")
        assert [(await client.answer())[2] for _ in range(3)] == [b"4", b"3", b"5"]
        client.send("/echo", method="POST", body=b"seven77", headers="connection: close\r\n")
        assert b"connection: close" in (await client.head()).lower()
        assert await client.rest() == b"7"


async def test_a_plain_body_may_come_in_pieces_of_any_size() -> None:
    async with running() as server:
        client = await server.connect()
        client.send("/echo", method="POST", headers="content-length: 6\r\n")
        for piece in (b"a", b"bc", b"def"):
            await client.writer.drain()
            client.writer.write(piece)
        assert (await client.answer())[::2] == (200, b"6")
        client.send("/hello")
        assert (await client.answer())[0] == 200


async def test_an_application_that_breaks_its_own_length_ends_the_connection() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await standin.app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"short"})

    async with running(app) as server:
        client = await server.connect()
        client.send("/")
        await client.head()
        assert await client.rest() == b"short"
