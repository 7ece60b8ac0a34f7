from __future__ import annotations

import pytest

from router.wire.messages import SPEC


def test_only_the_model_of_a_start_is_replaced() -> None:
    data = b'{"type":"message_start","message":{"id":"m","model":"old","usage":{"x": 1.0}},"new":[1, 2]}'
    expected = b'{"type":"message_start","message":{"id":"m","model":"new","usage":{"x": 1.0}},"new":[1, 2]}'
    assert SPEC.rename_model(data, "new") == expected


def test_only_the_model_of_a_whole_message_is_replaced() -> None:
    data = b'{"model":"old","type":"message","content":[{"type":"tool_use","input":{"model":"keep"}}]}'
    expected = b'{"model":"new","type":"message","content":[{"type":"tool_use","input":{"model":"keep"}}]}'
    assert SPEC.rename_model(data, "new") == expected


@pytest.mark.parametrize(
    "data",
    [
        b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"\\"model\\""}}',
        b'{"type":"content_block_start","content_block":{"type":"tool_use","input":{"model":"keep"}}}',
        b'{"type":"error","error":{"type":"not_found_error","message":"model"}}',
        b"[DONE]",
        b'"model" {',
    ],
)
def test_everything_else_stays_as_it_is(data: bytes) -> None:
    assert SPEC.rename_model(data, "new") is data
