"""Mistakes in named chains of models: a name of its own, members that can be names, and no way back to itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from router.models.loops import way_back
from router.settings.alias_checks import Found
from router.settings.combo_blocks import Combo


def combo_mistakes(combos: Mapping[str, Combo], aliases: Mapping[str, tuple[str, ...]]) -> Iterator[Found]:
    """All of them. aliases: the setting ``models.aliases``."""
    taken = {alias.lower(): f"the alias {alias!r}" for alias in aliases}
    targets = {alias.lower(): models for alias, models in aliases.items()}
    targets |= {name.lower(): combo.names for name, combo in combos.items()}
    for name, combo in combos.items():
        path = ("models", "combos", name)
        if not name.strip() or "*" in name or "?" in name:
            yield Found(path, "must be a plain name, without * and ?", "Patterns belong in models.aliases.")
            continue
        before = taken.setdefault(name.lower(), f"the combo {name!r}")
        if before != f"the combo {name!r}":
            yield Found(path, f"is {before} too: names are compared without case", "Keep one of the two.")
        if not all(model.strip() for model in combo.names):
            yield Found((*path, "targets"), "has an empty model")
        if combo.strategy == "weighted" and not any(target.weight for target in combo.targets):
            yield Found((*path, "targets"), "has weights that are all 0", "Give at least one model a weight.")
        way = way_back(name.lower(), targets)
        if way:
            yield Found(path, f"stands for itself: {' -> '.join(way)}", "Name models with their providers in front.")
