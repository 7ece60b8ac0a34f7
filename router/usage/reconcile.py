"""The ledger beside what a provider says, by day and model. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from msgspec import Struct
from msgspec.structs import replace

from router.money import MICRO
from router.usage.prices import versionless

CENT = 10_000  # micro-USD
USUAL: Mapping[str, tuple[str, ...]] = {
    "date": ("date", "day", "usage_date", "usage_date_utc", "start_time", "start_time_iso", "timestamp"),
    "model": ("model", "model_name", "model_version", "snapshot", "snapshot_id", "line_item"),
    "input": (
        "input",
        "input_tokens",
        "prompt_tokens",
        "n_context_tokens_total",
        "usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,"
        "usage_input_tokens_cache_read",
    ),
    "output": ("output", "output_tokens", "completion_tokens", "n_generated_tokens_total", "usage_output_tokens"),
    "cost": ("cost", "cost_usd", "amount", "amount_value", "amount_usd"),
}
"""Headers that are looked for where none are named, in any case of letters; those with commas between are added up."""

_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")


class CannotRead(ValueError):
    """What is wrong with the file, in words."""


class Sum(Struct, frozen=True, kw_only=True):
    """Tokens and micro-USD of one model on one day. None: this side does not say it.

    estimated, unknown: attempts of ours whose tokens are estimated, or whose cost nobody knows.
    """

    input: int | None = None
    output: int | None = None
    cost: int | None = None
    estimated: int = 0
    unknown: int = 0


Sums = Mapping[tuple[str, str], Sum]
"""By day (``2026-11-27``) and model."""


class Difference(Struct, frozen=True, kw_only=True):
    """One day and model. ours, theirs: None where this side has nothing. same: nothing differs that counts."""

    day: str
    model: str
    ours: Sum | None
    theirs: Sum | None
    same: bool


def read(lines: Iterable[str], named: Mapping[str, str | None]) -> dict[tuple[str, str], Sum]:
    """The sums of a provider's file. named: headers, by the keys of `USUAL`. Raises `CannotRead`."""
    rows = csv.DictReader(lines)
    columns = _columns(list(rows.fieldnames or ()), named)
    sums: dict[tuple[str, str], Sum] = {}
    for number, row in enumerate(rows, 2):
        try:
            day, model = (row[columns[name][0]] or "" for name in ("date", "model"))
            key = (_day(day), versionless(model.strip()))
            more = {
                name: sum(_number(row[header], name) for header in columns[name])
                for name in ("input", "output", "cost")
                if name in columns
            }
        except ValueError as error:
            raise CannotRead(f"line {number}: {error}") from error
        sums[key] = _added(sums.get(key), Sum(**more))
    if not sums:
        raise CannotRead("it has no rows")
    return sums


def compare(ours: Sums, theirs: Sums, percent: float = 0.0) -> list[Difference]:
    """Every day and model of either side, between their first day and their last. percent: what may differ of theirs;
    less than a cent never counts."""
    first, last = min(day for day, _ in theirs), max(day for day, _ in theirs)
    keys = sorted(key for key in {*ours, *theirs} if first <= key[0] <= last)
    told = {name for each in theirs.values() for name in ("input", "output", "cost") if getattr(each, name) is not None}
    return [
        Difference(
            day=day,
            model=model,
            ours=ours.get((day, model)),
            theirs=theirs.get((day, model)),
            same=_same(ours.get((day, model)) or Sum(), theirs.get((day, model)) or Sum(), told, percent),
        )
        for day, model in keys
    ]


def together(rows: Iterable[tuple[str, str, Sum]]) -> dict[tuple[str, str], Sum]:
    """Versions of one model as one."""
    sums: dict[tuple[str, str], Sum] = {}
    for day, model, each in rows:
        key = (day, versionless(model))
        sums[key] = _added(sums.get(key), each)
    return sums


def _same(ours: Sum, theirs: Sum, told: Iterable[str], percent: float) -> bool:
    for name in told:
        one, other = getattr(ours, name) or 0, getattr(theirs, name) or 0
        free = max(CENT - 1 if name == "cost" else 0, abs(other) * percent / 100)
        if abs(one - other) > free:
            return False
    return True


