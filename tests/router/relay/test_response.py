"""An answer over the relay behaves as one over HTTP does, for whoever reads it."""

from __future__ import annotations

import asyncio
import time

import pytest

from router.faults import Fault
from router.patience import Patience
from router.relay.call import Call
from router.relay.protocol.messages import Head
from router.relay.response import RelayResponse


class Session:
    """Whom a call tells of itself."""

    def __init__(self) -> None:
        self.taken_sizes: list[int] = []
        self.left = 0
        self.outcomes: list[str] = []

    def taken(self, call: Call, size: int) -> None:
        self.taken_sizes.append(size)

    def leave(self, call: Call) -> None:
        self.left += 1


def opened(patience: Patience | None = None, idle: float = 60.0) -> tuple[Session, Call, RelayResponse]:
    session = Session()
    call = Call(session, 0.0, lambda _, outcome: session.outcomes.append(outcome))
    head = Head(200, {"content-type": "text/event-stream"})
    call.headed(head)
    return session, call, RelayResponse(call, head, patience or Patience(), idle)


def arrive(call: Call, *pieces: bytes) -> None:
    for piece in pieces:
        call.arrived(piece, len(piece), 1.0)


async def test_what_has_arrived_is_given_together_and_counted_as_read() -> None:
    session, call, response = opened()
    arrive(call, b"a", b"bc")
    chunks = response.chunks()
    assert await anext(chunks) == b"abc"
    assert session.taken_sizes == [1, 2]
    arrive(call, b"d")
    call.ended()
    assert await anext(chunks) == b"d"
    with pytest.raises(StopAsyncIteration):
        await anext(chunks)
    response.close()
    assert (session.left, session.outcomes) == (0, ["ok"])


async def test_reading_has_a_bound() -> None:
    _, call, response = opened()
    arrive(call, b"abcd", b"ef")
    call.ended()
    with pytest.raises(Fault, match="larger than 5 bytes"):
        await response.read(5)


async def test_a_whole_body_is_read() -> None:
    _, call, response = opened()
    arrive(call, b"abcd")
    call.ended()
    assert await response.read(4) == b"abcd"
    assert await response.read(4) == b""


async def test_of_an_error_some_is_read_whatever_happens() -> None:
    _, call, response = opened()
    arrive(call, b"abcd")
    call.fail(Fault("unavailable", "gone"))
    assert await response.read_some() == b"abcd"
    _, call, response = opened()
    arrive(call, b"abcd")
    assert await response.read_some(3) == b"abc"


async def test_silence_is_a_timeout_that_stops_the_service() -> None:
    patience = Patience()
    patience.start()
    session, _, response = opened(patience, idle=0.0)
    with pytest.raises(Fault, match="sent nothing for 0 seconds") as caught:
        async with asyncio.timeout(20):
            await response.read(1)
    assert (caught.value.kind, session.left, session.outcomes) == ("timeout", 1, ["timeout"])
    response.close()
    assert session.left == 1
    await patience.close()


async def test_patience_may_be_changed_while_a_body_is_read() -> None:
    patience = Patience()
    _, call, response = opened(patience, idle=60.0)
    arrive(call, b"x")
    chunks = response.chunks()
    await anext(chunks)
    response.patience(1.5)
    (watch,) = patience.watches
    assert watch.limit == 1.5
    response.patience(None)
    assert watch.limit == 60.0
    response.close()


async def test_the_time_that_the_reader_takes_is_not_the_services_silence() -> None:
    patience = Patience()
    _, call, response = opened(patience, idle=0.0)
    arrive(call, b"x")
    chunks = response.chunks()
    await anext(chunks)
    (watch,) = patience.watches
    watch.check(time.monotonic() + 1000)
    arrive(call, b"y")
    assert await anext(chunks) == b"y"


async def test_an_answer_that_does_not_go_on_is_a_timeout() -> None:
    patience = Patience()
    session, _, response = opened(patience)
    with response.stall(7.0) as watch:
        watch.check(time.monotonic() + 1000)
        assert session.left == 0
        watch.resume(0.0)
        watch.check(time.monotonic() + 1000)
    assert session.left == 1
    with pytest.raises(Fault, match="for 7 seconds without going on"):
        await response.read(1)


async def test_leaving_early_stops_the_service_once() -> None:
    session, call, response = opened()
    async with response:
        arrive(call, b"x")
    response.close()
    assert (session.left, session.outcomes) == (1, ["cancelled"])
    with pytest.raises(Fault, match="not waited for"):
        async for data in response.chunks():
            assert data == b"x"
