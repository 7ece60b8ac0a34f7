"""A conversation as the one text that cto.new's agent is given."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.faults import Fault
from router.models import capabilities
from router.providers.config import ProviderConfig
from router.providers.ctonew.prompt import Prompt, write
from router.wire.capabilities import Capabilities
from router.wire.conversation import Dialect
from router.wire.dialects import DIALECTS
from router.wire.written import Note

CTONEW = capabilities.load().capabilities(ProviderConfig(id="ctonew", kind="ctonew"), "ctonew-gpt-5", "chat")
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def prompt(body: dict[str, Any], dialect: Dialect = "chat", abilities: Capabilities = CTONEW) -> Prompt:
    if dialect == "gemini":
        conversation = DIALECTS[dialect].read_request(body, model="ctonew-gpt-5", stream=True)
    else:
        conversation = DIALECTS[dialect].read_request({"model": "ctonew-gpt-5", **body})
    return write(conversation, abilities)


def chat(*messages: dict[str, Any], **more: Any) -> Prompt:
    return prompt({"messages": list(messages), **more})


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def refusal(body: dict[str, Any], dialect: Dialect = "chat", abilities: Capabilities = CTONEW) -> Fault:
    with pytest.raises(Fault) as raised:
        prompt(body, dialect, abilities)
    assert raised.value.kind == "bad_request"
    return raised.value


@given(st.text(min_size=1))
def test_a_single_question_goes_as_it_is(text: str) -> None:
    made = chat(user(text))
    assert (made.text, made.notes) == (text, ())


def test_every_dialect_makes_the_same_prompt() -> None:
    bodies: dict[Dialect, dict[str, Any]] = {
        "chat": {"messages": [{"role": "system", "content": "Be brief."}, user("hi")]},
        "responses": {"instructions": "Be brief.", "input": "hi"},
        "messages": {"system": "Be brief.", "messages": [user("hi")], "max_tokens": 9},
        "gemini": {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        },
    }
    texts = {prompt(body, dialect).text for dialect, body in bodies.items()}
    assert texts == {"<system>\nBe brief.\n</system>\n\nhi"}


def test_history_stands_before_the_question_in_its_order() -> None:
    made = chat(
        {"role": "system", "content": "S"}, user("q1"), {"role": "assistant", "content": "a1"}, user("q2"), user("q3")
    )
    assert made.text == (
        "<system>\nS\n</system>\n\n<conversation>\n<user>\nq1\n</user>\n<assistant>\na1\n</assistant>\n"
        "</conversation>\n\nq2\nq3"
    )
    assert set(made.notes) == {Note("emulated", "system"), Note("emulated", "history")}


def test_calls_and_results_of_tools_are_told_in_words() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at":1}'}}
    made = chat(
        user("q"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        tools=[TOOL],
    )
    assert '<tool_call name="look" call="call_1">\n{"at":1}\n</tool_call>' in made.text
    assert made.text.endswith('<tool_result call="call_1">\nsunny\n</tool_result>')
    assert Note("dropped", "tools") in made.notes


def test_the_same_conversation_makes_the_same_bytes() -> None:
    messages = ({"role": "system", "content": "S"}, user("q"), {"role": "assistant", "content": "a"}, user("q2"))
    assert chat(*messages) == chat(*messages)


@pytest.mark.parametrize("choice", [None, "auto", "none"])
def test_tools_that_need_not_be_called_are_left_out_with_a_note(choice: str | None) -> None:
    made = chat(user("q"), tools=[TOOL], **({} if choice is None else {"tool_choice": choice}))
    assert (made.text, made.notes) == ("q", (Note("dropped", "tools"),))


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "look"}}])
def test_tools_that_must_be_called_are_refused(choice: Any) -> None:
    fault = refusal({"messages": [user("q")], "tools": [TOOL], "tool_choice": choice})
    assert (fault.param, "agent" in fault.message) == ("tool_choice", True)


def test_what_only_tunes_is_left_out_with_notes() -> None:
    made = chat(user("q"), temperature=0.2, max_tokens=5, seed=1, top_p=0.5, presence_penalty=1, reasoning_effort="low")
    assert made.text == "q"
    named = {note.what for note in made.notes if note.action == "dropped"}
    assert named == {"temperature", "max_tokens", "seed", "top_p", "presence_penalty", "reasoning"}
    assert chat(user("q"), user="u", metadata={"a": "b"}, stream=True, n=1).notes == ()


def test_stop_sequences_are_cut_at_here() -> None:
    made = chat(user("q"), stop=["END"])
    assert (made.undo.stop, Note("emulated", "stop") in made.notes) == (("END",), True)


def test_a_format_is_asked_for_in_words() -> None:
    schema = {"name": "x", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}
    made = chat(user("q"), response_format={"type": "json_schema", "json_schema": schema})
    assert '"properties"' in made.text
    assert made.undo.unfence


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": [user("q")], "n": 2}, "n"),
        ({"messages": [user("q")], "logprobs": True}, "logprobs"),
        ({"messages": [user("q")], "modalities": ["text", "audio"]}, "modalities"),
        ({"messages": [user([{"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}])]}, "messages[0]"),
        ({"messages": [user([{"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}}])]}, "mess"),
    ],
)
def test_what_the_agent_cannot_do_is_refused_by_its_place(body: dict[str, Any], param: str) -> None:
    assert (refusal(body).param or "").startswith(param)


def test_images_go_by_their_addresses_where_the_data_says_so() -> None:
    seeing = replace(CTONEW, images=True)
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}]
    made = prompt({"messages": [user(parts)]}, abilities=seeing)
    assert (made.text, made.images) == ("What?", ("https://x.test/a.png",))
    inline = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]
    fault = refusal({"messages": [user("first"), user(inline)]}, abilities=seeing)
    assert (fault.param, "addresses" in fault.message) == ("messages[1].content[0]", True)
