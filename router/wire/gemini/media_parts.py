"""``inlineData`` and ``fileData`` as neutral pictures, documents, sound and film, and back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from router.faults import bad_request
from router.wire import media
from router.wire.capabilities import Capabilities
from router.wire.conversation import (
    Audio,
    Document,
    Extra,
    FileId,
    Image,
    Inline,
    JsonObject,
    Part,
    Source,
    Url,
    Video,
)
from router.wire.gemini.fields import check, kept, message, optional, rest
from router.wire.notes import Notes

Media = Image | Document | Audio | Video

_REFUSED: Mapping[str, str] = MappingProxyType({"image/gif": "convert it to PNG, JPEG or WebP"})
"""Types that Gemini does not take, with the remedy."""
_YOUTUBE = ("youtube.com/", "youtu.be/")
IN_RESULTS = frozenset({"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"})
"""Types that ``functionResponse.parts`` takes (Gemini 3)."""


def read_inline(value: object, others: JsonObject, path: str) -> Part:
    """``inlineData``. others: further fields of the part, kept as they are."""
    blob = message(value, path)
    data = check(blob.get("data"), "a string", f"{path}.data")
    inline = media.parse_base64(data, optional(blob, "mimeType", "a string", path), f"{path}.data")
    name = optional(blob, "displayName", "a string", path)
    unknown = rest(blob, {"data", "mimeType", "displayName"})
    extra = kept({**others, "inlineData": unknown} if unknown else others)
    return _part(inline.media_type, inline, name, extra)


def read_file(value: object, others: JsonObject, path: str) -> Part:
    """``fileData``: a web address, or a file stored at Google, which is good for one account only."""
    found = message(value, path)
    uri = check(found.get("fileUri"), "a string", f"{path}.fileUri")
    media_type = optional(found, "mimeType", "a string", path)
    name = optional(found, "displayName", "a string", path)
    unknown = rest(found, {"fileUri", "mimeType", "displayName"})
    extra = kept({**others, "fileData": unknown} if unknown else others)
    is_web = uri.startswith(("http://", "https://")) and "generativelanguage.googleapis.com/" not in uri
    source: Source = Url(uri, media_type) if is_web else FileId(uri, "gemini", media_type)
    if media_type is None and any(host in uri for host in _YOUTUBE):
        return Video(source=source, extra=extra)
    return _part(media_type or "", source, name, extra)


def _part(media_type: str, source: Source, name: str | None, extra: Extra) -> Media:
    kind = media_type.partition("/")[0].lower()
    if kind == "audio":
        return Audio(source=source, extra=extra)
    if kind == "video":
        return Video(source=source, extra=extra)
    if kind == "image":
        return Image(source=source, extra=_named(extra, name))
    return Document(source=source, filename=name, extra=extra)


def _named(extra: Extra, name: str | None) -> Extra:
    return extra if name is None else {"gemini": {**extra.get("gemini", {}), "displayName": name}}


def write(part: Media, capabilities: Capabilities, notes: Notes, where: str) -> JsonObject:
    """One part. Raises `Fault` bad_request for what Gemini cannot take; `where` names it."""
    others = dict(part.extra.get("gemini", {}))
    name = others.pop("displayName", None) or (part.filename if isinstance(part, Document) else None)
    unknown = {**others.pop("inlineData", {}), **others.pop("fileData", {})}
    if isinstance(part, Image) and part.detail not in (None, "auto") and "mediaResolution" not in others:
        notes.dropped("image.detail")
    own = {**({"displayName": name} if name is not None and "gemini" in part.extra else {}), **unknown}
    source = part.source
    if isinstance(source, Inline):
        return {"inlineData": {**inline(source, where), **own}, **others}
    return {"fileData": {**_file(source, part, capabilities, where), **own}, **others}


def inline(source: Inline, where: str) -> JsonObject:
    """A blob, unless Gemini refuses its type."""
    remedy = _REFUSED.get(source.media_type)
    if remedy is not None:
        raise bad_request(f"{where}: Gemini models do not take {source.media_type}; {remedy}.", where)
    return {"mimeType": source.media_type, "data": source.data}


def _file(source: Url | FileId, part: Media, capabilities: Capabilities, where: str) -> JsonObject:
    if isinstance(source, FileId):
        if source.dialect != "gemini":
            raise bad_request(f"{where}: file {source.id} is stored elsewhere; send its bytes instead.", where)
        uri = source.id
    else:
        allowed = capabilities.document_urls if isinstance(part, Document) else capabilities.image_urls
        if not allowed:
            raise bad_request(f"{where}: this model does not fetch addresses; send the bytes as base64.", where)
        uri = source.url
    return {"fileUri": uri, **({"mimeType": source.media_type} if source.media_type is not None else {})}
