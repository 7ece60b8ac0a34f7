from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from router.wire import opaque
from router.wire.conversation import (
    Document,
    FileId,
    Foreign,
    Image,
    Inline,
    Opaque,
    OutputFormat,
    Reasoning,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Url,
)
from router.wire.messages import SPEC
from tests.router.wire.messages.frames import CAPABLE
from tests.router.wire.strategies import PNG

BASE: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}


def read(**fields: Any) -> Any:
    return SPEC.read_request(BASE | fields)


def parts(*blocks: dict[str, Any], role: str = "user") -> tuple[Any, ...]:
    turns: tuple[Turn, ...] = read(messages=[{"role": role, "content": list(blocks)}]).turns
    return turns[0].parts


def refusal(body: Any, **options: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        SPEC.read_request(body, **options)
    assert caught.value.kind == "bad_request"
    assert caught.value.param is not None
    assert caught.value.param in caught.value.message
    return caught.value


def test_the_least_request() -> None:
    conversation = read()
    assert (conversation.dialect, conversation.model, conversation.max_tokens) == ("messages", "m", 5)
    assert conversation.turns == (Turn("user", (Text(text="hi"),)),)
    assert conversation.stream is False
    assert conversation.extra == {}


def test_model_and_stream_may_come_from_outside() -> None:
    conversation = SPEC.read_request(BASE | {"stream": True}, model="other", stream=False)
    assert (conversation.model, conversation.stream) == ("other", False)
    assert read(stream=True).stream is True


def test_system_is_a_string_or_blocks_with_marks() -> None:
    assert read(system="be kind").system == (Text(text="be kind"),)
    mark = {"cache_control": {"type": "ephemeral"}}
    blocks = [{"type": "text", "text": "a"}, {"type": "text", "text": "b", **mark}]
    assert read(system=blocks).system == (Text(text="a"), Text(text="b", extra={"messages": mark}))


def test_the_billing_line_of_claude_code_is_no_prompt() -> None:
    """It changes with every request and would spoil every other provider's cache."""
    billing = {"type": "text", "text": "x-anthropic-billing-header: cc_version=1;"}
    system = [billing, {"type": "text", "text": "real"}]
    conversation = read(system=system)
    assert conversation.system == (Text(text="real"),)
    assert SPEC.write_request(conversation, CAPABLE).body["system"] == system


def test_system_messages_stand_anywhere_and_keep_their_own_settings() -> None:
    config = {"output_config": {"effort": "high"}}
    messages = [
        {"role": "user", "content": "a"},
        {"role": "system", "content": "s", **config},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
        {"role": "system", "content": [{"type": "text", "text": "t"}]},
    ]
    turns = read(messages=messages).turns
    assert [turn.role for turn in turns] == ["user", "system", "assistant", "user", "system"]
    assert turns[1] == Turn("system", (Text(text="s"),), extra={"messages": config})


def test_text_keeps_marks_and_citations() -> None:
    cited = {"type": "web_search_result_location", "url": "https://x", "encrypted_index": "abc"}
    (part,) = parts({"type": "text", "text": "a", "citations": [cited]}, role="assistant")
    assert part == Text(text="a", extra={"messages": {"citations": [cited]}})


def test_citations_that_we_made_up_are_not_sent_back() -> None:
    ours = {"type": "web_search_result_location", "url": "https://x", "encrypted_index": ""}
    assert parts({"type": "text", "text": "a", "citations": [ours]}, role="assistant") == (Text(text="a"),)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"type": "base64", "media_type": "image/png", "data": PNG}, Inline("image/png", PNG)),
        ({"type": "base64", "data": f"data:image/png;base64,{PNG}"}, Inline("image/png", PNG)),
        ({"type": "url", "url": "https://x/y.png"}, Url("https://x/y.png")),
        ({"type": "url", "url": f"data:image/png;base64,{PNG}"}, Inline("image/png", PNG)),
        ({"type": "file", "file_id": "file_1"}, FileId("file_1", "messages")),
    ],
)
def test_images_come_from_every_source(source: dict[str, Any], expected: Any) -> None:
    assert parts({"type": "image", "source": source}) == (Image(source=expected),)


