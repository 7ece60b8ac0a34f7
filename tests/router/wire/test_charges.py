"""What an answer is charged for beside its tokens, as each dialect says it."""

from __future__ import annotations

from typing import Any

import pytest

from router.wire.capabilities import Capabilities
from router.wire.charges import Charges, Item, joined, pictures, tier, tools
from router.wire.codec import dumps
from router.wire.dialects import DIALECTS
from router.wire.events import Usage, UsageReported
from router.wire.image_usage import picture_usage
from router.wire.images import ImageRequest
from router.wire.responses.output_reader import OutputReader
from router.wire.responses.usage import read_usage
from router.wire.sse import Frame

CHAT = {
    "id": "c", "model": "m", "service_tier": "flex",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29, "num_search_queries": 2,
        "prompt_tokens_details": {"audio_tokens": 5}, "completion_tokens_details": {"audio_tokens": 4},
    },
}  # fmt: skip
RESPONSES = {
    "id": "r", "model": "m", "status": "completed", "service_tier": "priority",
    "usage": {"input_tokens": 20, "output_tokens": 9},
    "output": [
        {"type": "web_search_call", "id": "w1", "status": "completed", "action": {"type": "search", "query": "x"}},
        {"type": "web_search_call", "id": "w2", "status": "completed", "action": {"type": "open_page", "url": "x"}},
        {"type": "web_search_call", "id": "w3", "status": "completed"},
        {"type": "file_search_call", "id": "f1", "status": "completed", "queries": []},
        {"type": "code_interpreter_call", "id": "i1", "status": "completed", "container_id": "a"},
        {"type": "code_interpreter_call", "id": "i2", "status": "completed", "container_id": "a"},
        {"type": "code_interpreter_call", "id": "i3", "status": "completed", "container_id": "b"},
        {"type": "image_generation_call", "id": "p", "result": "AA==", "size": "1024x1024", "quality": "high"},
        {"type": "message", "id": "t", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
    ],
}  # fmt: skip
MESSAGES = {
    "id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "hi"}],
    "usage": {
        "input_tokens": 20, "output_tokens": 9, "service_tier": "batch",
        "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 0},
    },
}  # fmt: skip
GEMINI = {
    "candidates": [
        {
            "content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP",
            "groundingMetadata": {"webSearchQueries": ["a", "b"], "groundingChunks": [{"maps": {"uri": "x"}}]},
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 20, "candidatesTokenCount": 9, "trafficType": "ON_DEMAND_FLEX",
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}, {"modality": "AUDIO", "tokenCount": 15}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 8}],
    },
}  # fmt: skip
WHOLE: dict[str, tuple[Any, Charges]] = {
    "chat": (CHAT, Charges("flex", (Item("web_search", 2),), audio_input=5, audio_output=4)),
    "responses": (
        RESPONSES,
        Charges(
            "priority",
            (
                Item("web_search", 2),
                Item("file_search", 1),
                Item("code_interpreter", 2),
                Item("image_generation", 1, "1024x1024 high"),
            ),
        ),
    ),
    "messages": (MESSAGES, Charges("batch", (Item("web_search", 3),))),
    "gemini": (
        GEMINI,
        Charges(
            "flex",
            (Item("grounded_prompt", 1), Item("web_search", 2), Item("maps_grounding", 1)),
            audio_input=15,
            image_output=8,
        ),
    ),
}


def last(events: list[Any]) -> Usage:
    return [event.usage for event in events if isinstance(event, UsageReported)][-1]


@pytest.mark.parametrize("dialect", WHOLE)
def test_an_answer_in_one_piece(dialect: str) -> None:
    body, charges = WHOLE[dialect]
    spec = DIALECTS[dialect]  # type: ignore[index]
    used = last(spec.read_reply(body, Capabilities()))
    assert (used.input, used.output, used.charges) == (20, 9, charges)
    if spec.glance is not None:
        seen = spec.glance(dumps(body), Capabilities())
        assert seen is not None
        assert last(seen) == used


