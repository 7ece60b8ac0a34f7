"""Where the accounts of this installation are, for commands that work on them without the router."""

from __future__ import annotations

import os
from pathlib import Path

import typer
from msgspec import Struct

from router import places
from router.accounts.audit import Audit
from router.accounts.profiles import profile_files
from router.accounts.stores.files import FileStore
from router.cli.config_commands import settings_or_exit, state_dir
from router.clock import SystemClock
from router.vault.keys import AccountVault, WrongKey, account_vault
from router.vault.profiles import ProfileFiles


class AccountPlace(Struct, frozen=True):
    """The store with its parts. folder: ``auth.dir``."""

    folder: Path
    store: FileStore
    vault: AccountVault
    audit: Audit
    profiles: ProfileFiles


def account_place(config: str | None) -> AccountPlace:
    """As the settings say. Mistakes go to stderr and end the command with 1."""
    loaded, _ = settings_or_exit(config, need_key=False)
    folder = places.in_checkout(loaded.settings.auth.dir)
    clock = SystemClock()
    try:
        vault = account_vault(folder, os.environ)
    except WrongKey as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    profiles = profile_files(loaded.settings.providers, folder, vault)
    return AccountPlace(folder, FileStore(folder, vault, clock), vault, Audit(state_dir(loaded), clock), profiles)


def fail(error: OSError) -> typer.Exit:
    """Say what the disk said; the exit to raise."""
    where = f" ({error.filename})" if error.filename else ""
    typer.echo(f"{error.strerror or error}{where}", err=True)
    return typer.Exit(1)