def test_documents_keep_title_context_and_citations() -> None:
    text = {"type": "text", "media_type": "text/plain", "data": "hé"}
    block = {"type": "document", "source": text, "title": "T", "context": "C", "citations": {"enabled": True}}
    (part,) = parts(block)
    assert part == Document(
        source=Inline("text/plain", "aMOp"),
        title="T",
        context="C",
        extra={"messages": {"citations": {"enabled": True}}},
    )


def test_a_document_of_blocks_is_readable_where_it_is_all_text() -> None:
    source = {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    (part,) = parts({"type": "document", "source": source, "title": "T"})
    assert (part.text, part.meaningful) == ("T\na\nb", True)
    image = {"type": "image", "source": {"type": "url", "url": "https://x"}}
    (mixed,) = parts({"type": "document", "source": {"type": "content", "content": [image]}})
    assert mixed.text is None


def test_calls_keep_their_arguments_key_order_and_big_numbers() -> None:
    block = {"type": "tool_use", "id": "t", "name": "f", "input": {"b": 2**70, "a": "é"}, "caller": {"type": "direct"}}
    assert parts(block, role="assistant") == (
        ToolCall(
            call_id="t",
            name="f",
            arguments='{"b":1180591620717411303424,"a":"é"}',
            extra={"messages": {"caller": {"type": "direct"}}},
        ),
    )


def test_results_hold_text_images_and_references() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    reference = {"type": "tool_reference", "tool_name": "WebSearch"}
    result = {"type": "tool_result", "tool_use_id": "t"}
    assert parts(result | {"content": "x", "is_error": True}) == (ToolResult("t", (Text(text="x"),), True),)
    assert parts(result) == (ToolResult("t", ()),)
    (part,) = parts(result | {"content": [{"type": "text", "text": "x"}, image, reference]})
    assert part.content[:2] == (Text(text="x"), Image(source=Inline("image/png", PNG)))
    assert part.content[2].raw == reference
    assert part.content[2].text == "(tool loaded: WebSearch)"


def test_thinking_keeps_its_signature_even_without_text() -> None:
    blocks = [
        {"type": "thinking", "thinking": "", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "thinking", "thinking": "t", "signature": ""},
    ]
    assert parts(*blocks, role="assistant") == (
        Thinking(text="", opaque=Opaque("messages", "sig")),
        Thinking(text="", opaque=Opaque("messages", "xyz"), redacted=True),
        Thinking(text="t"),
    )


def test_our_own_wrapping_is_taken_off() -> None:
    theirs = Opaque("responses", "enc", "gpt-5", "rs_1")
    block = {"type": "thinking", "thinking": "t", "signature": opaque.wrap(theirs)}
    assert parts(block, role="assistant") == (Thinking(text="t", opaque=theirs),)
    damaged = {"type": "thinking", "thinking": "t", "signature": "gw1.responses.%%%"}
    assert parts(damaged, role="assistant") == (Thinking(text="t"),)


def test_an_unknown_block_is_kept_and_says_where_it_was() -> None:
    block = {"type": "hologram", "x": 1}
    assert parts(block) == (Foreign(dialect="messages", raw=block, where="messages[0].content[0]"),)


def test_server_tool_results_are_readable_elsewhere() -> None:
    results = [{"type": "web_search_result", "title": "T", "url": "https://x", "encrypted_content": "zzz"}]
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": results}
    asked, answered = parts(use, found, role="assistant")
    assert (asked.text, asked.meaningful) == (None, False)
    assert answered.text == "[web search result]\n- T (https://x)"
    assert answered.raw == found


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (
            {"type": "search_result", "title": "T", "source": "S", "content": [{"type": "text", "text": "x"}]},
            "T (S)\nx",
        ),
        ({"type": "compaction", "content": "so far"}, "so far"),
        ({"type": "mcp_tool_result", "content": [{"type": "text", "text": "x"}]}, "[tool result]\nx"),
        (
            {"type": "bash_code_execution_tool_result", "content": {"stdout": "1\n", "stderr": "", "return_code": 0}},
            "[bash code execution result]\n1\n",
        ),
        (
            {
                "type": "web_fetch_tool_result",
                "content": {
                    "url": "https://x",
                    "content": {"type": "document", "title": "T", "source": {"type": "text", "data": "body"}},
                },
            },
            "[web fetch result]\n- https://x\n- T\nbody",
        ),
        ({"type": "web_search_tool_result", "content": {"error_code": "max_uses"}}, "[web search result]\nmax_uses"),
        ({"type": "container_upload", "file_id": "f"}, None),
    ],
)
def test_blocks_of_anthropic_alone_have_a_rendering(block: dict[str, Any], text: str | None) -> None:
    (part,) = parts(block)
    assert (part.text, part.raw, part.meaningful) == (text, block, True)


