"""``switchyard keys``: make, list and revoke client keys in the state database. A running router notices in a second.

Exit codes: 0 done, 1 failed, 2 wrong usage.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from router import places
from router.access.keys import SCOPES, ClientKey, digest, generate, key_id
from router.access.limits import KeyLimits, amount, micro
from router.access.sources import file_keys, settings_keys
from router.access.stored import stored_keys
from router.call import PRIORITIES
from router.cli.config_commands import DATABASE, ConfigOption, JsonOption, settings_or_exit, state_dir
from router.clock import SystemClock
from router.state.client_keys import StoredKey, add_key, revoke_key
from router.state.database import Connection, transaction
from router.state.migrate import HEAD, revision

app = typer.Typer(help="Make, list and revoke keys of this gateway.", no_args_is_help=True)
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$")
_SPAN = re.compile(r"^(\d{1,5})([hdw])$")
_HOURS = {"h": 1, "d": 24, "w": 168}


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name shown in lists, logs and metrics.")],
    expires: Annotated[
        str | None, typer.Option(help="When it ends: a span (12h, 30d, 8w) or a date (2027-01-31, UTC).")
    ] = None,
    scope: Annotated[
        str,
        typer.Option(
            help="client, management, operator and viewer (parts of management), service, relay (its browsers)."
        ),
    ] = "client",
    concurrency: Annotated[
        int | None, typer.Option(help="Calls in progress at once; one more waits or is a 429.", min=1)
    ] = None,
    queue: Annotated[int, typer.Option(help="Calls beyond --concurrency that wait for a place.", min=0)] = 0,
    priority: Annotated[
        str, typer.Option(help="Who goes first where calls wait for a place: interactive before batch.")
    ] = "interactive",
    requests_per_minute: Annotated[int | None, typer.Option(min=1, help="Calls that begin within a minute.")] = None,
    tokens_per_minute: Annotated[int | None, typer.Option(min=1, help="Tokens within a minute.")] = None,
    tokens_per_day: Annotated[int | None, typer.Option(min=1, help="Tokens of a day (UTC).")] = None,
    tokens_per_month: Annotated[int | None, typer.Option(min=1, help="Tokens of a month (UTC).")] = None,
    usd_per_day: Annotated[float | None, typer.Option(min=0.01, help="US dollars of a day, by list prices.")] = None,
    usd_per_month: Annotated[float | None, typer.Option(min=0.01, help="US dollars of a month.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it. It is not stored and cannot be shown again."""
    if not _NAME.match(name):
        raise typer.BadParameter("letters, digits, '.', '_', '@' and '-' only, at most 63", param_hint="NAME")
    if scope not in SCOPES:
        raise typer.BadParameter(f"must be one of {', '.join(SCOPES)}", param_hint="--scope")
    if priority not in PRIORITIES:
        raise typer.BadParameter(f"must be one of {', '.join(PRIORITIES)}", param_hint="--priority")
    now = SystemClock().wall()
    until = _moment(expires, now) if expires is not None else None
    limits = KeyLimits(
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        tokens_per_day=tokens_per_day,
        tokens_per_month=tokens_per_month,
        usd_per_day=micro(usd_per_day),
        usd_per_month=micro(usd_per_month),
    )
    key = generate()
    hexadecimal = digest(key)
    row = StoredKey(
        id=key_id(hexadecimal),
        name=name,
        digest=hexadecimal,
        scopes=(scope,),
        created_at=now,
        expires_at=until,
        concurrency=concurrency,
        queue=queue,
        priority=priority,
        limits="" if limits.nothing else msgspec.json.encode(limits).decode(),
    )
    with _writing(_database(config)) as connection:
        add_key(connection, row)
    if as_json:
        typer.echo(json.dumps({"id": row.id, "name": name, "scope": scope, "expires_at": until, "key": key.reveal()}))
        return
    typer.echo("This key is shown once; keep it now:", err=True)
    typer.echo(key.reveal())


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
        facts = _facts(key, now)
        until = f" until {facts['expires']}" if facts["expires"] else ""
        typer.echo(
            f"{key.id}  {key.name:<20} {' '.join(key.scopes):<12} {key.source:<9} {facts['state']}{until}{_limits(key)}"
        )


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Id or name of the key.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a key of the database. Running calls end by themselves; new ones are refused within a second."""
    with _writing(_database(config)) as connection:
        revoked = revoke_key(connection, key, SystemClock().wall())
    if as_json:
        typer.echo(json.dumps({"revoked": list(revoked)}))
    elif revoked:
        typer.echo(f"revoked {', '.join(revoked)}")
    if not revoked:
        typer.echo(
            f"no key in use in the database is called {key!r}; keys of config.yaml and state/keys are removed there",
            err=True,
        )
        raise typer.Exit(1)


def _limits(key: ClientKey) -> str:
    """What a key may do at once, where that is not everything."""
    parts = [] if key.concurrency is None else [f"{key.concurrency} at once, {key.queue} may wait"]
    parts += ["batch"] if key.priority == "batch" else []
    parts += [f"{amount(cap.most, cap.unit)} per {cap.period}" for cap in key.limits.caps()] if key.limits else []
    return "".join(f", {part}" for part in parts)


def _facts(key: ClientKey, now: float) -> dict[str, object]:
    state = "usable" if key.usable(now) else "revoked" if key.revoked_at is not None else "expired"
    expires = datetime.fromtimestamp(key.expires_at, UTC).isoformat(timespec="seconds") if key.expires_at else None
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "source": key.source,
        "state": state,
        "expires": expires,
        "concurrency": key.concurrency,
        "queue": key.queue,
        "priority": key.priority,
    }


def _moment(text: str, now: float) -> float:
    span = _SPAN.match(text)
    if span is not None:
        return now + timedelta(hours=int(span[1]) * _HOURS[span[2]]).total_seconds()
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("must be like 30d, 12h, 8w or 2027-01-31", param_hint="--expires") from None
    if len(text) == 10:
        parsed += timedelta(days=1)
    moment = (parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)).timestamp()
    if moment <= now:
        raise typer.BadParameter("lies in the past", param_hint="--expires")
    return moment


def _database(config: str | None) -> Path:
    loaded, _ = settings_or_exit(config, need_key=False)  # the first key of an open router is made here
    return state_dir(loaded) / DATABASE


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
