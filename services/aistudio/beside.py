"""The settings of this service, completed by those of the router that it stands beside: accounts, key, address."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from router.vault.keys import AccountVault, WrongKey, account_vault
from router.vault.profiles import FOLDER
from services.aistudio.settings import Settings, read
from services.link.settings import SettingsMistake, load_block, merged

ROOT = Path(__file__).resolve().parents[2]
PLACE = ("providers", "aistudio")
ANY_HOST: Mapping[str, str] = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  compared only


_SECRET = re.compile(r"^SWITCHYARD|KEY$|TOKEN$|SECRET|PASSWORD")
"""Variables that may hold a secret, by their names."""


class Beside(Struct, frozen=True):
    """vault: encrypts the profiles with the key of the accounts. environ: the variables as they were at the start."""

    settings: Settings
    vault: AccountVault
    environ: Mapping[str, str]


def load(router_config: Path | None, own: Path | None, environ: Mapping[str, str] = os.environ) -> Beside:
    """The block of the router's file, with a file of our own and variables over it. Raises `SettingsMistake`, and
    `SettingsError`."""
    if own is not None and not own.is_file():
        raise SettingsMistake(f"{own} is not there")
    router = router_config or ROOT / Path(environ.get("SWITCHYARD_CONFIG") or "config/config.yaml").expanduser()

    def block(*place: str, file: Path | None = None) -> dict[str, Any]:
        return load_block(place, environ, router_file=router, own_file=file)

    accounts = ROOT / Path(str(block("auth").get("dir", "~/.cli-proxy-api"))).expanduser()
    given = block(*PLACE, file=own or ROOT / "config" / "aistudio.yaml")
    try:
        vault = account_vault(accounts, environ)
    except WrongKey as error:
        raise SettingsMistake(str(error)) from None
    return Beside(_placed(read(merged(defaults(block("server"), accounts), given))), vault, dict(environ))


def forget_secrets(environ: MutableMapping[str, str]) -> None:
    """Take secrets out of the variables that browsers and their helpers inherit."""
    for name in [name for name in environ if _SECRET.search(name)]:
        del environ[name]


def _placed(settings: Settings) -> Settings:
    """With every path made whole: relative ones start at the checkout, whatever the current folder is."""
    relay = settings.relay
    return replace(
        settings,
        profiles=ROOT / settings.profiles.expanduser(),
        selectors=ROOT / settings.selectors.expanduser() if settings.selectors is not None else None,
        relay=replace(
            relay,
            key_file=str(ROOT / Path(relay.key_file).expanduser()),
            ca=str(ROOT / Path(relay.ca).expanduser()) if relay.ca else None,
        ),
    )


def defaults(server: Mapping[str, Any], accounts: Path) -> dict[str, Any]:
    """What follows from the router's settings. server: its block. accounts: the folder of the accounts."""
    tls = server.get("tls")
    certificate = tls.get("cert") if isinstance(tls, Mapping) else None
    host = str(server.get("host", "127.0.0.1")).strip("[]")
    host = ANY_HOST.get(host, host)
    address = f"[{host}]" if ":" in host else host
    keys = Path(str(server.get("state_dir", "state"))).expanduser() / "keys"
    url = f"{'wss' if certificate else 'ws'}://{address}:{server.get('port', 8317)}/v1/ws"
    relay: dict[str, Any] = {"urls": [url], "key_file": str(keys / "service.key")}
    if certificate:
        relay["ca"] = str(certificate)
    return {"profiles": str(accounts / FOLDER), "relay": relay}
