"""Content parts of Chat messages: wire to neutral."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from router.faults import bad_request
from router.wire import media
from router.wire.chat.extras import kept
from router.wire.checked import check, optional, required, rest
from router.wire.conversation import (
    Audio,
    Document,
    FileId,
    Image,
    Inline,
    JsonObject,
    Part,
    Refusal,
    Source,
    Text,
    Thinking,
    Video,
)

AUDIO_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "flac": "audio/flac", "ogg": "audio/ogg", "m4a": "audio/mp4"}


def read_content(value: Any, path: str) -> tuple[Part, ...]:
    """A message's `content`: a string or an array of parts. Raises a 400 that names the part."""
    if isinstance(value, str):
        return (Text(value),)
    if not isinstance(value, list):
        raise bad_request(f"{path} must be a string or an array of content parts.", path)
    return tuple(read_part(item, f"{path}[{index}]") for index, item in enumerate(value))


def read_part(item: Any, path: str) -> Part:
    """One element of a content array."""
    if isinstance(item, str):  # some clients put bare strings into the array
        return Text(item)
    check(item, "an object", path)
    kind = item.get("type")
    reader = READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise bad_request(
            f'{path}.type: unknown part type "{kind}"; known are {", ".join(sorted(READERS))}.', f"{path}.type"
        )
    return reader(item, path)


def _text(item: JsonObject, path: str) -> Part:
    return Text(required(item, "text", "a string", path), extra=kept(rest(item, ("type", "text"))))


def _refusal(item: JsonObject, path: str) -> Part:
    return Refusal(required(item, "refusal", "a string", path), extra=kept(rest(item, ("type", "refusal"))))


def _thinking(item: JsonObject, path: str) -> Part:
    """Mistral's reasoning models echo ``{"type":"thinking","thinking":[text parts]}`` (docs.mistral.ai, reasoning)."""
    return Thinking(thinking_text(item.get("thinking")), summary=False)


def thinking_text(value: Any) -> str:
    """The text of a Mistral thinking part: a string or a list of text parts."""
    if isinstance(value, str):
        return value
    items = value if isinstance(value, list) else []
    return "".join(str(piece.get("text", "")) for piece in items if isinstance(piece, dict))


def _image(item: JsonObject, path: str) -> Part:
    inner = item.get("image_url")
    where = f"{path}.image_url"
    if isinstance(inner, str):  # compatible clients leave out the object
        return Image(media.parse_url(inner, where), extra=kept(rest(item, ("type", "image_url", "detail"))))
    inner = required(item, "image_url", "an object", path)
    source = media.parse_url(required(inner, "url", "a string", where), f"{where}.url")
    others = rest(item, ("type", "image_url", "index"))
    return Image(source, detail=optional(inner, "detail", "a string", where), extra=kept(others))


def _audio(item: JsonObject, path: str) -> Part:
    where = f"{path}.input_audio"
    inner = required(item, "input_audio", "an object", path)
    data = required(inner, "data", "a string", where)
    form = required(inner, "format", "a string", where)
    source = media.parse_base64(data, AUDIO_TYPES.get(form, f"audio/{form}"), f"{where}.data")
    return Audio(source, extra=kept(rest(item, ("type", "input_audio"))))


def _video(item: JsonObject, path: str) -> Part:
    inner = required(item, "video_url", "an object", path)
    where = f"{path}.video_url.url"
    source = media.parse_url(required(inner, "url", "a string", f"{path}.video_url"), where)
    return Video(source, extra=kept(rest(item, ("type", "video_url"))))


def _file(item: JsonObject, path: str) -> Part:
    where = f"{path}.file"
    inner = required(item, "file", "an object", path)
    data = optional(inner, "file_data", "a string", where)
    file_id = optional(inner, "file_id", "a string", where)
    if data is None and file_id is None:
        raise bad_request(f"{where} needs file_data (a data URL) or file_id.", where)
    source: Source = FileId(file_id, "chat") if data is None else _file_source(data, f"{where}.file_data")
    others = rest(item, ("type", "file"))
    filename = optional(inner, "filename", "a string", where)
    if isinstance(source, Inline) and source.media_type.startswith("image/"):
        return Image(source, extra=kept(others))
    return Document(source, filename=filename, extra=kept(others))


def _file_source(data: str, where: str) -> Source:
    """A data URL; compatible clients also send raw base64 or an address."""
    if data.startswith(("data:", "http://", "https://")):
        return media.parse_url(data, where)
    return media.parse_base64(data, "application/pdf", where)


READERS: dict[str, Callable[[JsonObject, str], Part]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "refusal": _refusal,
    "thinking": _thinking,
    "image_url": _image,
    "input_audio": _audio,
    "video_url": _video,
    "file": _file,
}
