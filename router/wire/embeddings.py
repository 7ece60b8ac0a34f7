"""Embeddings: OpenAI's `/v1/embeddings` and Gemini's `embedContent` and `batchEmbedContents`, in all directions.

Sources: OpenAI's OpenAPI description (the SDKs ask for base64: little-endian float32); ai.google.dev "Embeddings"
(vectors of reduced size are not normalised).
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from router.faults import Fault, bad_request
from router.wire.checked import at_least, check, optional, required
from router.wire.conversation import JsonObject
from router.wire.notes import Notes
from router.wire.written import Written

MAX_INPUTS = 2048
_CHARACTERS_PER_TOKEN = 3.5
Tokens = tuple[int, ...]


class EmbeddingRequest(Struct, frozen=True, kw_only=True):
    """What to embed. inputs: texts or token ids. dimensions: None for the model's own. task_type: Gemini's word."""

    model: str
    inputs: tuple[str | Tokens, ...]
    dimensions: int | None = None
    encoding: Literal["float", "base64"] = "float"
    task_type: str | None = None
    title: str | None = None
    user: str | None = None


class EmbeddingAnswer(Struct, frozen=True):
    """One vector per input, in order. input_tokens: None where the provider does not say."""

    vectors: tuple[tuple[float, ...], ...]
    input_tokens: int | None = None


def read_openai(body: JsonObject, model: str | None = None) -> EmbeddingRequest:
    """A body of `/v1/embeddings`. Raises `Fault` bad_request that names the JSON path."""
    encoding = optional(body, "encoding_format", "a string") or "float"
    if encoding not in ("float", "base64"):
        raise bad_request(f'encoding_format: unknown format "{encoding}"; known are float, base64.', "encoding_format")
    dimensions = optional(body, "dimensions", "an integer")
    at_least(dimensions, 1, "dimensions")
    return EmbeddingRequest(
        model=model if model is not None else required(body, "model", "a string"),
        inputs=_inputs(body.get("input")),
        dimensions=dimensions,
        encoding="base64" if encoding == "base64" else "float",
        user=optional(body, "user", "a string"),
    )


def _inputs(value: Any) -> tuple[str | Tokens, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not value:
        raise bad_request("input must be a string or a non-empty array of strings or of token ids.", "input")
    if len(value) > MAX_INPUTS and not isinstance(value[0], int):
        raise bad_request(f"input holds {len(value)} texts; at most {MAX_INPUTS} are allowed.", "input")
    if _is_tokens(value):
        return (tuple(value),)
    return tuple(_input(item, f"input[{index}]") for index, item in enumerate(value))


def _input(item: Any, path: str) -> str | Tokens:
    if isinstance(item, list) and item and _is_tokens(item):
        return tuple(item)
    text: str = check(item, "a string", path)
    return text


def _is_tokens(values: list[Any]) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def read_gemini(body: JsonObject, model: str) -> EmbeddingRequest:
    """A body of `embedContent`; the model stands in the path."""
    return _gemini_request([body], [""], model)


def read_gemini_batch(body: JsonObject, model: str) -> EmbeddingRequest:
    """A body of `batchEmbedContents`. All its requests must ask for the same settings."""
    requests = required(body, "requests", "an array")
    if not requests:
        raise bad_request("requests must hold at least one request.", "requests")
    paths = [f"requests[{index}]" for index in range(len(requests))]
    return _gemini_request(
        [check(item, "an object", path) for item, path in zip(requests, paths, strict=True)], paths, model
    )


def _gemini_request(items: list[JsonObject], paths: list[str], model: str) -> EmbeddingRequest:
    settings = [_gemini_settings(item, path) for item, path in zip(items, paths, strict=True)]
    for found, path in zip(settings, paths, strict=True):
        if found != settings[0]:
            raise bad_request(
                f"{path}: taskType, title and outputDimensionality must be the same in all requests of a batch. Send "
                "different ones in batches of their own.",
                path,
            )
    inputs = tuple(_gemini_text(item, path) for item, path in zip(items, paths, strict=True))
    task_type, title, dimensions = settings[0]
    return EmbeddingRequest(model=model, inputs=inputs, dimensions=dimensions, task_type=task_type, title=title)


def _gemini_settings(item: JsonObject, path: str) -> tuple[str | None, str | None, int | None]:
    dimensions = _either(item, "outputDimensionality", "output_dimensionality", path)
    if dimensions is not None:
        where = f"{path}.outputDimensionality".lstrip(".")
        at_least(check(dimensions, "an integer", where), 1, where)
    return _either(item, "taskType", "task_type", path), optional(item, "title", "a string", path), dimensions


def _either(item: JsonObject, key: str, other: str, path: str) -> Any:
    """Proto JSON accepts both spellings."""
    return item.get(key) if item.get(key) is not None else item.get(other)


def _gemini_text(item: JsonObject, path: str) -> str:
    content = required(item, "content", "an object", path)
    where = f"{path}.content".lstrip(".")
    texts = []
    for index, part in enumerate(required(content, "parts", "an array", where)):
        at = f"{where}.parts[{index}]"
        if not isinstance(part, dict) or not isinstance(part.get("text"), str):
            raise bad_request(f"{at}: only text can be embedded.", at)
        texts.append(part["text"])
    return "".join(texts)


def write_openai(request: EmbeddingRequest) -> Written:
    """The body for an OpenAI-compatible server."""
    notes = Notes()
    inputs = [entry if isinstance(entry, str) else list(entry) for entry in request.inputs]
    body: JsonObject = {"model": request.model, "input": inputs, "encoding_format": request.encoding}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    if request.user is not None:
        body["user"] = request.user
    for key in ("task_type", "title"):
        if getattr(request, key) is not None:
            notes.dropped(key)
    return Written(body, notes.taken())


def write_gemini(request: EmbeddingRequest) -> Written:
    """The body of `batchEmbedContents`, also for one input. Raises a 400 for token ids."""
    notes = Notes()
    settings = {"taskType": request.task_type, "title": request.title, "outputDimensionality": request.dimensions}
    given = {key: value for key, value in settings.items() if value is not None}
    requests: list[JsonObject] = []
    for entry in request.inputs:
        if not isinstance(entry, str):
            raise bad_request("input holds token ids, which mean nothing to another model; send the text.", "input")
        content = {"parts": [{"text": entry}]}
        requests.append({"model": f"models/{request.model}", "content": content, **given})
    if request.user is not None:
        notes.dropped("user")
    return Written({"requests": requests}, notes.taken())


def read_openai_reply(body: JsonObject) -> EmbeddingAnswer:
    """An answer of `/v1/embeddings`, whichever encoding the server chose. Raises `Fault` upstream_broken."""
    try:
        entries = sorted(body["data"], key=lambda entry: entry.get("index", 0))
        vectors = tuple(_vector(entry["embedding"]) for entry in entries)
    except (KeyError, TypeError, ValueError, AttributeError, struct.error, binascii.Error) as error:
        raise Fault("upstream_broken", "The provider's answer holds no embeddings.") from error
    usage = body.get("usage")
    count = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return EmbeddingAnswer(vectors, count if isinstance(count, int) else None)


def read_gemini_reply(body: JsonObject, request: EmbeddingRequest) -> EmbeddingAnswer:
    """An answer of `embedContent` or `batchEmbedContents`; reduced vectors are normalised. Raises upstream_broken."""
    try:
        entries = [body["embedding"]] if "embedding" in body else body["embeddings"]
        vectors = tuple(_vector(entry["values"]) for entry in entries)
    except (KeyError, TypeError, ValueError) as error:
        raise Fault("upstream_broken", "The provider's answer holds no embeddings.") from error
    if request.dimensions is not None:
        vectors = tuple(normalised(vector) for vector in vectors)
    usage = body.get("usageMetadata")
    count = usage.get("promptTokenCount") if isinstance(usage, dict) else None
    return EmbeddingAnswer(vectors, count if isinstance(count, int) else None)


def _vector(value: Any) -> tuple[float, ...]:
    return decode(value) if isinstance(value, str) else tuple(float(number) for number in value)


def normalised(vector: Sequence[float]) -> tuple[float, ...]:
    """The vector of length 1 in the same direction; a zero vector stays."""
    length = math.sqrt(math.fsum(number * number for number in vector))
    return tuple(number / length for number in vector) if length > 0 else tuple(vector)


def encode(vector: Sequence[float]) -> str:
    """Base64 of little-endian float32 values."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def decode(text: str) -> tuple[float, ...]:
    """The values of `encode`. Raises `ValueError` or `struct.error`."""
    raw = base64.b64decode(text, validate=True)
    return struct.unpack(f"<{len(raw) // 4}f", raw)


