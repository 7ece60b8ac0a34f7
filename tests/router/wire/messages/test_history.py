"""Turns put into the order that Anthropic demands."""

from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Foreign, Image, Inline, Part, Text, ToolCall, ToolResult, Turn
from router.wire.messages import SPEC
from router.wire.written import Note
from tests.router.wire.strategies import PNG

PICTURE = Image(Inline("image/png", PNG))
SENT = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}


def turn(role: Any, *parts: Part | str) -> Turn:
    return Turn(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def write(*turns: Turn, capabilities: Capabilities | None = None, **fields: Any) -> Any:
    asked = Conversation(dialect="chat", model="m", max_tokens=9, turns=turns, **fields)
    return SPEC.write_request(asked, capabilities or Capabilities())


def texts(body: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    """Role and texts of each message; other blocks by their type."""
    return [
        (
            message["role"],
            [block.get("text", block["type"]) for block in message["content"]]
            if isinstance(message["content"], list)
            else [message["content"]],
        )
        for message in body["messages"]
    ]


def test_a_conversation_that_the_model_begins_gets_a_user_turn_before_it() -> None:
    written = write(turn("assistant", "Hello"), turn("user", "hi"))
    assert texts(written.body) == [
        ("user", ["(conversation continues)"]),
        ("assistant", ["Hello"]),
        ("user", ["hi"]),
    ]
    assert Note("repaired", "first_turn") in written.notes


def test_a_system_prompt_alone_is_what_there_is_to_answer() -> None:
    written = write(system=(Text("Say hi."), Text(" ")))
    assert texts(written.body) == [("user", ["Say hi."])]
    assert "system" not in written.body
    assert texts(write().body) == [("user", ["(no input)"])]


def test_pictures_of_the_assistant_go_to_the_next_user_turn_behind_its_results() -> None:
    written = write(
        turn("user", "draw"),
        turn("assistant", PICTURE, ToolCall("t", "f", "{}")),
        turn("user", "and now", ToolResult("t", (Text("ok"),))),
    )
    assert texts(written.body) == [
        ("user", ["draw"]),
        ("assistant", ["tool_use"]),
        ("user", ["tool_result", "(picture that the assistant made)", "image", "and now"]),
    ]
    assert written.body["messages"][2]["content"][2] == SENT
    assert Note("emulated", "assistant_image") in written.notes


def test_pictures_of_the_assistant_that_nothing_follows_end_the_conversation() -> None:
    written = write(turn("user", "draw"), turn("assistant", PICTURE))
    assert texts(written.body) == [("user", ["draw", "(picture that the assistant made)", "image"])]


def test_a_begun_answer_is_continued_without_its_trailing_blanks() -> None:
    written = write(turn("user", "hi"), turn("assistant", "Dear  \n"))
    assert texts(written.body)[-1] == ("assistant", ["Dear"])
    assert written.notes == ()


def test_a_begun_answer_is_asked_for_in_words_where_the_model_does_not_continue() -> None:
    model = Capabilities(prefill=False)
    written = write(turn("user", "hi"), turn("assistant", "Dear "), capabilities=model, system=(Text("Be kind."),))
    assert texts(written.body) == [("user", ["hi"])]
    system = written.body["system"]
    said = system if isinstance(system, str) else "\n\n".join(block["text"] for block in system)
    assert said.startswith("Be kind.")
    assert said.endswith("continue from there:\nDear")
    assert Note("emulated", "prefill") in written.notes


@pytest.mark.parametrize("begun", ["{", ' {"a":', "["])
def test_a_begun_json_answer_is_a_400_where_the_model_does_not_continue(begun: str) -> None:
    with pytest.raises(Fault) as caught:
        write(turn("user", "hi"), turn("assistant", begun), capabilities=Capabilities(prefill=False))
    assert (caught.value.kind, caught.value.param) == ("bad_request", "messages[1]")


def test_a_paused_server_tool_is_taken_up_where_it_stopped() -> None:
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    paused = turn("assistant", Foreign("messages", block))
    written = write(turn("user", "hi"), paused, capabilities=Capabilities(prefill=False))
    assert written.body["messages"][1] == {"role": "assistant", "content": [block]}


def test_blank_turns_are_left_out_and_their_neighbours_joined() -> None:
    written = write(turn("user", "a"), turn("assistant", " "), turn("user", "b"), turn("user", ""))
    assert texts(written.body) == [("user", ["a", "b"])]


def test_system_text_in_the_middle_stays_only_where_anthropic_takes_it() -> None:
    kept = write(turn("user", "a"), turn("system", "now"), turn("assistant", "b"), turn("user", "c"))
    assert texts(kept.body) == [("user", ["a"]), ("system", ["now"]), ("assistant", ["b"]), ("user", ["c"])]
    last = write(turn("user", "a"), turn("system", "now"))
    assert texts(last.body) == [("user", ["a"]), ("system", ["now"])]
    misplaced = write(turn("user", "a"), turn("assistant", "b"), turn("system", "now"), turn("user", "c"))
    assert [role for role, _ in texts(misplaced.body)] == ["user", "assistant", "user"]
    older = write(turn("user", "a"), turn("system", "now"), capabilities=Capabilities(system_in_middle=False))
    assert [role for role, _ in texts(older.body)] == ["user"]


def test_a_turn_of_blocks_from_elsewhere_is_told_as_text_or_refused_never_lost() -> None:
    told = Foreign("gemini", {"executableCode": {}}, text="code", where="x")
    assert texts(write(turn("user", told)).body) == [("user", ["code"])]
    idle = Foreign("gemini", {"toolCall": {}}, meaningful=False)
    assert texts(write(turn("user", "a"), turn("assistant", idle), turn("user", "b")).body) == [("user", ["a", "b"])]
    with pytest.raises(Fault) as caught:
        write(turn("user", Foreign("gemini", {"toolCall": {}}, where="contents[0].parts[0]")))
    assert caught.value.kind == "bad_request"


def test_a_begun_answer_that_ends_with_something_else_than_text_stays_as_it_is() -> None:
    written = write(turn("user", "hi"), turn("assistant", "a", "b  "))
    assert texts(written.body)[-1] == ("assistant", ["a", "b"])
    called = write(turn("user", "hi"), turn("assistant", ToolCall("t", "f", "{}")))
    assert [role for role, _ in texts(called.body)] == ["user", "assistant"]  # the planner's repair answers it
