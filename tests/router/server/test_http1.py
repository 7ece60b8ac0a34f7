"""Heads of answers are checked once, and what is doubtful is left to h11."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.server.http1 import sound
from tests.router.server import standin
from tests.router.server.test_run import running

DOUBTFUL = [
    (b"x-name", b"a\r\nset-cookie: b"),
    (b"x-name", b"a\nb"),
    (b"x-name", b"a\0b"),
    (b"x-name", "ü".encode()),
    (b"x name", b"a"),
    (b"x-name:", b"a"),
    (b"x\r\ny", b"a"),
    (b"x\ny", b"a"),
    (b"x\n\ny", b"a"),
    (b"", b"a"),
]


@pytest.mark.parametrize("header", DOUBTFUL)
def test_a_doubtful_header_is_doubtful_wherever_it_stands(header: tuple[bytes, bytes]) -> None:
    good = (b"content-type", b"application/json")
    assert sound([good, (b"x-empty", b"")])
    assert not sound([header])
    assert not sound([good, header])
    assert not sound([header, good])


@given(st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=6)), min_size=1, max_size=3))
def test_nothing_sound_can_end_a_line(headers: list[tuple[bytes, bytes]]) -> None:
    if sound(headers):
        assert not any(set(name + value) & set(b"\r\n\0") or b":" in name or not name for name, value in headers)


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
