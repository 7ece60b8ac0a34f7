"""The operator's words in a caller's body: in their place, and nothing else is changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.faults import Fault
from router.policies.system_prompt import SystemPrompt, with_prompt
from router.wire.conversation import Dialect, Text
from router.wire.dialects import DIALECTS
from tests.data import capture, captures

BOTH = SystemPrompt("FIRST", "LAST")
BILLING = {"type": "text", "text": "x-anthropic-billing-header: cc=1"}


def changed(dialect: Dialect, body: Any, prompt: SystemPrompt = BOTH) -> Any:
    return json.loads(with_prompt(dialect, json.dumps(body).encode(), prompt))


@pytest.mark.parametrize(
    ("dialect", "own", "expected"),
    [
        ("responses", {}, {"instructions": "FIRST\n\nLAST"}),
        ("responses", {"instructions": "mine"}, {"instructions": "FIRST\n\nmine\n\nLAST"}),
        ("responses", {"instructions": None}, {"instructions": "FIRST\n\nLAST"}),
        ("messages", {}, {"system": "FIRST\n\nLAST"}),
        ("messages", {"system": "mine"}, {"system": "FIRST\n\nmine\n\nLAST"}),
        (
            "messages",
            {"system": [BILLING, {"type": "text", "text": "mine", "cache_control": {"type": "ephemeral"}}]},
            {
                "system": [
                    BILLING,
                    {"type": "text", "text": "FIRST"},
                    {"type": "text", "text": "mine", "cache_control": {"type": "ephemeral"}},
                    {"type": "text", "text": "LAST"},
                ]
            },
        ),
        ("gemini", {}, {"systemInstruction": {"parts": [{"text": "FIRST\n\nLAST"}]}}),
        (
            "gemini",
            {"system_instruction": {"role": "user", "parts": [{"text": "mine"}]}},
            {"system_instruction": {"role": "user", "parts": [{"text": "FIRST"}, {"text": "mine"}, {"text": "LAST"}]}},
        ),
        (
            "gemini",
            {"systemInstruction": {"parts": {"text": "mine"}}},
            {"systemInstruction": {"parts": [{"text": "FIRST"}, {"text": "mine"}, {"text": "LAST"}]}},
        ),
        ("gemini", {"systemInstruction": "mine"}, {"systemInstruction": "FIRST\n\nmine\n\nLAST"}),
    ],
)
def test_the_words_stand_around_the_callers_own(dialect: Dialect, own: Any, expected: Any) -> None:
    assert changed(dialect, {"future": {"a": [1]}, **own}) == {"future": {"a": [1]}, **expected}


USER = {"role": "user", "content": "hi", "future": 1}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([USER], [{"role": "system", "content": "FIRST\n\nLAST"}, USER]),
        ([], [{"role": "system", "content": "FIRST\n\nLAST"}]),
        (
            [{"role": "developer", "content": "mine", "name": "x"}, USER],
            [{"role": "developer", "content": "FIRST\n\nmine\n\nLAST", "name": "x"}, USER],
        ),
        (
            [{"role": "system", "content": [{"type": "text", "text": "a"}]}, {"role": "system", "content": "b"}, USER],
            [
                {"role": "system", "content": [{"type": "text", "text": "FIRST"}, {"type": "text", "text": "a"}]},
                {"role": "system", "content": "b\n\nLAST"},
                USER,
            ],
        ),
        (
            [USER, {"role": "system", "content": "later"}],
            [{"role": "system", "content": "FIRST\n\nLAST"}, USER, {"role": "system", "content": "later"}],
        ),
    ],
)
def test_chat_has_one_place_at_the_beginning(before: list[Any], after: list[Any]) -> None:
    assert changed("chat", {"messages": before})["messages"] == after


def test_what_is_not_touched_keeps_its_bytes() -> None:
    body = b'{"x":1.50, "messages":[{"role":"user","content":"\\u00e4", "n": 1e2}],"y":{ }}'
    out = with_prompt("chat", body, SystemPrompt(append="more"))
    assert b'{"role":"user","content":"\\u00e4", "n": 1e2}' in out and b'"x":1.50' in out and b'"y":{ }' in out
    assert with_prompt("chat", body, SystemPrompt(append="more")) == out
    half = b'{"messages":[{"role":"user","content":"\\ud83d"}]}'
    assert json.loads(with_prompt("chat", half, BOTH))["messages"][1]["content"] == "\ud83d"
    odd = b'{"\\ud83d":1,"messages":[{"role":"user","content":"hi"}]}'
    assert json.loads(with_prompt("chat", odd, BOTH))["messages"][1] == {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("responses", {"instructions": 7}),
        ("messages", {"system": 7}),
        ("chat", {"messages": [{"role": "system", "content": 7}]}),
    ],
)
def test_a_system_prompt_that_is_none_is_refused(dialect: Dialect, body: Any) -> None:
    with pytest.raises(Fault) as caught:
        changed(dialect, body)
    assert caught.value.kind == "bad_request" and caught.value.param is not None


def test_a_body_that_only_the_reader_can_refuse_goes_on() -> None:
    assert changed("chat", {"messages": "no list"}) == {"messages": "no list"}
    assert changed("chat", {}) == {}


def test_the_outer_words_stand_outside() -> None:
    assert SystemPrompt("a", "b").around(SystemPrompt("c", "d")) == SystemPrompt("a\n\nc", "d\n\nb")
    assert SystemPrompt().around(SystemPrompt("c")) == SystemPrompt("c")
    assert not SystemPrompt()


DIALECT_OF = {
    "/v1/messages": "messages",
    "/v1/responses": "responses",
    "/v1/chat/completions": "chat",
    "generateContent": "gemini",
    "streamGenerateContent": "gemini",
}


def generations() -> list[tuple[str, str]]:
    """Every captured generation request that a reader takes, with its dialect."""
    found = []
    for client in ("anthropic-py", "claude-code", "codex", "genai-py", "openai-py"):
        for name in captures(client):
            path = str(capture(name).get("path", "")).partition("?")[0]
            dialect = next((dialect for end, dialect in DIALECT_OF.items() if path.endswith(end)), None)
            body = capture(name).get("body")
            refused = "error_shape" in name or (isinstance(body, dict) and "thread" in body)
            if dialect is not None and isinstance(body, dict) and not refused:
                found.append((name, dialect))
    return found


@pytest.mark.parametrize(("name", "dialect"), generations())
def test_what_real_clients_send_is_read_with_the_words_around(name: str, dialect: Dialect) -> None:
    body = capture(name)["body"]
    said = {"model": "m", "stream": False} if dialect == "gemini" else {}
    before = DIALECTS[dialect].read_request(body, **said)
    after = DIALECTS[dialect].read_request(changed(dialect, body), **said)
    texts = [part.text for part in after.system if isinstance(part, Text)]
    own = "\n\n".join(part.text for part in before.system if isinstance(part, Text))
    assert "\n\n".join(texts) == "\n\n".join(text for text in ("FIRST", own, "LAST") if text) or (
        dialect == "responses" and texts[0].startswith("FIRST") and "LAST" in texts[0]  # developer messages follow
    )
    assert after.turns == before.turns and after.tools == before.tools
    assert {key: value for key, value in changed(dialect, body).items() if key not in SYSTEM} == {
        key: value for key, value in body.items() if key not in SYSTEM
    }


SYSTEM = frozenset({"system", "instructions", "systemInstruction", "system_instruction", "messages"})
