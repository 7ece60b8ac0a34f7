"""Each kind of neutral part as a Gemini client gets it."""

from __future__ import annotations

from typing import Any

import pytest

from router.wire.conversation import (
    Audio,
    Document,
    FileId,
    Foreign,
    Image,
    Inline,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    Url,
    Video,
)
from router.wire.gemini.answer_parts import answer_part
from router.wire.gemini.faults import from_error

SIGNED = Opaque("gemini", "c2ln")
RAW = {"executableCode": {"code": "1"}}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Text("a"), {"text": "a"}),
        (Text("a", opaque=SIGNED), {"text": "a", "thoughtSignature": "c2ln"}),
        (Refusal("no"), {"text": "no"}),
        (Thinking("hm"), {"text": "hm", "thought": True}),
        (Thinking("", opaque=SIGNED), {"text": "", "thought": True, "thoughtSignature": "c2ln"}),
        (ToolCall("c", "f", '{"a":1}'), {"functionCall": {"id": "c", "name": "f", "args": {"a": 1}}}),
        (ToolCall("c", "f", "x", custom=True), {"functionCall": {"id": "c", "name": "f", "args": {"input": "x"}}}),
        (ToolCall("c", "f", "", namespace="n"), {"functionCall": {"id": "c", "name": "n__f", "args": {}}}),
        (
            ToolCall("c", "f", "{}", opaque=SIGNED),
            {"functionCall": {"id": "c", "name": "f", "args": {}}, "thoughtSignature": "c2ln"},
        ),
        (Image(Inline("image/png", "AA==")), {"inlineData": {"mimeType": "image/png", "data": "AA=="}}),
        (Audio(Url("https://x.test/a")), {"fileData": {"fileUri": "https://x.test/a"}}),
        (
            Video(FileId("files/v", "gemini", "video/mp4")),
            {"fileData": {"fileUri": "files/v", "mimeType": "video/mp4"}},
        ),
        (Foreign("gemini", RAW), RAW),
        (Foreign("messages", RAW), None),
        (Document(Url("https://x.test/d")), None),
    ],
)
def test_every_kind_of_part(part: Part, expected: dict[str, Any] | None) -> None:
    assert answer_part(part) == expected


def test_an_inner_error_with_the_status_of_an_overload_is_one() -> None:
    assert from_error({"message": "m", "status": "INTERNAL"}, 503).kind == "overloaded"
    assert from_error({"message": "m", "status": "INVALID_ARGUMENT"}, 413).kind == "too_large"
    assert from_error({"message": "m", "code": 600}).status is None
    assert from_error({"message": "m", "code": 599}).status == 599
    assert from_error({"message": "m", "code": 399}).status is None
