"""Where the bytes of a picture or document are, both ways (`wire.md` 3.3)."""

from __future__ import annotations

import base64

from router.faults import bad_request
from router.wire import media
from router.wire.conversation import FileId, Inline, JsonObject, Source, Url
from router.wire.messages.typed import need, obj, text, wrong


def read_source(block: JsonObject, path: str) -> Source:
    """The ``source`` of an image or document block. Raises `Fault` bad_request."""
    where = f"{path}.source"
    source = obj(need(block, "source", path), where)
    kind = text(need(source, "type", where), f"{where}.type")
    if kind == "base64":
        declared = source.get("media_type")
        declared = text(declared, f"{where}.media_type") if declared is not None else None
        return media.parse_base64(text(need(source, "data", where), f"{where}.data"), declared, f"{where}.data")
    if kind == "url":
        return media.parse_url(text(need(source, "url", where), f"{where}.url"), f"{where}.url")
    if kind == "file":
        return FileId(text(need(source, "file_id", where), f"{where}.file_id"), "messages")
    if kind == "text":
        data = text(need(source, "data", where), f"{where}.data")
        return Inline("text/plain", base64.b64encode(data.encode("utf-8", "surrogatepass")).decode())
    raise wrong(f"{where}.type", "Input should be 'base64', 'url', 'file', 'text' or 'content'")


def write_source(source: Source, where: str) -> JsonObject:
    """``source`` for an image or document. Raises `Fault` bad_request for a file of another provider."""
    if isinstance(source, Url):
        return {"type": "url", "url": source.url}
    if isinstance(source, FileId):
        if source.dialect != "messages":
            raise bad_request(
                f"{where}: the file {source.id} is stored at another provider. Send its content instead.", where
            )
        return {"type": "file", "file_id": source.id}
    if source.media_type.startswith("text/"):
        return {"type": "text", "media_type": "text/plain", "data": media.decode_text(source, where)}
    return {"type": "base64", "media_type": source.media_type, "data": source.data}
