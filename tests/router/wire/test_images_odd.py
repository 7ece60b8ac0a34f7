"""An image answer of any shape becomes an answer or a fault, never another exception."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire import images
from router.wire.images import ImageAnswer

NAMES = st.sampled_from(
    [
        "data",
        "b64_json",
        "url",
        "candidates",
        "content",
        "parts",
        "inlineData",
        "predictions",
        "bytesBase64Encoded",
        "promptFeedback",
        "blockReason",
        "usageMetadata",
        "promptTokenCount",
        "text",
        "thought",
        "usage",
        "mimeType",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("read", [images.read_openai_reply, images.read_gemini_reply, images.read_imagen_reply])
@given(body=st.dictionaries(NAMES, JSON, max_size=4))
def test_any_answer_is_read_or_refused(read: Callable[[Any], ImageAnswer], body: dict[str, Any]) -> None:
    try:
        assert read(body).images
    except Fault as fault:
        assert fault.kind in ("upstream_broken", "bad_request")


@pytest.mark.parametrize("size", ["1024x" + "9" * 5000, "0x10", "1024", "x", "²x2", "100000x1"])
def test_an_impossible_size_is_refused_by_name(size: str) -> None:
    with pytest.raises(Fault) as caught:
        images.read_openai({"model": "m", "prompt": "x", "size": size})
    assert caught.value.param == "size"
