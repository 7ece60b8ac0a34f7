"""Mistakes in settings: what is wrong, where, and what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TypeAlias

from msgspec import Struct

Path: TypeAlias = tuple[str | int, ...]


class Mistake(Struct, frozen=True, kw_only=True):
    """One thing to correct. path: dotted, ``models.routing[0].pattern``; empty for the file as a whole.

    line: in the file, from 1; None where the value does not come from it. source: the variable, where it comes from the
    environment. nearest: the valid name that was probably meant.
    """

    path: str
    problem: str
    line: int | None = None
    source: str | None = None
    nearest: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line is not None else f"{self.source}: " if self.source else ""
        meant = f" Did you mean {self.nearest!r}?" if self.nearest else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{place}{self.path + ' ' if self.path else ''}{self.problem}.{meant}{remedy}"


class SettingsError(Exception):
    """The settings cannot be used. `mistakes` has all of them, in file order."""

    def __init__(self, mistakes: Iterable[Mistake], source: str = "config.yaml") -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda mistake: mistake.line or 0))
        self.source = source
        count = len(self.mistakes)
        head = f"{source} has {count} mistake{'s' if count != 1 else ''}:"
        super().__init__("\n".join([head, *(f"  - {mistake}" for mistake in self.mistakes)]))


def dotted(path: Path) -> str:
    """``("models", "routing", 0, "pattern")`` as ``models.routing[0].pattern``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that `name` was probably meant to be."""
    by_plain = {option.lower().replace("-", "_"): option for option in valid}
    found = get_close_matches(name.lower().replace("-", "_"), by_plain, n=1, cutoff=0.6)
    return by_plain[found[0]] if found else None
