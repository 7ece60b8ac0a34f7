"""Capability lookup: provider, model and dialect to what that model accepts. Data: ``config/models/*.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from router.models.data import FIELD_NAMES, Data, Entry, check_fields, compile_all, read_folder, shipped_folder
from router.providers.config import ProviderConfig
from router.wire.capabilities import Capabilities
from router.wire.conversation import Dialect

_REMEMBERED = 4096  # names come from clients, so the memory needs a bound


class CapabilityMistakes(ValueError):
    """Everything that is wrong with the data or with the overrides; each text names file (or setting) and key."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = tuple(mistakes)


class CapabilityTable:
    """Looks models up, and remembers what it found. One per settings snapshot; no I/O after `load`."""

    def __init__(self, data: Data, overrides: Iterable[Entry] = ()) -> None:
        self._data = data
        self._overrides = tuple(overrides)
        self._exact: dict[str, Entry] = {}
        for entry in data.entries:
            if entry.pattern.exact is not None:
                self._exact.setdefault(entry.pattern.exact, entry)
        self._patterns = tuple(entry for entry in data.entries if entry.pattern.exact is None)
        self._found: dict[tuple[str, str, Dialect], tuple[ProviderConfig, Capabilities]] = {}

    def capabilities(self, provider: ProviderConfig, model: str, dialect: Dialect) -> Capabilities:
        """What `model` (upstream name) of `provider` accepts when spoken to in `dialect`.

        Later wins: defaults of the dialect, model data, facts of the provider's kind, `provider.quirks`, the user's
        overrides, what the settings say of this very model. Never raises for an unknown model: the defaults describe a
        capable modern one. A name that is only an account's own for a model is taken for that model.
        """
        key = (provider.id, model, dialect)
        known = self._found.get(key)
        if known is not None and known[0] is provider:
            return known[1]
        found = self._look_up(provider, model, dialect)
        if len(self._found) >= _REMEMBERED:
            self._found.clear()
        self._found[key] = (provider, found)
        return found

    def known(self, model: str) -> bool:
        """Whether the shipped data has an entry for this model name."""
        return self._entry(model) is not None

    def _look_up(self, provider: ProviderConfig, model: str, dialect: Dialect) -> Capabilities:
        real = next((account.aliases[model] for account in provider.accounts if model in account.aliases), model)
        entry = self._entry(real)
        fields = {**self._data.dialects.get(dialect, {}), **(entry.fields if entry is not None else {})}
        fields = self._in_dialect(fields, dialect)
        fields.update(self._data.kinds.get(provider.kind, {}))
        fields.update({key: value for key, value in provider.quirks.items() if not check_fields({key: value}, "")})
        for name in dict.fromkeys((real, model, f"{provider.id}/{real}", f"{provider.id}/{model}")):
            for override in self._overrides:
                if override.pattern.matches(name):
                    fields.update(override.fields)
        for name in dict.fromkeys((model, real)):
            if name in provider.custom:
                fields.update(provider.custom[name].facts)
        return msgspec.convert(fields, Capabilities)

    def _entry(self, model: str) -> Entry | None:
        lower = model.lower()
        name = lower.rpartition("/")[2]
        for exact in (lower, name):
            if exact in self._exact:
                return self._exact[exact]
        return next((entry for entry in self._patterns if entry.pattern.matches(name)), None)

    def _in_dialect(self, fields: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
        """The model's way of thinking in the words that this dialect has (Claude behind Chat takes an effort)."""
        forms = self._data.forms.get(dialect, ())
        if forms and fields.get("thinking", "effort") not in ("none", *forms):
            fields["thinking"] = forms[0]
        limits = self._data.dialects.get(dialect, {})
        for name in ("n", "logprobs", "seed", "penalties", "stop"):
            if limits.get(name) is False:  # what the dialect cannot say, no model of it can be told
                fields[name] = False
        if "temperature_max" in limits:
            fields["temperature_max"] = limits["temperature_max"]
        return fields


def load(overrides: Mapping[str, Mapping[str, Any]] | None = None, folder: Path | None = None) -> CapabilityTable:
    """Read the data. overrides: the setting ``models.capabilities`` (pattern -> fields). folder: instead of the shipped
    ``config/models``. Raises `CapabilityMistakes` with all mistakes at once."""
    data, mistakes = read_folder(folder if folder is not None else shipped_folder())
    entries: list[Entry] = []
    for text, fields in (overrides or {}).items():
        where = f"models.capabilities[{text!r}]"
        mistakes.extend(check_fields(fields, where))
        entries.extend(Entry(pattern, fields) for pattern in compile_all(text, where, mistakes))
    if mistakes:
        raise CapabilityMistakes(mistakes)
    return CapabilityTable(data, entries)


def quirk_mistakes(provider: ProviderConfig) -> list[str]:
    """What is wrong with one provider's `quirks`."""
    return check_fields(provider.quirks, f"providers.{provider.id}.quirks")


__all__ = ["FIELD_NAMES", "CapabilityMistakes", "CapabilityTable", "load", "quirk_mistakes"]
