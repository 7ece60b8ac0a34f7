from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from msgspec import structs

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.codec import dumps
from router.wire.conversation import (
    Audio,
    Conversation,
    Document,
    FileId,
    Foreign,
    Image,
    Inline,
    Opaque,
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
    ToolResult,
    Turn,
    Url,
    Video,
)
from router.wire.messages import SPEC
from router.wire.messages.history import FILLER
from tests.router.wire.strategies import PNG, conversations

CAPABLE = Capabilities(thinking="adaptive", efforts=("low", "medium", "high"), max_output=64_000)
MARK = {"cache_control": {"type": "ephemeral"}}


def user(*parts: Part | str) -> Turn:
    return Turn(role="user", parts=tuple(Text(text=p) if isinstance(p, str) else p for p in parts))


def assistant(*parts: Part | str) -> Turn:
    return Turn(role="assistant", parts=tuple(Text(text=p) if isinstance(p, str) else p for p in parts))


def system(text: str) -> Turn:
    return Turn(role="system", parts=(Text(text=text),))


def talk(*turns: Turn, **fields: Any) -> Conversation:
    return Conversation(**({"dialect": "chat", "model": "claude", "turns": turns or (user("hi"),)} | fields))


def write(conversation: Conversation, **able: Any) -> Any:
    return SPEC.write_request(conversation, structs.replace(CAPABLE, **able))


def body(conversation: Conversation, **able: Any) -> Any:
    return write(conversation, **able).body


def notes(conversation: Conversation, **able: Any) -> list[str]:
    return [f"{note.action}={note.what}" for note in write(conversation, **able).notes]


def messages(*turns: Turn, **able: Any) -> list[tuple[str, list[Any]]]:
    """Roles and blocks, without the cache marks."""
    written = body(talk(*turns, dialect="messages"), **able)["messages"]
    return [(message["role"], message["content"]) for message in written]


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def refused(conversation: Conversation, **able: Any) -> str:
    with pytest.raises(Fault) as caught:
        write(conversation, **able)
    assert caught.value.kind == "bad_request"
    assert caught.value.param is not None
    assert caught.value.param in caught.value.message
    return caught.value.param


def test_the_least_request_and_the_mandatory_limit() -> None:
    assert body(talk(dialect="messages")) == {
        "model": "claude",
        "max_tokens": 64_000,
        "messages": [{"role": "user", "content": [text("hi")]}],
    }
    assert body(talk(), max_output=None)["max_tokens"] == 32_000
    assert body(talk(max_tokens=0))["max_tokens"] == 0
    assert body(talk(max_tokens=99_000))["max_tokens"] == 64_000
    assert notes(talk(max_tokens=99_000)) == ["clamped=max_tokens"]
    assert body(talk(stream=True))["stream"] is True


def test_neighbouring_turns_are_merged_and_results_come_first() -> None:
    call, result = ToolCall("c", "f", "{}"), ToolResult("c", (Text(text="r"),))
    written = messages(user("a"), user("b"), assistant("x"), assistant(call), user("more"), user(result))
    assert written == [
        ("user", [text("a"), text("b")]),
        ("assistant", [text("x"), {"type": "tool_use", "id": "c", "name": "f", "input": {}}]),
        ("user", [{"type": "tool_result", "tool_use_id": "c", "content": "r"}, text("more")]),
    ]


def test_a_history_that_starts_with_the_assistant_gets_a_user_turn() -> None:
    assert messages(assistant("a"), user("b"))[0] == ("user", [text(FILLER)])
    assert "repaired=first_turn" in notes(talk(assistant("a"), user("b")))


def test_blank_text_is_left_out_everywhere() -> None:
    """Anthropic answers 400 to empty and to whitespace-only blocks (trap 5)."""
    call, result = ToolCall("c", "f", "{}"), ToolResult("c", (Text(text=" "),))
    written = messages(user("a", ""), assistant(" \n", call), user(result, "\t"), assistant("  "), user("z"))
    assert written == [
        ("user", [text("a")]),
        ("assistant", [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]),
        ("user", [{"type": "tool_result", "tool_use_id": "c", "content": ""}, text("z")]),
    ]


