"""One line for each request when it is over: aligned, greppable, without content."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from router.call import Record
from router.clock import Clock
from router.money import MICRO
from router.observe.logs import QueueWriter
from router.wire.notes import header_value

NAME = "switchyard.request"
_log = logging.getLogger(NAME)


def fields(record: Record) -> dict[str, Any]:
    """The facts of one call, for JSON logs and tests."""
    usage = record.usage
    return {
        "id": record.call_id,
        "key": record.caller.key_name if record.caller else None,
        "client": record.caller.client if record.caller else None,
        "session": record.session or None,
        "surface": record.surface,
        "dialect": record.dialect,
        "stream": record.stream,
        "asked": record.asked,
        "provider": record.provider or None,
        "served": record.model or None,
        "account": record.account or None,
        "lane": record.lane or None,
        "status": record.status,
        "outcome": record.outcome,
        "reason": record.reason or None,
        "finish": record.finish,
        "attempts": [
            {"provider": t.provider, "model": t.model, "account": t.account, "outcome": t.outcome, "status": t.status}
            for t in record.tries
        ],
        "first_byte_ms": _ms(record.first_byte),
        "total_ms": _ms(record.total),
        "overhead_ms": _ms(record.overhead),
        "waited_ms": _ms(record.waited) if record.waited else None,
        "input": usage.input if usage else None,
        "cached": usage.cache_read if usage else None,
        "output": usage.output if usage else None,
        "reasoning": usage.reasoning if usage else None,
        "estimated": usage.estimated if usage else None,
        "cost_usd": None if record.cost is None else record.cost / MICRO,
        "unpriced": list(record.unpriced) or None,
        "notes": header_value(record.notes) or None,
    }


def line(record: Record) -> str:
    """The same as one readable line."""
    usage = record.usage
    served = f"{record.provider}/{record.model}" if record.provider else "-"
    tokens = f"{usage.input}+{usage.cache_read}c>{usage.output}{'~' if usage.estimated else ''}" if usage else "-"
    failed = [f"{t.provider}:{t.outcome}" for t in record.tries if t.outcome != "ok"]
    parts = [
        f"{record.call_id} {record.status} {record.outcome:<9}",
        f"key={record.caller.key_name if record.caller else '-'}",
        f"{record.dialect}{'~' if record.stream else ''}",
        f"{record.asked or '-'} -> {served}",
        f"lane={record.lane or '-'}",
        f"tries={len(record.tries)}",
        f"first={_told(record.first_byte)} total={_told(record.total)}",
        f"tokens={tokens}",
        f"cost={_dollars(record.cost, record.unpriced) if usage or record.cost else '-'}",
    ]
    if record.waited:
        parts.append(f"waited={_told(record.waited)}")
    if failed:
        parts.append(f"failed={','.join(failed)}")
    if record.notes:
        parts.append(f"notes={header_value(record.notes)}")
    if record.reason:
        parts.append(f"reason={record.reason[:300]!r}")
    return " ".join(parts)


class RequestLine:
    """One finished call as a log line. Everything is made on the writer's thread."""

    __slots__ = ("_record", "created", "fields", "levelname")
    name = NAME
    exc_info = None

    def __init__(self, record: Record, created: float) -> None:
        self._record = record
        self.created = created
        self.levelname = "INFO" if record.status < 500 else "WARNING"
        self.fields = partial(fields, record)

    def getMessage(self) -> str:  # noqa: N802  the name is the library's
        return line(self._record)


class RequestLines:
    """Tells finished calls to a writer, where anybody reads that level."""

    def __init__(self, writer: QueueWriter, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    def tell(self, record: Record) -> None:
        level = logging.INFO if record.status < 500 else logging.WARNING
        if _log.isEnabledFor(level):
            self._writer.put(RequestLine(record, self._clock.wall()))


def _told(seconds: float | None) -> str:
    return "-" if seconds is None else f"{_ms(seconds)}ms"


def _dollars(cost: int | None, unpriced: Sequence[str]) -> str:
    """``?`` where nobody knows the price, ``+?`` where that is so of a part."""
    return "?" if cost is None else f"${cost / MICRO:.6f}{'+?' if unpriced else ''}"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
