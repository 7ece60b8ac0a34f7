"""Heads of answers are checked once, and what is doubtful is left to h11."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.server.http1 import sound
from tests.router.server.test_run import running

DOUBTFUL = [
    (b"x-name", b"a\r\nset-cookie: b"),
    (b"x-name", b"a\nb"),
    (b"x-name", b"a\0b"),
    (b"x-name", "ü".encode()),
    (b"x name", b"a"),
    (b"x-name:", b"a"),
    (b"x\r\ny", b"a"),
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


async def test_a_line_break_in_a_header_never_reaches_a_client() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
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
