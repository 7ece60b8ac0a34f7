"""Ready-made servers: data of ``config/presets.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import msgspec

from router import plain_yaml

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "presets.yaml"


class Preset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One server. base_url: with the version path. env: variables that may hold its key, the first that is set counts.

    keyless: it takes calls without a key. names: what users write besides. quirks: keys of `Capabilities`.
    """

    base_url: str
    env: tuple[str, ...] = ()
    keyless: bool = False
    names: tuple[str, ...] = ()
    dialects: tuple[Literal["chat", "responses"], ...] = ("chat",)
    quirks: dict[str, object] = {}


def read_presets(text: str) -> Mapping[str, Preset]:
    """Presets by id. Raises `msgspec.ValidationError` on a mistake in the data."""
    return MappingProxyType(msgspec.convert(plain_yaml.load(text), dict[str, Preset]))


@cache
def shipped_presets() -> Mapping[str, Preset]:
    """The presets of this version; a constant, read once."""
    return read_presets(SHIPPED.read_text(encoding="utf-8"))