def input_tokens(request: EmbeddingRequest, answer: EmbeddingAnswer) -> int:
    """What the provider counted, else an estimate."""
    return estimated_tokens(request) if answer.input_tokens is None else answer.input_tokens


def estimated_tokens(request: EmbeddingRequest) -> int:
    """Where nobody counts."""
    sizes = (len(e) if not isinstance(e, str) else math.ceil(len(e) / _CHARACTERS_PER_TOKEN) for e in request.inputs)
    return sum(sizes)


def write_openai_reply(answer: EmbeddingAnswer, request: EmbeddingRequest, model: str) -> JsonObject:
    """The answer of `/v1/embeddings` in the encoding that was asked for."""
    count = input_tokens(request, answer)
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": encode(vector) if request.encoding == "base64" else list(vector),
        }
        for index, vector in enumerate(answer.vectors)
    ]
    return {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": count, "total_tokens": count}}


def write_gemini_reply(answer: EmbeddingAnswer) -> JsonObject:
    """The answer of `embedContent`."""
    return {"embedding": {"values": list(answer.vectors[0]) if answer.vectors else []}}


def write_gemini_batch_reply(answer: EmbeddingAnswer) -> JsonObject:
    """The answer of `batchEmbedContents`."""
    return {"embeddings": [{"values": list(vector)} for vector in answer.vectors]}
