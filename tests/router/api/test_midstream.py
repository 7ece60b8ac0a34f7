"""After the first event: a broken answer ends with the dialect's error and never looks like a finished one."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import DIALECTS, MODELS, OTHER, Answer, Running, ask, running, scripted
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import Ending, cut, hang

TOLD = {"retry": {"resume": "error"}}
"""A break is told at once; `test_rescue` has those that are mended."""
QUICK = {"server": {"timeouts": {"idle": 0.4}}, **TOLD}


def ends_with_error(dialect: str, answer: Answer) -> str:
    """Asserts the in-band error and that nothing says the answer is finished; the message."""
    text = answer.body.decode()
    assert answer.status == 200
    if dialect == "chat":
        last = answer.frames[-1][1]
        assert not any(
            p != "[DONE]" and p.get("choices") and p["choices"][0].get("finish_reason") for _, p in answer.frames
        )
        return str(last["error"]["message"])
    if dialect == "messages":
        event, last = answer.frames[-1]
        assert event == "error"
        assert "message_stop" not in text
        assert last["error"]["type"].endswith("_error")
        return str(last["error"]["message"])
    if dialect == "responses":
        assert [event for event, _ in answer.frames[-2:]] == ["error", "response.failed"]
        assert "response.completed" not in text
        error, failed = answer.frames[-2][1], answer.frames[-1][1]
        assert error["message"] == error["error"]["message"]
        assert failed["response"]["id"] == answer.frames[0][1]["response"]["id"]
        assert failed["response"]["status"] == "failed"
        numbers = [payload["sequence_number"] for _, payload in answer.frames]
        assert numbers == sorted(set(numbers))
        return str(error["message"])
    assert '"finishReason"' not in text
    raw = text.rstrip().rpartition("\n")[2]
    assert raw.startswith('{"error"'), raw  # decisions 1: the raw line after the frame
    return str(answer.frames[-1][1]["error"]["message"])


HOW: tuple[Ending, ...] = ("cut", "reset", "error", "malformed", "stall")
BREAKS = {how: Misbehaviour(after_events=6, ending=how, gap=0.005) for how in HOW}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_broken_answer_ends_with_the_dialects_error(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    async with running(upstream, tmp_path, QUICK) as router:
        for how, broken in BREAKS.items():
            router.router._health._entries.clear()
            models = (MODELS[dialect], OTHER[dialect])
            for model in models:
                upstream.script(broken, model=model)
            before = len(upstream.requests)
            for answer in await asyncio.gather(
                *(router.ask(dialect, each, "LONG 200", stream=True) for each in models)
            ):
                assert ends_with_error(dialect, answer), how
                assert answer.text, how
            assert len(upstream.requests) == before + 2, how  # never tried again after content
        await router.until(lambda: router.router._gateway.open_calls == 0)


def chunk(content: str, finish: str | None = None) -> bytes:
    """One Chat chunk as an upstream sends it."""
    choice = {"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1"}
    return b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"


def served_by(address: str, **timeouts: float) -> dict[str, Any]:
    return {"providers": {"openai": {"base_url": address}}, "server": {"timeouts": timeouts}}


async def test_an_unparsable_chunk_is_a_cut(upstream: Upstream, tmp_path: Path) -> None:
    pieces = (chunk("he"), 0.05, b'data: {"id":"c","object":"chat.completion.chunk","cre\n\n', chunk("", "stop"))
    async with scripted(*pieces) as address, running(upstream, tmp_path, served_by(address)) as router:
        for dialect in ("chat", "messages"):
            answer = await router.ask(dialect, "openai/gpt-4.1", stream=True)
            assert ends_with_error(dialect, answer)
            assert answer.text == "he"


async def test_gemini_without_sse_gets_the_error_inside_its_array(router: Running) -> None:
    await router.reloaded(TOLD)
    path, body = ask("gemini", MODELS["gemini"], "LONG 200", stream=True)
    whole = await router.send(path.removesuffix("?alt=sse"), body)
    assert whole.headers["content-type"] == "application/json"
    assert whole.json[-1]["candidates"][0]["finishReason"] == "STOP"
    for model in (MODELS["gemini"], OTHER["gemini"]):
        router.upstream.script(cut(events=6))
        path, body = ask("gemini", model, "LONG 200", stream=True)
        broken = await router.send(path.removesuffix("?alt=sse"), body)
        assert broken.json[-1]["error"]["code"] >= 500
        assert "finishReason" not in broken.body.decode()


async def test_a_missing_done_after_a_finish_reason_is_a_success_at_once(router: Running) -> None:
    for dialect in ("chat", "messages"):
        router.upstream.script(Misbehaviour(drop_end=True))
        began = time.monotonic()
        answer = await router.ask(dialect, "gpt-4.1", "kettle", stream=True)
        assert "kettle" in answer.text
        assert "error" not in answer.body.decode()
        assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("dialect", ["chat", "messages"])
async def test_a_mark_that_the_provider_left_out_is_set_once(router: Running, dialect: str) -> None:
    """Several clients hang or fail on a stream of Messages that ends without its last event."""
    plain = await router.ask(dialect, MODELS[dialect], "kettle", stream=True)
    router.upstream.script(Misbehaviour(drop_end=True))
    answer = await router.ask(dialect, MODELS[dialect], "kettle", stream=True)
    assert [event for event, _ in answer.frames] == [event for event, _ in plain.frames]
    assert answer.frames[-1] == plain.frames[-1]


async def test_a_cut_right_after_a_finish_reason_is_a_success(upstream: Upstream, tmp_path: Path) -> None:
    pieces = (chunk("hey"), 0.02, chunk("", "stop"))  # closed without a word, as many servers do
    async with scripted(*pieces) as address, running(upstream, tmp_path, served_by(address)) as router:
        for dialect in ("chat", "messages"):
            answer = await router.ask(dialect, "gpt-4.1", stream=True)
            assert answer.text == "hey"
            assert "error" not in answer.body.decode()


@pytest.mark.parametrize("left_out", [b"\n", b"\n\n"])
async def test_a_last_event_without_its_blank_line_gets_one(
    upstream: Upstream, tmp_path: Path, left_out: bytes
) -> None:
    pieces = (chunk("hey"), 0.02, chunk("", "stop").removesuffix(left_out))
    async with scripted(*pieces) as address, running(upstream, tmp_path, served_by(address)) as router:
        answer = await router.ask("chat", "openai/gpt-4.1", stream=True)
        assert answer.frames[-2][1]["choices"][0]["finish_reason"] == "stop"
        assert answer.frames[-1][1] == "[DONE]"
        assert answer.body.endswith(b"}\n\ndata: [DONE]\n\n")  # else no client would take it for an event


@pytest.mark.parametrize("begun", [b"data: ", b"event: mess", b"event: message\n", b"id: 1\nevent: m"])
async def test_a_last_event_that_is_cut_before_its_first_letter_is_none(
    upstream: Upstream, tmp_path: Path, begun: bytes
) -> None:
    pieces = (chunk("hey"), 0.02, chunk("", "stop"), 0.02, begun)
    async with scripted(*pieces) as address, running(upstream, tmp_path, served_by(address)) as router:
        answer = await router.ask("chat", "openai/gpt-4.1", stream=True)
        assert answer.frames[-2][1]["choices"][0]["finish_reason"] == "stop"
        assert answer.frames[-1] == (None, "[DONE]")


@pytest.mark.parametrize("cut", [b"data: [DO", b'data: {"id": "c", "choices": [], "usa', b"data: nothing\n"])
async def test_a_whole_answer_is_one_also_where_its_last_event_is_cut(
    upstream: Upstream, tmp_path: Path, cut: bytes
) -> None:
    pieces = (chunk("hey"), 0.02, chunk("", "stop"), 0.02, cut)
    async with scripted(*pieces) as address, running(upstream, tmp_path, served_by(address)) as router:
        answer = await router.ask("chat", "openai/gpt-4.1", stream=True)
        assert answer.frames[-2][1]["choices"][0]["finish_reason"] == "stop"
        assert answer.frames[-1] == (None, "[DONE]")
    unfinished = (chunk("hey"), 0.02, cut)
    async with scripted(*unfinished) as address, running(upstream, tmp_path, served_by(address)) as router:
        answer = await router.ask("chat", "openai/gpt-4.1", stream=True)
        assert "error" in answer.frames[-1][1]


async def test_a_reset_right_after_a_finish_reason_is_a_success(router: Running) -> None:
    for dialect in ("chat", "messages"):
        asked: dict[str, Any] = {"stream_options": {"include_usage": True}}
        sent = len((await router.ask("chat", "gpt-4.1", "kettle", stream=True, **asked)).frames)  # as many as came
        router.upstream.script(Misbehaviour(after_events=sent - 2, ending="reset", gap=0.005))
        answer = await router.ask(dialect, "gpt-4.1", "kettle", stream=True)
        assert "kettle" in answer.text
        assert "error" not in answer.body.decode()
        if dialect == "messages":
            assert answer.frames[-1][0] == "message_stop"


async def test_silence_after_a_finish_reason_waits_two_seconds_and_succeeds(upstream: Upstream, tmp_path: Path) -> None:
    pieces = (chunk("hey"), 0.02, chunk("", "stop"), None)
    async with scripted(*pieces) as address, running(upstream, tmp_path, served_by(address)) as router:
        began = time.monotonic()
        answer = await router.ask("messages", "gpt-4.1", stream=True)
        assert 1.5 < time.monotonic() - began < 4
        assert answer.frames[-1][0] == "message_stop"


async def test_keep_alives_alone_do_not_hold_a_stream_open(upstream: Upstream, tmp_path: Path) -> None:
    beat: tuple[bytes | float, ...] = (0.05, b": keep-alive\n\n")
    pieces = (chunk("hey"), *beat * 60)
    settings = {"content_stall": 0.5, "idle": 5}
    async with scripted(*pieces) as address, running(upstream, tmp_path, served_by(address, **settings)) as router:
        for dialect in ("chat", "messages"):
            answer = await router.ask(dialect, "openai/gpt-4.1", stream=True)
            assert "without going on" in ends_with_error(dialect, answer)


async def test_content_between_keep_alives_holds_a_stream_open(upstream: Upstream, tmp_path: Path) -> None:
    more: tuple[bytes | float, ...] = (0.3, b": keep-alive\n\n", 0.3, chunk("b"))
    pieces = (chunk("a"), *more * 3, chunk("", "stop"))
    settings = {"content_stall": 0.9, "idle": 5}
    async with scripted(*pieces) as address, running(upstream, tmp_path, served_by(address, **settings)) as router:
        answer = await router.ask("messages", "openai/gpt-4.1", stream=True)
        assert answer.text == "abbb"
        assert answer.frames[-1][0] == "message_stop"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_cancels_the_upstream_within_a_second(router: Running, stream: bool) -> None:
    for model in (MODELS["chat"], OTHER["chat"]):
        count = len(router.upstream.requests)
        path, body = ask("chat", model, "LONG 400 GAP 20", stream=stream)
        if not stream:
            router.upstream.script(hang())

        async def call(path: str = path, body: Any = body) -> None:
            await router.send(path, body)

        task = asyncio.ensure_future(call())  # noqa: TID251
        attempt = (await router.upstream.arrived(count + 1))[-1]
        await asyncio.sleep(0.1)
        task.cancel()
        left = time.monotonic()
        await asyncio.wait_for(attempt.ended.wait(), 2)
        assert attempt.cancelled
        assert attempt.ended_at is not None
        assert attempt.ended_at - left < 1.0
    await router.until(lambda: router.router._gateway.open_calls == 0)
    assert len(router.router._edge.watchers) == 0
    metrics = await router.metrics()
    assert sum(v for name, v in metrics.items() if 'outcome="cancelled"' in name and "requests_total" in name) == 2
    status = await router.management("status")
    assert all(account["state"] == "ready" for one in status["providers"] for account in one["accounts"])


async def test_a_call_may_not_last_longer_than_the_total(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {"server": {"timeouts": {"total": 0.5}}}) as router:
        upstream.script(hang(), model="gpt-5.2")
        asked = [router.ask(dialect, MODELS[dialect], "LONG 400 GAP 50", stream=True) for dialect in DIALECTS]
        *others, answer = await asyncio.gather(*asked, router.ask("chat", "gpt-5.2"))
        for dialect, other in zip(DIALECTS, others, strict=True):
            assert "0.5 seconds" in ends_with_error(dialect, other)
        assert answer.status == 504
        assert "0.5 seconds" in answer.body.decode()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_at_the_drain_deadline_a_stream_ends_with_the_dialects_error(
    upstream: Upstream, tmp_path: Path, dialect: str
) -> None:
    async with running(upstream, tmp_path, server={"drain_seconds": 0.3}) as router:
        path, body = ask(dialect, MODELS[dialect], "LONG 400 GAP 50", stream=True)
        async with router.open(path, body) as response:
            ending = asyncio.ensure_future(router.server.end())  # noqa: TID251
            data = await response.read()
            answer = Answer(response.status, response.headers.copy(), data)
        assert "stopping" in ends_with_error(dialect, answer)
        await ending
        router.stopped = True
        await router.client.close()


async def test_a_slow_reader_slows_the_upstream_down(upstream: Upstream, tmp_path: Path) -> None:
    """The upstream sends far more than all buffers hold together: it must wait while the client does not read."""
    sent = asyncio.Event()
    pieces = [chunk("x" * 100_000)] * 400
    async with (
        scripted(*pieces, sent, chunk("", "stop")) as address,
        running(upstream, tmp_path, served_by(address)) as router,
    ):
        async with router.open(*ask("chat", "gpt-4.1", stream=True)) as response:
            await response.content.readany()
            await asyncio.sleep(0.7)
            assert not sent.is_set()
            total = 0
            async for piece in response.content.iter_any():
                total += len(piece)
        assert total > 39_000_000
        assert sent.is_set()
