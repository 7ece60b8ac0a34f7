"""Image generation: one small picture, in the shapes of OpenAI and of Imagen."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from tests.simulators import openai_rules as rules
from tests.simulators.refusal import openai
from tests.simulators.reply import Reply

TOP = frozenset(
    [
        "prompt",
        "model",
        "n",
        "quality",
        "size",
        "background",
        "moderation",
        "output_compression",
        "output_format",
        "partial_images",
        "response_format",
        "stream",
        "style",
        "user",
    ]
)


def png(width: int = 2, height: int = 2) -> bytes:
    """A valid picture in one colour."""

    def piece(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\x00" + b"\x20\x60\xa0" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", header) + piece(b"IDAT", zlib.compress(rows)) + piece(b"IEND", b"")


PNG = png()


def openai_images(body: Mapping[str, Any]) -> Reply:
    """POST /v1/images/generations."""
    rules.known(body, TOP, "")
    rules.typed(rules.required(body, "prompt", ""), str, "prompt", "a string")
    model = str(body.get("model", "gpt-image-1"))
    if not model.startswith(("gpt-image", "dall-e")):
        raise openai(f"The model '{model}' does not exist.", None, "model_not_found", status=404)
    if model.startswith("gpt-image") and "response_format" in body:
        raise openai("Unknown parameter: 'response_format'.", "response_format", "unknown_parameter")
    rules.between(body.get("n"), 1, 10, "n")
    picture = {"b64_json": base64.b64encode(PNG).decode()}
    count = body.get("n") or 1
    usage = {
        "input_tokens": 10,
        "output_tokens": 100,
        "total_tokens": 110,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
    }
    return Reply(body={"created": 1_790_000_000, "data": [picture] * count, "usage": usage})


def imagen(body: Mapping[str, Any]) -> Reply:
    """POST …:predict."""
    count = (body.get("parameters") or {}).get("sampleCount", 1)
    picture = {"mimeType": "image/png", "bytesBase64Encoded": base64.b64encode(PNG).decode()}
    return Reply(body={"predictions": [picture] * count})
