"""Every way of misbehaving can be seen on the wire, and what the client did about it is recorded."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.simulators import Misbehaviour, Upstream, faulty
from tests.simulators.asking import OPENAI, ask, chat, contents, messages
from tests.simulators.certificate import self_signed
from tests.simulators.deliver import BOMB

URL = "/openai/v1/chat/completions"


async def _raw(upstream: Upstream, body: str = "") -> bytes:
    """Everything the server writes on a connection of its own, to its end."""
    text = body or '{"model":"gpt-4.1","stream":true,"messages":[{"role":"user","content":"hi"}]}'
    reader, writer = await asyncio.open_connection("127.0.0.1", int(upstream.address.rsplit(":", 1)[1]), limit=2**20)
    writer.write(
        f"POST {URL} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-sim\r\n"
        f"content-length: {len(text.encode())}\r\n\r\n{text}".encode()
    )
    try:
        async with asyncio.timeout(40):
            return await reader.read()
    finally:
        writer.close()


async def test_a_status_comes_with_its_hints_in_the_dialect(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    upstream.script(faulty.status(429, retry_after="7"), faulty.status(529), None)
    async with http.post(upstream.address + URL, json=chat("hi"), headers=OPENAI) as answer:
        assert (answer.status, answer.headers["retry-after"]) == (429, "7")
        assert (await answer.json())["error"]["code"] == "rate_limit_exceeded"
    assert (await ask(http, upstream, "messages", messages("hi")))[1]["error"]["type"] == "overloaded_error"
    assert (await ask(http, upstream, "gemini", contents("hi")))[0] == 200


async def test_gemini_hints_are_in_the_body(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    upstream.script(faulty.gemini_retry("34.4s"))
    status, answer = await ask(http, upstream, "gemini", contents("hi"))
    assert (status, answer["error"]["details"][1]["retryDelay"]) == (429, "34.4s")


async def test_an_error_page_is_html(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    upstream.script(faulty.html(502))
    async with http.post(upstream.address + URL, json=chat("hi"), headers=OPENAI) as answer:
        assert (answer.status, answer.content_type) == (502, "text/html")
        assert "<h1>Bad Gateway</h1>" in await answer.text()


async def test_a_closed_port_refuses_and_opens_again(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    async with upstream.closed_port():
        with pytest.raises(aiohttp.ClientConnectorError):
            await ask(http, upstream, "chat", chat("hi"))
    assert (await ask(http, upstream, "chat", chat("hi")))[0] == 200


async def test_a_reset_before_the_head_is_a_connection_error(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    upstream.always(faulty.refused())
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await ask(http, upstream, "chat", chat("hi"))
    assert upstream.requests[0].status is None


@pytest.mark.parametrize("ending", ["cut", "malformed"])
async def test_a_stream_ends_after_so_many_events(upstream: Upstream, ending: faulty.Ending) -> None:
    upstream.script(faulty.cut(events=2, ending=ending))
    raw = await _raw(upstream)
    assert raw.count(b"data: ") == 2
    assert raw.endswith(b"zz\r\nthis is no chunk\r\n" if ending == "malformed" else b"\n\n\r\n")
    assert not upstream.requests[0].finished


async def test_a_stream_can_be_cut_inside_a_character(upstream: Upstream) -> None:
    upstream.script(Misbehaviour(length=10**6))
    head, _, whole = (await _raw(upstream)).partition(b"\r\n\r\n")
    place = whole.index("é".encode()) + 1
    assert b"content-length: 1000000" in head
    upstream.script(Misbehaviour(length=10**6, after_bytes=place))
    assert (await _raw(upstream)).partition(b"\r\n\r\n")[2] == whole[:place]


async def test_the_terminal_event_can_be_missing_and_an_event_be_twice(upstream: Upstream) -> None:
    upstream.script(Misbehaviour(drop_end=True, length=10**6), Misbehaviour(duplicate=1, length=10**6))
    short, long = await _raw(upstream), await _raw(upstream)
    assert b"[DONE]" not in short
    assert long.count(b"data: ") == short.count(b"data: ") + 2


async def _payloads(upstream: Upstream, bad: Misbehaviour) -> list[bytes]:
    upstream.script(bad)
    body = (await _raw(upstream)).partition(b"\r\n\r\n")[2]
    return [line for line in body.split(b"\n") if line.startswith(b"data: ")]


async def test_events_can_change_places_be_torn_be_no_text_or_be_strange(upstream: Upstream) -> None:
    plain = await _payloads(upstream, Misbehaviour(length=10**6))
    swapped = await _payloads(upstream, Misbehaviour(length=10**6, swap=0))
    assert swapped == [plain[1], plain[0], *plain[2:]]
    torn = await _payloads(upstream, Misbehaviour(length=10**6, garble=1))
    assert len(torn[1]) < len(plain[1]) and plain[1].startswith(torn[1])
    assert [*torn[:1], *torn[2:]] == [*plain[:1], *plain[2:]]
    spoiled = await _payloads(upstream, Misbehaviour(length=10**6, spoil=1))
    assert spoiled[1].count(b"\xff") == 1 and len(spoiled[1]) == len(plain[1])
    assert (await _payloads(upstream, Misbehaviour(length=10**6, insert=(1, b"data: x\n\n"))))[1] == b"data: x"
    last = await _payloads(upstream, Misbehaviour(length=10**6, duplicate=-1))
    assert last[-2:] == [b"data: [DONE]"] * 2


async def test_a_stream_can_be_cut_inside_an_event(upstream: Upstream) -> None:
    upstream.script(Misbehaviour(after_events=2, torn=9, length=10**6))
    assert (await _raw(upstream)).rpartition(b"\n\n")[2] == b'data: {"i'


async def test_half_of_a_connection_can_be_closed(upstream: Upstream) -> None:
    upstream.script(Misbehaviour(after_events=2, ending="half_close"))
    assert (await _raw(upstream)).count(b"data: ") == 2  # which reads to the end of the stream
    async with asyncio.timeout(20):
        await upstream.requests[0].ended.wait()
    assert upstream.requests[0].cancelled  # the other half stayed open until we closed it


@pytest.mark.parametrize("surplus", [100, -100])
async def test_a_length_can_be_wrong_by_so_many_bytes(upstream: Upstream, surplus: int) -> None:
    upstream.script(Misbehaviour(surplus=surplus))
    head, _, body = (await _raw(upstream)).partition(b"\r\n\r\n")
    assert f"content-length: {len(body) + surplus}".encode() in head


async def test_a_body_can_be_packed_well_and_badly(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    upstream.script(Misbehaviour(packing="gzip"), Misbehaviour(packing="broken"), Misbehaviour(packing="bomb"))
    async with http.post(upstream.address + URL, json=chat("hi", stream=True), headers=OPENAI) as answer:
        assert (await answer.text()).endswith("data: [DONE]\n\n")
    with pytest.raises(aiohttp.ClientPayloadError):
        async with http.post(upstream.address + URL, json=chat("hi", stream=True), headers=OPENAI) as answer:
            await answer.read()
    async with http.post(upstream.address + URL, json=chat("hi"), headers=OPENAI) as answer:
        assert int(answer.headers["content-length"]) < BOMB / 500


async def test_an_upstream_can_speak_tls(tmp_path: Path) -> None:
    async with Upstream(tls=self_signed(tmp_path)) as upstream, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.get(upstream.address)
        async with http.get(f"{upstream.address}/openai/v1/models", headers=OPENAI, ssl=False) as answer:
            assert answer.status == 200


async def test_a_slow_drip_is_still_a_whole_stream(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    upstream.script(Misbehaviour(drip=1))
    async with http.post(upstream.address + URL, json=chat("hi", stream=True), headers=OPENAI) as answer:
        text = (await answer.read()).decode()
    assert text.endswith("data: [DONE]\n\n")
    assert "é" in text


async def test_an_error_comes_in_the_middle_of_a_stream(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    body = messages("BREAK 4", stream=True)
    headers = {"x-api-key": "sk-ant-sim", "anthropic-version": "2023-06-01"}
    async with http.post(f"{upstream.base_url('anthropic')}/v1/messages", json=body, headers=headers) as answer:
        text = await answer.text()
    assert text.count("event: ") == 5
    assert '"overloaded_error"' in text.rsplit("event: error", 1)[1]


async def test_a_client_that_goes_away_is_noticed_while_the_server_hangs(
    upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    upstream.script(faulty.hang())
    with pytest.raises(TimeoutError):
        await http.post(
            upstream.address + URL, json=chat("hi"), headers=OPENAI, timeout=aiohttp.ClientTimeout(total=0.2)
        )
    attempt = (await upstream.arrived(1))[0]
    async with asyncio.timeout(20):
        await attempt.ended.wait()
    assert (attempt.cancelled, attempt.finished, attempt.status) == (True, False, None)


async def test_a_client_that_goes_away_is_noticed_in_a_stalled_stream(
    upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    upstream.script(faulty.cut(events=1, ending="stall"))
    answer = await http.post(upstream.address + URL, json=chat("hi", stream=True), headers=OPENAI)
    assert (await answer.content.readany()).startswith(b"data: ")
    answer.close()
    async with asyncio.timeout(20):
        await upstream.requests[0].ended.wait()
    assert upstream.requests[0].cancelled


async def test_scripts_can_be_told_apart_by_key_and_gaps_are_recorded(
    upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    upstream.always(faulty.status(429), key="sk-sim-a")
    statuses = []
    for key in ("sk-sim-a", "sk-sim-b", "sk-sim-a"):
        headers = {"authorization": f"Bearer {key}"}
        async with http.post(upstream.address + URL, json=chat("hi"), headers=headers) as answer:
            statuses.append(answer.status)
    assert statuses == [429, 200, 429]
    assert [attempt.key for attempt in upstream.requests] == ["sk-sim-a", "sk-sim-b", "sk-sim-a"]
    assert upstream.requests[0].gap is None
    assert all(attempt.gap is not None and attempt.gap > 0 for attempt in upstream.requests[1:])
    assert upstream.requests[1].body["messages"] == [{"role": "user", "content": "hi"}]
