"""Mistakes in names of models: one name stands for one thing, leads somewhere, and never back to itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from router.models.loops import way_back
from router.models.patterns import compile_pattern
from router.settings.custom_models import PLACE, CustomModel
from router.settings.mistakes import Path
from router.settings.provider_blocks import Upstream

ONE_NAME = "Keep one. To let several providers serve one name, write a rule in models.routing."


class Found(Struct, frozen=True):
    """One mistake: where in the settings, what, and the remedy."""

    path: Path
    problem: str
    remedy: str | None = None


def alias_mistakes(
    aliases: Mapping[str, tuple[str, ...]],
    blocks: Iterable[tuple[str, Path, Upstream]],
    custom: Sequence[tuple[str, CustomModel]],
    shown: Callable[[Path], str],
) -> Iterator[Found]:
    """All of them. aliases: the setting ``models.aliases``. blocks: id, place and block of every provider. custom: the
    setting ``models.custom``, with the ids of the providers. shown: a place as a person reads it."""
    blocks = tuple(blocks)
    yield from _written(aliases)
    yield from _loops(aliases)
    for _, place, block in blocks:
        yield from _models(place, block)
    yield from _meanings(aliases, [*_named(blocks), *_added(custom)], shown)


def _at(alias: str) -> Path:
    return ("models", "aliases", alias)


def _written(aliases: Mapping[str, tuple[str, ...]]) -> Iterator[Found]:
    seen: dict[str, str] = {}
    for alias, models in aliases.items():
        if not alias.strip():
            yield Found(_at(alias), "has an empty name", "Write the name that clients ask for.")
            continue
        if not models or not all(model.strip() for model in models):
            yield Found(_at(alias), "must name at least one model, and no empty one")
        before = seen.setdefault(alias.lower(), alias)
        if before != alias:
            yield Found(_at(alias), f"is {before!r} once more: names are compared without case", "Keep one of the two.")
        try:
            compile_pattern(alias)
        except ValueError as error:
            yield Found(_at(alias), f"has a wrong pattern: {error}")


def _loops(aliases: Mapping[str, tuple[str, ...]]) -> Iterator[Found]:
    lower = {alias.lower(): models for alias, models in aliases.items()}
    for alias in aliases:
        way = way_back(alias.lower(), lower)
        if way:
            yield Found(_at(alias), f"stands for itself: {' -> '.join(way)}", "Let one of them name a model.")


def _models(place: Path, block: Upstream) -> Iterator[Found]:
    """Models of one provider: each is named once, and no alias is the name of another one."""
    names: dict[str, int] = {}
    for at, model in enumerate(block.models):
        if names.setdefault(model.name.lower(), at) != at:
            remedy = "Give all its aliases in one entry."
            yield Found((*place, "models", at), f"names the model {model.name!r} a second time", remedy)
    for at, model in enumerate(block.models):
        for alias in model.shown_as:
            if not alias.strip():
                yield Found((*place, "models", at), "has an empty alias")
            elif names.get(alias.lower(), at) != at and alias.lower() != model.name.lower():
                problem = f"says that {alias!r} stands for {model.name}, but that is the name of another model here"
                yield Found((*place, "models", at), problem, "Choose another alias.")


def _meanings(
    aliases: Mapping[str, tuple[str, ...]],
    models: Iterable[tuple[str, Path, tuple[str, ...]]],
    shown: Callable[[Path], str],
) -> Iterator[Found]:
    """One meaning for a name across ``models.aliases`` and the models of all providers, without case. models: whole
    name, place and aliases of each."""
    meaning: dict[str, tuple[tuple[str, ...], Path]] = {}
    for alias, targets in aliases.items():
        meaning.setdefault(alias.lower(), (targets, _at(alias)))
    for name, path, names in models:
        full = (name,)
        for alias in names:
            before, where = meaning.setdefault(alias.lower(), (full, path))
            if before not in (full, (name.partition("/")[2],)):
                problem = f"says that {alias!r} stands for {name}, but {shown(where)} says {', '.join(before)}"
                yield Found(path, problem, ONE_NAME)


def _named(blocks: Iterable[tuple[str, Path, Upstream]]) -> Iterator[tuple[str, Path, tuple[str, ...]]]:
    for provider, place, block in blocks:
        for at, model in enumerate(block.models):
            yield f"{provider}/{model.name}", (*place, "models", at), model.shown_as


def _added(custom: Sequence[tuple[str, CustomModel]]) -> Iterator[tuple[str, Path, tuple[str, ...]]]:
    for at, (provider, model) in enumerate(custom):
        yield f"{provider}/{model.name}", (*PLACE, at), model.aliases
