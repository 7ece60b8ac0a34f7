"""Opens the SQLite file the way every user of it must: WAL, bounded waiting, transactions that really begin."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection as Connection
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool

BUSY_MS = 10_000
"""Milliseconds to wait for another process that writes."""


def open_database(path: Path) -> Engine:
    """An engine for `path`, whose folder is made where it is missing (mode 0700). The file is readable by its owner
    alone. Raises `OSError`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_MS / 1000, "check_same_thread": False})
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def transaction(path: Path, *, writes: bool = False) -> Iterator[Connection]:
    """One transaction on the database at `path`, for commands that do a single thing."""
    engine = open_database(path)
    try:
        with engine.connect().execution_options(writes=writes) as connection, connection.begin():
            yield connection
    finally:
        engine.dispose()


@contextmanager
def reading(path: Path) -> Iterator[Connection]:
    """A connection that cannot write, to a database that is there; whoever writes it is not disturbed."""
    address = f"file:{quote(str(path))}?mode=ro"
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(address, uri=True, timeout=BUSY_MS / 1000), poolclass=NullPool
    )
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _connected(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # sqlite3 must not begin and commit on its own: it breaks savepoints
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={BUSY_MS}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Writers take the lock at once: a reader that turns writer in the middle fails without waiting."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