def test_tools_keep_their_settings() -> None:
    schema = {"type": "object", "properties": {}}
    tool = {"name": "f", "description": "d", "input_schema": schema, "strict": True, "defer_loading": True}
    plain = {"type": "custom", "name": "g", "input_schema": schema, "cache_control": {"type": "ephemeral"}}
    first, second = read(tools=[tool, plain]).tools
    assert first == Tool("f", "d", schema, True, extra={"messages": {"defer_loading": True}})
    assert second.extra == {"messages": {"type": "custom", "cache_control": {"type": "ephemeral"}}}


@pytest.mark.parametrize(
    ("kind", "neutral"),
    [
        ("web_search_20250305", "web_search"),
        ("web_search_20260209", "web_search"),
        ("web_fetch_20250910", "web_fetch"),
        ("code_execution_20250825", "code"),
        ("bash_20250124", "foreign"),
        ("text_editor_20250728", "foreign"),
        ("memory_20250818", "foreign"),
        ("tool_search_tool_bm25_20251119", "foreign"),
    ],
)
def test_typed_tools_have_a_kind_and_are_kept_whole(kind: str, neutral: str) -> None:
    raw = {"type": kind, "name": "n", "max_uses": 3, "allowed_domains": ["x.org"]}
    (tool,) = read(tools=[raw]).tools
    assert (tool.kind, tool.name, tool.extra) == (neutral, "n", {"messages": raw})
    assert tool.settings == ({} if neutral == "foreign" else {"max_uses": 3, "allowed_domains": ["x.org"]})


@pytest.mark.parametrize(
    ("raw", "choice", "parallel"),
    [
        ({"type": "auto"}, ToolChoice("auto"), None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice("any"), False),
        ({"type": "tool", "name": "f", "disable_parallel_tool_use": False}, ToolChoice("tool", ("f",)), True),
        ({"type": "none"}, ToolChoice("none"), None),
    ],
)
def test_tool_choice_says_what_and_how_many(raw: dict[str, Any], choice: ToolChoice, parallel: bool | None) -> None:
    conversation = read(tool_choice=raw)
    assert (conversation.tool_choice, conversation.parallel_tool_calls) == (choice, parallel)


@pytest.mark.parametrize(
    ("fields", "reasoning"),
    [
        ({}, Reasoning()),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, Reasoning(budget=2048, show=True)),
        ({"thinking": {"type": "disabled"}}, Reasoning(budget=0, show=False)),
        ({"thinking": {"type": "adaptive"}}, Reasoning(adaptive=True, show=True)),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Reasoning(adaptive=True, show=False)),
        ({"thinking": {"type": "adaptive", "display": "updates"}}, Reasoning(adaptive=True, show=True)),
        ({"output_config": {"effort": "xhigh"}}, Reasoning(effort="xhigh")),
    ],
)
def test_thinking_is_read_in_every_form(fields: dict[str, Any], reasoning: Reasoning) -> None:
    assert read(**fields).reasoning == reasoning