def test_a_last_assistant_text_does_not_end_in_whitespace() -> None:
    assert messages(user("a"), assistant("The answer is: \n"))[-1] == ("assistant", [text("The answer is:")])


def test_a_prefill_is_asked_for_in_words_where_it_is_refused() -> None:
    conversation = talk(user("a"), assistant("Sure: "))
    written = write(conversation, prefill=False)
    assert [message["role"] for message in written.body["messages"]] == ["user"]
    assert written.body["system"][-1]["text"].endswith("\nSure:")
    assert [note.what for note in written.notes] == ["prefill"]
    assert refused(talk(user("a"), assistant('{"x":')), prefill=False) == "messages[1]"


def test_a_paused_answer_is_taken_up_where_no_prefill_is_allowed() -> None:
    """pause_turn: the assistant's content goes back as it is."""
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    paused = assistant("looking", Foreign(dialect="messages", raw=use, meaningful=False))
    assert messages(user("a"), paused, prefill=False)[-1] == ("assistant", [text("looking"), use])
    open_call = assistant("x", ToolCall("c", "f", "{}"))
    assert messages(user("a"), open_call, prefill=False)[-1][0] == "assistant"


def test_an_empty_prefill_is_simply_dropped() -> None:
    signed = Thinking(text="", opaque=Opaque("messages", "s"))
    written = write(talk(user("a"), assistant(signed)), prefill=False)
    assert len(written.body["messages"]) == 1
    assert "system" not in written.body


def test_a_request_with_a_system_prompt_only_is_a_user_turn() -> None:
    conversation = Conversation(dialect="gemini", model="m", system=(Text(text="s"),))
    written = body(conversation)
    assert "system" not in written
    assert written["messages"] == [{"role": "user", "content": [text("s") | MARK]}]
    empty = body(Conversation(dialect="gemini", model="m"))
    assert empty["messages"][0]["content"][0]["text"]


def test_system_turns_stay_in_the_middle_where_the_model_takes_them() -> None:
    turns = (system("lead"), user("a"), system("s"), assistant("b"), user("c"), system("t"))
    written = body(talk(*turns, dialect="messages"))
    assert written["system"] == [text("lead")]
    assert [message["role"] for message in written["messages"]] == ["user", "system", "assistant", "user", "system"]
    assert written["messages"][1]["content"] == [text("s")]


def test_system_turns_are_folded_where_the_model_or_the_place_does_not_allow_them() -> None:
    folded = messages(user("a"), system("s"), assistant("b"), user("c"), system_in_middle=False)
    assert folded[0] == ("user", [text("a"), text("<system-reminder>\ns\n</system-reminder>")])
    misplaced = messages(user("a"), assistant("b"), system("s"), user("c"))
    assert misplaced[2] == ("user", [text("<system-reminder>\ns\n</system-reminder>"), text("c")])
    assert [role for role, _ in messages(user("a"), system("s"), user("c"))] == ["user"]


def test_ids_and_arguments_are_bent_to_anthropics_rules() -> None:
    long = "call_" + "x" * 90 + "|fc_1"
    calls = [ToolCall(long, "f", ""), ToolCall("b", "f", '{"cut": '), ToolCall("c", "f", "[1]")]
    results = [ToolResult(call.call_id, (Text(text="r"),)) for call in calls]
    _, asked, answered = (content for _, content in messages(user("a"), assistant(*calls), user(*results)))
    assert [block["input"] for block in asked] == [{}, {"_raw": '{"cut": '}, {"value": [1]}]
    assert asked[0]["id"] == answered[0]["tool_use_id"]
    assert len(asked[0]["id"]) <= 64
    assert asked[0]["id"].replace("_", "").isalnum()


