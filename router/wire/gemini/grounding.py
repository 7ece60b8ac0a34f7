"""``groundingMetadata`` and ``citationMetadata`` as citations. Google counts UTF-8 bytes, we count characters."""

from __future__ import annotations

from router.wire.conversation import Json, JsonObject
from router.wire.events import Cited


def citations(candidate: JsonObject, text: str, choice: int) -> list[Cited]:
    """What a candidate cites about `text`, all the text that it has said so far, in the order of the wire."""
    raw = text.encode("utf-8", "surrogatepass")
    return [*_grounded(candidate.get("groundingMetadata"), raw, choice), *_cited(candidate, raw, choice)]


def _grounded(metadata: Json, raw: bytes, choice: int) -> list[Cited]:
    if not isinstance(metadata, dict):
        return []
    chunks = metadata.get("groundingChunks")
    sources = [_source(each) for each in chunks] if isinstance(chunks, list) else []
    found: list[Cited] = []
    supports = metadata.get("groundingSupports")
    supported: set[int] = set()
    for support in supports if isinstance(supports, list) else ():
        segment = support.get("segment") if isinstance(support, dict) else None
        if not isinstance(segment, dict):
            continue
        start, end = _characters(segment.get("startIndex", 0), raw), _characters(segment.get("endIndex"), raw)
        for index in support.get("groundingChunkIndices", ()):
            if isinstance(index, int) and 0 <= index < len(sources) and sources[index] is not None:
                url, title = sources[index] or ("", "")
                supported.add(index)
                quote = segment.get("text")
                found.append(Cited(url, title, start, end, quote if isinstance(quote, str) else None, choice))
    for index, source in enumerate(sources):
        if source is not None and index not in supported:
            found.append(Cited(source[0], source[1], choice=choice))
    return found


def _cited(candidate: JsonObject, raw: bytes, choice: int) -> list[Cited]:
    metadata = candidate.get("citationMetadata")
    sources = metadata.get("citationSources", metadata.get("citations")) if isinstance(metadata, dict) else None
    return [
        Cited(
            each["uri"],
            each.get("title", ""),
            _characters(each.get("startIndex", 0), raw),
            _characters(each.get("endIndex"), raw),
            choice=choice,
        )
        for each in (sources if isinstance(sources, list) else ())
        if isinstance(each, dict) and isinstance(each.get("uri"), str)
    ]


def _source(chunk: Json) -> tuple[str, str] | None:
    """Address and title of a web page, a place or a retrieved document."""
    if not isinstance(chunk, dict):
        return None
    for key in ("web", "maps", "retrievedContext"):
        found = chunk.get(key)
        if isinstance(found, dict) and isinstance(found.get("uri"), str):
            title = found.get("title")
            return found["uri"], title if isinstance(title, str) else ""
    return None


def _characters(offset: Json, raw: bytes) -> int | None:
    """A byte offset as a character offset; None where it lies outside of the text."""
    if not isinstance(offset, int) or isinstance(offset, bool) or not 0 <= offset <= len(raw):
        return None
    return len(raw[:offset].decode("utf-8", "ignore"))


def write(cited: list[Cited], text: str) -> JsonObject:
    """``groundingMetadata`` for citations about `text`."""
    chunks: list[JsonObject] = []
    places: dict[str, int] = {}
    supports: list[JsonObject] = []
    for each in cited:
        if each.url not in places:
            places[each.url] = len(chunks)
            chunks.append({"web": {"uri": each.url, "title": each.title}})
        if each.start is None or each.end is None:
            continue
        segment: JsonObject = {"startIndex": _bytes(text, each.start), "endIndex": _bytes(text, each.end)}
        segment["text"] = each.quote if each.quote is not None else text[each.start : each.end]
        supports.append({"segment": segment, "groundingChunkIndices": [places[each.url]]})
    return {"groundingChunks": chunks, **({"groundingSupports": supports} if supports else {})}


def _bytes(text: str, characters: int) -> int:
    return len(text[:characters].encode("utf-8", "surrogatepass"))
