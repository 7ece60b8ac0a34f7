"""Provider blocks of our settings, made key by key: the maker's own, a preset, or a compatible server."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from msgspec import Struct

from router.cli.migration.gathered import Gathered
from router.cli.migration.values import place_of, slug
from router.secret import Secret
from router.settings.presets import shipped_presets
from router.settings.provider_names import provider_names

Dialect = Literal["chat", "responses", "messages", "gemini"]
_MAKERS = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gemini",
}
_LISTS: dict[Dialect, str] = {
    "chat": "openai_compatible",
    "responses": "openai_compatible",
    "messages": "anthropic_compatible",
}


class Server(Struct, frozen=True):
    """One block. id: how models of it are written before a slash. place: of the block, to be told."""

    id: str
    place: str
    block: dict[str, Any]

    def add_key(self, key: Secret | str | None, **facts: Any) -> str:
        """Add a key with what belongs to it alone; the place."""
        if key is None:
            return self.place
        entry: Any = {"key": key, **{name: value for name, value in facts.items() if value is not None}}
        entry = key if len(entry) == 1 else entry
        keys: list[Any] = self.block.setdefault("api_keys", [])
        if entry not in keys:
            keys.append(entry)
        return f"{self.place}.api_keys[{keys.index(entry)}]"

    def add_models(self, models: list[Any]) -> None:
        """Add models; two entries of one model become one with all aliases."""
        known: list[dict[str, Any]] = self.block.setdefault("models", [])
        for model in models:
            same = next((one for one in known if one["name"] == model["name"]), None)
            if same is None:
                known.append(dict(model))
            elif "alias" in model:
                same["alias"] = list(dict.fromkeys([*_listed(same.get("alias", [])), *_listed(model["alias"])]))


class Servers:
    """All blocks of one configuration."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._named: dict[tuple[str, Any], Server] = {}

    def block(self, provider: str) -> Server:
        """The block of one of our own providers or presets, under its id."""
        field = provider.replace("-", "_")
        providers = self._gathered.settings.setdefault("providers", {})
        return Server(provider, f"providers.{field}", providers.setdefault(field, {}))

    def at(self, name: str, address: str | None, dialect: Dialect = "chat", apart: Any = None) -> Server | None:
        """The block for a server at an address: the maker's or a preset's where it is theirs. name: what it is called
        there. apart: whatever makes it another block than the same server without it. None where a dialect has no such
        block."""
        known = None if address is None else self.known(address, dialect)
        if known is not None and apart is None:
            return self.block(known)
        if dialect not in _LISTS or address is None:
            return None
        key = (f"{dialect}:{'/'.join(place_of(address))}", repr(apart))
        if key not in self._named:
            block: dict[str, Any] = {"name": self._free(name, address), "base_url": address}
            if dialect == "responses":
                block["dialects"] = ["responses"]
            place = self._gathered.append(f"providers.{_LISTS[dialect]}", block)
            self._named[key] = Server(block["name"], place, block)
        return self._named[key]

    @staticmethod
    def known(address: str, dialect: Dialect = "chat") -> str | None:
        """The provider of ours whose address that is, spoken to in its own dialect."""
        host, path = place_of(address)
        maker = _MAKERS.get(host)
        if maker is not None:
            own = {"openai": ("chat", "responses"), "anthropic": ("messages",), "gemini": ("gemini",)}[maker]
            return maker if dialect in own else None
        presets = shipped_presets()
        same = (name for name, preset in presets.items() if place_of(preset.base_url) == (host, path))
        return next(same, None) if dialect == "chat" else None

    def _free(self, name: str, address: str) -> str:
        wanted = slug(name, slug(urlsplit(address).hostname or "", "server"))
        taken = {server.id for server in self._named.values()}
        names = provider_names(shipped_presets())
        if names.resolve(wanted):
            wanted = f"{wanted}-server"
        return next(one for one in (wanted, *(f"{wanted}-{n}" for n in range(2, 1000))) if one not in taken)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