def test_a_result_says_whether_it_failed_and_holds_media() -> None:
    picture = Image(source=Inline("image/png", PNG))
    pdf = Document(source=Inline("application/pdf", "AAAA"), filename="x.pdf")
    failed = ToolResult("c", (Text(text="no"), picture, pdf), is_error=True)
    (block,) = messages(user("a"), assistant(ToolCall("c", "f", "{}")), user(failed))[2][1]
    assert block["is_error"] is True
    assert [inner["type"] for inner in block["content"]] == ["text", "image", "document"]
    assert block["content"][2]["title"] == "x.pdf"


def test_thinking_is_sent_back_to_its_own_family_only() -> None:
    own = Thinking(text="", opaque=Opaque("messages", "sig", "claude-5"))
    redacted = Thinking(text="", opaque=Opaque("messages", "xyz"), redacted=True)
    others = [
        Thinking(text="b", opaque=Opaque("messages", "sig", "claude-4")),
        Thinking(text="c", opaque=Opaque("responses", "enc")),
        Thinking(text="d"),
    ]
    turns = (user("a"), assistant(own, redacted, *others, "t"), user("u"))
    assert messages(*turns, family="claude-5")[1][1] == [
        {"type": "thinking", "thinking": "", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        text("t"),
    ]
    assert "dropped=thinking" in notes(talk(*turns), family="claude-5")


def test_a_turn_of_foreign_thinking_only_leaves_no_empty_message() -> None:
    assert messages(user("a"), assistant(Thinking(text="b")), user("c")) == [("user", [text("a"), text("c")])]


def test_pictures_of_the_assistant_move_to_the_next_user_turn() -> None:
    picture = Image(source=Inline("image/png", PNG))
    written = messages(user("draw"), assistant("here", picture), user("nice"))
    assert [block["type"] for block in written[2][1]] == ["text", "image", "text"]
    assert all(block["type"] == "text" for block in written[1][1])
    assert messages(user("draw"), assistant(picture))[-1][0] == "user"


@pytest.mark.parametrize(
    ("part", "able"),
    [
        (Audio(source=Inline("audio/wav", "AA==")), {}),
        (Video(source=Url("https://x")), {}),
        (Image(source=FileId("file_1", "responses")), {}),
        (Image(source=Inline("image/heic", "AA==")), {}),
        (Image(source=Inline("image/png", "AA==")), {"images": False}),
        (Image(source=Url("https://x")), {"image_urls": False}),
        (Document(source=Inline("application/pdf", "AA==")), {"documents": False}),
        (Document(source=Inline("application/zip", "AA==")), {}),
        (Document(source=Url("https://x")), {"document_urls": False}),
        (Foreign(dialect="responses", raw={"type": "computer_call"}), {}),
    ],
)
def test_what_the_model_cannot_see_is_refused_with_its_place(part: Part, able: dict[str, Any]) -> None:
    assert refused(talk(user("a"), assistant("b"), user("c", part)), **able) == "messages[2].content[1]"


def test_media_are_written_by_their_source() -> None:
    parts = (
        Image(source=Url("https://x/y.png")),
        Image(source=FileId("file_1", "messages")),
        Document(source=Inline("text/markdown", "aMOp"), context="C"),
        Document(source=Url("https://x/y.pdf")),
        Refusal(text="no"),
    )
    assert messages(user(*parts))[0][1] == [
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hé"}, "context": "C"},
        {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}},
        text("no"),
    ]


def test_foreign_items_are_told_as_text_or_left_out() -> None:
    readable = Foreign(dialect="responses", raw={"type": "web_search_call"}, text="- T (u)")
    silent = Foreign(dialect="responses", raw={"type": "item_reference"}, meaningful=False)
    conversation = talk(user("a", readable, silent))
    assert body(conversation)["messages"][0]["content"] == [text("a"), text("- T (u)") | MARK]
    assert notes(conversation) == ["dropped=item_reference"]


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}
F = Tool("f", "d", SCHEMA)
G = Tool("g", None, None)