def _added(before: Sum | None, more: Sum) -> Sum:
    if before is None:
        return more
    sums = {}
    for name in ("input", "output", "cost"):
        one, other = getattr(before, name), getattr(more, name)
        sums[name] = None if one is None and other is None else (one or 0) + (other or 0)
    return replace(before, **sums, estimated=before.estimated + more.estimated, unknown=before.unknown + more.unknown)


def _columns(headers: Sequence[str], named: Mapping[str, str | None]) -> dict[str, tuple[str, ...]]:
    """The headers of each column that is there."""
    known = {header.strip().lower(): header for header in reversed(headers)}
    columns: dict[str, tuple[str, ...]] = {}
    for name, usual in USUAL.items():
        wanted = named.get(name)
        for each in usual if wanted is None else (wanted,):
            parts = [part.strip().lower() for part in (each.split(",") if name not in ("date", "model") else [each])]
            missing = [part for part in parts if part not in known]
            if not missing:
                columns[name] = tuple(known[part] for part in parts)
                break
            if wanted is not None:
                raise CannotRead(f"it has no column {missing[0]!r}; it has {', '.join(headers) or 'none'}")
    lacking = [name for name in ("date", "model") if name not in columns]
    if lacking or not {"input", "output", "cost"} & set(columns):
        need = " and ".join(lacking) or "input, output or cost"
        raise CannotRead(f"no column looks like {need}: name it (--{need.split()[0].strip(',')} HEADER)")
    return columns


def _day(text: str) -> str:
    """A day, or a moment, whose day in UTC counts."""
    text = text.strip()
    try:
        if text.isdigit() and len(text) >= 9:
            return datetime.fromtimestamp(int(text), UTC).date().isoformat()
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text[:40]!r} is no date like 2026-11-27") from None
    return (moment.astimezone(UTC) if moment.tzinfo is not None else moment).date().isoformat()


def _number(text: str | None, name: str) -> int:
    """Tokens, or dollars as micro-USD; an empty cell is 0. Commas part thousands, or the number is not taken: a decimal
    comma read as that makes a hundred dollars of one."""
    plain_text = (text or "").replace("$", "").replace("USD", "").strip()
    if "," in plain_text:
        if not _THOUSANDS.fullmatch(plain_text):
            raise ValueError(f"{plain_text[:40]!r} has a comma that may be a decimal point ({name}): write 1234.50")
        plain_text = plain_text.replace(",", "")
    try:
        value = Decimal(plain_text or "0")
        return round(value * MICRO) if name == "cost" else round(value)
    except (InvalidOperation, ValueError, OverflowError):
        raise ValueError(f"{(text or '')[:40]!r} is no number ({name})") from None


def lines(differences: Iterable[Difference]) -> Iterator[str]:
    """As people read it: only what differs, and how many agree."""
    agree = 0
    for each in differences:
        if each.same:
            agree += 1
            continue
        ours, theirs = each.ours, each.theirs
        parts = [f"{each.day}  {each.model:<32}"]
        for name in ("input", "output", "cost"):
            one, other = getattr(ours, name, None), getattr(theirs, name, None)
            if other is None and theirs is not None:
                continue  # this column is not in the file
            parts.append(f"{name} {_told(one, name)} here, {_told(other, name)} there ({_gap(one, other, name)})")
        if ours is not None and ours.estimated:
            parts.append(f"{ours.estimated} estimated")
        if ours is not None and ours.unknown:
            parts.append(f"{ours.unknown} without a known price")
        yield "; ".join(parts)
    yield f"{agree} days of a model agree"


def _told(value: int | None, name: str) -> str:
    return "nothing" if value is None else f"${value / MICRO:.2f}" if name == "cost" else f"{value:,}"


def _gap(one: int | None, other: int | None, name: str) -> str:
    gap = (one or 0) - (other or 0)
    return f"{'+' if gap >= 0 else '-'}${abs(gap) / MICRO:.2f}" if name == "cost" else f"{gap:+,}"
