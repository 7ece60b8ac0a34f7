"""What `setup` changed, one file per client in the state folder, readable by its owner only."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from router.cli.setup import files
from router.cli.setup.change import FileRecord
from router.cli.setup.splices import CannotEdit


class Journal(Struct, frozen=True, kw_only=True):
    """One client. at: Unix seconds."""

    client: str
    address: str
    model: str | None
    at: float
    files: tuple[FileRecord, ...]


def place(state_dir: Path, client: str) -> Path:
    """Where it lies."""
    return state_dir / "setup" / f"{client}.json"


def load(state_dir: Path, client: str) -> Journal | None:
    """What is recorded of a client. Raises `CannotEdit` where that cannot be read."""
    path = place(state_dir, client)
    text = files.read(path)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Journal)
    except msgspec.DecodeError as error:
        raise CannotEdit(f"{path} is damaged ({error}); undo by hand what docs/clients names, and remove it") from None


def save(state_dir: Path, journal: Journal) -> None:
    """Record a client. Written before its files, so that a broken run can be taken back too."""
    path = place(state_dir, journal.client)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(journal), indent=2).decode()
    files.write(path, text + "\n", files.NEW, expected=files.read(path))


def forget(state_dir: Path, client: str) -> None:
    """Nothing of it is set up any more."""
    place(state_dir, client).unlink(missing_ok=True)