def test_tools_are_declared_with_an_object_schema() -> None:
    assert body(talk(tools=(F, G), dialect="messages"))["tools"] == [
        {"name": "f", "description": "d", "input_schema": SCHEMA},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
    ]


def test_long_names_are_shortened_everywhere_and_undone() -> None:
    """Names such as mcp__server__tool exceed 64 (trap 6)."""
    name = "mcp__" + "x" * 70
    call = ToolCall("c", name, "{}")
    turns = (user("a"), assistant(call), user(ToolResult("c", (Text(text="r"),))))
    written = write(talk(*turns, tools=(Tool(name, None, SCHEMA),), tool_choice=ToolChoice("tool", (name,))))
    short = written.body["tools"][0]["name"]
    assert len(short) == 64
    assert written.body["tool_choice"]["name"] == short
    assert written.body["messages"][1]["content"][0]["name"] == short
    assert written.undo.names == {short: (name, None)}


def test_namespaced_tools_are_flattened_and_undone() -> None:
    tool = Tool("read", None, SCHEMA, namespace="files")
    turns = (
        user("a"),
        assistant(ToolCall("c", "read", "{}", namespace="files")),
        user(ToolResult("c", (Text(text="r"),))),
    )
    written = write(talk(*turns, tools=(tool,), tool_choice=ToolChoice("tool", ("read",)), dialect="responses"))
    assert written.body["tools"][0]["name"] == "files__read"
    assert written.body["tool_choice"] == {"type": "tool", "name": "files__read"}
    assert written.body["messages"][1]["content"][0]["name"] == "files__read"
    assert written.undo.names == {"files__read": ("read", "files")}


def test_free_text_tools_take_one_input() -> None:
    grammar = {"responses": {"format": {"type": "grammar", "syntax": "lark", "definition": "start: WORD"}}}
    tool = Tool("patch", "Apply.", kind="custom", extra=grammar)
    turns = (user("a"), assistant(ToolCall("c", "patch", "*** x", custom=True)), user(ToolResult("c", ())))
    written = write(talk(*turns, tools=(tool,), dialect="responses"))
    (declared,) = written.body["tools"]
    assert list(declared["input_schema"]["properties"]) == ["input"]
    assert "lark" in declared["description"]
    assert "start: WORD" in declared["description"]
    assert written.body["messages"][1]["content"][0]["input"] == {"input": "*** x"}
    assert written.undo.custom == {"patch"}


def test_strict_tools_are_closed_or_noted() -> None:
    (tool,) = body(talk(tools=(Tool("f", None, SCHEMA, True),)))["tools"]
    assert tool["strict"] is True
    assert tool["input_schema"]["additionalProperties"] is False
    assert notes(talk(tools=(Tool("f", None, SCHEMA, True),)), strict_tools=False) == ["dropped=strict"]


def test_duplicate_tools_are_sent_once() -> None:
    assert len(body(talk(tools=(F, F)))["tools"]) == 1
    assert notes(talk(tools=(F, F))) == ["dropped=duplicate_tool"]


