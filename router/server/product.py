"""Where the server meets the product: settings to server settings, and the application to serve."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from router import places
from router.models.capabilities import CapabilityMistakes
from router.routing.table import RoutingMistakes
from router.server.config import ServerSettings
from router.server.connection import App
from router.settings.load import Loaded, load
from router.settings.mistakes import SettingsError
from router.settings.schema import Settings
from router.usage.price_file import PriceMistakes

DATABASE = "switchyard.sqlite"


class CannotPrepare(Exception):
    """The settings or the application do not allow a start; the message lists every mistake."""


def prepare(config: str | None, environ: Mapping[str, str]) -> tuple[ServerSettings, App]:
    """Load the settings and build the application. Raises `CannotPrepare`."""
    path = places.config_path(config, environ)
    settings = read_settings(path, environ, named=config is not None).settings
    migrate(places.in_checkout(settings.server.state_dir))
    from router.app import create_app

    try:
        return server_settings(settings), create_app(path, environ)
    except (RoutingMistakes, CapabilityMistakes, PriceMistakes) as error:
        raise CannotPrepare(f"{path}: {error}") from error


def migrate(state_dir: Path) -> None:
    """Bring the database to this version's tables, in a process of its own. Raises `CannotPrepare`."""
    from router.state.migrate import HEAD, revision

    database = state_dir / DATABASE
    try:
        if revision(database) == HEAD:
            return
    except (OSError, sqlite3.Error) as error:
        raise CannotPrepare(f"{database} cannot be read as a database: {error}") from error
    done = subprocess.run(  # noqa: S603  our own module
        [sys.executable, "-m", "router.state.migrate", str(database)],
        cwd=places.ROOT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    if done.returncode != 0:
        raise CannotPrepare((done.stderr or done.stdout).strip())


def read_settings(path: Path, environ: Mapping[str, str], *, named: bool = False) -> Loaded:
    """The settings of `path`; a missing file gives the defaults unless it was `named`. Raises `CannotPrepare`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if named:
            raise CannotPrepare(f"there is no settings file {path}") from None
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise CannotPrepare(f"the settings file {path} cannot be read: {error}") from error

    try:
        return load(
            text,
            environ,
            lambda name: places.in_checkout(name).read_text(encoding="utf-8"),
            client_keys_exist=_client_key_exists,
            source=str(path),
            missing=places.missing,
        )
    except SettingsError as error:
        raise CannotPrepare(str(error)) from error


def _client_key_exists(settings: Settings) -> bool:
    """Whether a generated or a stored key opens this gateway; a public address needs one."""
    from router.state.client_keys import usable_keys
    from router.state.database import open_database
    from router.state.migrate import revision

    state_dir = places.in_checkout(settings.server.state_dir)
    if places.key_file(state_dir, "client").exists():
        return True
    database = state_dir / DATABASE
    if revision(database) is None:
        return False
    engine = open_database(database)
    try:
        with engine.connect() as connection:
            return usable_keys(connection, time.time()) > 0
    finally:
        engine.dispose()


def server_settings(settings: Settings) -> ServerSettings:
    """The part of the settings that the HTTP server needs."""
    server = settings.server
    cert, key = server.tls.cert, server.tls.key
    return ServerSettings(
        host=server.host.strip("[]"),
        port=server.port,
        tls_cert=places.in_checkout(cert) if cert is not None else None,
        tls_key=places.in_checkout(key) if key is not None else None,
        header_bytes=server.limits.header_bytes,
        header_seconds=server.timeouts.header,
        keep_alive_seconds=server.timeouts.keep_alive,
        drain_seconds=server.timeouts.drain,
        socket_bytes=settings.relay.max_message_bytes,
        run_dir=places.run_dir(places.in_checkout(server.state_dir)),
    )
