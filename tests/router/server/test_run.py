"""The server in process, with a small application, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from router.server.config import ServerSettings
from router.server.drain import Drain
from router.server.lifespan import StartFailed
from router.server.listen import bind
from router.server.run import Server
from tests.router.server import standin

WITHIN = 40.0


class Client:
    """A raw HTTP/1.1 client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, path: str, *, method: str = "GET", headers: str = "", body: bytes = b"") -> None:
        length = f"content-length: {len(body)}\r\n" if body else ""
        self.writer.write(f"{method} {path} HTTP/1.1\r\nhost: x\r\n{length}{headers}\r\n".encode() + body)

    async def head(self) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), WITHIN)

    async def answer(self) -> tuple[int, bytes, bytes]:
        head = await self.head()
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length")), 0
        )
        return int(head.split()[1]), head, await asyncio.wait_for(self.reader.readexactly(length), WITHIN)

    async def rest(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), WITHIN)

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


class Running:
    def __init__(self, server: Server, drain: Drain, port: int) -> None:
        self.server = server
        self.drain = drain
        self.port = port
        self.clients: list[Client] = []

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    async def no_connections(self) -> None:
        """Wait until the server has let every connection go."""
        tasks = list(self.server.connections.values())
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=WITHIN)
            assert not pending


@contextlib.asynccontextmanager
async def running(app: Any = standin.app, **values: Any) -> AsyncIterator[Running]:
    limits = {"sweep_seconds": 0.05, "quiet_seconds": 0.05, "drain_seconds": 1.0} | values
    settings = ServerSettings(port=0, **limits)
    sockets = bind("127.0.0.1", 0, 100, settings.send_buffer)
    drain = Drain()
    server = Server(app, settings, drain)
    port = sockets[0].getsockname()[1]
    try:
        await server.start(sockets)
    except StartFailed:
        for sock in sockets:
            sock.close()
        raise
    found = Running(server, drain, port)
    try:
        yield found
    finally:
        for client in found.clients:
            await client.close()
        await server.end()


async def test_one_connection_serves_many_calls() -> None:
    async with running() as it:
        client = await it.connect()
        for _ in range(3):
            client.send("/echo", method="POST", body=b"x" * 1000)
            assert (await client.answer())[::2] == (200, b"1000")
        assert len(it.server.connections) == 1


async def test_an_early_answer_to_a_large_upload_arrives_and_nothing_hangs() -> None:
    """Ten waiting messages fill Hypercorn's own queue; the answer must not be lost to a reset either."""
    async with running() as it:
        client = await it.connect()
        client.send("/early", method="POST", body=b"x" * 8_000_000)
        assert (await client.answer())[::2] == (401, b"no key")
        assert await client.rest() == b""
        await client.close()
        await it.no_connections()


async def test_a_large_upload_arrives_whole() -> None:
    async with running() as it:
        client = await it.connect()
        client.send("/echo", method="POST", body=b"x" * 8_000_000)
        assert (await client.answer())[::2] == (200, b"8000000")


