"""Making pictures: OpenAI's `/v1/images/generations` to OpenAI, Gemini (`generateContent`) and Imagen (`predict`).

Sources: OpenAI's OpenAPI description of ``POST /images/generations``; ai.google.dev "Image generation" and "Imagen".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from router.faults import Fault, bad_request
from router.wire.checked import at_least, optional, required, rest
from router.wire.conversation import JsonObject
from router.wire.notes import Notes
from router.wire.written import Written

MAX_IMAGES = 10
IMAGEN_PER_CALL = 4
GEMINI_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
IMAGEN_RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
_LARGE = ((1792, None), (2048, "2K"))  # longest side in pixels -> Gemini's word; below the first: the default
_KNOWN = ("model", "prompt", "n", "size", "response_format", "output_format", "user", "stream")
_TUNING = ("quality", "style", "background", "moderation", "output_compression", "partial_images")


class ImageRequest(Struct, frozen=True, kw_only=True):
    """Which pictures to make. size: (width, height) in pixels, None for the model's choice. settings: OpenAI's own."""

    model: str
    prompt: str
    n: int = 1
    size: tuple[int, int] | None = None
    response_format: str | None = None  # url | b64_json
    output_format: str | None = None  # png | jpeg | webp
    user: str | None = None
    stream: bool = False
    settings: JsonObject = {}


class MadeImage(Struct, frozen=True):
    """One picture: base64 `data`, or the provider's `url`."""

    data: str | None = None
    url: str | None = None
    media_type: str = "image/png"
    revised_prompt: str | None = None


class ImageAnswer(Struct, frozen=True):
    """The pictures of one or several upstream answers. usage: OpenAI's `usage` object, if one came."""

    images: tuple[MadeImage, ...]
    usage: JsonObject | None = None


def read_openai(body: JsonObject, model: str | None = None) -> ImageRequest:
    """A body of `/v1/images/generations`. Raises `Fault` bad_request that names the JSON path."""
    count = optional(body, "n", "an integer")
    at_least(count, 1, "n")
    if count is not None and count > MAX_IMAGES:
        raise bad_request(f"n must be at most {MAX_IMAGES}, not {count}.", "n")
    response_format = optional(body, "response_format", "a string")
    if response_format not in (None, "url", "b64_json"):
        raise bad_request(
            f'response_format: unknown format "{response_format}"; known are url, b64_json.', "response_format"
        )
    return ImageRequest(
        model=model if model is not None else required(body, "model", "a string"),
        prompt=required(body, "prompt", "a string"),
        n=count or 1,
        size=_size(optional(body, "size", "a string")),
        response_format=response_format,
        output_format=optional(body, "output_format", "a string"),
        user=optional(body, "user", "a string"),
        stream=optional(body, "stream", "a boolean") is True,
        settings={key: value for key, value in rest(body, _KNOWN).items() if value is not None},
    )


def _size(text: str | None) -> tuple[int, int] | None:
    if text in (None, "auto"):
        return None
    width, _, height = str(text).partition("x")
    if not (
        width.isascii()
        and width.isdigit()
        and height.isascii()
        and height.isdigit()
        and max(len(width), len(height)) <= 5
        and int(width)
        and int(height)
    ):
        raise bad_request(f'size: "{text}" is no size; write it as 1024x1024, or auto.', "size")
    return int(width), int(height)


def write_openai(request: ImageRequest) -> Written:
    """The body for an OpenAI-compatible server."""
    body: JsonObject = {"model": request.model, "prompt": request.prompt, "n": request.n}
    if request.size is not None:
        body["size"] = f"{request.size[0]}x{request.size[1]}"
    for key in ("response_format", "output_format", "user"):
        if getattr(request, key) is not None:
            body[key] = getattr(request, key)
    if request.stream:
        body["stream"] = True
    return Written({**body, **request.settings})


def write_gemini(request: ImageRequest) -> tuple[Written, ...]:
    """Bodies of `generateContent`, one call per picture (`candidateCount` is refused for pictures)."""
    notes = _noted(request)
    config: JsonObject = {"responseModalities": ["TEXT", "IMAGE"]}
    if request.size is not None:
        image: JsonObject = {"aspectRatio": aspect_ratio(request.size, GEMINI_RATIOS)}
        if (size := _image_size(request.size)) is not None:
            image["imageSize"] = size
        config["imageConfig"] = image
        notes.changed("size")
    contents = [{"role": "user", "parts": [{"text": request.prompt}]}]
    written = Written({"contents": contents, "generationConfig": config}, notes.taken())
    return (written,) * request.n


