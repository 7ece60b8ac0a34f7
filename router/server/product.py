"""Where the server meets the product: settings to server settings, and the application to serve."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from router import places
from router.server.config import ServerSettings
from router.server.connection import App
from router.settings.load import Loaded, load
from router.settings.mistakes import SettingsError
from router.settings.schema import Settings


class CannotPrepare(Exception):
    """The settings or the application do not allow a start; the message lists every mistake."""


def prepare(config: str | None, environ: Mapping[str, str]) -> tuple[ServerSettings, App]:
    """Load the settings and build the application. Raises `CannotPrepare`."""
    path = places.config_path(config, environ)
    settings = read_settings(path, environ, named=config is not None).settings
    from router.app import create_app

    return server_settings(settings), create_app(path, environ)


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
    state = places.in_checkout(environ.get(places.STATE_VARIABLE, "state"))
    try:
        return load(
            text,
            environ,
            lambda name: places.in_checkout(name).read_text(encoding="utf-8"),
            client_keys_exist=places.key_file(state, "client").exists(),
            source=str(path),
        )
    except SettingsError as error:
        raise CannotPrepare(str(error)) from error


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
        run_dir=places.run_dir(places.in_checkout(server.state_dir)),
    )
