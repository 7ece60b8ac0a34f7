"""What a response repeats of the request."""

from __future__ import annotations

from typing import Any

import pytest

from router.wire.conversation import Conversation, OutputFormat, Text
from router.wire.responses.response_object import echo, text_format
from tests.router.wire.responses.builders import conversation, read


def test_instructions_are_what_was_said_as_instructions_and_not_a_developers_messages() -> None:
    messages = [{"role": "developer", "content": "rules"}, {"role": "user", "content": "hi"}]
    assert echo(read({"instructions": "be brief", "input": messages}))["instructions"] == "be brief"
    assert echo(read({"input": messages}))["instructions"] is None


def test_system_texts_of_other_dialects_are_instructions() -> None:
    assert echo(conversation(system=(Text("a"), Text("b"))))["instructions"] == "a\n\nb"


def test_the_apis_defaults_stand_where_nothing_was_said() -> None:
    assert echo(Conversation(dialect="responses", model="m")) == {
        "background": False,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
    }


def test_what_was_said_is_repeated() -> None:
    said: dict[str, Any] = {
        "max_tool_calls": 3, "safety_identifier": "s", "truncation": "auto", "user": "u", "temperature": 0,
        "top_p": 0.5, "top_logprobs": 2, "service_tier": "flex", "prompt_cache_key": "k", "store": False,
        "max_output_tokens": 9,
        "parallel_tool_calls": False, "metadata": {"a": "b"}, "reasoning": {"effort": "high", "summary": "auto"},
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
    }  # fmt: skip
    told = echo(read(said))
    assert {key: told[key] for key in said} == said


@pytest.mark.parametrize(
    ("output", "written"),
    [
        (None, {"type": "text"}),
        (OutputFormat(), {"type": "text"}),
        (OutputFormat("enum", {"enum": ["a"]}), {"type": "text"}),
        (OutputFormat("json"), {"type": "json_object"}),
        (OutputFormat("schema"), {"type": "json_schema", "name": "response", "schema": {}}),
        (
            OutputFormat("schema", {"type": "object"}, name="n", description="", strict=False),
            {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "description": "", "strict": False},
        ),
    ],
)
def test_formats_are_flat(output: OutputFormat | None, written: dict[str, Any]) -> None:
    assert text_format(output) == written