def test_server_tools_are_translated_and_others_refused() -> None:
    settings = {"allowed_domains": ["x.org"], "blocked_domains": ["y.org"], "max_uses": 2, "context_size": "low"}
    tools = (
        Tool("web_search", kind="web_search", settings=settings),
        Tool("c", kind="code"),
        Tool("w", kind="web_fetch"),
    )
    search, code, fetch = body(talk(tools=tools, dialect="responses"))["tools"]
    assert search == {
        "type": "web_search_20250305",
        "name": "web_search",
        "max_uses": 2,
        "allowed_domains": ["x.org"],
    }
    assert (code["type"], code["name"]) == ("code_execution_20250825", "code_execution")
    assert fetch["type"] == "web_fetch_20250910"
    assert refused(talk(tools=(F, Tool("image_generation", kind="foreign")))) == "tools[1]"
    assert refused(talk(tools=tools), server_tools=False) == "tools[0]"


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("auto"), None, {"type": "auto"}),
        (ToolChoice("none"), False, {"type": "none"}),
        (ToolChoice("any"), True, {"type": "any", "disable_parallel_tool_use": False}),
        (ToolChoice("tool", ("f",)), False, {"type": "tool", "name": "f", "disable_parallel_tool_use": True}),
        (ToolChoice("allowed", ("f",)), None, {"type": "auto"}),
        (ToolChoice("allowed", ("f",), required=True), None, {"type": "any"}),
    ],
)
def test_tool_choice(choice: ToolChoice | None, parallel: bool | None, expected: Any) -> None:
    written = body(talk(tools=(F, G), tool_choice=choice, parallel_tool_calls=parallel))
    assert written.get("tool_choice") == expected
    names = [tool["name"] for tool in written["tools"]]
    assert names == (["f"] if choice is not None and choice.mode == "allowed" else ["f", "g"])


def test_a_choice_without_tools_is_left_out() -> None:
    assert "tool_choice" not in body(talk(tool_choice=ToolChoice("any")))


