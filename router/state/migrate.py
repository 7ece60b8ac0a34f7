"""``python -m router.state.migrate FILE``: brings the database to this version's tables, in a process of its own.

The router never imports Alembic (memory); it only compares the revision. A database is copied before it is changed.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from router.state.database import BUSY_MS, open_database

HEAD = "0013"
"""The newest revision in ``migrations/versions``; a test compares."""


def revision(path: Path) -> str | None:
    """The revision of the database at `path`; None where there is none yet. Raises `PermissionError` where it may not
    be read: SQLite would not say which file that is."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    with closing(sqlite3.connect(path, timeout=BUSY_MS / 1000)) as connection:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
        return str(row[0]) if row else None


def migrate(path: Path) -> str:
    """Bring `path` to `HEAD`. Returns what was done, in words. Safe to run twice at once and again and again.

    Raises `RuntimeError` where the database is newer than this version, `OSError` and `sqlite3.Error` as they come.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(path.with_name(path.name + ".lock")):
        before = revision(path)
        if before == HEAD:
            return f"{path} is up to date"
        if before is not None and before > HEAD:
            raise RuntimeError(f"{path} has revision {before}, newer than this version's {HEAD}; use a newer version")
        if before is not None:
            _copy(path, path.with_name(f"{path.name}.before-{HEAD}"))
        _upgrade(path)
        return f"{path} brought from {before or 'nothing'} to {HEAD}"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
    target.chmod(0o600)


def _upgrade(path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    engine = open_database(path)
    try:
        with engine.connect().execution_options(writes=True) as connection:
            config.attributes["connection"] = connection
            with connection.begin():
                command.upgrade(config, "head")
    finally:
        engine.dispose()


def main(arguments: Sequence[str] | None = None) -> int:
    """0: done. 1: failed, with the reason on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m router.state.migrate", description="Bring the database up to date."
    )
    parser.add_argument("database", type=Path, help="path of switchyard.sqlite")
    path: Path = parser.parse_args(arguments).database
    try:
        sys.stdout.write(migrate(path) + "\n")
    except (RuntimeError, OSError, sqlite3.Error) as error:
        sys.stderr.write(f"cannot migrate {path}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
