"""A service stays connected to every router, under one name, whatever becomes of the routers and of the sockets."""

from __future__ import annotations

import asyncio

from router.relay.protocol.messages import Profile, Status
from services.link.answer import Answer
from tests.router.relay.pair import WITHIN
from tests.services.link.room import names, room

A, B, C = "ws://a/v1/ws", "ws://b/v1/ws", "ws://c/v1/ws"


async def test_it_connects_and_answers() -> None:
    async with room() as it:
        hub = it.router(A)
        link = it.link(A)
        await it.until(lambda: link.connected == 1)
        assert await it.call(hub, "grüß dich") == "grüß dich"


async def test_it_dials_again_with_longer_and_longer_waits_until_it_is_taken() -> None:
    async with room() as it:
        link = it.link(A)
        await it.until(lambda: len(it.pauses) == 12)
        it.router(A)
        await it.until(lambda: link.connected == 1)
        assert it.pauses[0] <= 0.5
        assert all(0.25 * 2**at <= wait <= 0.5 * 2**at for at, wait in enumerate(it.pauses[:6]))
        assert all(15.0 <= wait <= 30.0 for wait in it.pauses[7:12])
        assert len(set(it.pauses)) == len(it.pauses)


async def test_after_a_loss_it_comes_back_under_its_name_and_waits_little() -> None:
    async with room() as it:
        hub = it.router(A)
        link = it.link(A)
        for times in range(1, 4):
            await it.until(lambda: link.connected == 1 and names(hub) == ["desk"])
            await it.drop(A)
            await it.until(lambda times=times: len(it.pauses) == times)
        await it.until(lambda: link.connected == 1)
        assert all(wait <= 0.5 for wait in it.pauses)
        assert await it.call(hub) == "hello"


async def test_where_its_key_is_refused_it_does_not_hammer() -> None:
    async with room() as it:
        it.refusing.add(A)
        it.link(A)
        await it.until(lambda: len(it.pauses) == 3)
        assert all(wait >= 15.0 for wait in it.pauses)


async def test_it_dials_the_siblings_that_a_router_names() -> None:
    async with room() as it:
        first, second, third = it.router(A), it.router(B), it.router(C)
        first.announce((A, B))
        link = it.link(A)
        await it.until(lambda: link.connected == 2)
        first.announce((A, B, C))
        await it.until(lambda: link.connected == 3)
        for hub in (first, second, third):
            assert await it.call(hub) == "hello"
        assert it.dialled.count(A) == 1


async def test_it_forgets_a_sibling_that_nobody_names_any_more() -> None:
    async with room() as it:
        hub = it.router(A)
        hub.announce((B,))
        link = it.link(A)
        await it.until(lambda: it.dialled.count(B) >= 3)
        hub.announce(())
        await it.until(lambda: B not in link._keeping)
        dialled = it.dialled.count(B)
        await it.call(hub)
        assert it.dialled.count(B) == dialled


async def test_a_flood_of_siblings_is_bounded() -> None:
    async with room() as it:
        hub = it.router(A)
        hub.announce(tuple(f"ws://{at}/v1/ws" for at in range(100)))
        it.held.clear()
        link = it.link(A)
        await it.until(lambda: link.connected == 1 and len(it.pauses) == 31)
        assert len(set(it.dialled)) == 32


async def test_two_addresses_of_one_router_end_in_one_connection() -> None:
    async with room() as it:
        hub = it.router(A, B)
        link = it.link(A, B)
        await it.until(lambda: hub.replaced == 1)
        await it.until(lambda: link.connected == 1 and len(it.dialled) == 2)
        for _ in range(200):
            await asyncio.sleep(0)
        assert len(it.dialled) == 2
        assert await it.call(hub) == "hello"

        kept = next(iter(link._connections)).url
        other = A if kept == B else B
        del it.routers[kept]
        await it.drop(kept)
        await it.until(lambda: [each.url for each in link._connections if each.welcome] == [other])
        assert await it.call(hub) == "hello"


async def test_another_service_of_its_name_is_not_fought_over_it() -> None:
    async with room() as it:
        hub = it.router(A)
        first = it.link(A)
        await it.until(lambda: first.connected == 1)
        it.held.clear()
        second = it.link(A)
        await it.until(lambda: second.connected == 1)
        await it.until(lambda: len(it.pauses) == 1)
        it.held.set()
        it.held.clear()
        await it.until(lambda: len(it.pauses) == 2)
        assert it.pauses[1] >= 15.0
        assert (hub.replaced, second.connected, first.connected) == (1, 1, 0)


async def test_when_a_router_goes_its_successor_is_dialled_while_calls_end() -> None:
    async with room() as it:
        old = it.router(A)
        link = it.link(A)
        await it.until(lambda: link.connected == 1)
        go_on = asyncio.Event()

        async def slow(request: object, answer: Answer) -> None:
            await answer.start()
            await answer.write("be")
            await go_on.wait()
            await answer.write("gun")

        it.handler.work = slow
        call = it.tasks.spawn(it.call(old), "call")
        await it.until(lambda: link.open_calls == 1)
        new = it.router(A)
        old.drain()
        await it.until(lambda: names(new) == ["desk"])
        assert it.pauses == []
        go_on.set()
        assert await asyncio.wait_for(call, WITHIN) == "begun"
        old.close()
        await it.until(lambda: link.connected == 1)
        it.handler.work = it.handler.echo
        assert await it.call(new) == "hello"
        assert it.dialled == [A, A]


async def test_every_router_hears_how_it_is_later_ones_too() -> None:
    async with room() as it:
        first = it.router(A)
        link = it.link(A, B, capacity=4)
        await it.until(lambda: link.connected == 1)
        await link.tell(Status(busy=2, profiles=(Profile(name="work"),)))
        await link.tell(Status(busy=3, cause="There is no browser."))
        second = it.router(B)
        await it.until(lambda: link.connected == 2)
        for hub in (first, second):
            await it.until(lambda hub=hub: hub.load("aistudio/desk") == 0.75)
            (session,) = hub.sessions
            assert (session.profiles, session.cause) == ((Profile(name="work"),), "There is no browser.")


async def test_stopping_takes_no_new_calls_and_finishes_the_open_ones() -> None:
    async with room() as it:
        hub = it.router(A)
        link = it.link(A)
        await it.until(lambda: link.connected == 1)
        go_on = asyncio.Event()

        async def slow(request: object, answer: Answer) -> None:
            await go_on.wait()
            await answer.respond(200, {}, "done")

        it.handler.work = slow
        call = it.tasks.spawn(it.call(hub), "call")
        await it.until(lambda: link.open_calls == 1)
        stopping = it.tasks.spawn(link.stop(60.0), "stop")
        await it.until(lambda: hub.connected()["aistudio"].held)
        go_on.set()
        assert await asyncio.wait_for(call, WITHIN) == "done"
        await asyncio.wait_for(stopping, WITHIN)
        await asyncio.wait_for(it.running, WITHIN)
        await it.until(lambda: names(hub) == [])


async def test_stopping_waits_no_longer_than_it_may() -> None:
    async with room() as it:
        hub = it.router(A)
        link = it.link(A, B)
        await it.until(lambda: link.connected == 1)

        async def never(request: object, answer: Answer) -> None:
            await asyncio.Event().wait()

        it.handler.work = never
        fault = it.tasks.spawn(it.fault(hub), "call")
        await it.until(lambda: link.open_calls == 1)
        await link.stop(0.01)
        await asyncio.wait_for(it.running, WITHIN)
        assert (await fault).kind == "unavailable"
