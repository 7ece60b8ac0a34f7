"""Reads ``config/models/*.yaml``: one file per vendor, ``defaults.yaml`` per dialect and kind of provider.

A vendor file has ``profiles`` (named sets of fields, ``like`` inherits) and ``models`` (``match``: a pattern or a list
of them, ``like``, and fields). First match wins; files are read in alphabetical order, ``others.yaml`` last.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import yaml
from msgspec import Struct

from router import plain_yaml
from router.models.patterns import Pattern, compile_pattern
from router.wire.capabilities import Capabilities

Fields: TypeAlias = Mapping[str, Any]
FIELD_NAMES = frozenset(field.name for field in msgspec.structs.fields(Capabilities))


class Entry(Struct, frozen=True):
    """One rule: models that match `pattern` have `fields`."""

    pattern: Pattern
    fields: Fields


class Data(Struct, frozen=True, kw_only=True):
    """Everything read. dialects, kinds: fields by dialect and provider kind. forms: of thinking, per dialect."""

    entries: tuple[Entry, ...] = ()
    dialects: Mapping[str, Fields] = {}
    kinds: Mapping[str, Fields] = {}
    forms: Mapping[str, Sequence[str]] = {}


def shipped_folder() -> Path:
    """``config/models`` of the checkout, else of the installed package."""
    checkout = Path(__file__).resolve().parents[2] / "config" / "models"
    if checkout.is_dir():
        return checkout
    return Path(sysconfig.get_path("data")) / "share" / "switchyard" / "models"


def read_folder(folder: Path) -> tuple[Data, list[str]]:
    """The data and every mistake in it."""
    mistakes: list[str] = []
    entries: list[Entry] = []
    paths = sorted(folder.glob("*.yaml"), key=lambda path: (path.name == "others.yaml", path.name))
    if not paths:
        return Data(), [f"{folder}: no capability data found"]
    defaults: Fields = {}
    for path in paths:
        content = _load(path, mistakes)
        if path.name == "defaults.yaml":
            defaults = content
        else:
            entries.extend(_vendor(path.name, content, mistakes))
    sections: dict[str, Mapping[str, Fields]] = {}
    for section in ("dialects", "kinds"):
        sections[section] = defaults.get(section, {})
        for name, fields in sections[section].items():
            mistakes.extend(check_fields(fields, f"defaults.yaml: {section}.{name}"))
    return Data(
        entries=tuple(entries),
        dialects=sections["dialects"],
        kinds=sections["kinds"],
        forms=defaults.get("thinking_forms", {}),
    ), mistakes


def check_fields(fields: Any, where: str) -> list[str]:
    """Mistakes in a mapping of capability fields: unknown names, wrong types."""
    if not isinstance(fields, Mapping):
        return [f"{where}: must be a mapping of capability fields"]
    mistakes = [f"{where}.{key}: no such capability" for key in fields if key not in FIELD_NAMES]
    for key, value in fields.items():
        if key in FIELD_NAMES:
            try:
                msgspec.convert({key: value}, Capabilities)
            except msgspec.ValidationError as error:
                mistakes.append(f"{where}.{key}: {str(error).partition(' - at')[0]}")
    return mistakes


def _load(path: Path, mistakes: list[str]) -> Fields:
    try:
        content = _content(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mistakes.append(f"{path.name}: not valid YAML: {error}")
        return {}
    if not isinstance(content, dict):
        mistakes.append(f"{path.name}: must be a mapping")
        return {}
    return content


@lru_cache(maxsize=32)
def _content(text: str) -> Any:
    """What a file says, which is only read: each change of the settings looks at the same few files again."""
    return plain_yaml.load(text)


def _vendor(name: str, content: Fields, mistakes: list[str]) -> list[Entry]:
    profiles: Fields = content.get("profiles") or {}
    entries: list[Entry] = []
    mistakes.extend(f"{name}: {key}: unknown section" for key in content if key not in ("profiles", "models"))
    for profile, fields in profiles.items():
        own = {key: value for key, value in fields.items() if key != "like"}
        mistakes.extend(check_fields(own, f"{name}: profiles.{profile}"))
    for index, item in enumerate(content.get("models") or ()):
        where = f"{name}: models[{index}]"
        own = {key: value for key, value in item.items() if key not in ("match", "like")}
        mistakes.extend(check_fields(own, where))
        fields = {**_inherited(item.get("like"), profiles, where, mistakes), **own}
        entries.extend(Entry(pattern, fields) for pattern in compile_all(item.get("match"), f"{where}.match", mistakes))
    return entries


def compile_all(match: Any, where: str, mistakes: list[str]) -> list[Pattern]:
    """Compile one pattern or a list of them; mistakes are added to `mistakes`."""
    patterns: list[Pattern] = []
    for text in match if isinstance(match, list) else [match]:
        if not isinstance(text, str):
            mistakes.append(f"{where}: must be a pattern or a list of patterns")
            continue
        try:
            patterns.append(compile_pattern(text))
        except ValueError as error:
            mistakes.append(f"{where}: {error}")
    return patterns


def _inherited(name: Any, profiles: Fields, where: str, mistakes: list[str]) -> dict[str, Any]:
    """Fields of a profile and of those that it is like, the nearest winning."""
    chain: list[Fields] = []
    seen: set[str] = set()
    while name is not None:
        if name not in profiles:
            mistakes.append(f"{where}.like: no profile named {name!r}")
            break
        if name in seen:
            mistakes.append(f"{where}.like: profile {name!r} inherits from itself")
            break
        seen.add(name)
        chain.append(profiles[name])
        name = profiles[name].get("like")
    fields: dict[str, Any] = {}
    for profile in reversed(chain):
        fields.update({key: value for key, value in profile.items() if key != "like"})
    return fields