def write_imagen(request: ImageRequest) -> tuple[Written, ...]:
    """Bodies of `predict`, at most `IMAGEN_PER_CALL` pictures per call."""
    notes = _noted(request)
    parameters: JsonObject = {}
    if request.size is not None:
        parameters["aspectRatio"] = aspect_ratio(request.size, IMAGEN_RATIOS)
        notes.changed("size")
    if request.output_format is not None:
        parameters["outputOptions"] = {"mimeType": f"image/{request.output_format}"}
    counts = [IMAGEN_PER_CALL] * (request.n // IMAGEN_PER_CALL)
    if request.n % IMAGEN_PER_CALL:
        counts.append(request.n % IMAGEN_PER_CALL)
    instances = [{"prompt": request.prompt}]
    return tuple(
        Written({"instances": instances, "parameters": {"sampleCount": count, **parameters}}, notes.taken())
        for count in counts
    )


def _noted(request: ImageRequest) -> Notes:
    """Notes on what Google's models are not told. Raises a 400 where the caller expects a stream."""
    if request.stream:
        raise bad_request("stream: the target gives whole pictures only. Leave stream out.", "stream")
    notes = Notes()
    for key in _TUNING:
        if key in request.settings:
            notes.dropped(key)
    if request.user is not None:
        notes.dropped("user")
    return notes


def aspect_ratio(size: tuple[int, int], ratios: Sequence[str]) -> str:
    """The nearest of `ratios` (``16:9``), compared by the logarithm of width to height."""
    wanted = math.log(size[0] / size[1])

    def distance(ratio: str) -> float:
        width, _, height = ratio.partition(":")
        return abs(math.log(int(width) / int(height)) - wanted)

    return min(ratios, key=distance)


def _image_size(size: tuple[int, int]) -> str | None:
    for limit, word in _LARGE:
        if max(size) <= limit:
            return word
    return "4K"


def read_openai_reply(body: JsonObject) -> ImageAnswer:
    """An answer of `/v1/images/generations`. Raises `Fault` upstream_broken where it holds no pictures."""
    entries = _objects(body.get("data"))
    media_type = f"image/{body.get('output_format') or 'png'}"
    images = tuple(
        MadeImage(entry.get("b64_json"), entry.get("url"), media_type, entry.get("revised_prompt"))
        for entry in entries
        if entry.get("b64_json") is not None or entry.get("url") is not None
    )
    usage = body.get("usage")
    return ImageAnswer(_some(images, ""), usage if isinstance(usage, dict) else None)


def read_gemini_reply(body: JsonObject) -> ImageAnswer:
    """An answer of `generateContent`. A refusal in words becomes the message of the fault."""
    images: list[MadeImage] = []
    words: list[str] = []
    for part in _gemini_parts(body):
        inline = part.get("inlineData", part.get("inline_data"))
        if isinstance(inline, dict) and not part.get("thought"):
            images.append(MadeImage(inline.get("data"), None, inline.get("mimeType", "image/png")))
        elif isinstance(part.get("text"), str) and not part.get("thought"):
            words.append(part["text"])
    feedback = body.get("promptFeedback")
    blocked = feedback.get("blockReason") if isinstance(feedback, dict) else None
    return ImageAnswer(_some(tuple(images), " ".join(words) or str(blocked or "")), _gemini_usage(body))


def read_imagen_reply(body: JsonObject) -> ImageAnswer:
    """An answer of `predict`; filtered pictures are missing from it."""
    predictions = _objects(body.get("predictions"))
    images = tuple(
        MadeImage(entry["bytesBase64Encoded"], None, entry.get("mimeType", "image/png"), entry.get("prompt"))
        for entry in predictions
        if isinstance(entry.get("bytesBase64Encoded"), str)
    )
    reasons = [str(entry["raiFilteredReason"]) for entry in predictions if entry.get("raiFilteredReason")]
    return ImageAnswer(_some(images, " ".join(reasons)))


def _objects(value: object) -> list[JsonObject]:
    """The objects of a list; a provider's answer may be anything."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _gemini_parts(body: JsonObject) -> list[JsonObject]:
    contents = [candidate.get("content") for candidate in _objects(body.get("candidates"))]
    return [part for content in _objects(contents) for part in _objects(content.get("parts"))]


def _some(images: tuple[MadeImage, ...], why: str) -> tuple[MadeImage, ...]:
    if images:
        return images
    if why:
        raise bad_request(f"The model made no picture: {why}", "prompt", code="image_generation_refused")
    raise Fault("upstream_broken", "The provider's answer holds no picture.")


def _gemini_usage(body: JsonObject) -> JsonObject | None:
    usage = body.get("usageMetadata")
    if not isinstance(usage, dict):
        return None
    counts = {name: value for name, value in usage.items() if isinstance(value, int)}
    given = counts.get("promptTokenCount", 0)
    made = counts.get("candidatesTokenCount", 0) + counts.get("thoughtsTokenCount", 0)
    return {"input_tokens": given, "output_tokens": made, "total_tokens": given + made}


def joined(answers: Sequence[ImageAnswer]) -> ImageAnswer:
    """The answers of several calls for one request."""
    usages = [answer.usage for answer in answers if answer.usage is not None]
    total: dict[str, Any] | None = None
    if usages:
        total = {key: sum(int(usage.get(key) or 0) for usage in usages) for key in _USAGE_KEYS}
    return ImageAnswer(tuple(image for answer in answers for image in answer.images), total)


_USAGE_KEYS = ("input_tokens", "output_tokens", "total_tokens")


def write_openai_reply(answer: ImageAnswer, request: ImageRequest, created: int) -> JsonObject:
    """The answer of `/v1/images/generations`. created: Unix seconds. Nothing is stored: a url is a data URL."""
    data: list[JsonObject] = []
    for image in answer.images:
        entry: JsonObject = {}
        if image.data is None:
            entry["url"] = image.url
        elif request.response_format == "url":
            entry["url"] = f"data:{image.media_type};base64,{image.data}"
        else:
            entry["b64_json"] = image.data
        if image.revised_prompt is not None:
            entry["revised_prompt"] = image.revised_prompt
        data.append(entry)
    reply: JsonObject = {"created": created, "data": data}
    if answer.usage is not None:
        reply["usage"] = answer.usage
    return reply
