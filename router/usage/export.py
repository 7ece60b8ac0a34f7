"""The ledger's calls as a file: CSV for spreadsheets, or JSON lines with the attempts. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct

Format: TypeAlias = Literal["csv", "jsonl"]
Exported: TypeAlias = tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]
"""A call, and its attempts."""


class Fitting(Struct, frozen=True, kw_only=True):
    """Which calls; "" is all of them. key: name or id. model: as it was asked for, as the provider calls it, or with
    its provider before it; also of attempts. provider: also of attempts. session: a pseudonym."""

    key: str = ""
    model: str = ""
    provider: str = ""
    session: str = ""


def head(form: Format, columns: Iterable[str]) -> str:
    """What comes before the first call."""
    return csv_lines([list(columns)]) if form == "csv" else ""


def lines(form: Format, found: Iterable[Exported]) -> str:
    """Calls, each on its line. Costs are in micro-dollars; what nobody knows is empty, or null."""
    if form == "csv":
        return csv_lines(call.values() for call, _ in found)
    return "".join(json.dumps({**call, "attempts": made}) + "\n" for call, made in found)


def csv_lines(rows: Iterable[Iterable[Any]]) -> str:
    """Rows of values."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_unformula(value) for value in row] for row in rows)
    return text.getvalue()


def _unformula(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula (names come from clients) is text there too."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
