"""What has been taken over of a configuration so far, and what is said of each of its lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from router.settings.mistakes import Path

Verdict: TypeAlias = Literal["taken", "changed", "left"]


class Line(Struct, frozen=True):
    """One place of their file. taken: means the same here; changed: as near as it goes; left: has no place here. told:
    where it is now, or why not. Never a secret."""

    path: Path
    verdict: Verdict
    told: str


class Gathered:
    """settings: ours, with `Secret` wherever a secret stands. notes: what concerns no single line."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.lines: list[Line] = []
        self.notes: list[str] = []

    def take(self, path: Path, told: str) -> None:
        """Means the same here."""
        self.lines.append(Line(path, "taken", told))

    def change(self, path: Path, told: str) -> None:
        """As near as it goes."""
        self.lines.append(Line(path, "changed", told))

    def leave(self, path: Path, why: str) -> None:
        """Has no place here."""
        self.lines.append(Line(path, "left", why))

    def note(self, text: str) -> None:
        """Something for the person, once."""
        if text not in self.notes:
            self.notes.append(text)

    def put(self, place: str, value: Any) -> str:
        """Set one of our settings; gives `place` back, to be told."""
        block, (*above, last) = self.settings, place.split(".")
        for name in above:
            block = block.setdefault(name, {})
        block[last] = value
        return place

    def append(self, place: str, value: Any) -> str:
        """Add to one of our lists, unless it is there; the place with its index."""
        block, (*above, last) = self.settings, place.split(".")
        for name in above:
            block = block.setdefault(name, {})
        items: list[Any] = block.setdefault(last, [])
        if value not in items:
            items.append(value)
        return f"{place}[{items.index(value)}]"

    def alias(self, name: str, *targets: str) -> str:
        """Add models to an alias, in order; the place."""
        known: list[str] = self.settings.setdefault("models", {}).setdefault("aliases", {}).setdefault(name, [])
        known.extend(target for target in targets if target not in known)
        return f"models.aliases.{name}"

    def combo(self, name: str, strategy: str, targets: list[Any]) -> str:
        """Add a combo; the place."""
        combos = self.settings.setdefault("models", {}).setdefault("combos", {})
        combos[name] = {"strategy": strategy, "targets": targets}
        return f"models.combos.{name}"

    def leave_the_rest(self, document: Any, reasons: Mapping[str, str]) -> None:
        """Say of every place that nobody has spoken of why it stays behind. reasons: by the first key of a path that is
        in them."""
        spoken = {line.path for line in self.lines}
        for path in leaves(document):
            if any(path[:end] in spoken for end in range(1, len(path) + 1)):
                continue
            known = next((reasons[str(step)] for step in path if str(step) in reasons), "has no counterpart here")
            self.leave(path, known)


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """The places of all values that say something: not those of empty ones."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from leaves(item, (*path, at))
    elif value not in (None, "") and path:
        yield path
