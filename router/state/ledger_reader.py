"""Reads the ledger for people who look, on connections of its own: a long report never makes a call wait."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from router.state.database import reading
from router.state.usage_export import After, some_calls
from router.state.usage_reports import newest_calls, report, total
from router.state.usage_series import series
from router.usage.export import Exported, Fitting
from router.usage.lines import By, Line, Step

LONGEST = 10.0
"""Seconds that one report may take."""
_INSTRUCTIONS = 20_000
"""Steps of SQLite between two looks at the clock."""
T = TypeVar("T")


class LedgerReader:
    """database: a migrated one. longest: seconds. Every method blocks: call it on a thread. Each raises `TimeoutError`
    where it takes too long, and `OSError` where the file cannot be read."""

    def __init__(self, database: Path, *, longest: float = LONGEST) -> None:
        self._database = database
        self._longest = longest

    def report(self, by: By, since: float, until: float, session: str = "") -> tuple[list[Line], Line]:
        """Lines, and everything together. session: of this one's calls alone."""

        def both(connection: Connection) -> tuple[list[Line], Line]:
            return report(connection, by, since, until, session), total(connection, since, until, session)

        return self._read(both)

    def series(self, since: float, until: float, step: float) -> list[Step]:
        """See `router.state.usage_series.series`."""
        return self._read(lambda connection: series(connection, since, until, step))

    def newest(self, most: int) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """See `router.state.usage_reports.newest_calls`."""
        return self._read(lambda connection: newest_calls(connection, most))

    def some_calls(self, since: float, until: float, fitting: Fitting, after: After | None) -> list[Exported]:
        """See `router.state.usage_export.some_calls`."""
        return self._read(lambda connection: some_calls(connection, since, until, fitting, after))

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            with reading(self._database) as connection:
                end = time.monotonic() + self._longest
                raw: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
                raw.set_progress_handler(lambda: time.monotonic() > end, _INSTRUCTIONS)
                return work(connection)
        except OperationalError as problem:
            if "interrupt" in str(problem.orig):
                raise TimeoutError from None
            raise OSError(str(problem.orig)) from problem
