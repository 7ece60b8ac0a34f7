"""Surrogate pairs cut in two by a delta: the first half is held until the second comes (`wire.md` 14, trap 31)."""

from __future__ import annotations


class Joiner:
    """Joins halves per key (one key per choice and kind of text). One per stream."""

    def __init__(self) -> None:
        self._held: dict[object, str] = {}

    def feed(self, key: object, text: str) -> str:
        """`text` with a held half before it and without a half at its end. Empty where all of it is held."""
        if not self._held and not "\ud800" <= text[-1:] <= "\udbff":
            return text
        text = self._held.pop(key, "") + text
        if "\ud800" <= text[-1:] <= "\udbff":
            self._held[key] = text[-1]
            text = text[:-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")

    def rest(self, key: object) -> str:
        """A half whose other half never came; it cannot be shown, but it is not lost either."""
        return self._held.pop(key, "")
