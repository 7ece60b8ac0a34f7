"""``switchyard keys``: make, list, change and revoke client keys in the state database. A running router notices within
two seconds.

Exit codes: 0 done, 1 failed, 2 wrong usage.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from router import places
from router.access.keys import SCOPES, ClientKey, digest, generate, key_id
from router.access.limits import amount
from router.access.sources import file_keys, settings_keys
from router.access.stored import Change, change_stored, rotate_stored, stored_keys, to_stored
from router.cli.audited import note
from router.cli.config_commands import DATABASE, ConfigOption, JsonOption, settings_or_exit, state_dir
from router.cli.key_options import CLEARED, Options, applied, check, with_options
from router.clock import SystemClock
from router.money import MICRO
from router.secret import Secret
from router.settings.checks import names_in
from router.settings.key_rights import plain
from router.settings.load import Loaded
from router.state.client_keys import add_key, revoke_key
from router.state.database import Connection, transaction
from router.state.migrate import HEAD, revision

app = typer.Typer(help="Make, list, change and revoke keys of this gateway.", no_args_is_help=True)
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$")
KeyArgument = Annotated[str, typer.Argument(help="Id or name of the key.")]


@app.command()
@with_options
def create(
    name: Annotated[str, typer.Argument(help="Name shown in lists, logs and metrics.")],
    options: Options,
    scope: Annotated[
        str,
        typer.Option(
            help="client, management, operator and viewer (parts of management), service, relay (its browsers)."
        ),
    ] = "client",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it. It is not stored and cannot be shown again."""
    if not _NAME.match(name):
        raise typer.BadParameter("letters, digits, '.', '_', '@' and '-' only, at most 63", param_hint="NAME")
    if scope not in SCOPES:
        raise typer.BadParameter(f"must be one of {', '.join(SCOPES)}", param_hint="--scope")
    loaded, _ = settings_or_exit(config, need_key=False)  # the first key of an open router is made here
    names, now = names_in(loaded.settings), SystemClock().wall()
    check(options, (), names)
    secret = generate()
    hexadecimal = digest(secret)
    key = ClientKey(
        id=key_id(hexadecimal),
        name=name,
        digest=hexadecimal,
        scopes=tuple(known for known in SCOPES if known == scope),
        source="database",
    )
    try:
        key = applied(key, options, (), names, now)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with _writing(state_dir(loaded) / DATABASE) as connection:
        add_key(connection, to_stored(key, now))
    note(state_dir(loaded), "key_create", name, scope)
    if as_json:
        facts = {"id": key.id, "name": name, "scope": scope, "expires_at": key.expires_at, "key": secret.reveal()}
        typer.echo(json.dumps(facts))
        return
    _show_once(secret)