def test_an_output_format_may_stand_in_either_place() -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    expected = OutputFormat("schema", {"type": "object"})
    assert read(output_config={"format": form}).output == expected
    assert read(output_format=form).output == expected
    assert read().output is None


def test_the_rest_has_its_fields_and_zero_is_a_value() -> None:
    conversation = read(
        temperature=0,
        top_p=0.5,
        top_k=0,
        stop_sequences=["a", "b"],
        service_tier="standard_only",
        metadata={"user_id": "", "k": "v"},
        max_tokens=0,
    )
    assert conversation.sampling == Sampling(temperature=0, top_p=0.5, top_k=0)
    assert conversation.stop == ("a", "b")
    assert (conversation.service_tier, conversation.user, conversation.metadata) == ("default", "", {"k": "v"})
    assert conversation.max_tokens == 0


def test_keys_that_only_anthropic_knows_are_kept() -> None:
    own = {
        "context_management": {"edits": []},
        "mcp_servers": [],
        "container": "c",
        "safeguards": [],
        "speed": "fast",
        "cache_control": {"type": "ephemeral"},
    }
    assert read(**own).extra == {"messages": own}


def test_counting_needs_no_max_tokens() -> None:
    body = {key: value for key, value in BASE.items() if key != "max_tokens"}
    assert SPEC.read_request(body, counting=True).max_tokens is None
    assert refusal(body).message == "max_tokens: Field required"


@pytest.mark.parametrize("thread", [{"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}])
def test_a_message_thread_is_refused_so_that_the_sdks_go_on_without(thread: dict[str, Any]) -> None:
    body = {"model": "m", "max_tokens": 1, "thread": thread}
    status, _, rendered = SPEC.render_fault(refusal(body), "req_1")
    assert status == 400
    error = rendered["error"]
    assert (rendered["type"], error["type"]) == ("error", "invalid_request_error")
    assert error["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}


IMAGE = {"type": "image"}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"model": 5}, "model"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [5]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, "messages[0].content[0].source"),
        (
            {"messages": [{"role": "user", "content": [IMAGE | {"source": {"type": "x"}}]}]},
            "messages[0].content[0].source.type",
        ),
        (
            {"messages": [{"role": "user", "content": [IMAGE | {"source": {"type": "url"}}]}]},
            "messages[0].content[0].source.url",
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": 1}]}
                ]
            },
            "messages[0].content[0].input",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]},
            "messages[0].content[0].tool_use_id",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [1]}]}]},
            "messages[0].content[0].content[0]",
        ),
        ({"system": 5}, "system"),
        ({"system": [{"type": "image"}]}, "system[0].source"),
        ({"system": [{"type": "x"}]}, "system[0].type"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tools": [{"name": "f", "input_schema": "x"}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "f", "input_schema": {}, "strict": 1}]}, "tools[0].strict"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": {"type": "x"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 5}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "x"}}, "thinking.type"),
        ({"output_config": []}, "output_config"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "json_object"}}}, "output_config.format.type"),
        ({"output_format": {"type": "json_schema"}}, "output_format.schema"),
        ({"temperature": "1"}, "temperature"),
        ({"top_k": 1.5}, "top_k"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"stop_sequences": [1]}, "stop_sequences[0]"),
        ({"metadata": {"user_id": 5}}, "metadata.user_id"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_a_mistake_is_named_by_its_path(fields: dict[str, Any], path: str) -> None:
    assert refusal(BASE | fields).param == path


@pytest.mark.parametrize("body", [[], None, "x", 5])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    assert refusal(body).param == "body"
