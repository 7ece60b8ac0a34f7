"""Routes, aliases and providers as one immutable lookup structure, built from settings with every mistake at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from router.models.capabilities import CapabilityTable
from router.providers.config import ProviderConfig

Ranks: TypeAlias = Sequence[str | Sequence[str]]
"""Provider names in order; a nested list is one rank that rotates."""


class Rule(Struct, frozen=True, kw_only=True):
    """One entry of ``models.routing``. pattern: a regular expression (searched) or a glob (``gpt-*``, the whole name).
    priority: lower comes first; equal ones in file order."""

    pattern: str
    providers: tuple[str | tuple[str, ...], ...]
    priority: int = 0


class Mistake(Struct, frozen=True):
    """One error in the settings. where: path below ``models`` such as ``routing[2].providers[0]``."""

    where: str
    message: str


class RoutingMistakes(ValueError):
    """Everything that is wrong with the routing settings."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(f"{mistake.where}: {mistake.message}" for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class Table(Struct, frozen=True, kw_only=True):
    """What `plan` looks names up in. Built by `build` only."""

    providers: tuple[ProviderConfig, ...]
    capabilities: CapabilityTable


def build(
    providers: Sequence[ProviderConfig],
    rules: Sequence[Rule] = (),
    aliases: Mapping[str, str | Sequence[str]] | None = None,
    exclusions: Sequence[str] = (),
    *,
    capabilities: CapabilityTable,
) -> Table:
    """Check and index. exclusions: globs of names that nobody may ask for. Raises `RoutingMistakes` with all of them."""
    raise NotImplementedError
