"""What becomes of a service's answers, and of its failures, at the other end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from router.faults import Fault
from router.net.message import HttpRequest, Timeouts
from router.relay.hub import Hub
from router.relay.protocol.messages import AuthRequest, AuthStatus, Request
from services.link.answer import Answer, CallGone
from services.link.client import Link
from tests.router.relay.pair import WITHIN
from tests.services.link.room import Room, room

A = "ws://a/v1/ws"


async def connected(it: Room) -> tuple[Hub, Link]:
    hub = it.router(A)
    link = it.link(A)
    await it.until(lambda: link.connected == 1)
    return hub, link


async def test_a_fault_of_the_service_keeps_its_kind_its_status_and_its_time() -> None:
    async with room() as it:
        hub, _ = await connected(it)

        async def refuse(request: Request, answer: Answer) -> None:
            raise Fault("quota_spent", "Used up.", status=429, retry_after=60)

        it.handler.work = refuse
        fault = await it.fault(hub)
        assert (fault.kind, fault.status, fault.retry_after, fault.message) == ("quota_spent", 429, 60, "Used up.")


@pytest.mark.parametrize("error", [RuntimeError("sk-secret-canary"), KeyError("x")])
async def test_a_mistake_of_the_service_is_a_fault_without_its_words(error: Exception) -> None:
    async with room() as it:
        hub, _ = await connected(it)

        async def fail(request: Request, answer: Answer) -> None:
            raise error

        it.handler.work = fail
        fault = await it.fault(hub)
        assert fault.kind == "upstream_broken"
        assert "canary" not in fault.message
        it.handler.work = it.handler.echo
        assert await it.call(hub) == "hello"


async def test_a_failure_in_the_middle_is_no_success() -> None:
    async with room() as it:
        hub, _ = await connected(it)

        async def fail(request: Request, answer: Answer) -> None:
            await answer.start()
            await answer.write("half")
            raise Fault("overloaded", "The page has crashed.")

        it.handler.work = fail
        assert (await it.fault(hub)).message == "The page has crashed."


async def test_a_service_that_says_nothing_has_failed() -> None:
    async with room() as it:
        hub, _ = await connected(it)

        async def nothing(request: Request, answer: Answer) -> None:
            return

        it.handler.work = nothing
        assert (await it.fault(hub)).message == "The service gave no answer."


@pytest.mark.parametrize("size", [0, 10, 262_144, 262_145, 3_000_000])
async def test_an_unstreamed_answer_of_any_size_arrives(size: int) -> None:
    async with room() as it:
        hub, _ = await connected(it)

        async def whole(request: Request, answer: Answer) -> None:
            await answer.respond(200, {}, "x" * size)

        it.handler.work = whole
        assert await it.call(hub) == "x" * size


async def test_a_caller_that_leaves_cancels_the_work() -> None:
    async with room() as it:
        hub, link = await connected(it)
        cancelled = asyncio.Event()

        async def wait(request: Request, answer: Answer) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        it.handler.work = wait
        call = it.tasks.spawn(it.call(hub), "call")
        await it.until(lambda: it.handler.asked)
        call.cancel()
        await asyncio.wait_for(cancelled.wait(), WITHIN)
        await it.until(lambda: link.open_calls == 0)


async def test_work_that_goes_on_after_a_cancel_is_told_that_nobody_waits() -> None:
    async with room() as it:
        hub, _ = await connected(it)
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def stubborn(request: Request, answer: Answer) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                for attempt in (answer.start(), answer.write("x"), answer.respond(200, {}, "")):
                    with pytest.raises(CallGone):
                        await attempt
                told.set_result("three times")
                raise

        it.handler.work = stubborn
        call = it.tasks.spawn(it.call(hub), "call")
        await it.until(lambda: it.handler.asked)
        call.cancel()
        assert await asyncio.wait_for(told, WITHIN) == "three times"


async def test_writing_waits_for_a_slow_reader() -> None:
    async with room() as it:
        hub, _ = await connected(it)
        written = 0

        async def write(request: Request, answer: Answer) -> None:
            nonlocal written
            await answer.start()
            for _ in range(100):
                await answer.write("x")
                written += 1

        it.handler.work = write
        request = HttpRequest("POST", "https://x.example/", {}, b"")
        response = await hub.send("aistudio/desk", request, Timeouts(head=None))
        await it.until(lambda: written == 32)
        for _ in range(100):
            await asyncio.sleep(0)
        assert written == 32
        assert await response.read(1000) == b"x" * 100


async def test_sign_ins_tell_how_they_go_and_how_they_fail() -> None:
    async with room() as it:
        hub, _ = await connected(it)
        sign_in = hub.ask_to_sign_in("work")
        await it.until(lambda: sign_in.status is not None)
        assert (sign_in.status.state, sign_in.status.message) == ("done", "work")

        async def refuse(request: AuthRequest, tell: object) -> None:
            raise Fault("unavailable", "There is no display.")

        async def fail(request: AuthRequest, tell: object) -> None:
            raise RuntimeError("no")

        for work, words in ((refuse, "There is no display."), (fail, "The service failed; its log says why.")):
            it.handler.sign = work
            sign_in = hub.ask_to_sign_in("work")
            await it.until(lambda sign_in=sign_in: sign_in.status is not None)
            assert (sign_in.status.state, sign_in.status.message) == ("failed", words)


async def test_a_sign_in_that_is_given_up_ends_at_the_service_and_stays_given_up() -> None:
    async with room() as it:
        hub, _ = await connected(it)
        begun, ended = asyncio.Event(), asyncio.Event()

        async def wait(request: AuthRequest, tell: Callable[[AuthStatus], Awaitable[None]]) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                await tell(AuthStatus(state="done"))
                ended.set()

        it.handler.sign = wait
        sign_in = hub.ask_to_sign_in("work")
        await asyncio.wait_for(begun.wait(), WITHIN)
        sign_in.give_up()
        await asyncio.wait_for(ended.wait(), WITHIN)
        assert await it.call(hub) == "hello"  # so that the last word of the sign-in has arrived
        assert (sign_in.status.state, sign_in.status.message) == ("failed", "The sign-in was cancelled.")


async def test_a_router_that_breaks_the_protocol_is_left_and_dialled_again() -> None:
    async with room() as it:
        hub, link = await connected(it)
        _, socket, end = it.sockets[0]
        await end.send("no json")
        await it.until(lambda: len(it.sockets) == 2)
        assert socket.end.closed is not None
        assert socket.end.closed[0] == 1007
        await it.until(lambda: link.connected == 1)
        assert await it.call(hub) == "hello"
