"""WebSockets that leave the router, against an independent server."""

from __future__ import annotations

import asyncio
import http
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed

from router.faults import Fault
from router.net.client import Net
from router.net.message import Timeouts
from router.net.sockets import SocketRequest, connect
from tests.router.api.harness import scripted

Handler = Callable[[ServerConnection], Awaitable[None]]
Answer = Callable[[ServerConnection, Request], Response | None]


@pytest_asyncio.fixture
async def net() -> AsyncIterator[Net]:
    async with Net() as opened:
        yield opened


@asynccontextmanager
async def server(handler: Handler, answer: Answer | None = None) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, process_request=answer) as running:
        port = next(iter(running.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/stream?token=user-canary"


def request(url: str) -> SocketRequest:
    return SocketRequest(url, {"origin": "https://example.test", "cookie": "secret=canary", "user-agent": "x"})


async def echo(socket: ServerConnection) -> None:
    async for message in socket:
        await socket.send(message)


async def refusal(net: Net, url: str, timeouts: Timeouts | None = None) -> Fault:
    with pytest.raises(Fault) as raised:
        await connect(net, request(url), timeouts or Timeouts())
    assert "canary" not in raised.value.message
    assert raised.value.__cause__ is None  # a foreign error quotes the address
    return raised.value


async def test_text_goes_both_ways_with_the_headers_that_were_given(net: Net) -> None:
    seen: list[Headers] = []

    async def note(socket: ServerConnection) -> None:
        assert socket.request is not None
        seen.append(socket.request.headers)
        await echo(socket)

    async with server(note) as url, await connect(net, request(url), Timeouts()) as socket:
        await socket.send("Grüße 🚂")
        assert await socket.receive(5) == "Grüße 🚂"
    assert (seen[0]["origin"], seen[0]["cookie"], seen[0]["user-agent"]) == (
        "https://example.test",
        "secret=canary",
        "x",
    )
    assert "accept-encoding" not in seen[0]


async def test_silence_is_none_and_loses_no_message(net: Net) -> None:
    late = asyncio.Event()

    async def wait(socket: ServerConnection) -> None:
        await late.wait()
        await socket.send("late")
        await socket.wait_closed()

    async with server(wait) as url, await connect(net, request(url), Timeouts()) as socket:
        assert await socket.receive(0.1) is None
        late.set()
        assert await socket.receive(5) == "late"


async def test_every_ending_is_a_fault(net: Net) -> None:
    async def close(socket: ServerConnection) -> None:
        await socket.send("only")
        await socket.close(4001, "canary")

    async with server(close) as url, await connect(net, request(url), Timeouts()) as socket:
        assert await socket.receive(5) == "only"
        for _ in range(2):
            with pytest.raises(Fault, match="closed the connection") as raised:
                await socket.receive(5)
            assert raised.value.kind == "upstream_broken"
            assert "canary" not in raised.value.message


async def test_a_connection_that_breaks_off_is_a_fault(net: Net) -> None:
    async def abort(socket: ServerConnection) -> None:
        socket.transport.abort()

    async with server(abort) as url, await connect(net, request(url), Timeouts()) as socket:
        with pytest.raises(Fault) as raised:
            await socket.receive(5)
    assert raised.value.kind == "upstream_broken"


async def test_messages_have_a_bound_and_must_be_text(net: Net) -> None:
    async def long(socket: ServerConnection) -> None:
        await socket.send("x" * 2000)
        await socket.wait_closed()

    async def binary(socket: ServerConnection) -> None:
        await socket.send(b"\x00\x01")
        await socket.wait_closed()

    async with server(long) as url, await connect(net, request(url), Timeouts(), longest=1000) as socket:
        with pytest.raises(Fault, match="too long"):
            await socket.receive(5)
    async with server(binary) as url, await connect(net, request(url), Timeouts()) as socket:
        with pytest.raises(Fault, match="binary"):
            await socket.receive(5)


async def test_closing_tells_the_peer_at_once_even_in_a_cancelled_read(net: Net) -> None:
    closed, reading = asyncio.Event(), asyncio.Event()

    async def watch(socket: ServerConnection) -> None:
        await socket.send("begun")
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        closed.set()

    async with server(watch) as url:

        async def read() -> None:
            async with await connect(net, request(url), Timeouts()) as socket:
                await socket.receive(5)
                reading.set()
                await socket.receive(60)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(read())
            await reading.wait()
            task.cancel()
        async with asyncio.timeout(5):
            await closed.wait()


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "upstream_auth"), (403, "refused"), (429, "rate_limited"), (502, "upstream_broken")]
)
async def test_a_refused_handshake_is_what_its_status_means(net: Net, status: int, kind: str) -> None:
    def refuse(socket: ServerConnection, _: Request) -> Response:
        return socket.respond(http.HTTPStatus(status), "canary")

    async with server(echo, refuse) as url:
        fault = await refusal(net, url)
    assert (fault.kind, fault.status) == (kind, status)


async def test_redirects_of_a_handshake_are_not_followed(net: Net) -> None:
    visits: list[str] = []

    async with server(echo) as elsewhere:

        def lead_away(socket: ServerConnection, asked: Request) -> Response:
            visits.append(asked.path)
            response = socket.respond(http.HTTPStatus.FOUND, "")
            response.headers["location"] = elsewhere
            return response

        async with server(echo, lead_away) as url:
            fault = await refusal(net, url)
    assert (fault.kind, len(visits)) == ("upstream_broken", 1)
    assert "redirect" in fault.message


async def test_no_connection_and_no_handshake_have_their_words(net: Net) -> None:
    async with server(echo) as url:
        pass
    assert "connection refused" in (await refusal(net, url)).message
    async with scripted() as http_only:
        assert (await refusal(net, http_only.replace("http", "ws"))).kind == "upstream_broken"

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(never, "127.0.0.1", 0)
    async with silent:
        url = f"ws://127.0.0.1:{silent.sockets[0].getsockname()[1]}/"
        fault = await refusal(net, url, Timeouts(head=0.2))
    assert (fault.kind, "0.2 seconds" in fault.message) == ("timeout", True)


async def test_a_request_after_a_socket_uses_the_same_connector(net: Net) -> None:
    async with server(echo) as url, await connect(net, request(url), Timeouts()) as socket:
        await socket.send("x")
        assert await socket.receive(5) == "x"
    assert net.socket_session(None).connector is net._session(None).connector
