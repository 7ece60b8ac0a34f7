"""The listener: what it answers, what it does not wait for, and when it is closed."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from router.accounts.login.loopback import MOST_CONNECTIONS, Callbacks, in_the_way
from router.accounts.login.pages import Page, page
from tests.ports import free_port

HEAD = b"GET /callback?code=canary HTTP/1.1\r\nhost: localhost\r\n\r\n"


@asynccontextmanager
async def listening(answer: object = None, **limits: float) -> AsyncIterator[tuple[Callbacks, int, list[str]]]:
    asked: list[str] = []

    async def plain(port: int, path: str, query: str) -> Page:
        asked.append(f"{path}?{query}")
        return page(200, "Fine", ["<b>not markup</b>"])

    callbacks = Callbacks(answer or plain, **limits)  # type: ignore[arg-type]
    port = free_port()
    assert await callbacks.open(port) is None
    try:
        yield callbacks, port, asked
    finally:
        await callbacks.close()


async def talk(port: int, data: bytes, host: str = "127.0.0.1") -> bytes:
    """Send, and read to the end."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(data)
    try:
        async with asyncio.timeout(40):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_page_is_given_once_and_the_connection_closed(host: str) -> None:
    async with listening() as (_, port, asked):
        answer = await talk(port, HEAD, host)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n") and b"connection: close" in head
        assert f"content-length: {len(body)}".encode() in head and b"no-store" in head and b"no-referrer" in head
        assert b"&lt;b&gt;" in body and asked == ["/callback?code=canary"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"POST /callback?code=x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n", b"405"),
        (b"GET /callback?code=x HTTP/1.1\r\nhost: evil.example\r\n\r\n", b"403"),
        (b"GET /callback?code=x HTTP/1.0\r\n\r\n", b"403"),
        (b"HEAD /callback?code=x HTTP/1.1\r\nhost: localhost\r\n\r\n", b"200"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
    ],
)
async def test_what_is_no_browsers_answer_uses_nothing_up(data: bytes, status: bytes) -> None:
    async with listening() as (_, port, asked):
        answer = await talk(port, data)
        assert answer.split(b" ")[1] == status and asked == []


async def test_a_request_that_does_not_come_is_not_waited_for() -> None:
    async with listening(head_seconds=0.05) as (_, port, asked):
        assert await talk(port, HEAD[:10]) == b"" and asked == []


async def test_an_answer_that_takes_long_says_so() -> None:
    async def never(port: int, path: str, query: str) -> Page:
        await asyncio.Event().wait()
        raise AssertionError

    async with listening(never, answer_seconds=0.05) as (_, port, _asked):
        assert b"202" in (await talk(port, HEAD)).split(b"\r\n")[0]


async def test_a_mistake_of_ours_is_a_page_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    async def breaks(port: int, path: str, query: str) -> Page:
        raise ValueError(f"canary in {query}")

    async with listening(breaks) as (_, port, _asked):
        answer = await talk(port, HEAD)
        assert b" 500 " in answer and b"canary" not in answer and "canary" not in caplog.text
        assert "ValueError" in caplog.text


async def test_more_connections_than_a_browser_makes_are_dropped() -> None:
    async with listening() as (_, port, _asked):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_CONNECTIONS)]
        with pytest.raises((ConnectionError, AssertionError)):
            assert await talk(port, HEAD) != b""
        for _, writer in held:
            writer.close()


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
async def test_a_port_that_is_taken_in_either_family_is_left_alone(family: int, host: str) -> None:
    async with listening() as (callbacks, _, _asked):
        port = free_port()
        with socket.socket(family) as other:
            other.bind((host, port))
            other.listen()
            problem = await callbacks.open(port)
            assert problem is not None and f"Port {port}" in problem and "another program" in problem
            assert port not in callbacks.ports
        assert await callbacks.open(port) is None


async def test_only_the_ports_that_are_wanted_stay_open() -> None:
    async with listening() as (callbacks, port, _asked):
        other = free_port()
        assert await callbacks.open(other) is None and await callbacks.open(other) is None
        callbacks.keep(frozenset({other}))
        assert callbacks.ports == {other}
        with pytest.raises(ConnectionError):
            await talk(port, HEAD)
        assert b"200" in await talk(other, HEAD)


def test_a_reserved_port_is_told_from_a_taken_one() -> None:
    assert "reserved by the system" in in_the_way(80, OSError(errno.EACCES, "denied"))
    assert "cannot be opened (odd)" in in_the_way(80, OSError(errno.EIO, "odd"))
    for number in (errno.EACCES, errno.EADDRINUSE):
        assert "paste it where you began" in in_the_way(80, OSError(number, ""))


def test_it_listens_on_the_event_loop_that_the_router_has() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def once() -> bytes:
        async with listening() as (_, port, _asked):
            return await talk(port, HEAD)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(once()).startswith(b"HTTP/1.1 200 OK\r\n")
