"""A glance at an unstreamed answer sees what reading it sees, or leaves it to be read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from router.providers.observed import Observed
from router.wire.capabilities import Capabilities
from router.wire.chat import SPEC
from router.wire.chat.glance import glance
from router.wire.codec import dumps
from router.wire.dialect import ReplyContext
from router.wire.events import Answer
from router.wire.fold import fold
from tests.router.wire.strategies import answers, conversations

PLAIN: dict[str, Any] = {
    "id": "chatcmpl-1",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
}


def _seen(events: list[Any]) -> tuple[Any, ...]:
    observed = Observed()
    observed.note(events)
    return observed.response_id, observed.served_model, observed.finish, observed.usage, observed.ended


@pytest.mark.parametrize("finish", ["stop", "length", "content_filter", "something_new"])
def test_a_glance_sees_what_reading_sees(finish: str) -> None:
    body = {**PLAIN, "choices": [{**PLAIN["choices"][0], "finish_reason": finish}]}
    looked = glance(dumps(body), Capabilities())
    assert looked is not None
    assert _seen(looked) == _seen(SPEC.read_reply(body, Capabilities()))


def test_usage_that_counts_reasoning_outside_is_read_alike() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 9}}
    body = {**PLAIN, "usage": {**usage, "total_tokens": 16}}
    outside = Capabilities(reasoning_outside_output=True)
    looked = glance(dumps(body), outside)
    assert looked is not None
    assert _seen(looked) == _seen(SPEC.read_reply(body, outside))


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "no"}},
        {**PLAIN, "choices": []},
        {**PLAIN, "choices": [{"finish_reason": None}]},
        {**PLAIN, "choices": [{"finish_reason": ""}]},
        {**PLAIN, "choices": {}},
        {**PLAIN, "choices": PLAIN["choices"] * 2},
        {**PLAIN, "id": 7},
        {**PLAIN, "choices": [{"finish_reason": "tool_calls"}]},
        {**PLAIN, "extra_content": {"google": {"thought_signature": "x"}}},
        [],
    ],
)
def test_what_is_odd_is_left_to_be_read(body: Any) -> None:
    assert glance(dumps(body), Capabilities()) is None


@pytest.mark.parametrize("body", [b"", b"{", b'{"choices":[{"finish_reason":"stop"}]} x', b'{"id":"\xff"}'])
def test_what_is_no_json_is_left_to_be_refused(body: bytes) -> None:
    assert glance(body, Capabilities()) is None


def test_an_answer_with_calls_is_left_to_be_read() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": None, "tool_calls": [call]},
        "finish_reason": "stop",
    }
    body = {**PLAIN, "choices": [choice]}
    assert glance(dumps(body), Capabilities()) is None
    assert _seen(SPEC.read_reply(body, Capabilities()))[2] == "tools"


@given(answer=answers(), request=conversations())
def test_any_written_answer_is_seen_as_it_is_read(answer: Answer, request: Any) -> None:
    context = ReplyContext(response_id="chatcmpl-1", model="m", created=1, request=request)
    body = SPEC.write_reply(answer, context)
    looked = glance(dumps(body), Capabilities())
    if looked is not None:
        read = SPEC.read_reply(body, Capabilities())
        assert fold(read).response_id == "chatcmpl-1"
        assert _seen(looked)[:4] == _seen(read)[:4]


def test_an_answer_without_usage_must_be_read_so_that_it_can_be_estimated() -> None:
    assert glance(dumps({key: value for key, value in PLAIN.items() if key != "usage"}), Capabilities()) is None
    assert glance(dumps({**PLAIN, "usage": None}), Capabilities()) is None


def test_usage_that_is_a_guess_is_told_as_one() -> None:
    body = {**PLAIN, "usage": {**PLAIN["usage"], "estimated": True}}
    looked = glance(dumps(body), Capabilities())
    assert looked is not None
    assert _seen(looked) == _seen(SPEC.read_reply(body, Capabilities()))
    assert _seen(looked)[3].estimated is True
