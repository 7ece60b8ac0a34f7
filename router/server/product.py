"""Where the server meets the product: settings to server settings, and the application to serve."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from router.server.config import ServerSettings
from router.server.connection import App


def prepare(config: str | None, environ: Mapping[str, str]) -> tuple[ServerSettings, App]:
    """Load the settings and build the application. Raises `CannotStart` with every mistake."""
    raise NotImplementedError(Path, config, environ)
