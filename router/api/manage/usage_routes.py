"""What calls used and cost, from the ledger: by key, model, provider, account, day or session, and over time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Protocol, TypeVar

from msgspec import Meta, Struct

from router.api.manage.operation import Asked, Operation, Refused
from router.usage.lines import By, Line, Step

DAY = 86_400.0
MOST_STEPS = 1000
Moment = Annotated[float, Meta(ge=0, le=1e11)]
Session = Annotated[str, Meta(pattern="^[0-9a-f]*$", max_length=64)]
T = TypeVar("T")


class Reader(Protocol):
    """`router.state.ledger_reader.LedgerReader`. Blocks; raises `TimeoutError`."""

    def report(self, by: By, since: float, until: float, session: str) -> tuple[list[Line], Line]: ...

    def series(self, since: float, until: float, step: float) -> list[Step]: ...


class Span(Struct):
    """since, until: Unix seconds. Without them: from the beginning of the day (UTC) to now."""

    since: Moment | None = None
    until: Moment | None = None


class Wanted(Span):
    """by: what the lines are for. session: only calls of this one."""

    by: By = "model"
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
