"""``switchyard vault``: look at the encryption of the account files, switch it, exchange the key.

A running router goes on meanwhile. Exit codes: 0 done, 1 failed or some file could not be written, 2 wrong usage.
"""

from __future__ import annotations

import json

import msgspec
import typer

from router.accounts import vaults
from router.cli.account_place import account_place, fail
from router.cli.audited import operator
from router.cli.options import ConfigOption, JsonOption
from router.vault.keys import OLD_VARIABLE, VARIABLE

app = typer.Typer(help="Encryption of the account files.", no_args_is_help=True)


@app.command()
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say which account files and profiles are encrypted, and with which key."""
    place = account_place(config)
    try:
        found = vaults.status(place.store, place.vault, place.profiles)
    except OSError as error:
        raise fail(error) from None
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(found), indent=2))
        return
    typer.echo(f"folder     {found.folder}")
    typer.echo(f"new files  {'encrypted' if found.sealing else 'plain (switchyard vault encrypt changes that)'}")
    typer.echo(f"key        {found.key}")
    for title, names in (
        ("encrypted", found.sealed),
        ("plain", found.plain),
        ("found", found.found),
        ("locked", found.locked),
    ):
        typer.echo(f"{title:<10} {', '.join(names) or '-'}")
    if found.found:
        typer.echo("found: files of other programs, which are left as they are", err=True)
    if found.locked:
        typer.echo("locked: written with a key that is not here; restore it, or sign in again", err=True)
    if found.rotating:
        typer.echo("an exchange of the key was interrupted; `switchyard vault rotate` finishes it", err=True)


@app.command()
def encrypt(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Encrypt our account files and profiles, now and from now on. Files of other programs stay as they are."""
    _do(config, as_json, vaults.encrypt, "encrypted")


@app.command()
def decrypt(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Write our account files and profiles in plain text, now and from now on."""
    _do(config, as_json, vaults.decrypt, "decrypted")


@app.command()
def rotate(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Encrypt with a new key and forget the old one. Backups made before need the old key."""
    _do(config, as_json, vaults.rotate, "encrypted with the new key")
    if account_place(config).vault.master is not None:
        typer.echo(
            f"the key is the one of {VARIABLE}: to exchange it, put the present one into {OLD_VARIABLE} and the new "
            f"one into {VARIABLE}, restart the router, run this command, then remove {OLD_VARIABLE}",
            err=True,
        )


def _do(config: str | None, as_json: bool, work: vaults.Work, word: str) -> None:
    place = account_place(config)
    try:
        done = work(place.store, place.vault, place.profiles)
        for account in done.changed:
            place.audit.record(operator(), "changed", account, word)
        place.audit.flush(everything=True)
    except OSError as error:
        raise fail(error) from None
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(done), indent=2))
    else:
        for account in done.changed:
            typer.echo(f"{account}  {word}")
        if not done.changed:
            typer.echo("there was nothing to do", err=True)
    for name, reason in done.left:
        typer.echo(f"{name} was left: it {reason}", err=True)
    if done.left:
        raise typer.Exit(1)
