"""Where things are: the file with the settings, and the folders that it names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from router.settings.schema import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
VARIABLE = "SWITCHYARD_CONFIG"
"""Names the file, as ``--config`` does."""


class Places(Struct, frozen=True, kw_only=True):
    """Absolute paths. state: everything that is ours. accounts: provider sign-ins."""

    state: Path
    accounts: Path

    @property
    def database(self) -> Path:
        return self.state / "switchyard.sqlite"

    @property
    def keys(self) -> Path:
        """Folder of the generated keys, ``client.key`` and so on."""
        return self.state / "keys"

    @property
    def vault_key(self) -> Path:
        return self.state / "vault.key"

    @property
    def run(self) -> Path:
        """Folder of sockets and process files."""
        return self.state / "run"


def find_config(
    given: str | None, environ: Mapping[str, str], exists: Callable[[Path], bool], checkout: Path = CHECKOUT
) -> Path | None:
    """The file to read: the one given, that of ``SWITCHYARD_CONFIG``, else ``config/config.yaml`` here.

    A file that was named is returned whether it exists or not; None where none is named and none is there.
    """
    named = given or environ.get(VARIABLE)
    if named:
        return expand(named, environ).absolute()
    usual = (Path("config/config.yaml").absolute(), checkout / "config" / "config.yaml")
    return next((path for path in usual if exists(path)), None)


def base_folder(config: Path | None, checkout: Path = CHECKOUT) -> Path:
    """What relative paths in the settings are relative to: the folder above ``config/``, else the file's own folder."""
    if config is None:
        return checkout
    return config.parent.parent if config.parent.name == "config" else config.parent


def locate(settings: Settings, config: Path | None, environ: Mapping[str, str], checkout: Path = CHECKOUT) -> Places:
    """The folders of these settings."""
    base = base_folder(config, checkout)
    return Places(
        state=base / expand(settings.server.state_dir, environ), accounts=base / expand(settings.auth.dir, environ)
    )


def expand(path: str, environ: Mapping[str, str]) -> Path:
    """``~`` as the home folder of `environ`."""
    home = environ.get("HOME")
    if home and (path == "~" or path.startswith("~/")):
        return Path(home) / path[2:]
    return Path(path)


def reader(base: Path, environ: Mapping[str, str]) -> Callable[[str], str]:
    """`read_file` for `load`: paths as written in the settings, relative ones to `base`."""

    def read(path: str) -> str:
        return (base / expand(path, environ)).read_text(encoding="utf-8")

    return read