def test_a_history_with_calls_declares_their_tools() -> None:
    turns = (user("a"), assistant(ToolCall("c", "f", "{}")), user(ToolResult("c", ())))
    written = body(talk(*turns, dialect="messages"))
    assert written["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    assert written["tool_choice"] == {"type": "none"}


def test_a_forced_tool_with_thinking_is_asked_for_in_words() -> None:
    conversation = talk(tools=(F,), tool_choice=ToolChoice("tool", ("f",)), reasoning=Reasoning(effort="high"))
    written = write(conversation, forced_tool_with_thinking=False)
    assert written.body["tool_choice"] == {"type": "auto"}
    assert '"f"' in written.body["system"][-1]["text"]
    assert written.body["thinking"]["type"] == "adaptive"
    assert [note.what for note in written.notes] == ["tool_choice"]


def test_a_forced_tool_switches_off_thinking_that_nobody_asked_for() -> None:
    conversation = talk(tools=(F,), tool_choice=ToolChoice("any"))
    written = write(conversation, forced_tool_with_thinking=False, thinking_by_default=True)
    assert written.body["thinking"] == {"type": "disabled"}
    assert written.body["tool_choice"] == {"type": "any"}
    always = write(conversation, forced_tool_with_thinking=False, thinking_by_default=True, thinking_off=False)
    assert always.body["tool_choice"] == {"type": "auto"}
    assert write(conversation, forced_tool=False).body["tool_choice"] == {"type": "auto"}


@pytest.mark.parametrize(
    ("reasoning", "able", "thinking", "effort"),
    [
        (Reasoning(), {}, None, None),
        (Reasoning(effort="high"), {}, {"type": "adaptive"}, "high"),
        (Reasoning(effort="max"), {}, {"type": "adaptive"}, "high"),
        (Reasoning(effort="minimal", show=True), {}, {"type": "adaptive", "display": "summarized"}, "low"),
        (Reasoning(budget=9000, show=False), {}, {"type": "adaptive", "display": "omitted"}, "medium"),
        (Reasoning(budget=-1), {}, {"type": "adaptive"}, None),
        (Reasoning(effort="none"), {}, {"type": "disabled"}, None),
        (Reasoning(budget=0), {}, {"type": "disabled"}, None),
        (Reasoning(effort="none"), {"thinking_off": False}, None, "low"),
        (Reasoning(effort="high"), {"thinking": "budget"}, {"type": "enabled", "budget_tokens": 16384}, None),
        (Reasoning(budget=5), {"thinking": "budget"}, {"type": "enabled", "budget_tokens": 1024}, None),
        (Reasoning(adaptive=True), {"thinking": "budget"}, {"type": "enabled", "budget_tokens": 16384}, None),
        (Reasoning(budget=4000), {"thinking": "effort"}, {"type": "enabled", "budget_tokens": 4000}, None),
        (Reasoning(effort="low", form="budget"), {}, {"type": "enabled", "budget_tokens": 2048}, None),
        (Reasoning(effort="high"), {"thinking": "none"}, None, None),
        (Reasoning(effort="none"), {"thinking": "none"}, None, None),
    ],
)
def test_thinking_takes_the_form_that_the_model_has(
    reasoning: Reasoning, able: dict[str, Any], thinking: Any, effort: str | None
) -> None:
    written = body(talk(reasoning=reasoning), **able)
    assert written.get("thinking") == thinking
    assert written.get("output_config", {}).get("effort") == effort


def test_effort_alone_does_not_switch_thinking_on_for_an_anthropic_caller() -> None:
    conversation = talk(dialect="messages", reasoning=Reasoning(effort="high"))
    assert body(conversation)["output_config"] == {"effort": "high"}
    assert "thinking" not in body(conversation)
    assert "output_config" not in body(conversation, thinking="budget")


def test_the_limit_makes_room_for_the_budget() -> None:
    conversation = talk(reasoning=Reasoning(budget=8000), max_tokens=100)
    assert body(conversation, thinking="budget")["max_tokens"] == 8100
    tight = body(conversation, thinking="budget", max_output=4096)
    assert 1024 <= tight["thinking"]["budget_tokens"] < tight["max_tokens"] == 4096


def test_a_tool_loop_that_lost_its_thinking_goes_on_without() -> None:
    call = ToolCall("c", "f", "{}")
    turns = (user("a"), assistant(Thinking(text="x"), call), user(ToolResult("c", (Text(text="r"),))))
    conversation = talk(*turns, tools=(F,), reasoning=Reasoning(effort="high"))
    assert body(conversation, needs_signature=True)["thinking"] == {"type": "disabled"}
    assert body(conversation)["thinking"] == {"type": "adaptive"}
    signed = assistant(Thinking(text="x", opaque=Opaque("messages", "s")), call)
    kept = structs.replace(conversation, turns=(turns[0], signed, turns[2]))
    assert body(kept, needs_signature=True)["thinking"] == {"type": "adaptive"}
    over = structs.replace(conversation, turns=(*turns, assistant("done"), user("next")))
    assert body(over, needs_signature=True)["thinking"] == {"type": "adaptive"}


def test_structured_output_has_its_own_key() -> None:
    form = OutputFormat("schema", SCHEMA, "shape")
    written = body(talk(output=form))["output_config"]["format"]
    assert written["type"] == "json_schema"
    assert written["schema"]["additionalProperties"] is False
    own = body(talk(output=form, dialect="messages"))["output_config"]["format"]
    assert own == {"type": "json_schema", "schema": SCHEMA}


def test_structured_output_is_emulated_by_a_forced_tool() -> None:
    written = write(talk(output=OutputFormat("schema", SCHEMA)), json_schema=False)
    assert written.body["tools"][0]["name"] == "respond"
    assert written.body["tools"][0]["input_schema"] == SCHEMA
    assert written.body["tool_choice"] == {"type": "tool", "name": "respond"}
    assert written.undo.output_tool == "respond"


@pytest.mark.parametrize(
    ("fields", "able"),
    [
        ({"tools": (F,)}, {}),
        ({"reasoning": Reasoning(effort="high")}, {"forced_tool_with_thinking": False}),
        ({"output": OutputFormat("schema", {"type": "array"})}, {}),
        ({}, {"forced_tool": False}),
    ],
)
def test_structured_output_is_asked_for_in_words_where_no_tool_can_be_forced(
    fields: dict[str, Any], able: dict[str, Any]
) -> None:
    written = write(talk(**{"output": OutputFormat("schema", SCHEMA), **fields}), json_schema=False, **able)
    assert "JSON Schema" in written.body["system"][-1]["text"]
    assert written.undo.output_tool is None
    assert written.undo.unfence


def test_any_json_and_enums_are_asked_for_in_words() -> None:
    written = write(talk(output=OutputFormat("json")))
    assert "JSON" in written.body["system"][0]["text"]
    assert written.undo.unfence
    assert [note.what for note in written.notes] == ["response_format"]
    chosen = body(talk(output=OutputFormat("enum", {"type": "string", "enum": ["yes", "no"]})))
    assert chosen["system"][0]["text"].endswith("\nyes\nno")
    assert "system" not in body(talk(output=OutputFormat("text")))


def test_sampling_is_clamped_or_left_out() -> None:
    asked = talk(sampling=Sampling(temperature=1.6, top_p=0.5, top_k=3))
    assert {k: body(asked)[k] for k in ("temperature", "top_p", "top_k")} == {
        "temperature": 1,
        "top_p": 0.5,
        "top_k": 3,
    }
    assert notes(asked) == ["clamped=temperature"]
    assert "top_p" not in body(asked, temperature_with_top_p=False)
    assert notes(asked, temperature_with_top_p=False) == ["clamped=temperature", "dropped=top_p"]
    assert "temperature" not in body(asked, sampling=False)
    assert notes(asked, sampling=False) == ["dropped=temperature", "dropped=top_p", "dropped=top_k"]
    assert body(talk(sampling=Sampling(temperature=0)))["temperature"] == 0
    thinking = structs.replace(asked, reasoning=Reasoning(effort="low"))
    assert "temperature" not in body(thinking, sampling_with_thinking=False)
    assert body(thinking)["temperature"] == 1
    assert body(asked, sampling_with_thinking=False)["temperature"] == 1


def test_blank_stop_sequences_are_left_out_and_unsupported_ones_cut_here() -> None:
    assert body(talk(stop=("END", " \n")))["stop_sequences"] == ["END"]
    assert notes(talk(stop=("END", " \n"))) == ["dropped=stop"]
    assert "stop_sequences" not in body(talk(stop=(" ",)))
    written = write(talk(stop=("END",)), stop=False)
    assert "stop_sequences" not in written.body
    assert written.undo.stop == ("END",)


def test_tuning_knobs_are_dropped_with_a_note() -> None:
    knobs = Sampling(presence_penalty=0, frequency_penalty=1, seed=1, logit_bias={})
    assert notes(talk(sampling=knobs, verbosity="low", service_tier="flex")) == [
        "dropped=service_tier",
        "dropped=presence_penalty",
        "dropped=frequency_penalty",
        "dropped=seed",
        "dropped=logit_bias",
        "dropped=verbosity",
    ]


def test_tiers_and_users_are_translated() -> None:
    written = body(talk(service_tier="default", user="u", metadata={"team": "x"}))
    assert written["service_tier"] == "standard_only"
    assert written["metadata"] == {"user_id": "u"}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": 0}, "logprobs"),
        ({"modalities": ("text", "audio")}, "modalities"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
    ],
)
def test_what_would_change_the_meaning_is_refused(fields: dict[str, Any], path: str) -> None:
    assert refused(talk(**fields)) == path
    assert body(talk(n=1))["model"] == "claude"


