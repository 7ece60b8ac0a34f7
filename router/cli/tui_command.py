"""``switchyard tui``: the screens of `router.tui`, which run in an environment of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from router import places
from router.cli.talk import find_place, key_stays, url

Become = Callable[[list[str], Path], object]
MISSING = "The screens need a package of their own (Textual, MIT). Install it with: make tui"
NO_KEY = "There is no management key here. Name a file that holds a key with the scope viewer or more: --key-file FILE"


def tui(
    address: str | None = None,
    key_file: str | None = None,
    config: str | None = None,
    *,
    root: Path = places.ROOT,
    become: Become | None = None,
) -> int:
    """Become the screens. 1 with the reason on stderr where that cannot be."""
    python = root / ".venvs" / "tui" / "bin" / "python"
    if not python.exists():
        return _failed(MISSING)
    place = find_place(config)
    key = Path(key_file).expanduser() if key_file is not None else places.key_file(place.state_dir, "management")
    if not key.is_file():
        return _failed(NO_KEY if key_file is None else f"There is no file {key}")
    try:
        text = key.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isascii() or not text.isprintable():
        return _failed(f"{key} does not hold one key alone on one line")
    if address is not None and key_file is None and (why := key_stays(place, address)):
        return _failed(why)
    where = address or url(*place.address())
    words = [str(python), "-m", "router.tui", where, str(key.absolute())]
    (become or _become)(words, root)
    return 0


def _become(words: list[str], root: Path) -> None:
    """Never returns. `python -m` finds the screens in `root`."""
    os.chdir(root)
    os.execv(words[0], words)  # noqa: S606 - the words are ours, and a shell would only read them again


def _failed(why: str) -> int:
    print(why, file=sys.stderr)
    return 1