def streamed(dialect: str) -> list[Any]:
    """The same answer as events of the wire: what it is charged for comes in pieces."""
    if dialect == "chat":
        head = {"id": "c", "model": "m", "service_tier": "flex"}
        delta = {"index": 0, "delta": {"role": "assistant", "content": "hi"}, "finish_reason": None}
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        return [
            {**head, "choices": [delta]},
            {"id": "c", "choices": [end]},
            {"id": "c", "choices": [], "usage": CHAT["usage"]},
        ]
    if dialect == "responses":
        done = [
            {"type": "response.output_item.done", "output_index": at, "item": item}
            for at, item in enumerate(RESPONSES["output"])  # type: ignore[arg-type]
        ]
        end = {"type": "response.completed", "response": {**RESPONSES, "output": []}}  # some repeat nothing
        return [{"type": "response.created", "response": {"id": "r", "model": "m"}}, *done, end]
    if dialect == "messages":
        usage: Any = MESSAGES["usage"]
        start = {**MESSAGES, "content": [], "usage": {"input_tokens": 20, "output_tokens": 1, "service_tier": "batch"}}
        counts = {"output_tokens": 9, "server_tool_use": usage["server_tool_use"]}
        return [
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "hi"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": counts},
            {"type": "message_stop"},
        ]
    candidate: Any = GEMINI["candidates"][0]  # type: ignore[index]
    grounding = {"groundingMetadata": candidate["groundingMetadata"], "finishReason": "STOP"}
    first = {"candidates": [{"content": candidate["content"]}], "usageMetadata": GEMINI["usageMetadata"]}
    return [first, {"candidates": [grounding]}, {"candidates": [grounding]}]  # repeated, and without counts


@pytest.mark.parametrize("dialect", WHOLE)
def test_an_answer_in_a_stream(dialect: str) -> None:
    reader = DIALECTS[dialect].stream_reader(Capabilities())  # type: ignore[index]
    events: list[Any] = []
    for payload in streamed(dialect):
        events += reader.feed(Frame(b"", payload.get("type"), dumps(payload)))
    used = last(events)
    assert (used.input, used.output, used.charges) == (20, 9, WHOLE[dialect][1])


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("default", ""), ("auto", ""), ("standard", ""), ("STANDARD", ""), ("ON_DEMAND", ""), (None, ""), (7, ""),
        ("SERVICE_TIER_UNSPECIFIED", ""), ("Priority", "priority"), ("flex", "flex"),
        ("ON_DEMAND_PRIORITY", "priority"),
        ("PROVISIONED_THROUGHPUT", "provisioned"), ("ultra fast\n", "ultra_fast"), ("x" * 500, "x" * 40),
    ],
)  # fmt: skip
def test_words_for_a_service_tier(word: Any, name: str) -> None:
    assert tier(word) == name


def test_what_is_kept_of_an_answer_is_bounded() -> None:
    told = {f"tool_{number}_requests": 1 for number in range(10_000)}
    assert len(tools(told, "_requests")) == 50
    output = OutputReader("openai")
    picture = {"type": "image_generation_call", "id": "ig", "result": "x" * 10_000, "size": "1024x1024"}
    output.done(0, picture)
    assert output.hosted == [{"type": "image_generation_call", "size": "1024x1024", "result": True}]
    counted = read_usage({"input_tokens": 1}, None, output.hosted)
    assert counted is not None and counted.charges == Charges(items=(Item("image_generation", 1, "1024x1024"),))


def test_what_two_attempts_were_charged_for_adds_up() -> None:
    one = Charges("flex", (Item("web_search", 1), Item("picture", 1, "hd")), audio_input=3)
    other = Charges("", (Item("web_search", 2),), audio_input=4)
    assert joined(one, other) == Charges("flex", (Item("web_search", 3), Item("picture", 1, "hd")), audio_input=7)
    assert joined(None, other) is other and joined(one, None) is one and joined(None, None) is None


def test_a_picture_has_the_size_and_the_quality_that_the_answer_says_else_those_that_were_asked_for() -> None:
    asked = ImageRequest(model="m", prompt="p", size=(512, 256), settings={"quality": "hd"})
    assert picture_usage({}, asked, 2) == Usage(charges=Charges(items=(Item("picture", 2, "512x256 hd"),)))
    told = {"size": "1024x1024", "quality": "standard", "usage": {"input_tokens": 4, "output_tokens": 30}}
    used = picture_usage(told, asked, 1)
    assert (used.input, used.output) == (4, 30)
    assert used.charges == Charges(items=(Item("picture", 1, "1024x1024"),), image_output=30)
    google = picture_usage({"usageMetadata": GEMINI["usageMetadata"]}, ImageRequest(model="m", prompt="p"), 1)
    assert google.charges == Charges("flex", (pictures(1),), audio_input=15, image_output=8)


@pytest.mark.parametrize("odd", [-1, 0, True, "3", None, 10**9, [], {}])
def test_odd_counts_are_none(odd: Any) -> None:
    body = {
        **MESSAGES,
        "usage": {"input_tokens": 1, "output_tokens": 1, "server_tool_use": {"web_search_requests": odd}},
    }
    assert last(DIALECTS["messages"].read_reply(body, Capabilities())).charges is None