def test_cache_marks_are_set_at_four_stable_places() -> None:
    turns = (user("a"), assistant("b"), user("c"), assistant("d"), user("e", "f"))
    written = body(talk(*turns, tools=(F, G), system=(Text(text="s"), Text(text="t"))))

    def marked(blocks: list[Any]) -> list[bool]:
        return ["cache_control" in block for block in blocks]

    assert marked(written["tools"]) == [False, True]
    assert marked(written["system"]) == [False, True]
    assert [marked(message["content"]) for message in written["messages"]] == [
        [False],
        [False],
        [True],
        [False],
        [False, True],
    ]
    own = dumps(body(talk(*turns, tools=(F,), dialect="messages")))
    assert b"cache_control" not in own


def test_keys_of_an_anthropic_caller_are_kept() -> None:
    own = {"context_management": {"edits": []}, "container": "c", "output_config": {"new": 1}}
    written = body(talk(dialect="messages", extra={"messages": own}, reasoning=Reasoning(effort="low")))
    assert written["context_management"] == {"edits": []}
    assert written["container"] == "c"
    assert written["output_config"] == {"new": 1, "effort": "low"}


@given(conversations())
def test_a_written_request_obeys_anthropics_rules_and_is_stable(conversation: Conversation) -> None:
    written = write(conversation)
    turns = written.body["messages"]
    assert turns[0]["role"] == "user"
    assert all(a["role"] != b["role"] for a, b in itertools.pairwise(turns))
    for turn in turns:
        assert turn["content"]
        assert all(block["text"].strip() for block in turn["content"] if block["type"] == "text")
    assert dumps(written.body).count(b'"cache_control"') <= 4
    assert dumps(write(conversation).body) == dumps(written.body)


