"""What `setup` says: every place that it changes, where keys stand, and what somebody else changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from router.cli.setup.change import HIDDEN, Conflict
from router.cli.setup.values import dotted
from router.cli.setup.wishes import FileWish
from router.cli.setup.work import FileChange


def short(path: Path, home: Path) -> str:
    """A path with ``~`` for the home folder."""
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def changes(planned: Sequence[FileChange], home: Path) -> Iterator[str]:
    """One line per file and per place of it."""
    for change in planned:
        name = short(change.path, home)
        if change.record is None:
            yield f"{name}: {_back(change)}"
            continue
        if change.now == change.then:
            yield f"{name}: is so already"
            continue
        yield f"{name}{f' (new, mode {change.mode:04o})' if change.now is None else ''}:"
        for edit in change.record.edits:
            value = HIDDEN if edit.shown == HIDDEN else json.dumps(edit.shown, ensure_ascii=False)
            instead = "" if edit.old is None else "  (another value stood there; --undo brings it back)"
            yield f"  {dotted(edit.keys)} = {value}{instead}"


def _back(change: FileChange) -> str:
    if change.now is None:
        return "is not there any more"
    if change.then is None:
        return "taken away, as it was made by setup"
    return "as it was before" if change.then != change.now else "nothing of setup is left in it"


def warnings(wishes: Sequence[FileWish], modes: Mapping[Path, int], home: Path) -> Iterator[str]:
    """Keys that others can read."""
    for wish in wishes:
        mode = modes.get(wish.path, 0)
        if wish.holds_key and mode & 0o077:
            name = short(wish.path, home)
            yield f"{name} holds the key and others on this machine may read it (mode {mode:04o}): chmod 600 {name}"


def conflicts(found: Sequence[tuple[Path, Conflict]], home: Path) -> Iterator[str]:
    """What was changed since, for the person who did it."""
    for path, one in found:
        yield f"{short(path, home)}: {one.place} was changed since"
        yield f"  before setup: {'nothing' if one.before is None else one.before}"
        yield f"  setup wrote:  {one.wrote}"
        yield f"  now:          {'nothing' if one.now is None else one.now}"
