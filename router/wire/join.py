"""Where the text of a second attempt meets the text that a client has got of the first. Pure.

A model that goes on says what is missing; one that was asked in words repeats the beginning first, or the last words.
What is repeated is left out, so that the client's text is as if one model had written it without a break.
"""

from __future__ import annotations

SURE = 16
"""Characters that two texts must share before it counts as a repetition and not as chance."""


class Disagreement(Exception):
    """The new text is no continuation of the old one: nothing of it may reach the client."""


class Join:
    """Fed with the new text, gives what is to be added to the old one.

    delivered: what the client has got. continues: the model was given the old text as its own beginning and goes on
    behind it; else it was asked in words to begin with it. lenient: a text that does not repeat anything is taken as a
    continuation also from a model that was asked in words."""

    def __init__(self, delivered: str, *, continues: bool, lenient: bool = False) -> None:
        self._base = delivered.rstrip() if continues else delivered.strip()
        self._space = delivered[len(delivered.rstrip()) :]
        self._continues = continues
        self._lenient = lenient
        self._held = ""
        self._open: list[int] | None = None  # places in the old text from which the new one may be its repetition
        self._decided = not self._base

    def feed(self, text: str) -> str:
        """What may go out now; "" while it is not clear yet what the new text is. Raises `Disagreement`."""
        if self._decided:
            return self._after_space(text)
        before = len(self._held)
        self._held += text
        if not self._continues and before == 0:
            self._held = self._held.lstrip()
        if not self._held:
            return ""
        self._open = self._places() if self._open is None else self._still(before)
        return self._decide(over=False)

    def close(self) -> str:
        """What is left when the new text is over. Raises `Disagreement`."""
        return "" if self._decided else self._decide(over=True)

    def _places(self) -> list[int]:
        """Where in the old text the beginning of the new one stands, or what is left of the old one begins it."""
        base, held = self._base, self._held
        last = len(base) - (SURE if self._continues else 1)
        found: list[int] = []
        start = base.find(held)
        while start != -1 and start <= last:
            found.append(start)
            start = base.find(held, start + 1)
        tail = range(max(0, len(base) - len(held) + 1), last + 1)
        return [*found, *(start for start in tail if held.startswith(base[start:]))]

    def _still(self, before: int) -> list[int]:
        base, held = self._base, self._held
        kept: list[int] = []
        for start in self._open or ():
            end = min(len(base), start + len(held))
            if base[start + before : end] == held[before : end - start]:
                kept.append(start)
        return kept

    def _decide(self, *, over: bool) -> str:
        base, held, places = self._base, self._held, self._open or []
        undecided = [start for start in places if len(base) - start > len(held)]
        if undecided and not over:
            return ""
        repeated = max((len(base) - start for start in places if len(base) - start <= len(held)), default=0)
        if repeated < min(SURE, len(base)):
            repeated = 0
            if not self._continues:
                self._check(over and bool(undecided))
        self._decided, self._open, self._held = True, [], ""
        return self._after_space(held[repeated:])

    def _check(self, ended_early: bool) -> None:
        """A model that was asked in words must have repeated what was there. Raises `Disagreement`."""
        if not self._held:
            return
        if ended_early:
            raise Disagreement("it ended before it had said what was there already")
        if _agreed(self._base, self._held) >= SURE:
            raise Disagreement("it began the answer anew and said something else")
        if not self._lenient:
            raise Disagreement("it does not begin with what was there already")

    def _after_space(self, text: str) -> str:
        """White space at the seam is there once: models drop it or repeat it."""
        if not self._space:
            return text
        shared = _agreed(text, self._space)
        self._space = self._space[shared:] if shared == len(text) else ""
        return text[shared:]


def _agreed(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