async def test_a_client_that_leaves_is_heard_of(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = tmp_path / "trace"
    monkeypatch.setenv("STANDIN_TRACE", str(trace))
    async with running() as it:
        client = await it.connect()
        client.send("/hang")
        await until(lambda: any(connection.busy for connection in it.server.connections))
        await client.close()
        await it.no_connections()
    assert trace.read_text() == "disconnected"


async def test_a_pipelining_client_that_leaves_is_heard_of(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = tmp_path / "trace"
    monkeypatch.setenv("STANDIN_TRACE", str(trace))
    async with running() as it:
        client = await it.connect()
        client.send("/hang")
        client.send("/second")
        await until(lambda: any(connection.busy for connection in it.server.connections))
        await client.close()
        await it.no_connections()
    assert trace.read_text() == "disconnected"


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with running() as it:
        client = await it.connect()
        client.send("/slow?0.05")
        client.send("/echo", method="POST", body=b"four")
        assert (await client.answer())[2].startswith(b"slow ")
        assert (await client.answer())[2] == b"4"


async def test_a_request_head_that_drips_is_cut_off() -> None:
    async with running(header_seconds=0.2) as it:
        client = await it.connect()
        client.writer.write(b"GET / HTTP/1.1\r\nx: ")
        assert await client.rest() == b""


async def test_an_idle_connection_is_closed() -> None:
    async with running(keep_alive_seconds=0.2) as it:
        client = await it.connect()
        client.send("/")
        assert (await client.answer())[0] == 200
        assert await client.rest() == b""


async def test_a_body_that_stops_is_cut_off() -> None:
    async with running(body_stall_seconds=0.2) as it:
        client = await it.connect()
        client.writer.write(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc")
        with contextlib.suppress(ConnectionResetError):
            assert await client.rest() == b""
        await it.no_connections()


async def test_a_reader_that_takes_nothing_is_cut_off() -> None:
    async with running(write_stall_seconds=0.3, farewell_seconds=0.2) as it:
        client = await it.connect()
        client.send("/flood")
        await until(lambda: any(connection.transport.stalled for connection in it.server.connections))
        await it.no_connections()


async def test_an_answer_behind_which_the_request_turns_out_broken_ends_at_once() -> None:
    """The end of the connection has been written then, and the loop must not hear of bytes behind it."""
    begun, over = asyncio.Event(), asyncio.Event()
    troubles: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await standin.app(scope, receive, send)
            return
        scope["extensions"]["client.gone"](over.set)
        await send({"type": "http.response.start", "status": 200, "headers": standin.TEXT})
        begun.set()
        while not over.is_set():
            await send({"type": "http.response.body", "body": b"tick", "more_body": True})
            await asyncio.sleep(0)

    asyncio.get_running_loop().set_exception_handler(lambda _, trouble: troubles.append(trouble["message"]))
    async with running(app) as it:
        client = await it.connect()
        client.send("/", method="POST", headers="transfer-encoding: chunked\r\n")
        await begun.wait()
        client.writer.write(b"no length\r\n")
        assert b"tick" in await client.rest()
        await asyncio.wait_for(over.wait(), WITHIN)
    assert troubles == []


async def test_a_head_that_is_too_large_is_a_431() -> None:
    async with running(header_bytes=4096) as it:
        client = await it.connect()
        client.send("/", headers=f"x: {'y' * 200_000}\r\n")
        assert (await client.answer())[0] == 431


async def test_a_websocket_attempt_gets_the_applications_refusal() -> None:
    async with running() as it:
        client = await it.connect()
        upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
        client.send("/v1/responses", headers=f"{upgrade}sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
        assert b"426" in (await client.head()).split(b"\r\n")[0]


async def test_a_failing_application_is_a_500_and_not_the_end() -> None:
    async with running() as it:
        client = await it.connect()
        client.send("/broken")
        assert (await client.answer())[0] == 500
        other = await it.connect()
        other.send("/")
        assert (await other.answer())[0] == 200


async def test_one_connection_too_many_is_a_503() -> None:
    async with running(connections=1) as it:
        first = await it.connect()
        first.send("/")
        assert (await first.answer())[0] == 200
        status, head, body = await (await it.connect()).answer()
        assert status == 503
        assert b"retry-after: 1" in head
        assert b"no room" in body


async def test_accepted_sockets_send_at_once_and_hold_little() -> None:
    async with running() as it:
        client = await it.connect()
        client.send("/")
        await client.answer()
        (connection,) = it.server.connections
        sock = connection.transport.raw.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * 64 * 1024  # Linux doubles what is asked for


async def test_a_drain_serves_an_open_connection_once_more_and_closes_it() -> None:
    async with running(quiet_seconds=0.5) as it:
        client = await it.connect()
        client.send("/")
        assert b"connection: close" not in (await client.answer())[1]
        async with ending(it):
            client.send("/")
            assert b"connection: close" in (await client.answer())[1]
            assert await client.rest() == b""


async def test_a_drain_closes_the_listener_and_idle_connections() -> None:
    async with running() as it:
        client = await it.connect()
        client.send("/")
        await client.answer()
        async with ending(it):
            assert await client.rest() == b""
            with pytest.raises(ConnectionRefusedError):
                await it.connect()


async def test_a_drain_waits_for_what_runs() -> None:
    async with running() as it:
        client = await it.connect()
        client.send("/slow?0.3")
        await until(lambda: any(connection.busy for connection in it.server.connections))
        async with ending(it):
            assert (await client.answer())[0] == 200


async def test_at_the_deadline_a_call_writes_its_own_error() -> None:
    async with running(drain_seconds=0.2) as it:
        client = await it.connect()
        client.send("/stream")
        await client.head()
        async with ending(it):
            text = await client.rest()
        assert b"tick" in text
        assert b"error: the gateway stops" in text
        assert text.endswith(b"0\r\n\r\n")


async def test_a_start_that_the_application_refuses_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_FAILS", "1")
    with pytest.raises(StartFailed, match="the database is on fire"):
        async with running():
            pass


@contextlib.asynccontextmanager
async def ending(it: Running) -> AsyncIterator[None]:
    """The server drains while the block runs."""
    async with asyncio.TaskGroup() as group:
        group.create_task(it.server.end())
        await until(lambda: it.drain.started)
        yield


async def until(true: Any) -> None:
    """Wait for a condition inside the server."""
    async with asyncio.timeout(WITHIN):
        while not true():
            await asyncio.sleep(0)
