from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from services.webai import tools
from services.webai.tools import Called, Offered
from tests.services.webai.test_chat_request import asked, message

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
OTHER = {"type": "function", "function": {"name": "clock"}}


def offered(**body: Any) -> Offered:
    found = tools.offered({"tools": [TOOL, OTHER], **body}, "emulate")
    assert found is not None
    return found


def test_tools_are_refused_unless_declared() -> None:
    for body in ({"tools": [TOOL]}, {"functions": [TOOL["function"]]}):
        with pytest.raises(Fault) as caught:
            asked(**body)
        assert caught.value.code == "tools_not_supported"
        assert "providers.webai.tools" in caught.value.message


def test_tools_that_may_not_be_used_are_no_tools() -> None:
    assert asked(tools=[TOOL], tool_choice="none").offered is None
    assert asked(tools=[]).offered is None


def test_emulated_tools_are_told_in_the_prompt() -> None:
    request = asked("emulate", tools=[TOOL])
    assert request.offered is not None
    assert '"name":"weather"' in request.ask.prompt
    assert request.ask.prompt.endswith("Hello")
    going = asked("emulate", tools=[TOOL], conversation_id="conv_x")
    assert '"name":"weather"' in going.ask.prompt


def test_a_choice_narrows_what_is_offered() -> None:
    named = offered(tool_choice={"type": "function", "function": {"name": "clock"}})
    assert (named.names, named.must) == ({"clock"}, True)
    assert offered(tool_choice="required").must
    assert not offered(tool_choice="auto").must
    with pytest.raises(Fault, match="not among the tools"):
        offered(tool_choice={"type": "function", "function": {"name": "other"}})


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ('{"tool_calls": [{"name": "weather", "arguments": {"at": "Rome"}}]}', [("weather", '{"at":"Rome"}')]),
        ('```json\n{"tool_calls": [{"name": "clock", "arguments": "{}"}]}\n```', [("clock", "{}")]),
        (' {"tool_calls": [{"name": "clock"}, {"name": "weather"}]} ', [("clock", "{}"), ("weather", "{}")]),
        ('{"tool_calls": [{"name": "unknown"}]}', []),
        ('Here: {"tool_calls": [{"name": "clock"}]}', []),
        ('{"tool_calls": []}', []),
        ('{"tool_calls": [5]}', []),
        ("{", []),
        ("plain words", []),
    ],
)
def test_an_answer_is_calls_or_words(text: str, calls: list[tuple[str, str]]) -> None:
    assert tools.calls(text, offered()) == [Called(*each) for each in calls]


def test_an_earlier_exchange_of_calls_is_told_in_words() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    turns = [
        message("user", "Rome?"),
        message("assistant", None, tool_calls=[call]),
        message("tool", "Sunny", tool_call_id="c1", name="weather"),
    ]
    prompt = asked(messages=turns).ask.prompt
    assert '{"tool_calls":[{"name":"weather","arguments":"{}"}]}' in prompt
    assert "Result of weather:\nSunny" in prompt
