"""The settings of this service, completed by those of the router that it stands beside: accounts, key, address."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct
from msgspec.structs import replace

from router.vault.keys import AccountVault, WrongKey, account_vault
from router.vault.profiles import FOLDER
from services.link.settings import ServiceKey, SettingsMistake, load_block, merged
from services.webai.settings import Settings, read

ROOT = Path(__file__).resolve().parents[2]
PLACE = ("providers", "webai")
_HOSTS: Mapping[str, str] = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  compared only
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
    if own is not None and not own.is_file():
        raise SettingsMistake(f"{own} is not there")
    router = router_config or ROOT / Path(environ.get("SWITCHYARD_CONFIG") or "config/config.yaml").expanduser()

    def block(*place: str, file: Path | None = None) -> dict[str, Any]:
        return load_block(place, environ, router_file=router, own_file=file)

    accounts = ROOT / Path(str(block("auth").get("dir", "~/.cli-proxy-api"))).expanduser()
    given = block(*PLACE, file=own or ROOT / "config" / "webai.yaml")
    try:
        vault = account_vault(accounts, environ)
    except WrongKey as error:
        raise SettingsMistake(str(error)) from None
    settings = _placed(read(merged(_defaults(block("server")), given)))
    return Beside(settings, vault, accounts / FOLDER, dict(environ))


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
    """With every path made whole: relative ones start at the checkout, whatever the current folder is."""
    relay, gemini = settings.relay, settings.gemini
    return replace(
        settings,
        gemini=replace(gemini, ca=str(ROOT / Path(gemini.ca).expanduser()) if gemini.ca else None),
        relay=replace(
            relay,
            key_file=str(ROOT / Path(relay.key_file).expanduser()),
            ca=str(ROOT / Path(relay.ca).expanduser()) if relay.ca else None,
        ),
    )


def _defaults(server: Mapping[str, Any]) -> dict[str, Any]:
    """What follows from the router's `server` block."""
    tls = server.get("tls")
    certificate = tls.get("cert") if isinstance(tls, Mapping) else None
    host = str(server.get("host", "127.0.0.1")).strip("[]")
    host = _HOSTS.get(host, host)
    address = f"[{host}]" if ":" in host else host
    keys = Path(str(server.get("state_dir", "state"))).expanduser() / "keys"
    url = f"{'wss' if certificate else 'ws'}://{address}:{server.get('port', 8317)}/v1/ws"
    relay: dict[str, Any] = {"urls": [url], "key_file": str(keys / "service.key")}
    if certificate:
        relay["ca"] = str(certificate)
    return {"relay": relay}
