"""What a Chat caller's own keys become on the way to a Chat target."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from router.wire.capabilities import Capabilities
from router.wire.chat import SPEC
from router.wire.conversation import Conversation


def read(**keys: Any) -> Conversation:
    return SPEC.read_request({"model": "m", "messages": [{"role": "user", "content": "hi"}], **keys})


def written(conversation: Conversation, **capabilities: Any) -> dict[str, Any]:
    return SPEC.write_request(conversation, Capabilities(**capabilities)).body


def test_keys_that_nobody_here_knows_go_through() -> None:
    body = written(read(logit_things={"a": 1}, provider={"order": ["x"]}, seed=0))
    assert (body["logit_things"], body["provider"], body["seed"]) == ({"a": 1}, {"order": ["x"]}, 0)


@pytest.mark.parametrize(
    ("reasoning", "adapted", "sent"),
    [
        ({"effort": "high", "exclude": True}, "low", {"effort": "low", "exclude": True}),
        ({"max_tokens": 500}, None, {"max_tokens": 500}),
        ({"exclude": True}, None, {"exclude": True}),
    ],
)
def test_a_routers_reasoning_object_replaces_the_effort_and_says_the_adapted_one(
    reasoning: dict[str, Any], adapted: Any, sent: dict[str, Any]
) -> None:
    conversation = read(reasoning=reasoning)
    if adapted is not None:
        conversation = replace(conversation, reasoning=replace(conversation.reasoning, effort=adapted))
    body = written(conversation, reasoning_field="reasoning")
    assert body["reasoning"] == sent
    assert "reasoning_effort" not in body


def test_a_target_with_another_field_gets_the_effort_alone() -> None:
    body = written(read(reasoning={"effort": "high", "exclude": True}), reasoning_field="reasoning_content")
    assert body["reasoning_effort"] == "high"
    assert "reasoning" not in body


def test_stream_options_are_joined_and_ours_win() -> None:
    conversation = read(stream=True, stream_options={"include_usage": False, "include_obfuscation": False})
    assert written(conversation)["stream_options"] == {"include_usage": True, "include_obfuscation": False}
    assert "stream_options" not in written(conversation, stream_usage=False)
    assert "stream_options" not in written(replace(conversation, stream=False))


@pytest.mark.parametrize("key", ["user", "safety_identifier"])
def test_who_the_user_is_goes_through_as_it_was_said_unless_it_was_taken_away(key: str) -> None:
    conversation = read(**{key: "u1"})
    assert {k: v for k, v in written(conversation).items() if k in ("user", "safety_identifier")} == {key: "u1"}
    hidden = written(replace(conversation, user=None))
    assert not {"user", "safety_identifier"} & set(hidden)
