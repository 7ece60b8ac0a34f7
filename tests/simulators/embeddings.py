"""Embeddings: vectors that depend on the text only, in the shapes of OpenAI and Gemini."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Mapping
from typing import Any

from tests.simulators import gemini_proto
from tests.simulators import openai_rules as rules
from tests.simulators.behaviour import tokens
from tests.simulators.refusal import gemini, openai
from tests.simulators.reply import Reply

TOP = frozenset({"input", "model", "dimensions", "encoding_format", "user"})
DEFAULT = 8


def vector(text: str, size: int = DEFAULT) -> list[float]:
    """`size` numbers between -1 and 1 that a float32 holds exactly."""
    out: list[float] = []
    seed = text.encode()
    while len(out) < size:
        seed = hashlib.sha256(seed).digest()
        out.extend((byte - 128) / 128 for byte in seed)
    return out[:size]


def openai_embeddings(body: Mapping[str, Any]) -> Reply:
    """POST /v1/embeddings."""
    rules.known(body, TOP, "")
    given = rules.required(body, "input", "")
    model = rules.required(body, "model", "")
    if not str(model).startswith("text-embedding"):
        raise openai(
            f"The model `{model}` does not exist or you do not have access to it.", None, "model_not_found", status=404
        )
    single = isinstance(given, str) or (isinstance(given, list) and given and isinstance(given[0], int))
    inputs = [given] if single else given
    if not isinstance(inputs, list) or not inputs or len(inputs) > 2048 or "" in inputs:
        raise openai(
            "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.",
            "input",
        )
    form = rules.one_of(body.get("encoding_format", "float"), ("float", "base64"), "encoding_format")
    size = body.get("dimensions") or DEFAULT
    data = []
    for index, one in enumerate(inputs):
        values = vector(str(one), size)
        packed = base64.b64encode(struct.pack(f"<{size}f", *values)).decode()
        data.append({"object": "embedding", "index": index, "embedding": packed if form == "base64" else values})
    used = sum(tokens(str(one)) for one in inputs)
    return Reply(
        body={"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": used, "total_tokens": used}}
    )


def _one(request: Mapping[str, Any]) -> dict[str, Any]:
    parts = (request.get("content") or {}).get("parts") or []
    if not parts:
        raise gemini("* EmbedContentRequest.content: contents is not specified")
    text = "".join(part.get("text", "") for part in parts)
    return {"values": vector(text, request.get("outputDimensionality") or DEFAULT)}


def gemini_single(body: Any) -> Reply:
    """POST …:embedContent."""
    return Reply(body={"embedding": _one(gemini_proto.read(body, "EmbedContentRequest"))})


def gemini_batch(body: Any, model: str) -> Reply:
    """POST …:batchEmbedContents."""
    requests = gemini_proto.read(body, "BatchEmbedContentsRequest").get("requests") or []
    if not requests:
        raise gemini("* BatchEmbedContentsRequest.requests: requests is not specified")
    for number, one in enumerate(requests):
        if one.get("model") != f"models/{model}":
            raise gemini(f"* BatchEmbedContentsRequest.requests[{number}].model: must be models/{model}")
    return Reply(body={"embeddings": [_one(one) for one in requests]})