@given(conversations(dialect="messages"))
def test_reading_what_was_written_gives_the_same_request(conversation: Conversation) -> None:
    conversation = structs.replace(conversation, output=None)
    first = body(conversation, json_schema=True)
    again = body(SPEC.read_request(first))
    assert dumps(again) == dumps(first)


def test_effort_is_kept_beside_thinking_that_is_off() -> None:
    off = Reasoning(effort="max", budget=0)
    written = body(talk(reasoning=off, dialect="messages"))
    assert (written["thinking"], written["output_config"]) == ({"type": "disabled"}, {"effort": "high"})
    assert "output_config" not in body(talk(reasoning=off), thinking="budget")


def test_a_named_effort_goes_before_a_budget_on_adaptive_models() -> None:
    assert body(talk(reasoning=Reasoning(effort="low", budget=30_000)))["output_config"] == {"effort": "low"}


def test_a_limit_that_equals_the_budget_is_raised() -> None:
    conversation = talk(reasoning=Reasoning(budget=2000), max_tokens=2000)
    assert body(conversation, thinking="budget")["max_tokens"] == 4000
    roomy = talk(reasoning=Reasoning(budget=2000), max_tokens=2001)
    assert body(roomy, thinking="budget")["max_tokens"] == 2001


def test_only_the_running_tool_loop_decides_about_thinking() -> None:
    call = ToolCall("c", "f", "{}")
    result = user(ToolResult("c", (Text(text="r"),)))
    signed = assistant(Thinking(text="x", opaque=Opaque("messages", "s")), call)
    old = (user("a"), assistant(call), result, assistant("done"), user("next"))
    conversation = talk(*old, signed, result, tools=(F,), reasoning=Reasoning(effort="high"))
    assert body(conversation, needs_signature=True)["thinking"] == {"type": "adaptive"}


def test_a_blank_answer_between_a_system_turn_and_a_user_turn_does_not_leave_the_system_turn_misplaced() -> None:
    turns = (
        Turn("user", (Text("a"),)),
        Turn("system", (Text("rule"),)),
        Turn("assistant", (Text(" \n"),)),
        Turn("user", (Text("b"),)),
    )
    asked = Conversation(dialect="chat", model="m", turns=turns)
    body = SPEC.write_request(asked, Capabilities(system_in_middle=True)).body
    assert [message["role"] for message in body["messages"]] == ["user"]
    texts = [block["text"] for block in body["messages"][0]["content"]]
    assert texts == ["a", "<system-reminder>\nrule\n</system-reminder>", "b"]
