"""Characters outside the basic plane that a provider cut in two (``"\\ud83d"`` and ``"\\ude00"`` in two deltas)."""

from __future__ import annotations


class Halves:
    """Joins one text's deltas: a leading half at the end of a delta is held until its other half comes."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = ""

    def join(self, text: str) -> str:
        """`text` with what was held before it, without a half that may still be completed."""
        if not self._held and not ("\ud800" <= text[-1:] <= "\udbff"):
            return text
        whole = (self._held + text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        self._held = ""
        if "\ud800" <= whole[-1:] <= "\udbff":
            self._held = whole[-1]
            whole = whole[:-1]
        return whole

    def rest(self) -> str:
        """The text has ended: a half whose other half never came, as it is."""
        held, self._held = self._held, ""
        return held