@app.command("set")
@with_options
def set_(
    key: KeyArgument,
    options: Options,
    clear: Annotated[
        list[str] | None,
        typer.Option(help=f"Take back {', '.join(CLEARED[:-1])} or {CLEARED[-1]}. May be given several times."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change what a key of the database may use and do; what is not given stays. Counts within two seconds."""
    cleared = [name.replace("-", "_") for name in clear or ()]
    if options.nothing and not cleared:
        raise typer.BadParameter("give what is to be changed, or --clear")
    loaded, _ = settings_or_exit(config, need_key=False)
    names, now = names_in(loaded.settings), SystemClock().wall()
    check(options, cleared, names)
    told = ", ".join([*options.given(), *(f"without {name}" for name in cleared)])
    changed = _change(loaded, key, lambda known: applied(known, options, cleared, names, now), told)
    typer.echo(json.dumps(_facts(changed, now)) if as_json else f"changed {_line(changed, now)}")


@app.command()
def disable(key: KeyArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Refuse a key of the database for the time being. Running calls end by themselves."""
    _turn(key, config, as_json, disabled=True)


@app.command()
def enable(key: KeyArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Let a key that was disabled count again, with its rights and limits as they were."""
    _turn(key, config, as_json, disabled=False)


@app.command()
def rotate(key: KeyArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Give a key of the database a new text, and print it. Only the text differs; the old one ends."""
    loaded, _ = settings_or_exit(config, need_key=False)
    secret = generate()
    with _writing(state_dir(loaded) / DATABASE) as connection:
        made = rotate_stored(connection, key, digest(secret))
    if made is None:
        raise _unknown(key)
    note(state_dir(loaded), "key_rotate", made.name)
    if as_json:
        typer.echo(json.dumps({"id": made.id, "name": made.name, "key": secret.reveal()}))
        return
    _show_once(secret)


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List every key: of the settings, of the generated files, of the database."""
    loaded, _ = settings_or_exit(config, need_key=False)
    folder = state_dir(loaded)
    keys = [*settings_keys(loaded.settings), *file_keys(folder / "keys")]
    if revision(folder / DATABASE) is not None:
        with transaction(folder / DATABASE) as connection:
            keys += stored_keys(connection)
    now = SystemClock().wall()
    if as_json:
        typer.echo(json.dumps([_facts(key, now) for key in keys], indent=2))
        return
    if not keys:
        typer.echo("there is no key; make one with: switchyard keys create NAME", err=True)
    for key in keys:
        typer.echo(_line(key, now))


@app.command()
def revoke(
    key: KeyArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a key of the database for good. New calls are refused within two seconds; running ones go on."""
    loaded, _ = settings_or_exit(config, need_key=False)
    with _writing(state_dir(loaded) / DATABASE) as connection:
        revoked = revoke_key(connection, key, SystemClock().wall())
    if revoked:
        note(state_dir(loaded), "key_revoke", key, " ".join(each for each in revoked if each != key))
    if as_json:
        typer.echo(json.dumps({"revoked": list(revoked)}))
    elif revoked:
        typer.echo(f"revoked {', '.join(revoked)}")
    if not revoked:
        raise _unknown(key)


def _turn(key: str, config: str | None, as_json: bool, *, disabled: bool) -> None:
    loaded, _ = settings_or_exit(config, need_key=False)
    changed = _change(
        loaded, key, lambda known: replace(known, disabled=disabled), "disabled" if disabled else "enabled"
    )
    now = SystemClock().wall()
    typer.echo(json.dumps(_facts(changed, now)) if as_json else f"{changed.name} is {changed.state(now)}")


def _change(loaded: Loaded, key: str, change: Change, told: str) -> ClientKey:
    """Change a key of the database. told: what about it. Ends the command where there is none of this id or name."""
    with _writing(state_dir(loaded) / DATABASE) as connection:
        changed = change_stored(connection, key, change)
    if changed is None:
        raise _unknown(key)
    note(state_dir(loaded), "key_change", changed.name, told)
    return changed


def _unknown(key: str) -> typer.Exit:
    typer.echo(
        f"no key in use in the database is called {key!r}; keys of config.yaml and state/keys are changed there",
        err=True,
    )
    return typer.Exit(1)


def _show_once(secret: Secret) -> None:
    typer.echo("This key is shown once; keep it now:", err=True)
    typer.echo(secret.reveal())


def _line(key: ClientKey, now: float) -> str:
    facts = _facts(key, now)
    until = f" until {facts['expires']}" if facts["expires"] else ""
    scopes = " ".join(key.scopes)
    return f"{key.id}  {key.name:<20} {scopes:<12} {key.source:<9} {facts['state']}{until}{_limits(key)}"


def _limits(key: ClientKey) -> str:
    """What a key may do and use, where that is not everything."""
    parts = [] if key.concurrency is None else [f"{key.concurrency} at once, {key.queue} may wait"]
    parts += ["batch"] if key.priority == "batch" else []
    parts += [f"{amount(cap.most, cap.unit)} per {cap.period}" for cap in key.limits.caps()] if key.limits else []
    for name, value in (plain(key.rights) if key.rights is not None else {}).items():
        told = ", ".join(f"{each} {words!r}" for each, words in value.items()) if isinstance(value, dict) else value
        told = {True: "yes", False: "no"}[told] if isinstance(told, bool) else told
        parts.append(f"{name} {' '.join(told) if isinstance(told, list) else told}")
    return "".join(f", {part}" for part in parts)


def _facts(key: ClientKey, now: float) -> dict[str, object]:
    caps = key.limits.caps() if key.limits is not None else ()
    expires = datetime.fromtimestamp(key.expires_at, UTC).isoformat(timespec="seconds") if key.expires_at else None
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "source": key.source,
        "state": key.state(now),
        "expires": expires,
        "concurrency": key.concurrency,
        "queue": key.queue,
        "priority": key.priority,
        "limits": {cap.name: cap.most / MICRO if cap.unit == "usd" else cap.most for cap in caps},
        "rights": plain(key.rights) if key.rights is not None else {},
    }


@contextmanager
def _writing(database: Path) -> Iterator[Connection]:
    """A transaction on the migrated database. A refusal goes to stderr and ends the command with 1."""
    if revision(database) != HEAD:
        done = subprocess.run(
            [sys.executable, "-m", "router.state.migrate", str(database)],
            cwd=places.ROOT,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            typer.echo(done.stderr.strip(), err=True)
            raise typer.Exit(1)
    try:
        with transaction(database, writes=True) as connection:
            yield connection
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
