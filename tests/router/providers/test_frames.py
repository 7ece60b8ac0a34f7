"""How long a stream that fell silent is waited for, and what counts as its end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from router.faults import Fault
from router.patience import Patience, Watch
from router.providers.frames import AFTER_FINISH, framed
from router.providers.observed import Observed
from router.wire.capabilities import Capabilities
from router.wire.chat import SPEC as CHAT
from router.wire.gemini import SPEC as GEMINI
from router.wire.messages import SPEC as MESSAGES
from router.wire.responses import SPEC as RESPONSES


class Scripted:
    """An open answer of these pieces; a fault among them is how its body ends. Remembers the waits it was told."""

    def __init__(self, *pieces: bytes | Fault) -> None:
        self.waits: list[float | None] = []
        self._pieces = pieces

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Fault):
                raise piece
            yield piece

    def patience(self, idle: float | None) -> None:
        self.waits.append(idle)

    def stall(self, seconds: float) -> Watch:
        return Patience().watch(seconds, lambda: None)


def chunk(index: int, text: str = "", finish: str | None = None) -> bytes:
    choice = {"index": index, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode() + b"\n\n"


async def seen(spec: Any, *pieces: bytes | Fault) -> tuple[list[float | None], Observed, list[Any]]:
    response: Any = Scripted(*pieces)
    observed, events = Observed(), []
    async for _, some in framed(response, spec.stream_reader(Capabilities()), observed, 60.0):
        observed.note(some)
        events += some
    return response.waits, observed, events


async def test_the_short_wait_for_usage_begins_when_the_last_begun_choice_has_finished() -> None:
    pieces = (chunk(0, "a"), chunk(1, "b"), chunk(0, finish="stop"), chunk(1, "slow"), chunk(1, finish="length"))
    waits, observed, _ = await seen(CHAT, *pieces, b"data: [DONE]\n\n")
    assert waits == [None, None, AFTER_FINISH]
    assert (observed.ended, observed.finished) == (True, 2)


async def test_a_choice_that_begins_after_another_has_finished_gets_the_usual_wait_again() -> None:
    pieces = (chunk(0, "a", "stop"), chunk(1, "b"), chunk(1, finish="stop"))
    waits, observed, _ = await seen(CHAT, *pieces)
    assert waits == [AFTER_FINISH, None, AFTER_FINISH]
    assert observed.ended


async def test_silence_after_one_of_two_choices_is_no_success_and_keeps_its_reason() -> None:
    late = Fault("timeout", "The provider sent nothing for 120 seconds.")
    with pytest.raises(Fault) as raised:
        await seen(CHAT, chunk(0, "a"), chunk(1, "b"), chunk(0, finish="stop"), late)
    assert raised.value is late


async def test_silence_after_every_choice_is_a_success_without_usage() -> None:
    pieces = (chunk(0, "a"), chunk(1, "b"), chunk(0, finish="stop"), chunk(1, finish="stop"))
    _, observed, _ = await seen(CHAT, *pieces, Fault("timeout", "silence"))
    assert (observed.ended, observed.usage) == (True, None)


async def test_the_same_for_candidates_of_gemini() -> None:
    def candidate(index: int, **more: str) -> bytes:
        content = {"role": "model", "parts": [{"text": "x"}]}
        payload = {"candidates": [{"index": index, "content": content, **more}], "responseId": "r"}
        return b"data: " + json.dumps(payload).encode() + b"\n\n"

    pieces = (candidate(0), candidate(1), candidate(0, finishReason="STOP"), candidate(1, finishReason="STOP"))
    waits, observed, _ = await seen(GEMINI, *pieces)
    assert waits == [None, AFTER_FINISH]
    assert observed.ended


async def test_dialects_with_one_answer_wait_from_its_reason_on() -> None:
    events = (
        {"type": "message_start", "message": {"id": "m", "model": "c", "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    )
    frames = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events]
    waits, observed, _ = await seen(MESSAGES, *frames)
    assert waits == [AFTER_FINISH]
    assert (observed.finish, observed.ended) == ("end", True)


async def test_a_stream_without_a_reason_raises_what_broke_it() -> None:
    broken = Fault("upstream_broken", "The connection broke.")
    with pytest.raises(Fault) as raised:
        await seen(CHAT, chunk(0, "a"), broken)
    assert raised.value is broken


@pytest.mark.parametrize(
    ("spec", "end"),
    [
        (CHAT, chunk(0, "a", "stop") + b"data: [DONE]\n\n"),
        (MESSAGES, b'event: message_stop\ndata: {"type":"message_stop"}\n\n'),
        (
            RESPONSES,
            b'event: response.completed\ndata: {"type":"response.completed","sequence_number":1,"response":'
            b'{"id":"resp_1","status":"completed","output":[]}}\n\n',
        ),
    ],
)
@pytest.mark.parametrize("together", [True, False])
async def test_nothing_behind_the_end_is_handed_on_whether_it_arrives_with_it_or_later(
    spec: Any, end: bytes, together: bool
) -> None:
    late = b'event: error\ndata: {"type":"error","error":{"type":"server_error","message":"too late"}}\n\n'
    begun = b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}\n\n'
    before = begun if spec is MESSAGES else b""
    pieces = [before + end + late] if together else [before + end, late]
    response: Any = Scripted(*pieces)
    observed, raw = Observed(), b""
    async for frames, events in framed(response, spec.stream_reader(Capabilities()), observed, 60.0):
        observed.note(events)
        raw += b"".join(frame.raw for frame in frames)
    assert observed.ended
    assert raw == before + end
