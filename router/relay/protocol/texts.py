"""Text that travels in pieces: cut where a character ends, and put together again wherever the other side cut. Pure."""

from __future__ import annotations

from collections.abc import Iterator


def pieces(text: str, most: int) -> Iterator[str]:
    """`text` in pieces of at most `most` bytes of UTF-8 (at least 4); none for an empty text."""
    if len(text) <= most and text.isascii():
        if text:
            yield text
        return
    step = most if text.isascii() else most // 4
    for at in range(0, len(text), step):
        yield text[at : at + step]


class Joiner:
    """Pieces of a text as bytes. JavaScript may cut a character of two halves (a surrogate pair) between two pieces:
    the first half waits for its second."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> bytes:
        """The bytes that are whole now."""
        if self._half:
            text, self._half = self._half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return utf8(text)

    def close(self) -> bytes:
        """What is left when nothing follows."""
        rest, self._half = self._half, ""
        return utf8(rest)


def utf8(text: str) -> bytes:
    """The bytes of a text: halves that belong together become one character, half a one the replacement character."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return paired.encode("utf-8")
