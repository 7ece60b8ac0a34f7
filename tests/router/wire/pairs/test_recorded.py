"""Recorded answers of real providers, told to clients of every dialect. Skipped where the recordings are absent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import structs

from router.faults import Fault
from router.models.prepare import prepare
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Dialect, Refusal, Text
from router.wire.dialects import DIALECTS
from router.wire.events import Failed
from router.wire.fold import fold
from tests.data import captures
from tests.data import recorded as recording
from tests.router.models.test_prepare import read as read_capture
from tests.router.models.test_prepare import requests as captured_requests
from tests.router.wire.pairs.answering import carried, context, events_in, obeys, read_back, said
from tests.router.wire.pairs.targets import CLIENTS, TARGETS, Target
from tests.simulators.refusal import Refusal as Refused

EACH_CLIENT = pytest.mark.parametrize("client", CLIENTS)
STREAMS: tuple[tuple[Dialect, str], ...] = (
    ("messages", "anthropic/llm-stream_events_tool_calls.sse"),
    ("messages", "anthropic/pai-anthropic_model_thinking_part_redacted_stream.sse"),
    ("messages", "anthropic/pai-anthropic_model_thinking_part_stream.sse"),
    ("messages", "anthropic/pai-anthropic_web_search_tool_stream.sse"),
    ("messages", "anthropic/pai-anthropic_code_execution_tool_stream.sse"),
    ("messages", "anthropic/sdk-stream-a-refusal.sse"),
    ("messages", "anthropic/sdk-incomplete_partial_json_response.sse"),
    ("messages", "anthropic/vercel-tool-no-args.jsonl"),
    ("messages", "anthropic/vercel-message-delta-input-tokens.jsonl"),
    ("gemini", "gemini/pai-google_model_stream.sse"),
    ("gemini", "gemini/pai-google_model_thinking_part_iter.sse"),
    ("gemini", "gemini/pai-google_model_web_search_tool_stream-0.sse"),
    ("gemini", "gemini/pai-google_streaming_tool_call_thought_signature-0.sse"),
    ("gemini", "gemini/vercel-google-stream-tool-call-arguments.jsonl"),
    ("chat", "openai-chat/pai-run_stream_sync_streams_real_model-1.sse"),
    ("chat", "openai-chat/sdk-4cc50a6135.sse"),
    ("chat", "openai-chat/sdk-a491adda08.sse"),
    ("chat", "openai-chat/vercel-azure-model-router.1.jsonl"),
    ("chat", "openai-chat/vercel-deepseek-tool-call.jsonl"),
    ("chat", "openai-chat/vercel-groq-tool-call.jsonl"),
    ("responses", "openai-responses/pai-openai_responses_stream-1.sse"),
    ("responses", "openai-responses/pai-openai_responses_raw_cot_stream_openrouter.sse"),
    ("responses", "openai-responses/pai-openai_responses_model_web_search_tool_stream-0.sse"),
    ("responses", "openai-responses/vercel-github-copilot-id-rotation.1.jsonl"),
    ("responses", "openai-responses/vercel-lmstudio-tool-call.1.jsonl"),
    ("responses", "openai-responses/vercel-openai-custom-tool.1.jsonl"),
    ("responses", "openai-responses/vercel-openai-reasoning-encrypted-content.1.jsonl"),
)


def stream(name: str) -> bytes:
    data = recording(name).read_bytes()
    if not name.endswith(".jsonl"):
        return data
    frames = [json.loads(line) for line in data.splitlines() if line.strip()]
    return b"".join(
        (f"event: {one['type']}\n" if "type" in one else "").encode() + b"data: " + json.dumps(one).encode() + b"\n\n"
        for one in frames
    )


@EACH_CLIENT
@pytest.mark.parametrize(("upstream", "name"), STREAMS, ids=[name for _, name in STREAMS])
def test_a_recorded_stream_says_the_same_to_every_client(upstream: Dialect, name: str, client: Dialect) -> None:
    data = stream(name)
    events = events_in(data, upstream)
    assert not any(isinstance(event, Failed) for event in events)
    meant = fold(events)
    frames = carried(data, upstream, client)
    if client not in ("chat", "gemini") or len(meant.choices) == 1:
        obeys(frames, client)
    found, expected = said(read_back(frames, client), upstream, client), said(meant, upstream, client)
    assert found["text"] == expected["text"]
    assert found["thinking"] == expected["thinking"]
    assert found["complete"] is True
    if meant.choices[0].reason != "length":
        assert [(call[0], call[1]) for call in found["calls"]] == [(call[0], call[1]) for call in expected["calls"]]
    if expected["usage"] is not None:
        assert found["usage"][:2] == expected["usage"][:2]
    reply = DIALECTS[client].write_reply(meant, context(dialect=client))
    whole = fold(DIALECTS[client].read_reply(reply, Capabilities()))
    assert said_texts(whole) == said_texts(read_back(frames, client))


def said_texts(answer: Any) -> str:
    return "".join(part.text for part in answer.choices[0].parts if isinstance(part, Text | Refusal))


CAPTURED = list(captured_requests())
ELSEWHERE = [(name, dialect, target) for name, dialect in CAPTURED for target in TARGETS if target.dialect != dialect]
"""To their own dialect they go as they are, with headers and signatures that only its real server knows."""


@pytest.mark.parametrize(("name", "dialect", "target"), ELSEWHERE, ids=[f"{n}-{t}" for n, _, t in ELSEWHERE])
def test_the_strict_servers_take_what_real_clients_send(name: str, dialect: Dialect, target: Target) -> None:
    try:
        asked: Conversation = structs.replace(read_capture(name, dialect), model=target.model, stream=True)
        sent = prepare(asked, target.capabilities, target.spec)
    except Fault as fault:
        assert fault.kind == "bad_request"
        assert fault.param is not None
        return
    try:
        target.check(sent.body)
    except Refused as refusal:
        raise AssertionError(str(refusal.body)) from None


def test_there_are_captures_of_every_dialect() -> None:
    assert {dialect for _, dialect in CAPTURED} == set(CLIENTS)
    assert len(captures("codex")) > 5
