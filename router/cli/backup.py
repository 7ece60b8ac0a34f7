"""``switchyard backup`` and ``switchyard restore``."""

from __future__ import annotations

import getpass
import os
import sqlite3
import sys
import time
from dataclasses import replace
from pathlib import Path

from router import places
from router.backup.archive import CannotRestore, put_back, unpacked, write
from router.backup.contents import Places, left_out, target
from router.backup.sealed import SHORTEST
from router.cli.audited import note
from router.cli.talk import Place, find_place
from router.version import VERSION

OK, FAILED = 0, 1
VARIABLE = "SWITCHYARD_BACKUP_PASSPHRASE"


class _Refused(ValueError):
    """What the person is to be told."""


def backup(file: str, passphrase_file: str | None = None, config: str | None = None) -> int:
    """Write a backup. 0 done, 1 with the reason on stderr."""
    place = find_place(config)
    to = Path(file).expanduser().absolute()
    try:
        if to.exists():
            raise _Refused(f"{to} is there already; name another file")
        where = _places(place)
        manifest = write(where, to, _passphrase(passphrase_file, twice=True), version=VERSION, now=time.time())
        missing = left_out(where)
    except (_Refused, OSError, sqlite3.Error) as error:
        print(f"No backup was written: {error}", file=sys.stderr)
        return FAILED
    note(place.state_dir, "backup_make", str(to))
    size = sum(member.size for member in manifest.files.values())
    print(f"{to}: {len(manifest.files)} files, {size / 1024 / 1024:.1f} MiB, encrypted.", file=sys.stderr)
    for path in missing:
        print(f"Not in it, since it is a link or has an unusual name: {path}; copy it yourself.", file=sys.stderr)
    return OK


def restore(file: str, passphrase_file: str | None = None, *, force: bool = False, config: str | None = None) -> int:
    """Put a backup back. 0 done, 1 with the reason on stderr; then nothing was changed."""
    place = find_place(config)
    source = Path(file).expanduser().absolute()
    try:
        if place.process is not None:
            raise _Refused("the gateway runs here; stop it first: make down")
        passphrase = _passphrase(passphrase_file, twice=False)
        with unpacked(source, passphrase, place.state_dir) as (manifest, files):
            where = _places(_of_backup(place, files))
            there = [str(path) for name in files if (path := target(where, name)).exists()]
            if there and not force:
                told = "\n  ".join(sorted(there)[:20])
                raise _Refused(f"these files are here already; --force keeps them aside and goes on:\n  {told}")
            stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
            kept = put_back(where, files, stamp=stamp)
            note(where.state, "restore", str(source), f"of version {manifest.version}")
    except (_Refused, CannotRestore, OSError, ValueError) as error:
        print(f"Nothing was restored: {error}", file=sys.stderr)
        return FAILED
    print(f"{len(manifest.files)} files of version {manifest.version} are back. Start with: make up", file=sys.stderr)
    if kept:
        print(f"What was here is kept beside them, as NAME.before-{stamp}.", file=sys.stderr)
    return OK


def _of_backup(place: Place, files: dict[str, Path]) -> Place:
    """Where the settings of the backup want state and accounts, once they are the settings here."""
    settings = files.get("config/config.yaml")
    found = find_place(str(settings)) if settings is not None else place
    return place if found.problem is not None else replace(found, config=place.config)


def _places(place: Place) -> Places:
    return Places(place.config, place.state_dir, places.in_checkout(place.settings.auth.dir))


def _passphrase(file: str | None, *, twice: bool) -> str:
    """From a file, the variable, or typed. Raises `_Refused`, `OSError`."""
    if file is not None:
        text = Path(file).expanduser().read_text(encoding="utf-8").strip("\r\n")
    elif os.environ.get(VARIABLE):
        text = os.environ[VARIABLE]
    elif sys.stdin.isatty():
        text = getpass.getpass("Passphrase of the backup: ")
        if twice and getpass.getpass("Once more: ") != text:
            raise _Refused("the two are not the same")
    else:
        raise _Refused(f"give a passphrase: --passphrase-file FILE, or {VARIABLE}")
    if len(text) < SHORTEST:
        raise _Refused(f"a passphrase has at least {SHORTEST} characters: the file holds every key and sign-in")
    return text
