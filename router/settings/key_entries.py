"""Entries of `api_keys` in a settings file: where the key of an account stands, and what is said beside it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from router.settings.checks import upstreams
from router.settings.document import read_document
from router.settings.items import CannotEdit, changed, items
from router.settings.load import block_name
from router.settings.mistakes import Path
from router.settings.presets import shipped_presets
from router.settings.schema import Settings

LIST = "api_keys"
DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "disabled": False,
        "priority": 0,
        "weight": 1,
        "proxy": None,
        "models": [],
        "excluded": [],
        "aliases": {},
        "thinking": None,
    }
)
"""What can be said beside a key, and what counts where it is not said."""


class Place(Struct, frozen=True):
    """Where a key stands: its list as the schema calls it, its number there, and its label."""

    list: Path
    at: int
    label: str


def written_keys(settings: Settings) -> Mapping[str, Place]:
    """Every API key that stands in the settings, by the id of its account."""
    found: dict[str, Place] = {}
    for provider, path, block in upstreams(settings):
        for at, key in enumerate(getattr(block, LIST, ())):
            label = key.label or str(at + 1)
            found.setdefault(f"{provider}/{label}", Place((*path, LIST), at, label))
    return found


def with_changes(text: str, place: Place, changes: Mapping[str, Any]) -> str:
    """The text with something else beside a key. changes: by the names of `DEFAULTS`, as the file is to have them; what
    is the default is taken out. Raises `CannotEdit`."""
    where = _spelt(text, place.list)
    known = items(text, where)
    if place.at >= len(known) or not _is(known[place.at], place):
        raise CannotEdit("The file has changed meanwhile, and this key stands elsewhere in it. Try again in a moment.")
    entry = known[place.at]
    before = dict(entry) if isinstance(entry, dict) else {"key": entry}
    gone = {name for name, value in changes.items() if value == DEFAULTS[name]}
    after = {name: value for name, value in before.items() if name not in gone}
    after |= {name: value for name, value in changes.items() if name not in gone}
    return text if after == before else changed(text, where, place.at, after)


def _spelt(text: str, path: Path) -> Sequence[str | int]:
    """The same place with the provider's block as the file calls it."""
    blocks = read_document(text).values.get("providers")
    presets = shipped_presets()
    for written in blocks if isinstance(blocks, dict) else ():
        if block_name(written, presets) == path[1]:
            return (path[0], written, *path[2:])
    return path


def _is(entry: Any, place: Place) -> bool:
    """Whether an entry of the file is the one that was meant. What a variable makes of a label is not known here."""
    label = entry.get("label") if isinstance(entry, dict) else None
    return (label is None and place.label == str(place.at + 1)) or str(label) == place.label or "${" in str(label)
