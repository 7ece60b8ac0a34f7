"""Aliases that lead back to themselves. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def way_back(start: str, aliases: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The way from the alias `start` back to itself, empty where there is none.

    aliases: name in lower case -> what it stands for.
    """
    paths: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while paths:
        path = paths.pop()
        for target in (text.lower() for text in aliases.get(path[-1], ())):
            if target == start:
                return (*path, target)
            if target not in seen:
                seen.add(target)
                paths.append((*path, target))
    return ()
