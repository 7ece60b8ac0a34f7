"""``switchyard tui``: the screens of `router.tui`, which run in an environment of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from router import places
from router.cli.talk import find_place, url

Run = Callable[[str, list[str]], object]
MISSING = "The screens need a package of their own (Textual, MIT). Install it with: make tui"
NO_KEY = "There is no management key here. Name a file that holds a key with the scope viewer or more: --key-file FILE"


def tui(
    address: str | None = None,
    key_file: str | None = None,
    config: str | None = None,
    *,
    root: Path = places.ROOT,
    run: Run = os.execv,
) -> int:
    """Become the screens. 1 with the reason on stderr where that cannot be."""
    python = root / ".venvs" / "tui" / "bin" / "python"
    if not python.exists():
        return _failed(MISSING)
    place = find_place(config)
    key = Path(key_file).expanduser() if key_file is not None else places.key_file(place.state_dir, "management")
    if not key.is_file():
        return _failed(NO_KEY if key_file is None else f"There is no file {key}")
    where = address or url(*place.address())
    os.chdir(root)
    run(str(python), [str(python), "-m", "router.tui", where.rstrip("/"), str(key.absolute())])
    return 0


def _failed(why: str) -> int:
    print(why, file=sys.stderr)
    return 1
