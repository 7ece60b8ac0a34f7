"""What goes out together, and what waits for nobody."""

from __future__ import annotations

import asyncio
from typing import Any

from router.server.transport import Transport


class Wire(asyncio.Transport):
    """Keeps every write that reaches the socket."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False
        self.half = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def can_write_eof(self) -> bool:
        return self.half

    def write_eof(self) -> None:
        """Not the end of the other direction."""


def connected() -> tuple[Transport, Wire]:
    transport, wire = Transport(lambda made: None), Wire()
    transport.connection_made(wire)
    return transport, wire


async def test_a_head_and_its_body_are_one_write_in_the_same_turn_of_the_loop() -> None:
    transport, wire = connected()
    assert await transport.write(b"head") and await transport.write(b"body")
    assert wire.writes == []
    assert transport.unsent == 8
    await asyncio.sleep(0)
    assert (wire.writes, transport.unsent) == ([b"headbody"], 0)
    assert await transport.write(b"more")
    await asyncio.sleep(0)
    assert wire.writes == [b"headbody", b"more"]


async def test_much_goes_out_at_once_so_that_a_slow_client_is_noticed() -> None:
    transport, wire = connected()
    await transport.write(b"x" * 40_000)
    await transport.write(b"y" * 40_000)
    assert [len(write) for write in wire.writes] == [80_000]


async def test_what_was_written_goes_out_before_the_end() -> None:
    for end in ("close", "finish"):
        transport, wire = connected()
        await transport.write(b"last words")
        getattr(transport, end)()
        assert (wire.writes, wire.closed) == ([b"last words"], True)


async def test_nothing_is_written_to_a_connection_that_is_gone() -> None:
    transport, wire = connected()
    await transport.write(b"lost")
    transport.connection_lost(None)
    await asyncio.sleep(0)
    assert wire.writes == []
    assert transport.unsent == 0
    assert not await transport.write(b"more")


async def test_reading_waits_for_bytes_and_for_the_end() -> None:
    transport, _ = connected()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(transport.read())
        await asyncio.sleep(0)
        assert not reading.done()
        transport.data_received(b"ab")
        assert await reading == b"ab"
        reading = group.create_task(transport.read())
        await asyncio.sleep(0)
        transport.eof_received()
        assert await reading == b""
    assert transport.ended


async def test_nothing_is_written_behind_the_end() -> None:
    transport, wire = connected()
    wire.half = True
    transport.finish()
    assert not await transport.write(b"late")
    await asyncio.sleep(0)
    assert (wire.writes, wire.closed, transport.unsent) == ([], False, 0)
