"""Places in a JSON object, as people write them: ``generationConfig.topK``, ``tools[0].name``. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from router.wire.codec import dumps
from router.wire.conversation import Json, JsonObject

Steps: TypeAlias = tuple[str | int, ...]
MOST_STEPS = 12
_CAPITAL = re.compile(r"(?<=[a-z0-9])[A-Z]")
_STEP = re.compile(r"(?:\A|\.)([^.\[\]\"\s]+)|\[(\d{1,4})\]|\[\"([^\"]+)\"\]")


def parse(text: str) -> Steps:
    """The steps of a path; the first is a key. A key with dots stands in ``["a.b"]``. Raises `ValueError` in words."""
    steps: list[str | int] = []
    end = 0
    while end < len(text):
        found = _STEP.match(text, end)
        if found is None or found.end() == end:
            raise ValueError(f"{text!r} is no path; write keys and places like generationConfig.topK or tools[0].name")
        key, index, quoted = found.groups()
        steps.append(int(index) if index is not None else key or quoted)
        end = found.end()
    if not steps or isinstance(steps[0], int):
        raise ValueError(f"{text!r} is no path; it must begin with a key")
    if len(steps) > MOST_STEPS:
        raise ValueError(f"{text[:60]!r} has more than {MOST_STEPS} steps")
    return tuple(steps)


def with_value(body: JsonObject, steps: Steps, value: Json, *, only_absent: bool = False) -> JsonObject:
    """`body` with a value in this place; objects on the way are made. Where the way leads through something else, or to
    an entry that a list does not have, nothing is changed. only_absent: a value that is there stays; null is none."""

    def put(container: Any, step: str | int) -> Any:
        there = _at(container, step)
        if there is not None and (only_absent or dumps(there) == dumps(value)):
            return container
        return _replaced(container, step, value)

    return _along(body, steps, put, make=True)  # type: ignore[no-any-return]


def without(body: JsonObject, steps: Steps) -> JsonObject:
    """`body` without what stands in this place."""
    return _along(body, steps, _removed, make=False)  # type: ignore[no-any-return]


def spelled(body: JsonObject, steps: Steps) -> Steps:
    """The same place in the spelling that the body has: Google takes ``topK`` and ``top_k`` alike, but not both."""
    at: Any = body
    found: list[str | int] = []
    for step in steps:
        if isinstance(step, str) and isinstance(at, dict) and step not in at:
            step = next((other for other in other_spellings(step) if other in at), step)
        found.append(step)
        at = _at(at, step)
    return tuple(found)


def other_spellings(key: str) -> tuple[str, ...]:
    """``topK`` for ``top_k`` and the other way round; none for a single word."""
    if "_" in key.strip("_"):
        first, *others = key.split("_")
        return (first + "".join(word[:1].upper() + word[1:] for word in others),)
    snake = _CAPITAL.sub(lambda match: "_" + match[0].lower(), key)
    return (snake,) if snake != key else ()


def _along(container: Any, steps: Steps, last: Callable[[Any, str | int], Any], *, make: bool) -> Any:
    step, rest = steps[0], steps[1:]
    if not rest:
        return last(container, step)
    below = _at(container, step)
    if below is None and make and isinstance(container, dict) and isinstance(rest[0], str):
        below = {}
    if below is None:
        return container
    changed = _along(below, rest, last, make=make)
    return container if changed is below else _replaced(container, step, changed)


def _at(container: Any, step: str | int) -> Any:
    if isinstance(container, dict) and isinstance(step, str):
        return container.get(step)
    if isinstance(container, list) and isinstance(step, int) and step < len(container):
        return container[step]
    return None


def _replaced(container: Any, step: str | int, value: Any) -> Any:
    if isinstance(container, dict) and isinstance(step, str):
        return {**container, step: value}
    if isinstance(container, list) and isinstance(step, int) and step < len(container):
        return [*container[:step], value, *container[step + 1 :]]
    return container


def _removed(container: Any, step: str | int) -> Any:
    if isinstance(container, dict) and step in container:
        return {key: value for key, value in container.items() if key != step}
    if isinstance(container, list) and isinstance(step, int) and step < len(container):
        return [*container[:step], *container[step + 1 :]]
    return container
