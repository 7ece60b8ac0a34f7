"""Real sockets: the key, TLS with a CA of one's own, and what is said when there is no socket."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from services.link.connection import SocketClosed
from services.link.dialling import CannotDial, Dialler
from tests.router.server.certificates import write_certificate


@asynccontextmanager
async def server(**options: Any) -> AsyncIterator[tuple[int, list[Any]]]:
    """Echoes; gives its port and the heads of requests."""
    heads: list[Any] = []

    async def echo(connection: ServerConnection) -> None:
        heads.append(connection.request)
        async for message in connection:
            if message == "close":
                await connection.close(4001, "another")
            await connection.send(message)

    async with serve(echo, "127.0.0.1", 0, max_size=None, **options) as listening:
        yield listening.sockets[0].getsockname()[1], heads


async def test_the_key_goes_in_a_header_and_is_read_for_each_dial() -> None:
    keys = iter(["one", "two"])
    dialler = Dialler(lambda: next(keys), "switchyard-test/9")
    async with server() as (port, heads):
        for _ in range(2):
            socket = await dialler.dial(f"ws://127.0.0.1:{port}/v1/ws")
            await socket.send("x")
            assert await socket.receive() == "x"
            await socket.close(1000)
    assert [head.headers["authorization"] for head in heads] == ["Bearer one", "Bearer two"]
    assert {head.headers["user-agent"] for head in heads} == {"switchyard-test/9"}
    assert "sec-websocket-extensions" not in heads[0].headers
    assert heads[0].path == "/v1/ws"


async def test_the_routers_code_is_told() -> None:
    async with server() as (port, _):
        socket = await Dialler(lambda: "k", "t").dial(f"ws://localhost:{port}")
        await socket.send("close")
        with pytest.raises(SocketClosed) as caught:
            await socket.receive()
        assert (caught.value.code, caught.value.reason) == (4001, "another")
        with pytest.raises(SocketClosed):
            await socket.send("x")


@pytest.mark.parametrize(("status", "refused"), [(401, True), (403, True), (503, False), (200, False)])
async def test_a_refusal_is_told_apart_from_trouble(status: int, refused: bool) -> None:
    def answer(connection: ServerConnection, request: object) -> Any:
        return connection.respond(HTTPStatus(status), "no\n")

    async with server(process_request=answer) as (port, _):
        with pytest.raises(CannotDial, match=str(status)) as caught:
            await Dialler(lambda: "sk-canary", "t").dial(f"ws://127.0.0.1:{port}")
    assert caught.value.refused is refused
    assert "canary" not in str(caught.value)


async def test_nobody_there_is_trouble() -> None:
    async with server() as (port, _):
        pass
    with pytest.raises(CannotDial) as caught:
        await Dialler(lambda: "k", "t").dial(f"ws://127.0.0.1:{port}")
    assert not caught.value.refused


async def test_tls_takes_a_certificate_of_the_given_ca_and_no_other(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    write_certificate(cert, key, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    async with server(ssl=context) as (port, _):
        socket = await Dialler(lambda: "k", "t", cert).dial(f"wss://localhost:{port}")
        await socket.send("x")
        assert await socket.receive() == "x"
        await socket.close(1000)
        with pytest.raises(CannotDial, match="TLS certificate is not accepted") as caught:
            await Dialler(lambda: "k", "t").dial(f"wss://localhost:{port}")
        assert caught.value.refused


async def test_an_environment_with_a_proxy_does_not_stand_between_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with server() as (port, _), asyncio.timeout(20):
        socket = await Dialler(lambda: "k", "t").dial(f"ws://127.0.0.1:{port}")
        await socket.close(1000)
