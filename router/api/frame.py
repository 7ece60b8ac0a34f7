"""The frame of every request: whatever its work ends with is told to the client in its dialect, and settled once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from router.api.exchange import Exchange
from router.call import Record
from router.faults import Fault
from router.gateway import Gateway
from router.routing.admission import Entry

STOPPING = "This gateway is stopping and could not wait for the rest of the answer."


async def in_line(exchange: Exchange, entry: Entry, record: Record) -> None:
    """Wait for the places that a call needs before its body is read. Raises `Fault`."""
    with exchange.watched_early():
        record.waited += await entry.wait()


async def framed(
    gateway: Gateway,
    exchange: Exchange,
    record: Record,
    work: Awaitable[None],
    *,
    refuse: Callable[[Fault], Awaitable[None]],
    settle: Callable[[], None],
) -> None:
    """Await `work`. refuse: tells the client a fault, as a status or in the stream. settle: accounts for the call.

    Raises nothing but a cancellation that is neither the client's going nor the end of the drain.
    """
    try:
        await work
        record.outcome = record.outcome or "ok"
    except Fault as fault:
        await refuse(fault)
    except TimeoutError:
        limit = gateway.current.limits.total
        await refuse(Fault("timeout", f"The call took longer than {limit:g} seconds altogether."))
    except asyncio.CancelledError:
        if exchange.gone:
            record.outcome, record.reason = "cancelled", "the client went away"
        elif exchange.stopping:
            await refuse(Fault("unavailable", STOPPING, retry_after=2.0))
        else:
            raise
        if exchange.task is not None:
            exchange.task.uncancel()
    except Exception as error:
        gateway.log.exception("request %s failed by a mistake of ours", record.call_id)
        await refuse(Fault("internal", f"The gateway itself failed ({type(error).__name__})."))
    finally:
        settle()
