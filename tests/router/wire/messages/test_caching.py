"""Where cache marks are set for callers whose dialect has none."""

from __future__ import annotations

from typing import Any

import pytest

from router.wire.messages.caching import MARK, mark


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


@pytest.mark.parametrize(
    "unmarkable", [{"type": "thinking", "thinking": "hm"}, {"type": "redacted_thinking", "data": "x"}]
)
def test_thinking_takes_no_mark_so_the_block_before_it_gets_it(unmarkable: dict[str, Any]) -> None:
    messages = [{"role": "user", "content": [text("a"), text("b"), dict(unmarkable)]}]
    mark([], [], messages)
    assert messages[0]["content"] == [text("a"), {**text("b"), "cache_control": MARK}, unmarkable]


def test_a_turn_of_nothing_else_stays_without_a_mark() -> None:
    messages = [{"role": "user", "content": [{"type": "redacted_thinking", "data": "x"}]}]
    mark([], [], messages)
    assert messages == [{"role": "user", "content": [{"type": "redacted_thinking", "data": "x"}]}]


def test_marks_are_objects_of_their_own() -> None:
    tools: list[dict[str, Any]] = [{"name": "f"}]
    system = [text("s")]
    mark(tools, system, [])
    tools[0]["cache_control"]["ttl"] = "1h"
    assert system[0]["cache_control"] == MARK == {"type": "ephemeral"}
