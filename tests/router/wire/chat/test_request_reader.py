"""Every key of a Chat request: where it goes, and what is said of a wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from router.wire.chat import SPEC
from router.wire.conversation import (
    Audio,
    Conversation,
    Document,
    FileId,
    Image,
    Inline,
    OutputFormat,
    Part,
    Reasoning,
    Refusal,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    Turn,
    Url,
    Video,
)
from tests.router.wire.strategies import PNG

HI = {"role": "user", "content": "hi"}
DATA = f"data:image/png;base64,{PNG}"


def read(*messages: Any, **keys: Any) -> Conversation:
    return SPEC.read_request({"model": "m", "messages": list(messages or [HI]), **keys})


def part(value: Any) -> Part:
    [turn] = read({"role": "user", "content": [value]}).turns
    [found] = turn.parts
    return found


def test_every_setting_has_its_field_and_nothing_is_kept_twice() -> None:
    asked = read(
        HI,
        tools=[{"type": "function", "function": {"name": "f"}}],
        tool_choice="required",
        parallel_tool_calls=False,
        response_format={"type": "text"},
        temperature=0,
        top_p=0.5,
        top_k=3,
        presence_penalty=-1,
        frequency_penalty=1,
        seed=7,
        logit_bias={"5": -100},
        reasoning_effort="low",
        max_tokens=9,
        stop=["a", "", "b"],
        n=2,
        logprobs=True,
        top_logprobs=4,
        verbosity="high",
        modalities=["text", "audio"],
        service_tier="flex",
        metadata={"k": "v"},
        prompt_cache_key="ck",
        store=True,
        stream=True,
        stream_options={"include_usage": True},
    )
    assert asked == Conversation(
        dialect="chat",
        model="m",
        turns=(Turn("user", (Text("hi"),)),),
        tools=(Tool("f"),),
        tool_choice=ToolChoice("any"),
        parallel_tool_calls=False,
        output=OutputFormat("text"),
        sampling=Sampling(0, 0.5, 3, -1, 1, 7, {"5": -100}),
        reasoning=Reasoning(effort="low"),
        max_tokens=9,
        stop=("a", "b"),
        n=2,
        logprobs=4,
        verbosity="high",
        modalities=("text", "audio"),
        service_tier="flex",
        metadata={"k": "v"},
        cache_key="ck",
        store=True,
        stream=True,
        include_usage=True,
    )


def test_what_has_no_field_is_kept() -> None:
    asked = read(HI, service_tier="scale", user="u1", stream_options={"include_obfuscation": False}, x_own=None, x=0)
    assert (asked.service_tier, asked.user, asked.include_usage, asked.stream) == (None, "u1", False, False)
    assert asked.extra == {
        "chat": {"service_tier": "scale", "user": "u1", "stream_options": {"include_obfuscation": False}, "x": 0}
    }
    assert read(HI, user="u1", safety_identifier="s1").user == "s1"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"reasoning": {"effort": "high"}}, Reasoning(effort="high")),
        ({"reasoning": {"effort": "high"}, "reasoning_effort": "low"}, Reasoning(effort="low")),
        ({"reasoning": {"enabled": False}}, Reasoning(effort="none")),
        ({"reasoning": {"enabled": False, "effort": "low"}}, Reasoning(effort="low")),
        ({"reasoning": {"max_tokens": 500}}, Reasoning(budget=500)),
        ({"reasoning": {"exclude": True}}, Reasoning(show=False)),
        ({"reasoning": {"exclude": False}}, Reasoning(show=True)),
        ({"thinking": {"type": "enabled", "budget_tokens": 900}}, Reasoning(budget=900)),
        ({"thinking": {"type": "disabled"}}, Reasoning(effort="none")),
        ({"thinking": {"type": "disabled"}, "reasoning": {"max_tokens": 5}}, Reasoning(budget=5)),
    ],
)
def test_every_way_to_ask_for_thinking(keys: dict[str, Any], expected: Reasoning) -> None:
    assert read(HI, **keys).reasoning == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bare", Text("bare")),
        ({"type": "text", "text": "", "x": 1}, Text("", extra={"chat": {"x": 1}})),
        ({"type": "input_text", "text": "a"}, Text("a")),
        ({"type": "output_text", "text": "a"}, Text("a")),
        ({"type": "refusal", "refusal": "no"}, Refusal("no")),
        ({"type": "thinking", "thinking": "hm"}, Thinking("hm", summary=False)),
        (
            {"type": "thinking", "thinking": [{"type": "text", "text": "h"}, 5, {"text": "m"}]},
            Thinking("hm", summary=False),
        ),
        ({"type": "thinking"}, Thinking("", summary=False)),
        ({"type": "image_url", "image_url": "https://x.test/a"}, Image(Url("https://x.test/a"))),
        (
            {"type": "image_url", "image_url": {"url": DATA, "detail": "low"}, "index": 0, "x": 1},
            Image(Inline("image/png", PNG), detail="low", extra={"chat": {"x": 1}}),
        ),
        ({"type": "video_url", "video_url": {"url": "https://x.test/v"}}, Video(Url("https://x.test/v"))),
        *(
            ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": word}}, Audio(Inline(kind, "AAAA")))
            for word, kind in [
                ("wav", "audio/wav"),
                ("mp3", "audio/mpeg"),
                ("flac", "audio/flac"),
                ("ogg", "audio/ogg"),
                ("m4a", "audio/mp4"),
                ("pcm16", "audio/pcm16"),
            ]
        ),
        ({"type": "file", "file": {"file_id": "f1"}}, Document(FileId("f1", "chat"))),
        (
            {"type": "file", "file": {"file_data": "JVBERg==", "filename": "a.pdf"}},
            Document(Inline("application/pdf", "JVBERg=="), filename="a.pdf"),
        ),
        ({"type": "file", "file": {"file_data": "https://x.test/a.pdf"}}, Document(Url("https://x.test/a.pdf"))),
        ({"type": "file", "file": {"file_data": DATA, "filename": "a.png"}}, Image(Inline("image/png", PNG))),
    ],
)
def test_every_kind_of_part(value: Any, expected: Part) -> None:
    assert part(value) == expected


def test_calls_of_every_form_and_the_reasoning_beside_them() -> None:
    message = {
        "role": "assistant",
        "content": "",
        "reasoning": "hm",
        "refusal": "no",
        "images": [{"type": "image_url", "image_url": "https://x.test/a"}],
        "tool_calls": [
            {"id": "a", "type": "function", "index": 0, "function": {"name": "f"}, "x": 1},
            {"id": "b", "custom": {"name": "g", "input": "text"}},
        ],
        "annotations": [],
        "name": "bot",
    }
    turn = read(HI, message).turns[1]
    assert turn == Turn(
        "assistant",
        (
            Thinking("hm", summary=False, extra={"chat": {"field": "reasoning"}}),
            Refusal("no"),
            Image(Url("https://x.test/a")),
            ToolCall("a", "f", "", extra={"chat": {"x": 1}}),
            ToolCall("b", "g", "text", custom=True),
        ),
        extra={"chat": {"name": "bot"}},
    )


def test_web_search_options_are_a_search_tool() -> None:
    options = {"search_context_size": "low", "user_location": {"type": "approximate"}}
    settings = {"context_size": "low", "user_location": {"type": "approximate"}}
    assert read(HI, web_search_options=options).tools == (
        Tool("web_search", kind="web_search", settings=settings, extra={"chat": options}),
    )
    assert read(HI, web_search_options={}).tools[0].settings == {}


def message(**keys: Any) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", "content": None, **keys}]}


def content(value: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [value]}]}


WRONG: list[tuple[dict[str, Any], str]] = [
    *(
        ({key: {"not": "a scalar"}}, key)
        for key in (
            "messages", "tools", "functions", "top_p", "top_k", "presence_penalty", "frequency_penalty", "seed",
            "max_tokens", "logprobs", "top_logprobs", "verbosity", "modalities", "service_tier", "prompt_cache_key",
            "store", "stream", "stop", "n", "user", "safety_identifier", "parallel_tool_calls", "reasoning_effort",
        )
    ),
    *(({key: "text"}, key) for key in ("logit_bias", "metadata", "stream_options", "web_search_options")),
    ({"response_format": "json"}, "response_format"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"modalities": [1]}, "modalities[0]"),
    ({"stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
    ({"reasoning": {"effort": 5}}, "reasoning.effort"),
    ({"reasoning": {"effort": "extreme"}}, "reasoning.effort"),
    ({"reasoning": {"max_tokens": "x"}}, "reasoning.max_tokens"),
    ({"reasoning": {"exclude": "x"}}, "reasoning.exclude"),
    ({"thinking": {"budget_tokens": "x"}}, "thinking.budget_tokens"),
    *(
        ({"response_format": {"type": "json_schema", "json_schema": {key: 5}}}, f"response_format.json_schema.{key}")
        for key in ("schema", "name", "description", "strict")
    ),
    ({"functions": ["x"]}, "functions[0]"),
    ({"functions": [{}]}, "functions[0].name"),
    ({"tools": ["x"]}, "tools[0]"),
    ({"tools": [{"type": 5}]}, "tools[0].type"),
    ({"tools": [{"type": "custom"}]}, "tools[0].custom"),
    ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].custom.name"),
    ({"tools": [{"type": "custom", "custom": {"name": "f", "description": 5}}]}, "tools[0].custom.description"),
    *(({"tools": [{"function": {"name": "f", key: 5}}]}, f"tools[0].function.{key}")
      for key in ("description", "parameters", "strict")),
    ({"tools": [{"function": {}}]}, "tools[0].function.name"),
    ({"tool_choice": 5}, "tool_choice"),
    ({"function_call": "maybe"}, "function_call"),
    ({"tool_choice": {"type": "function", "function": {}}}, "tool_choice.function.name"),
    ({"tool_choice": {"type": "custom", "custom": {"name": 5}}}, "tool_choice.custom.name"),
    ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools"),
    ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}}, "tool_choice.allowed_tools.tools"),
    (
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": ["x"]}}},
        "tool_choice.allowed_tools.tools[0]",
    ),
    ({"messages": [{"role": "system", "content": [{"type": "refusal", "refusal": "x"}]}]}, "messages[0].content[0]"),
    ({"messages": [{"role": "system"}]}, "messages[0].content"),
    ({"messages": [HI, {"role": "function", "content": "x"}]}, "messages[1].name"),
    ({"messages": [HI, {"role": "tool", "tool_call_id": 5, "content": "x"}]}, "messages[1].tool_call_id"),
    ({"messages": [HI, {"role": "tool", "tool_call_id": "a", "name": 5, "content": "x"}]}, "messages[1].name"),
    ({"messages": [HI, {"role": "tool", "tool_call_id": "a", "content": 5}]}, "messages[1].content"),
    (message(content=5), "messages[0].content"),
    (message(refusal=5), "messages[0].refusal"),
    (message(reasoning_content=5), "messages[0].reasoning_content"),
    (message(reasoning=5), "messages[0].reasoning"),
    (message(reasoning_details={}), "messages[0].reasoning_details"),
    (message(images={}), "messages[0].images"),
    (message(images=[5]), "messages[0].images[0]"),
    (message(function_call="f"), "messages[0].function_call"),
    (message(function_call={}), "messages[0].function_call.name"),
    (message(function_call={"name": "f", "arguments": 5}), "messages[0].function_call.arguments"),
    (message(tool_calls={}), "messages[0].tool_calls"),
    (message(tool_calls=["x"]), "messages[0].tool_calls[0]"),
    (message(tool_calls=[{"id": 5, "function": {"name": "f"}}]), "messages[0].tool_calls[0].id"),
    (message(tool_calls=[{"function": {}}]), "messages[0].tool_calls[0].function.name"),
    (message(tool_calls=[{"type": "custom"}]), "messages[0].tool_calls[0].custom"),
    (message(tool_calls=[{"custom": {}}]), "messages[0].tool_calls[0].custom.name"),
    (message(tool_calls=[{"custom": {"name": "f", "input": 5}}]), "messages[0].tool_calls[0].custom.input"),
    (content({"type": "refusal"}), "messages[0].content[0].refusal"),
    (content({"type": 5}), "messages[0].content[0].type"),
    (content({"type": "image_url"}), "messages[0].content[0].image_url"),
    (content({"type": "image_url", "image_url": "ftp://x"}), "messages[0].content[0].image_url"),
    (content({"type": "image_url", "image_url": {}}), "messages[0].content[0].image_url.url"),
    (
        content({"type": "image_url", "image_url": {"url": DATA, "detail": 5}}),
        "messages[0].content[0].image_url.detail",
    ),
    (content({"type": "input_audio"}), "messages[0].content[0].input_audio"),
    (content({"type": "input_audio", "input_audio": {"format": "wav"}}), "messages[0].content[0].input_audio.data"),
    (content({"type": "input_audio", "input_audio": {"data": "AAAA"}}), "messages[0].content[0].input_audio.format"),
    (content({"type": "video_url"}), "messages[0].content[0].video_url"),
    (content({"type": "video_url", "video_url": {}}), "messages[0].content[0].video_url.url"),
    (content({"type": "video_url", "video_url": {"url": "ftp://x"}}), "messages[0].content[0].video_url.url"),
    (content({"type": "file"}), "messages[0].content[0].file"),
    *((content({"type": "file", "file": {key: 5}}), f"messages[0].content[0].file.{key}")
      for key in ("file_data", "file_id")),
    (content({"type": "file", "file": {"file_id": "f", "filename": 5}}), "messages[0].content[0].file.filename"),
    (content({"type": "file", "file": {"file_data": "data:,"}}), "messages[0].content[0].file.file_data"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "path"), WRONG)
def test_a_wrong_value_is_a_400_at_its_path(body: dict[str, Any], path: str) -> None:
    with pytest.raises(Fault) as caught:
        SPEC.read_request({"model": "m", "messages": [HI], **body})
    assert (caught.value.kind, caught.value.param) == ("bad_request", path)
