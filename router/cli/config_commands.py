"""``switchyard config``: check, show and locate the settings; what others would change. Data on stdout, talk on stderr.

Exit codes: 0 fine, 1 mistakes in the settings or no file, 2 wrong usage, 3 the gateway does not answer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from router import places
from router.access.sources import file_keys
from router.cli.config_plan import plan
from router.cli.options import ConfigOption as ConfigOption
from router.cli.options import JsonOption as JsonOption
from router.clock import SystemClock
from router.settings.load import Loaded, load
from router.settings.mistakes import Mistake, SettingsError
from router.settings.schema import Settings
from router.settings.shown import rows
from router.state.client_keys import usable_keys
from router.state.database import transaction
from router.state.migrate import revision

DATABASE = "switchyard.sqlite"
app = typer.Typer(help="Check, show and locate the settings.", no_args_is_help=True)
app.command(name="plan")(plan)


def read_settings(config: str | None, *, need_key: bool = True) -> tuple[Loaded, Path | None]:
    """The settings as the router would read them now. Raises `SettingsError`; `OSError` where a named file is missing.

    A key in the state database or in ``state/keys`` counts for a public address; it is looked for where the settings
    themselves say that the state is. need_key: whether a public address without any key is a mistake.
    """
    path = config_file(config)
    text = path.read_text(encoding="utf-8") if path is not None else ""
    source = str(path) if path is not None else "defaults"
    loaded = load(
        text,
        os.environ,
        _read_file,
        client_keys_exist=_opened if need_key else True,
        source=source,
        missing=places.missing,
    )
    return loaded, path


def config_file(config: str | None) -> Path | None:
    """The file that is read. None where none is named and there is none in the usual place."""
    path = places.config_path(config, os.environ)
    named = config is not None or bool(os.environ.get(places.CONFIG_VARIABLE))
    return path if named or path.exists() else None


def state_dir(loaded: Loaded) -> Path:
    """The folder of the database and the generated keys."""
    return places.in_checkout(loaded.settings.server.state_dir)


def _opened(settings: Settings) -> bool:
    return client_keys_exist(places.in_checkout(settings.server.state_dir))


def _read_file(name: str) -> str:
    return places.in_checkout(name).read_text(encoding="utf-8")


def client_keys_exist(folder: Path) -> bool:
    """Whether the state in `folder` has a client key, in a file or in the database. An unreadable file is none."""
    with suppress(OSError):
        if any("client" in key.scopes for key in file_keys(folder / "keys")):
            return True
    database = folder / DATABASE
    if revision(database) is None:
        return False
    with transaction(database) as connection:
        return usable_keys(connection, SystemClock().wall()) > 0


def settings_or_exit(config: str | None, *, need_key: bool = True) -> tuple[Loaded, Path | None]:
    """As `read_settings`; mistakes go to stderr and end the command with 1."""
    try:
        return read_settings(config, need_key=need_key)
    except SettingsError as error:
        typer.echo(str(error), err=True)
    except (OSError, UnicodeDecodeError) as error:
        typer.echo(_unreadable(error), err=True)
    raise typer.Exit(1)


def _failed(file: str | None, mistakes: Sequence[Mistake], told: str, as_json: bool) -> typer.Exit:
    """Print the mistakes; the exit to raise."""
    if as_json:
        facts = {"ok": False, "file": file, "mistakes": msgspec.to_builtins(mistakes)}
        typer.echo(json.dumps(facts, indent=2))
    else:
        typer.echo(told, err=True)
    return typer.Exit(1)


def _unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Why, without the numbers of the operating system."""
    if isinstance(error, FileNotFoundError):
        return f"there is no settings file {error.filename}"
    if isinstance(error, OSError):
        return f"{error.filename} cannot be read: {error.strerror}"  # of a key, or the database, as well
    return f"the settings file is not UTF-8 at byte {error.start}"


@app.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say whether the settings are in order, and list every mistake."""
    try:
        loaded, path = read_settings(config)
    except SettingsError as error:
        raise _failed(error.source, error.mistakes, str(error), as_json) from None
    except (OSError, UnicodeDecodeError) as error:
        told = _unreadable(error)
        raise _failed(config, [Mistake(path="", problem=told)], told, as_json) from None
    if as_json:
        result = {"ok": True, "file": str(path) if path else None, "warnings": list(loaded.warnings)}
        typer.echo(json.dumps(result, indent=2))
        return
    for warning in loaded.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(f"{path or 'no file, defaults'}: in order")


@app.command()
def show(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    everything: Annotated[bool, typer.Option("--all", help="Also what is at its default.")] = False,
) -> None:
    """Show the settings in force, where each comes from, secrets masked."""
    loaded, _ = settings_or_exit(config)
    found = [
        (path, value, origin)
        for path, value, origin in rows(loaded.settings, loaded.provenance)
        if everything or origin != "default"
    ]
    if as_json:
        listing = [{"path": path, "value": value, "from": origin} for path, value, origin in found]
        typer.echo(json.dumps(listing, indent=2, ensure_ascii=False))
        return
    if not found:
        typer.echo("everything is at its default (--all shows it)", err=True)
    width = max((len(path) for path, _, _ in found), default=0)
    for path, value, origin in found:
        typer.echo(f"{path:<{width}}  {json.dumps(value, ensure_ascii=False)}  ({origin})")


@app.command()
def path(config: ConfigOption = None) -> None:
    """Print the path of the file that is read."""
    found = config_file(config)
    if found is None or not found.is_file():
        typer.echo(f"there is no file{f' {found}' if found else ''}; everything is at its default", err=True)
        raise typer.Exit(1)
    typer.echo(str(found))


@app.command()
def folders(config: ConfigOption = None) -> None:
    """Print the folders that are written to: the setting, a blank, and the whole path (for `make install-service`)."""
    loaded, _ = settings_or_exit(config, need_key=False)
    settings = loaded.settings
    named = {"auth.dir": settings.auth.dir, "server.state_dir": settings.server.state_dir}
    if settings.providers.aistudio is not None and settings.providers.aistudio.profiles:
        named["providers.aistudio.profiles"] = settings.providers.aistudio.profiles
    for setting, folder in named.items():
        typer.echo(f"{setting} {places.in_checkout(folder)}")
