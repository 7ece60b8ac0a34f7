"""What leaves the router, and foreign errors in our own words."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from msgspec.structs import replace

from router.faults import Fault
from router.net.client import Net
from router.net.message import HttpRequest, Timeouts
from tests.router.api.harness import scripted
from tests.router.api.leaks import Canary, leaks, planted, told_by
from tests.router.api.parrot import MANNERS, Parrot, Proxy
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import hang, refused, status


@pytest_asyncio.fixture
async def net() -> AsyncIterator[Net]:
    async with Net() as opened:
        yield opened


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as started:
        yield started


def request(address: str, path: str = "/openai/v1/chat/completions") -> HttpRequest:
    return HttpRequest("POST", address + path, {"authorization": "Bearer sk-sim", "user-agent": "x"}, b"{}")


async def refusal(net: Net, address: str, timeouts: Timeouts | None = None) -> Fault:
    with pytest.raises(Fault) as raised:
        async with await net.send(request(address), timeouts or Timeouts()) as response:
            await response.read(10_000)
    return raised.value


async def test_each_way_to_lose_a_connection_has_its_words(net: Net, upstream: Upstream) -> None:
    upstream.script(refused(), Misbehaviour(status=200, body=b"half", length=100))
    assert (await refusal(net, upstream.address)).kind == "upstream_broken"
    cut = await refusal(net, upstream.address)
    assert (cut.kind, "before the answer was complete" in cut.message) == ("upstream_broken", True)
    async with upstream.closed_port():
        closed = await refusal(net, upstream.address)
    assert "connection refused" in closed.message
    unknown = await refusal(net, "http://no-such-host.invalid")
    assert "name cannot be resolved" in unknown.message
    assert "sk-sim" not in unknown.message


async def test_a_chunk_that_is_none_breaks_the_answer_at_once(net: Net, upstream: Upstream) -> None:
    upstream.script(Misbehaviour(after_events=3, ending="malformed", gap=0.02))
    body = b'{"model":"gpt-4.1","stream":true,"messages":[{"role":"user","content":"hi"}]}'
    got = b""
    async with await net.send(replace(request(upstream.address), body=body), Timeouts()) as response:
        with pytest.raises(Fault) as raised:
            async with asyncio.timeout(20):
                async for piece in response.chunks():
                    got += piece
    assert raised.value.kind == "upstream_broken"
    assert got.count(b"data: ") == 3


async def test_a_kept_connection_leaves_nothing_behind_and_its_reset_is_no_error_in_the_log(net: Net) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    writers: list[asyncio.StreamWriter] = []
    rest = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        for _ in range(3):
            await reader.readuntil(b"\r\n\r\n{}")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{")
            await rest.wait()
            rest.clear()
            writer.write(b"}")

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        for _ in range(3):
            async with await net.send(request(f"http://127.0.0.1:{port}"), Timeouts()) as response:
                chunks = response.chunks()
                assert await anext(chunks) == b"{"
                rest.set()
                assert [chunk async for chunk in chunks] == [b"}"]
        (closed,) = (protocol.closed for every in net._session(None).connector._conns.values() for protocol, _ in every)  # type: ignore[union-attr]
        assert len(writers) == 1 and len(closed._callbacks) == 1  # however often it was used
        at_once = struct.pack("ii", 1, 0)  # a reset instead of an end
        writers[0].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        writers[0].transport.abort()
        await asyncio.wait([closed], timeout=5)
        await net.close()
        del closed
        gc.collect()
    assert told == []


async def test_a_connection_that_closes_before_it_is_written_to_is_replaced(
    net: Net, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, failed = net._session(None), []
    send = session.request

    async def closing(*words: Any, **facts: Any) -> Any:
        if not failed:
            failed.append(aiohttp.ClientOSError(None, "Can not write request body"))
            raise failed[0] from aiohttp.ClientConnectionResetError("Cannot write to closing transport")
        return await send(*words, **facts)

    monkeypatch.setattr(session, "request", closing)
    async with await net.send(request(upstream.address), Timeouts()) as response:
        assert await response.read(10_000)
    assert len(upstream.requests) == 1 and failed


async def test_silence_is_a_timeout_before_and_behind_the_head(net: Net, upstream: Upstream) -> None:
    upstream.script(hang())
    silent = await refusal(net, upstream.address, Timeouts(head=0.2))
    assert (silent.kind, "0.2 seconds" in silent.message) == ("timeout", True)
    async with scripted(b"begun", None) as address:
        stalled = await refusal(net, address, Timeouts(idle=0.2))
    assert (stalled.kind, "nothing for 0.2 seconds" in stalled.message) == ("timeout", True)


async def test_the_time_that_our_own_client_takes_is_not_the_providers(net: Net) -> None:
    got = []
    async with scripted(b"one", 0.05, b"two") as address:
        response = await net.send(request(address), Timeouts(idle=0.3))
        async for chunk in response.chunks():
            got.append(chunk)
            await asyncio.sleep(0.7)
        response.close()
    assert b"".join(got) == b"onetwo"


async def test_redirects_are_not_followed_and_cookies_not_kept(net: Net, upstream: Upstream) -> None:
    elsewhere: dict[str, Any] = {"location": f"{upstream.address}/elsewhere", "set_cookie": "session=1"}
    upstream.script(status(307, **elsewhere), status(500))
    for expected in (307, 500):
        async with await net.send(request(upstream.address), Timeouts()) as response:
            assert response.status == expected
    assert [attempt.path for attempt in upstream.requests] == ["/v1/chat/completions"] * 2
    assert "cookie" not in upstream.requests[1].headers


async def test_a_body_has_a_bound(net: Net) -> None:
    async with scripted(b"x" * 50_000) as address:
        assert "larger than 10000 bytes" in (await refusal(net, address)).message
        async with await net.send(request(address), Timeouts()) as response:
            assert len(await response.read_some(100)) == 100


async def test_a_body_that_came_with_its_head_is_read_at_once(net: Net) -> None:
    async with scripted(b"x" * 500) as address:
        async with await net.send(request(address), Timeouts()) as response:
            while not response.arrived:
                await asyncio.sleep(0)
            with pytest.raises(Fault, match="larger than 499 bytes"):
                await response.read(499)
        async with await net.send(request(address), Timeouts()) as response:
            while not response.arrived:
                await asyncio.sleep(0)
            assert await response.read(500) == b"x" * 500


async def test_closing_early_closes_the_connection_and_reading_to_the_end_keeps_it(
    net: Net, upstream: Upstream
) -> None:
    upstream.always(Misbehaviour(status=500, message="whole"))
    for _ in range(3):
        async with await net.send(request(upstream.address), Timeouts()) as response:
            await response.read_some()
    assert len(upstream._writers) == 1


CANARIES = {name: Canary(name, planted("*", number)) for number, name in enumerate(("url", "header", "body", "proxy"))}


@pytest.mark.parametrize("failure", ["half", "malformed", "no answer", "silence", "gone", "TLS", "header", "address"])
async def test_a_fault_of_the_network_holds_nothing_of_the_request(net: Net, failure: str) -> None:
    url, header, body, _ = (each.value for each in CANARIES.values())
    async with Parrot() as parrot:
        parrot.manner = failure if failure in MANNERS else ""
        address = f"{parrot.base_url('openai')}/chat/completions?accessToken={url}"
        if failure == "silence":
            parrot.always(hang())
        if failure == "half":
            parrot.always(Misbehaviour(status=200, body=b"half", length=100))
        if failure == "gone":
            await parrot.close_port()
        address = {"TLS": address.replace("http:", "https:"), "address": f"http://[::{url}/"}.get(failure, address)
        headers = {"authorization": f"Bearer {header}{chr(10) if failure == 'header' else ''}"}
        asked = HttpRequest("POST", address, headers, str(body).encode() * 5_000)
        with pytest.raises(Fault) as raised:
            async with await net.send(asked, Timeouts(connect=0.5, head=0.5, idle=0.5)) as response:
                await response.read(10_000_000)
                raise Fault("internal", "it was answered")
    assert raised.value.message != "it was answered"
    assert list(leaks(CANARIES.values(), {"fault": [told_by(raised.value)]}, {})) == []


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_refuses_is_told_apart_and_its_password_is_not_told(net: Net, scheme: str) -> None:
    async with Proxy() as proxy:
        proxy.refuses = True
        asked = HttpRequest("GET", f"{scheme}://127.0.0.1:9/", {}, b"", proxy.url(str(CANARIES["proxy"].value)))
        with pytest.raises(Fault, match="outbound proxy did not let the request through") as raised:
            await net.send(asked, Timeouts())
    assert list(leaks(CANARIES.values(), {"fault": [told_by(raised.value)]}, {})) == []
    assert [leak.form for leak in leaks([CANARIES["proxy"]], {"heard": [proxy.heard]}, {})] == ["base64"]


@pytest.mark.parametrize(
    "proxy", ["socks4://user:canary@127.0.0.1:1", "canary", "http://user:canary@[::bad", "socks5://u:canary@[::bad"]
)
async def test_a_proxy_that_is_none_is_a_fault(net: Net, proxy: str) -> None:
    with pytest.raises(Fault) as raised:
        await net.send(HttpRequest("GET", "http://127.0.0.1:9/", {}, b"", proxy), Timeouts())
    assert b"canary" not in told_by(raised.value)
