"""Arguments that Vertex streams field by field (``partialArgs``, ``willContinue``), put together into one object.

Source: cloud.google.com Vertex AI, "Streaming function call arguments" (Gemini 3): each piece names its place by a JSON
path such as ``$.a.b[0]`` and carries one typed value; pieces of one text follow each other.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from router.wire.conversation import Json, JsonObject

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,9})\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
_VALUES = ("stringValue", "numberValue", "boolValue")
_MAX_INDEX = 10_000


class PartialArguments:
    """Collects the pieces of one call."""

    def __init__(self) -> None:
        self.value: JsonObject = {}

    def add(self, piece: Json) -> None:
        """Take one element of ``partialArgs``; what has no usable path is ignored."""
        if not isinstance(piece, dict) or not isinstance(piece.get("jsonPath"), str):
            return
        steps = _steps(piece["jsonPath"])
        if steps is None:
            return
        new: Any = None
        for key in _VALUES:
            if key in piece:
                new = piece[key]
        _put(self.value, steps, new)


def _steps(path: str) -> list[str | int] | None:
    if not path.startswith("$"):
        return None
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            return None
        name = next((each for each in (found[1], found[3], found[4]) if each is not None), None)
        steps.append(name if name is not None else int(found[2]))
        at = found.end()
    return steps or None


def _put(root: JsonObject, steps: list[str | int], new: Any) -> None:
    holder: Any = root
    for step, following in pairwise(steps):
        empty: Any = {} if isinstance(following, str) else []
        found = _get(holder, step)
        if not isinstance(found, dict | list):
            found = empty
            if not _set(holder, step, found):
                return
        holder = found
    old = _get(holder, steps[-1])
    _set(holder, steps[-1], old + new if isinstance(old, str) and isinstance(new, str) else new)


def _get(holder: Any, step: str | int) -> Any:
    if isinstance(holder, dict):
        return holder.get(str(step))
    return holder[step] if isinstance(step, int) and step < len(holder) else None


def _set(holder: Any, step: str | int, value: Any) -> bool:
    if isinstance(holder, dict):
        holder[str(step)] = value
        return True
    if not isinstance(step, int) or step > _MAX_INDEX:
        return False
    while len(holder) <= step:
        holder.append(None)
    holder[step] = value
    return True
