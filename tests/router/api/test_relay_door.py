"""Who may connect to ``/v1/ws``: keys by header, by address and by first message, origins, and what strangers learn."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.api.relay import RelaySocket
from tests.router.api.harness import KEY, MANAGEMENT
from tests.router.api.relaying import ORIGIN, RELAY_KEY, SERVICE_KEY, WITHIN, Relayed, relayed
from tests.simulators import Upstream

HELLO = {"type": "hello", "payload": {"service": "aistudio", "name": "desk"}}


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def handshake(it: Relayed, query: str = "", **options: Any) -> int:
    """The status of the answer; 101 where the socket opens."""
    try:
        await it.open(query, **options)
    except aiohttp.WSServerHandshakeError as error:
        return error.status
    return 101


async def closed(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """The code with which the router closes a socket, having said nothing before."""
    message = await socket.receive(timeout=WITHIN)
    assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED), message
    return socket.close_code


@pytest.mark.parametrize(
    ("query", "options", "status"),
    [
        ("", {"headers": bearer(SERVICE_KEY)}, 101),
        ("", {"headers": {"x-api-key": SERVICE_KEY}}, 101),
        ("", {}, 101),  # the key may come in the hello
        ("", {"headers": bearer("sk-wrong")}, 401),
        ("", {"headers": bearer(KEY)}, 401),
        ("", {"headers": bearer(MANAGEMENT)}, 401),
        ("", {"headers": bearer(RELAY_KEY)}, 401),
        (f"?key={RELAY_KEY}", {"origin": ORIGIN}, 101),
        (f"?auth_token={RELAY_KEY}", {"origin": ORIGIN}, 101),
        (f"?key={RELAY_KEY}", {"origin": ORIGIN.upper()}, 101),
        (f"?key={RELAY_KEY}", {"origin": "https://evil.example"}, 403),
        (f"?key={RELAY_KEY}", {"origin": f"{ORIGIN}.evil.example"}, 403),
        (f"?key={RELAY_KEY}", {"origin": "null"}, 403),
        (f"?key={RELAY_KEY}", {}, 403),
        (f"?key={KEY}", {"origin": ORIGIN}, 401),
        (f"?key={SERVICE_KEY}", {"origin": ORIGIN}, 401),
        (f"?key={SERVICE_KEY}", {}, 401),
        ("?key=sk-wrong", {"origin": ORIGIN}, 401),
        ("?key=", {"origin": ORIGIN}, 401),
        ("", {"origin": ORIGIN}, 401),
        ("", {"headers": bearer(SERVICE_KEY), "origin": "https://evil.example"}, 403),
    ],
)
async def test_keys_and_origins(
    upstream: Upstream, tmp_path: Path, query: str, options: dict[str, Any], status: int
) -> None:
    async with relayed(upstream, tmp_path) as it:
        assert await handshake(it, query, **options) == status
        assert RELAY_KEY not in it.router.log
        assert SERVICE_KEY not in it.router.log


async def test_who_has_no_key_that_counts_does_not_learn_which_origins_may_connect(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with relayed(upstream, tmp_path) as it:
        for origin in (ORIGIN, "https://evil.example"):
            assert await handshake(it, "?key=sk-wrong", origin=origin) == 401


@pytest.mark.parametrize("key", [None, "", "sk-wrong", KEY, RELAY_KEY, MANAGEMENT])
async def test_a_hello_without_the_service_key_is_closed_without_a_word(
    upstream: Upstream, tmp_path: Path, key: str | None
) -> None:
    async with relayed(upstream, tmp_path) as it:
        socket = await it.open()
        payload = HELLO["payload"] if key is None else {**HELLO["payload"], "key": key}  # type: ignore[dict-item]
        await socket.send_str(json.dumps({**HELLO, "payload": payload}))
        assert await closed(socket) == 1008
        assert it.names() == []


async def test_the_service_key_may_come_in_the_hello_and_goes_no_further(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        socket = await it.open()
        await socket.send_str(json.dumps({**HELLO, "payload": {**HELLO["payload"], "key": SERVICE_KEY}}))  # type: ignore[dict-item]
        welcome = (await socket.receive_json(timeout=WITHIN))["payload"]
        assert (it.names(), welcome["limits"]["chunks"], welcome["limits"]["bytes"]) == (["desk"], 32, 1024 * 1024)
        report = json.dumps(await it.router.management("relay"))
        assert SERVICE_KEY not in report
        assert SERVICE_KEY not in it.router.log


@pytest.mark.parametrize(
    "text", ["no json", '{"type":"http_response","id":"1","payload":{}}', '{"type":"hello","payload":{}}', "x" * 70_000]
)
async def test_a_stranger_who_says_anything_else_learns_nothing(upstream: Upstream, tmp_path: Path, text: str) -> None:
    async with relayed(upstream, tmp_path) as it:
        socket = await it.open()
        await socket.send_str(text)
        assert await closed(socket) in (1008, 1009)


async def test_a_service_with_a_key_learns_what_is_wrong_with_its_hello(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        socket = await it.open(headers=bearer(SERVICE_KEY))
        await socket.send_str('{"type":"hello","payload":{"service":"aistudio","name":"Not A Name"}}')
        message = await socket.receive(timeout=WITHIN)
        assert message.data == 1008
        assert "hello: Expected `str` matching regex" in str(message.extra)


async def test_who_says_nothing_is_closed_within_seconds(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        began = time.monotonic()
        sockets = [await it.open(), await it.open(headers=bearer(SERVICE_KEY))]
        for socket in sockets:
            assert await closed(socket) == 1008
        assert time.monotonic() - began < 8.0


async def test_strangers_have_a_bound(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        sockets = [await it.open() for _ in range(32)]
        assert await handshake(it) == 503
        assert await handshake(it, f"?key={RELAY_KEY}", origin=ORIGIN) == 503
        await sockets[0].close()
        await it.router.until(lambda: len(it.router.server.connections) <= 33)
        await it.router.until(lambda: _strangers(it) < 32)
        assert await handshake(it) == 101


def _strangers(it: Relayed) -> int:
    """Connections that wait for a hello are those without a session."""
    return sum(connection.lasting for connection in it.router.server.connections) - len(it.names())


async def test_the_largest_message_is_told_and_a_larger_one_ends_the_session(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with relayed(upstream, tmp_path, {"relay": {"max_message_bytes": 1_048_576}}) as it:
        socket = await it.open(headers=bearer(SERVICE_KEY))
        await socket.send_json(HELLO)
        welcome = (await socket.receive_json(timeout=WITHIN))["payload"]
        assert welcome["limits"]["message_bytes"] == 1_048_576
        await socket.send_str(json.dumps({"type": "unknown", "payload": {"x": "y" * 1_000_000}}))
        await socket.send_str(json.dumps({"type": "ping", "id": "1"}))
        assert (await socket.receive_json(timeout=WITHIN))["id"] == "1"
        await socket.send_str(json.dumps({"type": "unknown", "payload": {"x": "y" * 1_048_576}}))
        assert await closed(socket) == 1009
        await it.router.until(lambda: it.names() == [])


async def test_a_revoked_key_ends_its_sessions(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        await it.connect()
        await it.browser()
        for name in ("service", "relay"):
            (it.router.state / "keys" / f"{name}.key").unlink()
        await it.router.reloaded({"models": {"aliases": {"x": "gpt-4.1"}}})
        await it.router.until(lambda: it.names() == [])


async def test_an_origin_that_is_taken_back_ends_its_sessions(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        await it.browser()
        await it.router.reloaded({"relay": {"allowed_origins": []}})
        await it.router.until(lambda: it.names() == [])


async def test_no_service_is_taken_before_what_is_known_of_accounts_has_been_read(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with relayed(upstream, tmp_path) as it:
        known = it.router.router.recall.known
        await asyncio.wait_for(known.wait(), WITHIN)
        known.clear()
        coming = asyncio.get_running_loop().create_task(it.connect())
        await it.router.until(lambda: known._waiters)  # type: ignore[attr-defined]
        assert it.names() == []
        known.set()
        await asyncio.wait_for(coming, WITHIN)
        assert it.names() == ["desk"]


async def test_other_paths_are_no_sockets(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await it.http.ws_connect(it.url.replace("/v1/ws", "/v1/responses"), headers=bearer(KEY))
        assert caught.value.status == 426


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_ordinary_request_is_told_to_be_a_socket(upstream: Upstream, tmp_path: Path, method: str) -> None:
    async with relayed(upstream, tmp_path) as it:
        answer = await it.router.send("/v1/ws", method=method)
        assert (answer.status, answer.headers["upgrade"]) == (426, "websocket")
        assert "/v1/ws is a WebSocket" in answer.json["error"]["message"]


async def test_who_comes_while_the_router_stops_is_sent_to_its_successor(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        it.router.drain.start()
        assert await handshake(it, headers=bearer(SERVICE_KEY)) == 503


async def test_a_server_that_cannot_answer_a_handshake_closes_it(upstream: Upstream, tmp_path: Path) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async with relayed(upstream, tmp_path) as it:
        router = it.router.router
        socket = RelaySocket(router._hub, router._keys, router._settings)
        scope = {"type": "websocket", "path": "/v1/ws", "headers": [(b"authorization", b"Bearer no")]}
        await asyncio.wait_for(socket(scope, receive, send), WITHIN)  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_coming_and_going_over_real_sockets_leaves_nothing_behind(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:

        async def cycle(times: int) -> int:
            for _ in range(times):
                async with it.http.ws_connect(f"{it.url}?key={RELAY_KEY}", origin=ORIGIN):
                    await it.router.until(it.names)
                await it.router.until(lambda: not it.names())
            await it.router.until(lambda: not it.router.server.connections)
            it.router.router._tail._lines.clear()  # of the log, which is bounded and not full yet
            gc.collect()
            return len(gc.get_objects())

        await cycle(30)
        before = await cycle(1)
        assert await cycle(60) - before < 300
