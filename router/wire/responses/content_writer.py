"""Parts as content of input messages and tool outputs."""

from __future__ import annotations

from router.faults import bad_request
from router.wire import media
from router.wire.capabilities import Capabilities
from router.wire.conversation import (
    Audio,
    Document,
    FileId,
    Foreign,
    Image,
    Inline,
    JsonObject,
    Part,
    Refusal,
    Source,
    Text,
    Url,
)
from router.wire.notes import Notes

_OPENAI = ("responses", "chat")  # one file storage
_FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav"}


def write_part(part: Part, where: str, role: str, capabilities: Capabilities, notes: Notes) -> JsonObject | None:
    """One content part; None where it is left out with a note. Raises `Fault` for what cannot be told to the target."""
    own = part.extra.get("responses", {})
    rest = {key: value for key, value in own.items() if key not in ("of", "level")}
    if isinstance(part, Text):
        return {"type": "output_text" if role == "assistant" else "input_text", "text": part.text, **rest}
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text, **rest}
    if isinstance(part, Image):
        return {**_image(part, where, capabilities), **rest}
    if isinstance(part, Document):
        return {**_document(part, where, capabilities), **rest}
    if isinstance(part, Audio):
        return {**_audio(part, where, capabilities), **rest}
    if isinstance(part, Foreign):
        return _foreign(part, where, role, notes)
    kind = type(part).__name__.lower()
    raise bad_request(f"{where}: this model takes no {kind} input. Remove it, or choose a model that does.", where)


def _foreign(part: Foreign, where: str, role: str, notes: Notes) -> JsonObject | None:
    if part.dialect == "responses":
        return part.raw
    if part.text is not None:
        return {"type": "output_text" if role == "assistant" else "input_text", "text": part.text}
    kind = str(part.raw.get("type", "block"))
    if part.meaningful:
        place = part.where or where
        raise bad_request(f"{place}: {kind} has no counterpart in the Responses API. Remove it.", place)
    notes.dropped(kind)
    return None


def _image(part: Image, where: str, capabilities: Capabilities) -> JsonObject:
    if not capabilities.images:
        raise bad_request(f"{where}: this model takes no images. Remove it, or choose a model that does.", where)
    written: JsonObject = {"type": "input_image"}
    if isinstance(part.source, FileId):
        written["file_id"] = _file_id(part.source, where)
    else:
        written["image_url"] = _address(part.source)
    return {**written, "detail": part.detail} if part.detail is not None else written


def _document(part: Document, where: str, capabilities: Capabilities) -> JsonObject:
    source = part.source
    if isinstance(source, Inline) and source.media_type.startswith("text/"):
        return {"type": "input_text", "text": media.decode_text(source, where)}
    if not capabilities.documents:
        raise bad_request(f"{where}: this model takes no documents. Remove it, or choose a model that does.", where)
    if isinstance(source, FileId):
        written: JsonObject = {"type": "input_file", "file_id": _file_id(source, where)}
    elif isinstance(source, Url):
        written = {"type": "input_file", "file_url": source.url}
    else:
        # The API wants a name beside data; without one it cannot tell the type.
        name = part.filename or part.title or f"document.{source.media_type.partition('/')[2]}"
        return {"type": "input_file", "filename": name, "file_data": media.data_url(source)}
    return {**written, "filename": part.filename} if part.filename is not None else written


def _audio(part: Audio, where: str, capabilities: Capabilities) -> JsonObject:
    form = _FORMATS.get(part.source.media_type) if isinstance(part.source, Inline) else None
    if not capabilities.audio or form is None or not isinstance(part.source, Inline):
        raise bad_request(
            f"{where}: this model takes no such audio. Send inline wav or mp3 to a model that does.", where
        )
    return {"type": "input_audio", "input_audio": {"data": part.source.data, "format": form}}


def _address(source: Source) -> str:
    if isinstance(source, Inline):
        return media.data_url(source)
    return source.url if isinstance(source, Url) else source.id


def _file_id(source: FileId, where: str) -> str:
    if source.dialect not in _OPENAI:
        raise bad_request(f"{where}: the file {source.id!r} is stored at another provider. Send its content.", where)
    return source.id
