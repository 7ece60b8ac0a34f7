"""Capability data (``config/models/*.yaml``) and the lookup in it: provider and model to what that model accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from router.providers.config import ProviderConfig
from router.wire.capabilities import Capabilities
from router.wire.conversation import Dialect


class CapabilityMistakes(ValueError):
    """Everything that is wrong with the data or with the overrides; each text names file (or setting) and key."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = tuple(mistakes)


class CapabilityTable:
    """Looks models up, and remembers what it found. One per settings snapshot; no I/O after `load`."""

    def capabilities(self, provider: ProviderConfig, model: str, dialect: Dialect) -> Capabilities:
        """What `model` (upstream name) of `provider` accepts when spoken to in `dialect`.

        Later wins: defaults of the dialect, model data, `provider.quirks`, the user's overrides. Never raises for an
        unknown model: the defaults describe a capable modern one.
        """
        raise NotImplementedError


def load(overrides: Mapping[str, Mapping[str, Any]] | None = None, folder: Path | None = None) -> CapabilityTable:
    """Read the data. overrides: the setting ``models.capabilities`` (pattern -> fields). folder: instead of the shipped
    ``config/models``. Raises `CapabilityMistakes` with all mistakes at once."""
    raise NotImplementedError
