"""Neutral parts to content parts of Chat messages, or a 400 for what Chat or the model cannot take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from router.faults import Fault, bad_request
from router.wire import media
from router.wire.capabilities import Capabilities
from router.wire.conversation import (
    Audio,
    Dialect,
    Document,
    FileId,
    Foreign,
    Image,
    Inline,
    JsonObject,
    Part,
    Refusal,
    Text,
    Url,
    Video,
)
from router.wire.notes import Notes

AUDIO_FORMATS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}
_PLACES: dict[Dialect, str] = {"chat": "messages", "messages": "messages", "responses": "input", "gemini": "contents"}


class PartWriter:
    """Writes single parts of one request for one model."""

    def __init__(self, dialect: Dialect, capabilities: Capabilities, notes: Notes) -> None:
        self._native = dialect == "chat"
        self._place = _PLACES[dialect]
        self._capabilities = capabilities
        self._notes = notes

    def write(self, part: Part) -> list[JsonObject]:
        """The content parts for `part`; none where it is left out with a note. Raises a 400 that says what to do."""
        writer = _WRITERS.get(type(part))
        if writer is None:
            raise self._refused(f"a part of kind {type(part).__name__}", "Remove it.")
        written = writer(self, part)
        for item in written:
            item.update(part.extra.get("chat", {}))
        return written

    def _refused(self, what: str, remedy: str) -> Fault:
        return bad_request(
            f"{self._place}: the request holds {what}, which the target cannot take. {remedy}", self._place
        )

    def _text(self, part: Any) -> list[JsonObject]:
        return [{"type": "text", "text": part.text}]

    def _image(self, part: Image) -> list[JsonObject]:
        capabilities = self._capabilities
        if not capabilities.images:
            raise self._refused("an image", "Choose a model that sees images.")
        source = part.source
        if isinstance(source, Inline):
            if not self._native and source.media_type not in capabilities.image_types:
                known = ", ".join(capabilities.image_types)
                raise self._refused(f"an image of type {source.media_type}", f"Convert it to one of {known}.")
            inner: JsonObject = {"url": media.data_url(source)}
        elif isinstance(source, Url):
            if not capabilities.image_urls and not self._native:
                raise self._refused("the address of an image", "Send the image itself as base64.")
            inner = {"url": source.url}
        else:
            raise self._refused("an image by file id", "File ids belong to one provider: send the image as base64.")
        if part.detail is not None:
            inner["detail"] = part.detail if self._native or part.detail != "original" else "high"
        return [{"type": "image_url", "image_url": inner}]

    def _document(self, part: Document) -> list[JsonObject]:
        source = part.source
        if isinstance(source, Inline) and source.media_type.startswith("text/"):
            head = part.title or part.filename
            text = media.decode_text(source, self._place)
            return [{"type": "text", "text": f'<document title="{head}">\n{text}\n</document>' if head else text}]
        if not self._capabilities.documents:
            raise self._refused("a document", "Choose a model that reads documents, or send their text.")
        inner: JsonObject = {} if part.filename is None else {"filename": part.filename}
        if isinstance(source, Inline):
            inner.setdefault("filename", f"{part.title or 'document'}.pdf")
            inner["file_data"] = media.data_url(source)
        elif isinstance(source, Url) and self._native:
            inner["file_data"] = source.url
        elif isinstance(source, FileId) and source.dialect == "chat":
            inner["file_id"] = source.id
        elif isinstance(source, Url):
            raise self._refused("the address of a document", "Send the document itself as base64.")
        else:
            raise self._refused("a document by file id", "File ids belong to one provider: send the file as base64.")
        return [{"type": "file", "file": inner}]

    def _audio(self, part: Audio) -> list[JsonObject]:
        source = part.source
        if not (self._capabilities.audio or self._native) or not isinstance(source, Inline):
            raise self._refused("audio", "Choose a model that hears, or send a transcript.")
        form = AUDIO_FORMATS.get(source.media_type)
        if form is None and not self._native:
            raise self._refused(f"audio of type {source.media_type}", "Convert it to wav or mp3.")
        return [{"type": "input_audio", "input_audio": {"data": source.data, "format": form or _subtype(source)}}]

    def _video(self, part: Video) -> list[JsonObject]:
        source = part.source
        if not (self._capabilities.video or self._native) or isinstance(source, FileId):
            raise self._refused("a video", "Choose a model that sees videos, or send single pictures.")
        url = media.data_url(source) if isinstance(source, Inline) else source.url
        return [{"type": "video_url", "video_url": {"url": url}}]

    def _refusal(self, part: Refusal) -> list[JsonObject]:
        return [{"type": "refusal", "refusal": part.text}]

    def _foreign(self, part: Foreign) -> list[JsonObject]:
        if part.dialect == "chat":
            return [dict(part.raw)]
        if part.text is not None:
            return [{"type": "text", "text": part.text}]
        kind = str(part.raw.get("type", "block"))
        if part.meaningful:
            where = part.where or self._place
            raise bad_request(
                f'{where}: a "{kind}" belongs to another provider and has no counterpart at the target. Remove it, or '
                "choose a model of the provider that made it.",
                where,
            )
        self._notes.dropped(kind)
        return []


def _subtype(source: Inline) -> str:
    return source.media_type.partition("/")[2]


def is_media(part: Part) -> bool:
    """A part that a Chat tool or assistant message has no place for."""
    return isinstance(part, Image | Document | Audio | Video)


def labelled(part: Part, label: str, writer: PartWriter) -> list[JsonObject]:
    """Media that moved to a user message, with one line that says where it comes from."""
    return [{"type": "text", "text": label}, *writer.write(part)]


_WRITERS: dict[type, Callable[[PartWriter, Any], list[JsonObject]]] = {
    Text: PartWriter._text,
    Refusal: PartWriter._refusal,
    Image: PartWriter._image,
    Document: PartWriter._document,
    Audio: PartWriter._audio,
    Video: PartWriter._video,
    Foreign: PartWriter._foreign,
}
