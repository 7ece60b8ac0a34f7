"""The line between the serving process and its parent, from the child's side."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from router.server.child import Control

WITHIN = 40.0


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, Control]]:
    """The parent's end, and what the child makes of its own."""
    parents, other = socket.socketpair()
    control = Control(other.detach())
    assert control._pipe is not None
    with parents, control._pipe:
        yield parents, control


@pytest.mark.parametrize("unread", ["", "ready"])
async def test_a_parent_that_dies_is_noticed_whatever_it_had_not_read(
    line: tuple[socket.socket, Control], unread: str
) -> None:
    parent, control = line
    if unread:
        control.say(unread)
    parent.close()
    await asyncio.wait_for(control.watch(), WITHIN)


async def test_words_to_a_parent_that_is_gone_are_no_error(line: tuple[socket.socket, Control]) -> None:
    parent, control = line
    parent.close()
    control.say("beat")
    await asyncio.wait_for(control.watch(), WITHIN)


async def test_a_parent_that_lives_is_waited_for(line: tuple[socket.socket, Control]) -> None:
    parent, control = line
    watching = asyncio.ensure_future(control.watch())  # noqa: TID251
    control.say("beat")
    assert await asyncio.to_thread(parent.recv, 64) == b"beat\n"
    assert not watching.done()
    parent.close()
    await asyncio.wait_for(watching, WITHIN)
