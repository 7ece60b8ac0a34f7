"""Whether a backup would do: opened and read as a restore does it, and nothing put back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from router.backup.archive import CannotRestore, Manifest, unpacked
from router.backup.contents import DATABASE, Places, target
from router.vault.keys import KEY_FILE, PLAIN_FILE, VARIABLE

SETTINGS = "config/config.yaml"
KEY_ELSEWHERE = (
    f"The account files are encrypted with the key of {VARIABLE}, which is in no backup. Keep that key elsewhere: "
    "without it they cannot be read."
)


class File(Struct, frozen=True):
    """Its name in the backup, and bytes."""

    name: str
    size: int


class Verdict(Struct, frozen=True):
    """ok: it would be put back, and a router would start with it. problems: why not. warnings: what would be missing
    then, or be otherwise than here. made_at, version: by whom and when, None where it could not be opened."""

    ok: bool
    problems: list[str]
    warnings: list[str]
    version: str | None
    made_at: float | None
    files: list[File]


def judge(source: Path, passphrase: str, places: Places, scratch: Path, judged: Callable[[str], str | None]) -> Verdict:
    """scratch: the folder for its files meanwhile. judged: what is wrong with settings, by their text. Raises
    `OSError`."""
    try:
        with unpacked(source, passphrase, scratch) as (manifest, files):
            return Verdict(
                ok=not (problems := list(_problems(places, files))),
                problems=problems,
                warnings=list(_warnings(files, judged)),
                version=manifest.version,
                made_at=float(manifest.made_at),
                files=_listed(manifest),
            )
    except CannotRestore as problem:
        told = str(problem).removeprefix(f"{source}: ").replace(str(source), "it")
        return Verdict(False, [f"{told[:1].upper()}{told[1:]}."], [], None, None, [])


def _listed(manifest: Manifest) -> list[File]:
    return [File(name, member.size) for name, member in sorted(manifest.files.items())]


def _problems(places: Places, files: Mapping[str, Path]) -> Iterator[str]:
    for name in files:
        try:
            target(places, name)
        except ValueError as problem:
            yield f"{str(problem)[:1].upper()}{str(problem)[1:]}."
    database = files.get(f"state/{DATABASE}")
    if database is not None:
        yield from _of_database(database)


def _of_database(path: Path) -> Iterator[str]:
    from router.state.migrate import HEAD, revision  # the database layer takes long to load, and the start is quick

    try:
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
        known = revision(path)
    except sqlite3.Error as problem:
        yield f"Its database cannot be read: {problem}."
        return
    if found[0] != "ok":
        yield f"Its database is damaged: {found[0]}."
    elif known is not None and known > HEAD:
        yield f"Its database has revision {known}, newer than this version's {HEAD}: restore it with a newer version."


def _warnings(files: Mapping[str, Path], judged: Callable[[str], str | None]) -> Iterator[str]:
    settings = files.get(SETTINGS)
    if settings is None:
        yield "It has no settings: those of the machine where it is put back count."
    else:
        wrong = judged(settings.read_text(encoding="utf-8", errors="replace"))
        if wrong is not None:
            yield f"Its settings cannot be put in force here: {wrong}"
    if f"state/{DATABASE}" not in files:
        yield "It has no database: no keys that were made here, and no ledger."
    accounts = any(name.startswith("accounts/") and name.endswith(".json") for name in files)
    if accounts and not {f"accounts/{KEY_FILE}", f"accounts/{PLAIN_FILE}"} & files.keys():
        yield KEY_ELSEWHERE
