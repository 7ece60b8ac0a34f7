"""Real requests of Claude Code and the Anthropic SDK, read and written again in their own dialect."""

from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from router.wire.codec import dumps
from router.wire.messages import SPEC, count_tokens
from router.wire.notes import Notes
from router.wire.repair import repair
from tests.data import capture, captures
from tests.router.wire.messages.frames import CAPABLE

NAMES = [*captures("claude-code"), *captures("anthropic-py")]


def bodies() -> list[str]:
    return [
        name
        for name in NAMES
        if isinstance(body := capture(name).get("body"), dict)
        and isinstance(body.get("messages"), list)
        and "thread" not in body
    ]


def read(name: str) -> Any:
    request = capture(name)
    return SPEC.read_request(request["body"], counting="count_tokens" in request["path"])


def spelt_out(body: dict[str, Any]) -> dict[str, Any]:
    """Strings as the blocks that they stand for, and what says nothing left out."""
    written = dict(body)
    written["messages"] = [message | {"content": _blocks(message["content"])} for message in body["messages"]]
    if isinstance(body.get("system"), str):
        written["system"] = _blocks(body["system"])
    return {key: value for key, value in written.items() if value != [] and value is not False}


def _blocks(content: Any) -> Any:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [
        block | {"content": _blocks(block["content"])}
        if block["type"] == "tool_result" and block.get("content")
        else block
        for block in content
    ]


@pytest.mark.parametrize("name", bodies())
def test_a_captured_request_survives_reading_and_writing(name: str) -> None:
    conversation = read(name)
    written = SPEC.write_request(conversation, CAPABLE)
    expected = capture(name)["body"]
    for tool in expected.get("tools", []):
        if tool.get("input_schema") == {}:  # was cut out of the capture
            tool["input_schema"] = {"type": "object", "properties": {}}
    if "max_tokens" not in expected:
        expected["max_tokens"] = written.body["max_tokens"]
    assert spelt_out(written.body) == spelt_out(expected)
    assert written.notes == ()
    assert written.undo.nothing


@pytest.mark.parametrize("name", bodies())
def test_a_captured_history_is_sound(name: str) -> None:
    conversation = read(name)
    assert repair(conversation, Notes()) is conversation


@pytest.mark.parametrize("name", bodies())
def test_the_same_captured_request_gives_the_same_bytes(name: str) -> None:
    first, second = (dumps(SPEC.write_request(read(name), CAPABLE).body) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", bodies())
def test_a_captured_request_has_an_estimate(name: str) -> None:
    assert 1 <= count_tokens.estimate(read(name)) < 100_000


@pytest.mark.parametrize("name", [name for name in NAMES if "tool_runner" in name])
def test_the_tool_runners_thread_is_refused_in_the_words_that_it_understands(name: str) -> None:
    with pytest.raises(Fault) as caught:
        SPEC.read_request(capture(name)["body"])
    assert caught.value.details["error_code"] == "thread_unsupported_request"
