from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from router.wire.conversation import (
    Audio,
    Conversation,
    Document,
    Foreign,
    Image,
    Inline,
    OutputFormat,
    Part,
    Refusal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Url,
)
from router.wire.messages.count_tokens import estimate, estimate_text
from tests.router.wire.strategies import conversations


def talk(*parts: Part, **fields: Any) -> Conversation:
    return Conversation(**({"dialect": "chat", "model": "m", "turns": (Turn("user", parts),)} | fields))


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        (Text(text="x" * 35), 10),
        (Refusal(text="x" * 35), 10),
        (Thinking(text="x" * 35), 10),
        (ToolCall("c", "f" * 7, "x" * 28), 14),
        (ToolResult("c", (Text(text="x" * 35), Image(source=Url("https://x")))), 1614),
        (Image(source=Url("https://x")), 1600),
        (Audio(source=Url("https://x")), 1000),
        (Document(source=Url("https://x")), 1500),
        (Document(source=Inline("text/plain", "A" * 140)), 30),
        (Document(source=Inline("application/pdf", "A" * 400)), 1500),
        (Document(source=Inline("application/pdf", "A" * 120_000)), 3000),
        (Foreign(dialect="messages", raw={}, text="x" * 35), 10),
        (Foreign(dialect="messages", raw={"k": "x" * 27}), 10),
    ],
)
def test_every_part_counts(part: Part, tokens: int) -> None:
    assert estimate(talk(part)) == 4 + tokens


def test_system_tools_and_schemas_count() -> None:
    """A count without the tools makes Claude Code compact too late."""
    alone = estimate(talk())
    assert estimate(talk(system=(Text(text="x" * 35),))) == alone + 10
    tool = Tool("f" * 5, "d" * 23, {"type": "object", "k": 1})
    assert estimate(talk(tools=(tool,))) == alone + 12 + 15
    assert estimate(talk(tools=(Tool("f" * 7),))) == alone + 12 + 2
    assert estimate(talk(output=OutputFormat("schema", {"type": "object", "k": 1}))) > alone


def test_an_estimate_is_a_whole_number_and_never_zero() -> None:
    assert estimate(Conversation(dialect="chat", model="m")) == 1
    assert estimate_text(0) == 0
    assert estimate_text(1) == 1
    assert estimate_text(36) == 11


@given(conversations())
def test_an_estimate_grows_with_the_conversation(conversation: Conversation) -> None:
    longer = Conversation(
        dialect="chat",
        model="m",
        system=(*conversation.system, Text(text="x" * 70)),
        turns=conversation.turns,
        tools=conversation.tools,
    )
    shorter = Conversation(
        dialect="chat", model="m", system=conversation.system, turns=conversation.turns, tools=conversation.tools
    )
    assert estimate(longer) == estimate(shorter) + 20
