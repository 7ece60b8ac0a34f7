"""The rights of one key, given or changed as plain data: held to what the settings are held to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from router.models.patterns import compile_pattern
from router.settings.auth import KeyRights
from router.settings.mistakes import Mistake, Path, dotted, nearest
from router.settings.policy_blocks import SystemPrompt
from router.settings.presets import shipped_presets
from router.settings.provider_names import ProviderNames
from router.settings.validation import describe

_AT: Path = ("auth", "keys", 0)


def wrong_rights(rights: KeyRights, names: ProviderNames, at: Path = ()) -> Iterator[Mistake]:
    """What no single value shows: patterns that are none, providers that nobody knows. at: where the rights stand."""
    yield from wrong_patterns(rights, at)
    for provider in rights.providers:
        mistake = unknown_provider(provider, names, (*at, "providers"))
        if mistake is not None:
            yield mistake


def wrong_patterns(rights: KeyRights, at: Path = ()) -> Iterator[Mistake]:
    """Texts that cannot be read as patterns."""
    for name in ("models", "accounts"):
        for pattern in getattr(rights, name):
            try:
                compile_pattern(pattern)
            except ValueError as error:
                yield Mistake(path=dotted((*at, name)), problem=f"has a wrong pattern: {error}")


def unknown_provider(name: str, names: ProviderNames, at: Path) -> Mistake | None:
    """What is wrong with a provider's name, None where it is known."""
    if names.resolve(name):
        return None
    near = nearest(name, names.known)
    remedy = None if near else f"Known are {', '.join(sorted(set(names.ids.values())))}."
    problem = f"names the provider {name!r}, which is not known"
    return Mistake(path=dotted(at), problem=problem, remedy=remedy, nearest=near)


def changed_rights(before: KeyRights | None, given: Mapping[str, Any], names: ProviderNames) -> KeyRights | None:
    """Rights after a change, None where the key has all of them. given: by name; None and an empty list take one back.
    What is not given stays, also where a provider that it names is gone meanwhile. Raises `ValueError` with every
    mistake by its place."""
    wanted = _read({name: value for name, value in given.items() if value is not None})
    mistakes = list(wrong_rights(wanted, names))
    if mistakes:
        raise ValueError(" ".join(map(str, mistakes)))
    values = {name: getattr(wanted, name) for name in given if name in KeyRights.model_fields}
    if values.get("system_prompt") == SystemPrompt():
        values["system_prompt"] = None
    rights = (before or KeyRights()).model_copy(update=values)
    return None if rights == KeyRights() else rights


def plain(rights: KeyRights) -> dict[str, Any]:
    """Those that are not at their default, as JSON has them."""
    return rights.model_dump(mode="json", exclude_defaults=True)


def _read(given: Mapping[str, Any]) -> KeyRights:
    try:
        return KeyRights.model_validate(given)
    except ValidationError as error:
        raise ValueError(" ".join(_told(error))) from None


def _told(error: ValidationError) -> Iterator[str]:
    for found in error.errors(include_url=False):
        place: Path = tuple(found["loc"])
        problem, near = describe(found, (*_AT, *place), shipped_presets())
        yield str(Mistake(path=dotted(place), problem=problem, nearest=near))
