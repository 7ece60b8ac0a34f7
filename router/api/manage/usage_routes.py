"""What calls used and cost, from the ledger: by key, model, provider, account, day or session, over time, as a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, Protocol, TypeVar

from msgspec import Meta, Struct
from starlette.responses import StreamingResponse

from router.api.manage.operation import Asked, Operation, Refused
from router.state.usage_export import AT_ONCE, COLUMNS, After, place
from router.usage.export import Exported, Fitting, Format, head, lines
from router.usage.lines import By, Line, Step

DAY = 86_400.0
MOST_STEPS = 1000
Moment = Annotated[float, Meta(ge=0, le=1e11)]
Session = Annotated[str, Meta(pattern="^[0-9a-f]*$", max_length=64)]
Name = Annotated[str, Meta(max_length=300)]
MEDIA: Mapping[Format, str] = MappingProxyType({"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"})
T = TypeVar("T")


class Reader(Protocol):
    """`router.state.ledger_reader.LedgerReader`. Blocks; raises `TimeoutError`."""

    def report(self, by: By, since: float, until: float, session: str) -> tuple[list[Line], Line]: ...

    def series(self, since: float, until: float, step: float) -> list[Step]: ...

    def some_calls(self, since: float, until: float, fitting: Fitting, after: After | None) -> list[Exported]: ...


class Span(Struct):
    """since, until: Unix seconds. Without them: from the beginning of the day (UTC) to now."""

    since: Moment | None = None
    until: Moment | None = None


class Wanted(Span):
    """by: what the lines are for. session: only calls of this one."""

    by: By = "model"
    session: Session = ""


class WantedExport(Span):
    """format: `csv` for spreadsheets, `jsonl` with the attempts. key: name or id. model: as it was asked for, as the
    provider calls it, or with its provider before it. provider: that was asked. session: only calls of this one."""

    format: Format = "csv"
    key: Name = ""
    model: Name = ""
    provider: Name = ""
    session: Session = ""


class WantedSeries(Span):
    """step: seconds that are added up; at most a thousand steps."""

    step: Annotated[float, Meta(ge=60, le=366 * DAY)] = 3600.0


class Report(Struct, frozen=True):
    """Money in micro-USD. kept: whether calls are kept now (`usage.enabled`)."""

    by: By
    since: float
    until: float
    kept: bool
    lines: list[Line]
    total: Line


class Series(Struct, frozen=True):
    """The same over time."""

    since: float
    until: float
    step: float
    kept: bool
    steps: list[Step]


class UsageDesk:
    """reader: of the ledger, None while there is no database. kept: whether calls are kept. wall: Unix seconds."""

    def __init__(
        self, reader: Callable[[], Reader | None], kept: Callable[[], bool], wall: Callable[[], float]
    ) -> None:
        self._reader = reader
        self._kept = kept
        self._wall = wall
        self._turn = asyncio.Lock()  # one report at a time: nobody may keep every thread busy

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/usage", need="viewer", name="usage", query=Wanted, answer=Report,
                handler=self.report,
                summary="What calls used and cost, by key, model, provider, account, day or session.",
            ),
            Operation(
                method="GET", path="/usage/series", need="viewer", name="usage_series", query=WantedSeries,
                answer=Series, handler=self.series, summary="Calls, tokens, costs and first words over time.",
            ),
            Operation(
                method="GET", path="/usage/export", need="viewer", name="usage_export", query=WantedExport,
                answer=bytes, media=[each.partition(";")[0] for each in MEDIA.values()], handler=self.export,
                summary="Every call of a time as a file: CSV, or JSON lines with the attempts.",
            ),
        ]  # fmt: skip

    async def report(self, asked: Asked) -> Report:
        wanted: Wanted = asked.query
        since, until = self._span(wanted)
        lines, whole = await self._read(lambda reader: partial(reader.report, wanted.by, since, until, wanted.session))
        return Report(wanted.by, since, until, self._kept(), lines, whole)

    async def series(self, asked: Asked) -> Series:
        wanted: WantedSeries = asked.query
        since, until = self._span(wanted)
        if (until - since) / wanted.step > MOST_STEPS:
            raise Refused(400, f"That is more than {MOST_STEPS} steps: give a longer step, or a shorter time.")
        steps = await self._read(lambda reader: partial(reader.series, since, until, wanted.step))
        return Series(since, until, wanted.step, self._kept(), steps)

    async def export(self, asked: Asked) -> StreamingResponse:
        wanted: WantedExport = asked.query
        since, until = self._span(wanted)
        fitting = Fitting(key=wanted.key, model=wanted.model, provider=wanted.provider, session=wanted.session)

        async def some(after: After | None) -> tuple[bytes, After | None]:
            """A few calls as they are sent, and where it goes on; they are made into text on the thread as well."""

            def work(reader: Reader) -> tuple[bytes, After | None]:
                found = reader.some_calls(since, until, fitting, after)
                begin = head(wanted.format, COLUMNS) if after is None else ""
                text = begin + lines(wanted.format, found)
                return text.encode("utf-8", "replace"), place(found) if len(found) == AT_ONCE else None

            return await self._read(lambda reader: partial(work, reader))

        first = await some(None)  # so that what cannot be read at all is told by a status

        async def all_of_it() -> AsyncIterator[bytes]:
            """Where it cannot go on the connection breaks off: half a file must not look like a whole one."""
            text, after = first
            yield text
            while after is not None:
                text, after = await some(after)
                yield text

        days = (datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d") for at in (since, min(until, self._wall())))
        name = f"switchyard-usage-{'-to-'.join(days)}.{wanted.format}"
        told = {"cache-control": "no-store", "content-disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(all_of_it(), headers=told, media_type=MEDIA[wanted.format])

    def _span(self, wanted: Span) -> tuple[float, float]:
        until = self._wall() + 1 if wanted.until is None else wanted.until
        # Until a midnight is the whole day before it.
        since = until - (until % DAY or DAY) if wanted.since is None else wanted.since
        if since >= until:
            raise Refused(400, "`since` must lie before `until`; both are Unix seconds.")
        return since, until

    async def _read(self, work: Callable[[Reader], Callable[[], T]]) -> T:
        reader: Any = self._reader()
        if reader is None:
            raise Refused(503, "There is no database yet. Run `make up`, or wait a moment after a start.")
        async with self._turn:
            try:
                return await asyncio.to_thread(work(reader))
            except TimeoutError:
                raise Refused(503, "The ledger is too large for this question: ask for a shorter time.") from None
