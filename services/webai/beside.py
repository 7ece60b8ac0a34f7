"""The settings of this service, completed by those of the router that it stands beside: accounts, key, address."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct
from msgspec.structs import replace

from router.vault.keys import AccountVault
from router.vault.profiles import FOLDER
from services.link.beside import ROOT, neighbour, placed, relay_defaults
from services.link.settings import ServiceKey, SettingsMistake, merged
from services.webai.settings import Settings, read

PLACE = ("providers", "webai")
_HTTP = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


class Beside(Struct, frozen=True):
    """vault: encrypts the profiles with the key of the accounts. profiles: their folder. environ: the variables."""

    settings: Settings
    vault: AccountVault
    profiles: Path
    environ: Mapping[str, str]

    def key(self) -> str:
        """The key that callers bring; empty where there is none yet."""
        if self.settings.api_key:
            return self.settings.api_key.reveal()
        return self.service_key()

    def keys(self) -> list[str]:
        """What to announce with: the key for both sides, and the service's own, where a router knows only that."""
        return [key for key in dict.fromkeys((self.key(), self.service_key())) if key]

    @property
    def service_key(self) -> ServiceKey:
        return ServiceKey(Path(self.settings.relay.key_file), self.environ)


def load(router_config: Path | None, own: Path | None, environ: Mapping[str, str] = os.environ) -> Beside:
    """The block of the router's file, with a file of our own and variables over it. Raises `SettingsMistake`."""
    router = neighbour(PLACE, router_config, own, environ)
    settings = _placed(read(merged({"relay": relay_defaults(router.server)}, router.given)))
    return Beside(settings, router.vault, router.accounts / FOLDER, dict(environ))


def announce_urls(urls: tuple[str, ...]) -> list[str]:
    """Where to announce, from the addresses of the relay: ``ws://host/v1/ws`` becomes
    ``http://host/v0/relay/services``. Raises `SettingsMistake`."""
    found = []
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme not in _HTTP or not parts.netloc:
            raise SettingsMistake(f'providers.webai.relay.urls has "{url}"; write ws://host:port/v1/ws')
        base = parts.path.removesuffix("/").removesuffix("/v1/ws")
        found.append(urlunsplit((_HTTP[parts.scheme], parts.netloc, f"{base}/v0/relay/services", "", "")))
    return found


def _placed(settings: Settings) -> Settings:
    """With every path made whole."""
    gemini = settings.gemini
    ca = str(ROOT / Path(gemini.ca).expanduser()) if gemini.ca else None
    return replace(settings, gemini=replace(gemini, ca=ca), relay=placed(settings.relay))
