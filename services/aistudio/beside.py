"""The settings of this service, completed by those of the router that it stands beside: accounts, key, address."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from router.vault.keys import AccountVault
from router.vault.profiles import FOLDER
from services.aistudio.settings import Settings, read
from services.link.beside import ROOT, neighbour, placed, relay_defaults
from services.link.settings import merged

PLACE = ("providers", "aistudio")


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
    router = neighbour(PLACE, router_config, own, environ)
    settings = _placed(read(merged(defaults(router.server, router.accounts), router.given)))
    return Beside(settings, router.vault, dict(environ))


def forget_secrets(environ: MutableMapping[str, str]) -> None:
    """Take secrets out of the variables that browsers and their helpers inherit."""
    for name in [name for name in environ if _SECRET.search(name)]:
        del environ[name]


def _placed(settings: Settings) -> Settings:
    """With every path made whole: relative ones start at the checkout, whatever the current folder is."""
    return replace(
        settings,
        profiles=ROOT / settings.profiles.expanduser(),
        selectors=ROOT / settings.selectors.expanduser() if settings.selectors is not None else None,
        relay=placed(settings.relay),
    )


def defaults(server: Mapping[str, Any], accounts: Path) -> dict[str, Any]:
    """What follows from the router's settings. server: its block. accounts: the folder of the accounts."""
    return {"profiles": str(accounts / FOLDER), "relay": relay_defaults(server)}
