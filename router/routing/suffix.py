"""A wish about thinking written behind a model name: ``model(high)``, ``model(8192)``, ``claude-…-reasoning-low``."""

from __future__ import annotations

import re
from collections.abc import Callable

from router.wire.conversation import EFFORTS, Effort, Reasoning
from router.wire.effort import SUFFIX_BUDGETS

_PARENTHESES = re.compile(r"\A(?P<base>.+?)\s*\((?P<wish>[a-z]+|-1|\d{1,7})\)\Z", re.IGNORECASE)
_WORDS = re.compile(r"\A(?P<base>.*claude.*)-reasoning-(?P<wish>low|medium|high)\Z", re.IGNORECASE)
_BY_NAME: dict[str, Effort] = {effort: effort for effort in EFFORTS}


def split(name: str, exact: Callable[[str], bool], resolves: Callable[[str], bool]) -> tuple[str, Reasoning | None]:
    """The model's own name and what its suffix asks for (None: no suffix).

    exact: whether somebody lists a name as it stands; such a name keeps its suffix. resolves: whether a name leads to a
    provider at all: ``-reasoning-low|medium|high`` is taken off only where the rest does. ``auto`` and ``-1`` leave the
    amount to the model; 0 and ``none`` switch thinking off. Other words in parentheses belong to the name.
    """
    found = _PARENTHESES.match(name)
    if found is not None and not exact(name):
        wish = _wish(found["wish"].lower())
        if wish is not None:
            return found["base"], wish
    found = _WORDS.match(name)
    if found is not None and not exact(name) and resolves(found["base"]):
        word = found["wish"].lower()  # tokens for a model that counts them, the word for one that knows words
        return found["base"], Reasoning(effort=_BY_NAME[word], budget=SUFFIX_BUDGETS[word])
    return name, None


def _wish(text: str) -> Reasoning | None:
    if text.lstrip("-").isdigit():
        return Reasoning(budget=int(text))
    if text == "auto":
        return Reasoning(budget=-1)
    effort = _BY_NAME.get(text)
    if effort is None:
        return None
    # `adaptive`: an effort alone tunes the answers of a Messages model, and does not make it think.
    return Reasoning(effort=effort, adaptive=effort != "none")
