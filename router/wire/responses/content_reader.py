"""Content parts of messages and tool outputs."""

from __future__ import annotations

from collections.abc import Callable

from router.faults import bad_request
from router.wire import media
from router.wire.conversation import (
    Audio,
    Document,
    Extra,
    FileId,
    Foreign,
    Image,
    Inline,
    Json,
    JsonObject,
    Part,
    Refusal,
    Source,
    Text,
)
from router.wire.responses.typed import as_object, at, mapping, required_text, text, wrong


def read_content(content: Json, where: str) -> tuple[Part, ...]:
    """A string, or a list of parts. Parts of an unknown type become `Foreign`."""
    if isinstance(content, str):
        return (Text(content),)
    if not isinstance(content, list):
        raise wrong(where, "a string or a list of parts", content)
    return tuple(_read_part(part, f"{where}[{number}]") for number, part in enumerate(content))


def _read_part(value: Json, where: str) -> Part:
    part = as_object(value, where)
    reader = _READERS.get(required_text(part, "type", where))
    if reader is None:
        return Foreign("responses", part, where=where, extra={"responses": {"level": "content"}})
    return reader(part, where)


def _rest(part: JsonObject, *known: str) -> Extra:
    """Keys that the neutral form has no field for; empty lists, as SDKs echo them, are nothing."""
    rest = {key: value for key, value in part.items() if key not in known and key != "type" and value not in (None, [])}
    return {"responses": rest} if rest else {}


def _text(part: JsonObject, where: str) -> Part:
    return Text(required_text(part, "text", where), extra=_rest(part, "text"))


def _refusal(part: JsonObject, where: str) -> Part:
    return Refusal(required_text(part, "refusal", where), extra=_rest(part, "refusal"))


def _image(part: JsonObject, where: str) -> Part:
    url = part.get("image_url")
    if isinstance(url, dict):  # Chat's form, which some callers send
        url = url.get("url")
    source: Source
    if isinstance(url, str):
        source = media.parse_url(url, at(where, "image_url"))
    elif (file_id := text(part, "file_id", where)) is not None:
        source = FileId(file_id, "responses")
    else:
        raise bad_request(f"{where} needs image_url or file_id.", where)
    return Image(source, text(part, "detail", where), extra=_rest(part, "image_url", "file_id", "detail"))


def _file(part: JsonObject, where: str) -> Part:
    filename = text(part, "filename", where)
    extra = _rest(part, "filename", "file_data", "file_url", "file_id")
    source: Source
    if (data := text(part, "file_data", where)) is not None:
        path = at(where, "file_data")
        source = media.parse_base64(data, _type_by_name(filename), path)
        if source.media_type.startswith("image/"):
            return Image(source, extra=extra)
    elif (url := text(part, "file_url", where)) is not None:
        source = media.parse_url(url, at(where, "file_url"))
    elif (file_id := text(part, "file_id", where)) is not None:
        source = FileId(file_id, "responses")
    else:
        raise bad_request(f"{where} needs file_data, file_url or file_id.", where)
    return Document(source, filename, extra=extra)


def _audio(part: JsonObject, where: str) -> Part:
    sound = mapping(part, "input_audio", where)
    if sound is None:
        raise bad_request(f"{at(where, 'input_audio')} is missing; it must be an object.", at(where, "input_audio"))
    inside = at(where, "input_audio")
    form = text(sound, "format", inside) or "wav"
    data = media.parse_base64(required_text(sound, "data", inside), _SOUNDS.get(form, f"audio/{form}"), inside)
    return Audio(Inline(data.media_type, data.data), extra=_rest(part, "input_audio"))


def _type_by_name(filename: str | None) -> str | None:
    return _TYPES.get(filename.rpartition(".")[2].lower()) if filename else None


_SOUNDS = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_TYPES = {"pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "csv": "text/csv", "json": "text/plain"}
_READERS: dict[str, Callable[[JsonObject, str], Part]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "refusal": _refusal,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}
