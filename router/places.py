"""Where things lie: the checkout, the settings file, the state folder. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIG_VARIABLE = "SWITCHYARD_CONFIG"
STATE_VARIABLE = "SWITCHYARD__SERVER__STATE_DIR"


def config_path(named: str | None, environ: Mapping[str, str]) -> Path:
    """The settings file: as named on the command line (from the current folder), by variable, or the checkout's."""
    if named is not None:
        return Path(named).expanduser().absolute()
    if environ.get(CONFIG_VARIABLE):
        return in_checkout(environ[CONFIG_VARIABLE])
    return ROOT / "config" / "config.yaml"


def in_checkout(path: str) -> Path:
    """A path of the settings; a relative one starts at the checkout, whatever the current folder is."""
    return ROOT / Path(path).expanduser()


def missing(path: str) -> str | None:
    """Why the file of a setting cannot be read, None where it can."""
    try:
        with in_checkout(path).open("rb") as file:
            file.read(1)
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def run_dir(state_dir: Path) -> Path:
    """Sockets and process files."""
    return state_dir / "run"


def key_file(state_dir: Path, name: str) -> Path:
    """A generated key: `client`, `management` or `service`."""
    return state_dir / "keys" / f"{name}.key"
