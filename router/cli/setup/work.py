"""Setting a client up and putting it back: plans from what the files hold now, then writes all or says why not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from router.cli.setup import files, journal
from router.cli.setup.change import Conflict, FileRecord, changed, restored, sha256
from router.cli.setup.journal import Journal
from router.cli.setup.splices import CannotEdit
from router.cli.setup.wishes import FileWish


class FileChange(Struct, frozen=True, kw_only=True):
    """One file: its text now and then (None: no file). record: for the journal, None where it only goes back."""

    path: Path
    now: str | None
    then: str | None
    mode: int
    record: FileRecord | None
    folders: tuple[str, ...] = ()


class Refused(Exception):
    """Somebody changed places that `setup` had set. conflicts: path to what is different."""

    def __init__(self, conflicts: Sequence[tuple[Path, Conflict]]) -> None:
        super().__init__("files were changed in places that setup had set")
        self.conflicts = tuple(conflicts)


def plan(wishes: Sequence[FileWish], old: Journal | None) -> list[FileChange]:
    """All changes of a client. What an earlier run set goes back first, so that `old` is never stacked upon.

    Raises `CannotEdit` (with the path), `Refused` and `OSError`."""
    earlier = {change.path: change for change in undoing(old)} if old is not None else {}
    changes: list[FileChange] = []
    for wish in wishes:
        path, back = wish.path, earlier.pop(wish.path, None)
        known = next((one for one in old.files if Path(one.path) == path), None) if old is not None else None
        try:
            now = files.read(path) if back is None else back.now
            base = now if back is None else back.then
            then, edits = changed(base, wish, known.edits if known is not None else ())
        except CannotEdit as error:
            raise CannotEdit(f"{path}: {error}") from None
        if not edits:
            if back is not None:
                changes.append(back)
            continue
        mode = files.mode_of(path) if known is None or now is not None else known.mode
        record = FileRecord(
            path=str(path),
            format=wish.format,
            mode=mode,
            before=sha256(base),
            after=sha256(then),
            edits=edits,
            start=wish.start if base is None else "",
            folders=known.folders if known is not None else (),
        )
        changes.append(FileChange(path=path, now=now, then=then, mode=mode, record=record))
    return [*changes, *earlier.values()]


def undoing(old: Journal) -> list[FileChange]:
    """What puts everything back. Raises `Refused` with all that somebody changed since, `CannotEdit` and `OSError`."""
    changes: list[FileChange] = []
    conflicts: list[tuple[Path, Conflict]] = []
    for record in old.files:
        path = Path(record.path)
        try:
            now = files.read(path)
            then, found = restored(now, record)
        except CannotEdit as error:
            raise CannotEdit(f"{path}: {error}") from None
        conflicts += [(path, one) for one in found]
        mode = files.mode_of(path)
        changes.append(FileChange(path=path, now=now, then=then, mode=mode, record=None, folders=record.folders))
    if conflicts:
        raise Refused(conflicts)
    return changes


def carry_out(changes: Sequence[FileChange], new: Journal | None, client: str, state_dir: Path) -> None:
    """Write the journal, then the files. new: without its files. Raises `CannotEdit` (with the path) and `OSError`."""
    records: list[FileRecord] = []
    for change in changes:
        if change.record is not None:
            folders = (*files.make_folders(change.path), *change.record.folders)
            record = change.record
            records.append(FileRecord(**{name: getattr(record, name) for name in _KEPT}, folders=folders))
    if new is not None and records:
        journal.save(state_dir, _with_files(new, records))
    for change in changes:
        try:
            if change.then is None:
                change.path.unlink(missing_ok=True)
            elif change.then != change.now:
                files.write(change.path, change.then, change.mode, expected=change.now)
        except CannotEdit as error:
            raise CannotEdit(f"{change.path}: {error}") from None
    files.remove_folders(folder for change in changes if change.then is None for folder in change.folders)
    if new is None or not records:
        journal.forget(state_dir, client)


_KEPT = tuple(name for name in FileRecord.__struct_fields__ if name != "folders")


def _with_files(new: Journal, records: Sequence[FileRecord]) -> Journal:
    return Journal(client=new.client, address=new.address, model=new.model, at=new.at, files=tuple(records))
