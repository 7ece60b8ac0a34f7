"""What is left of the settings when the wrong parts are taken out, so that the rest can be checked in the same run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from router.settings.mistakes import Path


class Remainder:
    """Plain values without some of their parts. `original` leads from a place in them back to the place in the file."""

    def __init__(self, values: Any) -> None:
        self._all = values
        self._wrong: set[Path] = set()
        self._kept: dict[Path, list[int]] = {}
        self.values = values

    def drop(self, paths: Iterable[Path]) -> None:
        """Take out what stands at `paths` (places in `values`): a key, or the whole entry of a list around it."""
        self._wrong |= {self._written(self.original(path)) for path in paths}
        self._kept = {}
        self.values = {} if () in self._wrong else self._cut(self._all, ())

    def original(self, path: Path) -> Path:
        """The place in the file of what stands at `path` in `values`."""
        found: Path = ()
        for step in path:
            kept = self._kept.get(found)
            found = (*found, kept[step] if kept is not None and isinstance(step, int) and step < len(kept) else step)
        return found

    def _written(self, path: Path) -> Path:
        """`path`, or the part of it that stands in the file: a text may count as a list of one, a mapping as a list."""
        at = self._all
        for depth, step in enumerate(path):
            there = step in at if isinstance(at, dict) else isinstance(at, list) and step in range(len(at))
            if not there:
                return path[:depth] or path
            at = at[step]
        return path

    def _cut(self, value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {
                name: self._cut(item, (*path, name)) for name, item in value.items() if (*path, name) not in self._wrong
            }
        if isinstance(value, list):
            depth = len(path)
            gone = {wrong[depth] for wrong in self._wrong if len(wrong) > depth and wrong[:depth] == path}
            self._kept[path] = [at for at in range(len(value)) if at not in gone]
            return [self._cut(value[at], (*path, at)) for at in self._kept[path]]
        return value
