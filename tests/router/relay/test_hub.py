"""The hub with links in memory: accounts that come and go, calls, and every way in which a session ends."""

from __future__ import annotations

import asyncio
import gc

import pytest

from router.clock import FakeClock
from router.faults import Fault
from router.net.message import HttpRequest, Timeouts
from router.relay.protocol.frames import Frame
from router.relay.protocol.messages import AuthStatus, Head, Hello, Profile, Status
from router.relay.protocol.service_side import Asked, Draining, Siblings, SignIn
from router.relay.session import MOST_CALLS
from tests.router.relay.pair import WITHIN, Room, Service, room, text_of
from tests.router.relay.protocol.sides import HELLO

REQUEST = HttpRequest("POST", "https://upstream.example/v1", {}, b"{}")


async def fault_of(task: asyncio.Task[object]) -> Fault:
    with pytest.raises(Fault) as caught:
        async with asyncio.timeout(WITHIN):
            await task
    return caught.value


async def streaming(it: Room, service: Service, *texts: str) -> tuple[str, object]:
    """A call that has begun."""
    task = it.send()
    call = await service.asked()
    await service.start(call)
    for text in texts:
        await service.chunk(call, text)
    return call, await task


# Accounts.


async def test_who_is_welcome_can_be_used() -> None:
    async with room() as it:
        await it.service("desk", models=("gemini-2.5-pro", "gemini-2.5-flash"), capacity=3)
        assert it.accounts == ["aistudio/desk"]
        offered = it.hub.connected()["aistudio"]
        assert offered.models == offered.accounts[0].models == ("gemini-2.5-flash", "gemini-2.5-pro")
        assert it.told == [("sessions", "aistudio", 1, 3)]


async def test_services_stand_side_by_side_and_vanish_alone() -> None:
    async with room() as it:
        await it.service("b")
        one = await it.service("a")
        assert it.accounts == ["aistudio/a", "aistudio/b"]
        await one.vanish()
        assert it.accounts == ["aistudio/b"]
        assert it.changes == 3


async def test_each_profile_is_an_account_and_those_that_are_not_ready_are_held() -> None:
    profiles = (Profile(name="default"), Profile(name="work", state="needs_login", cause="The session has expired."))
    async with room() as it:
        service = await it.service("desk", profiles=profiles)
        assert it.accounts == ["aistudio/desk", "aistudio/desk:work"]
        assert it.held == {"aistudio/desk:work": ("needs_login", "The session has expired.")}

        await service.send(
            service.side.status(Status(profiles=(Profile(name="work", state="limited", cause="Quota."),)))
        )
        await changed(it, 2)
        assert it.accounts == ["aistudio/desk:work"]
        assert it.held == {"aistudio/desk:work": ("disabled", "Quota.")}
        await service.vanish()
        assert it.held == {}


async def changed(it: Room, times: int) -> None:
    async with asyncio.timeout(WITHIN):
        while it.changes < times:
            await asyncio.sleep(0)


async def test_a_service_that_can_do_nothing_is_held_and_says_why() -> None:
    async with room() as it:
        service = await it.service("desk")
        await service.send(service.side.status(Status(cause="There is no browser.", busy=1)))
        await changed(it, 2)
        assert it.held == {"aistudio/desk": ("disabled", "There is no browser.")}
        await service.send(service.side.status(Status(cause="")))
        await changed(it, 3)
        assert it.held == {}
        assert it.accounts == ["aistudio/desk"]


async def test_what_another_process_held_is_looked_at_again() -> None:
    async with room() as it:
        await it.service("desk")
        it.held["aistudio/desk"] = ("disabled", "of old")
        it.hub.tick()
        assert it.held == {}


async def test_a_status_that_changes_no_account_rebuilds_nothing() -> None:
    async with room() as it:
        service = await it.service("desk", capacity=4)
        await service.send(service.side.status(Status(busy=2, free=2)))
        async with asyncio.timeout(WITHIN):
            while it.hub.load("aistudio/desk") != 0.5:
                await asyncio.sleep(0)
        assert it.changes == 1


async def test_a_service_that_leaves_gets_no_new_calls_and_finishes_the_open_ones() -> None:
    async with room() as it:
        service = await it.service()
        call, response = await streaming(it, service, "be")
        await service.send(service.side.drain())
        await changed(it, 2)
        assert it.held == {"aistudio/one": ("disabled", "it is about to stop")}
        await service.chunk(call, "gun")
        await service.finish(call)
        assert await text_of(response) == "begun"


async def test_load_is_what_runs_here_or_what_the_service_says_by_its_capacity() -> None:
    async with room() as it:
        service = await it.service(capacity=2)
        assert it.hub.load("aistudio/one") == 0
        assert it.hub.load("aistudio/other") is None
        await streaming(it, service)
        assert it.hub.load("aistudio/one") == it.hub.load("aistudio/one:work") == 0.5


async def test_a_service_says_whether_conversations_should_stay_with_it() -> None:
    async with room() as it:
        await it.service("a", capabilities=("sticky",))
        await it.service("b")
        assert [it.hub.stays(f"aistudio/{name}") for name in ("a", "b", "c")] == [True, False, False]
        assert it.hub.stays("openai/1")


# Calls.


async def test_a_streamed_answer_comes_back_whole() -> None:
    async with room() as it:
        service = await it.service()
        task = it.send(body='{"text":"grüß dich"}'.encode())
        news = await service.news(Asked)
        assert news.request.body == '{"text":"grüß dich"}'
        assert (news.request.url, news.request.stream) == ("https://upstream.example/v1", True)
        assert news.request.headers == {"content-type": "application/json"}
        await service.start(news.id)
        await service.chunk(news.id, "data: ü\n\n")
        await service.finish(news.id)
        response = await task
        assert (response.status, response.headers["content-type"]) == (200, "text/event-stream")
        assert await text_of(response) == "data: ü\n\n"
        assert it.told[-1] == ("call", "aistudio", "ok", True)


async def test_a_large_body_goes_in_pieces() -> None:
    async with room() as it:
        service = await it.service()
        it.send(body=b"x" * 3_000_000)
        assert (await service.news(Asked)).request.body == "x" * 3_000_000


async def test_a_status_of_the_upstream_survives() -> None:
    async with room() as it:
        service = await it.service()
        task = it.send()
        call = await service.asked()
        await service.send(service.side.respond(call, Head(429, {"retry-after": "7"}), '{"error":{}}'))
        response = await task
        assert (response.status, response.headers["retry-after"]) == (429, "7")
        assert await response.read_some() == b'{"error":{}}'
        assert it.told[-1] == ("call", "aistudio", "bad_status", True)


async def test_an_error_of_the_service_is_a_fault_with_its_status() -> None:
    async with room() as it:
        service = await it.service()
        task = it.send()
        told = Fault("rate_limited", "Too many.", status=429, retry_after=30)
        await service.send(service.side.fail(await service.asked(), told))
        fault = await fault_of(task)
        assert (fault.kind, fault.status, fault.retry_after, fault.message) == ("rate_limited", 429, 30, "Too many.")


async def test_a_profile_is_named_to_the_service_that_has_several() -> None:
    async with room() as it:
        service = await it.service(profiles=(Profile(name="default"), Profile(name="work")))
        it.send("aistudio/one:work")
        assert (await service.news(Asked)).request.profile == "work"


async def test_nobody_there_is_an_unavailable_fault_at_once() -> None:
    async with room() as it:
        fault = await fault_of(it.send("aistudio/nobody"))
        assert fault.kind == "unavailable"
        assert fault.meaning.moves_on
        assert fault.meaning.retryable


async def test_a_body_that_is_no_text_is_refused_before_it_is_sent() -> None:
    async with room() as it:
        await it.service()
        assert (await fault_of(it.send(body=b"\xff"))).kind == "bad_request"


async def test_a_service_that_vanishes_before_the_head_fails_its_calls_at_once() -> None:
    async with room() as it:
        service = await it.service()
        tasks = [it.send() for _ in range(3)]
        for _ in tasks:
            await service.asked()
        await service.vanish()
        for task in tasks:
            fault = await fault_of(task)
            assert fault.kind == "unavailable"
            assert "has gone in the middle of the call: its socket was closed with 1006" in fault.message


async def test_what_arrived_before_a_service_vanished_is_still_given() -> None:
    async with room() as it:
        service = await it.service()
        _, response = await streaming(it, service, "half")
        await service.vanish()
        got = b""
        with pytest.raises(Fault, match="has gone in the middle"):
            async for data in response.chunks():
                got += data
        assert got == b"half"


async def test_a_service_that_comes_again_replaces_its_earlier_session_under_the_same_account() -> None:
    async with room() as it:
        old = await it.service("desk")
        task = it.send("aistudio/desk")
        await old.asked()
        new = await it.service("desk")
        assert "another service of this name has come" in (await fault_of(task)).message
        assert await old.gone() == (4001, "another service of this name has come")
        assert it.accounts == ["aistudio/desk"]
        assert it.changes == 1
        task = it.send("aistudio/desk")
        await new.answer("here")
        assert await text_of(await task) == "here"
        assert it.hub.replaced == 1


async def test_a_caller_that_leaves_stops_the_service() -> None:
    async with room() as it:
        service = await it.service()
        task = it.send()
        call = await service.asked()
        task.cancel()
        assert await service.cancelled() == call
        assert it.told[-1] == ("call", "aistudio", "cancelled", False)


async def test_closing_an_open_answer_stops_the_service_and_a_complete_one_does_not() -> None:
    async with room() as it:
        service = await it.service()
        call, response = await streaming(it, service, "x")
        response.close()
        response.close()
        assert await service.cancelled() == call
        _, second = await streaming(it, service)
        await service.finish(_)
        assert await text_of(second) == ""
        second.close()
        it.hub.drain()
        assert (await service.frame()).type == "drain"


async def test_leaving_in_the_middle_of_a_large_body_stops_it() -> None:
    async with room() as it:
        service = await it.service()
        service.link.hold.clear()
        task = it.send(body=b"x" * 5_000_000)
        async with asyncio.timeout(WITHIN):
            while it.hub.load("aistudio/one") == 0:
                await asyncio.sleep(0)
        task.cancel()
        service.link.hold.set()
        frames = [await service.frame()]
        while frames[-1].type != "cancel":
            frames.append(await service.frame())
        assert sum(frame.type == "request_chunk" for frame in frames) < 10


async def test_no_head_in_time_is_a_timeout_and_the_service_is_told() -> None:
    async with room() as it:
        service = await it.service()
        task = it.send(head=0.01)
        call = await service.asked()
        assert (await fault_of(task)).kind == "timeout"
        assert await service.cancelled() == call


async def test_a_slow_reader_holds_its_own_stream_alone() -> None:
    async with room() as it:
        service = await it.service()
        slow_call, slow = await streaming(it, service)
        while service.side.may_send(slow_call):
            await service.chunk(slow_call, "slow")
        for _ in range(5):
            task = it.send()
            it.tasks.spawn(service.answer(*["fast"] * 100), "service")
            assert await text_of(await task) == "fast" * 100
        assert not service.side.may_send(slow_call)

        async def go_on() -> None:
            for _ in range(68):
                await service.chunk(slow_call, "slow")
            await service.finish(slow_call)

        it.tasks.spawn(go_on(), "service")
        assert await text_of(slow) == "slow" * 100


async def test_two_hundred_streams_over_one_socket() -> None:
    async with room() as it:
        service = await it.service(capacity=200)
        tasks = [it.send() for _ in range(200)]
        calls = [await service.asked() for _ in tasks]
        for call in calls:
            await service.start(call)
        for part in range(20):
            for call in calls:
                await service.chunk(call, f"{call} {part};")
        for call in calls:
            await service.finish(call)
        for call, task in zip(calls, tasks, strict=True):
            assert await text_of(await task) == "".join(f"{call} {part};" for part in range(20))


async def test_calls_of_one_session_have_a_bound() -> None:
    async with room() as it:
        await it.service()
        for _ in range(MOST_CALLS):
            it.send()
        fault = await fault_of(it.send())
        assert (fault.kind, fault.retry_after) == ("unavailable", 2.0)


# The end of sessions.


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no json", 1007),
        ('{"type":7}', 1002),
        ('{"type":"stream_end","id":"never"}', 1002),
        ('{"type":"status","payload":{"busy":"x"}}', 1002),
    ],
)
async def test_who_breaks_the_protocol_is_closed_with_the_reason_and_its_calls_fail(text: str, code: int) -> None:
    async with room() as it:
        service = await it.service()
        task = it.send()
        await service.asked()
        await service.end.send(text)
        assert "it broke the protocol of the relay" in (await fault_of(task)).message
        assert (await service.gone())[0] == code
        assert it.accounts == []


async def test_a_quiet_service_is_asked_and_one_that_stays_quiet_is_gone() -> None:
    clock = FakeClock()
    async with room(clock) as it:
        service = await it.service()
        clock.advance(19)
        it.hub.tick()
        clock.advance(1)
        it.hub.tick()
        it.hub.tick()
        assert await service.frame() == Frame("router", "ping")
        await service.send(Frame("router", "pong"))
        clock.advance(59)
        it.hub.tick()
        assert it.accounts == ["aistudio/one"]
        task = it.send()
        await service.asked()
        clock.advance(60)
        it.hub.tick()
        assert (await service.gone())[0] == 4002
        assert "nothing was heard of it for 60 seconds" in (await fault_of(task)).message


async def test_a_browser_is_not_asked_in_words_that_it_does_not_know() -> None:
    clock = FakeClock()
    async with room(clock) as it:
        browser = await it.browser()
        it.hub.tick()
        clock.advance(59)
        it.hub.tick()
        it.hub.drain()
        it.hub.announce(("ws://other",))
        assert browser.end.waiting.empty()
        clock.advance(2)
        it.hub.tick()
        assert (await browser.gone())[0] == 4002


async def test_a_key_that_no_longer_counts_ends_the_session() -> None:
    async with room() as it:
        service = await it.service()
        it.hub.tick()
        it.allowed = False
        it.hub.tick()
        assert await service.gone() == (1008, "its key does not count any more")


async def test_a_peer_that_takes_nothing_is_let_go() -> None:
    clock = FakeClock()
    async with room(clock) as it:
        service = await it.service()
        service.link.hold.clear()
        it.hub.drain()
        task = it.send()
        async with asyncio.timeout(WITHIN):
            while it.hub.sessions[0].writing_since is None:
                await asyncio.sleep(0)
        clock.advance(31)
        it.hub.tick()
        assert "it does not take what it is sent" in (await fault_of(task)).message
        assert it.accounts == []
        service.link.hold.set()
        assert (await service.gone())[0] == 4003


async def test_a_peer_that_asks_without_end_and_reads_nothing_is_let_go() -> None:
    async with room() as it:
        service = await it.service()
        service.link.hold.clear()
        for at in range(9000):
            await service.send(Frame(str(at), "ping"))
        service.link.hold.set()
        assert (await service.gone())[0] == 4003


async def test_the_end_of_the_router_is_told_in_order() -> None:
    async with room() as it:
        service = await it.service()
        it.hub.drain()
        await service.news(Draining)
        it.hub.close()
        assert await service.gone() == (1001, "the router stops")


async def test_other_routers_are_named_in_the_welcome_and_whenever_they_change() -> None:
    async with room() as it:
        it.hub.announce(("ws://a",))
        it.hub.announce(("ws://a",))
        service = Service(it.hub, it.tasks, HELLO, lambda: True)
        assert (await service.frame()).payload["routers"] == ["ws://a"]


async def test_changed_siblings_are_told_to_those_who_are_there() -> None:
    async with room() as it:
        service = await it.service()
        it.hub.announce(("ws://a", "ws://b"))
        assert (await service.news(Siblings)).routers == ("ws://a", "ws://b")


async def test_a_service_of_another_kind_is_sent_away() -> None:
    async with room() as it:
        stranger = Service(it.hub, it.tasks, Hello(service="toaster", name="x"), lambda: True)
        assert await stranger.gone() == (1008, "no service is called 'toaster' here")


async def test_sessions_have_a_bound_which_holds_back_no_replacement() -> None:
    async with room(most_sessions=2) as it:
        await it.service("a")
        await it.service("b")
        third = Service(it.hub, it.tasks, Hello(service="aistudio", name="c"), lambda: True)
        assert (await third.gone())[0] == 1013
        await it.service("a")
        assert it.accounts == ["aistudio/a", "aistudio/b"]


async def test_coming_and_going_leaves_nothing_behind() -> None:
    async with room() as it:

        async def call(name: str) -> None:
            with pytest.raises(Fault, match="has gone"):
                await it.hub.send(f"aistudio/{name}", REQUEST, Timeouts(head=None))

        async def cycle(times: int) -> int:
            for at in range(times):
                service = await it.service(f"name-{at % 7}")
                task = it.tasks.spawn(call(f"name-{at % 7}"), "call")
                await service.asked()
                await service.vanish()
                await task
            it.told.clear()
            gc.collect()
            return len(gc.get_objects())

        await cycle(50)
        before = await cycle(1)
        assert await cycle(300) - before < 300
        assert it.hub.sessions == ()
        assert len(it.tasks) == 0


# Browsers.


async def test_browsers_of_one_key_are_numbered_and_the_number_comes_back() -> None:
    async with room() as it:
        first = await it.browser("My Studio@home")
        await it.browser("My Studio@home")
        assert it.accounts == ["aistudio/browser-my-studio-home-1", "aistudio/browser-my-studio-home-2"]
        await first.vanish()
        assert it.accounts == ["aistudio/browser-my-studio-home-2"]
        await it.browser("My Studio@home")
        assert len(it.accounts) == 2
        await it.browser("@@@")
        assert "aistudio/browser-key-1" in it.accounts


async def test_a_browser_answers_in_its_own_words() -> None:
    async with room() as it:
        browser = await it.browser()
        task = it.send("aistudio/browser-studio-1")
        asked = await browser.frame()
        assert asked.payload["headers"] == {"content-type": ["application/json"]}
        await browser.tell(
            asked.id, "stream_start", {"status": 200, "headers": {"Content-Type": ["text/event-stream"]}}
        )
        await browser.tell(asked.id, "stream_chunk", {"data": "one "})
        await browser.tell(asked.id, "stream_chunk", {"data": "two"})
        await browser.tell(asked.id, "stream_end")
        response = await task
        assert response.headers == {"content-type": "text/event-stream"}
        assert await text_of(response) == "one two"


async def test_an_error_of_a_browser_keeps_its_status() -> None:
    async with room() as it:
        browser = await it.browser()
        task = it.send("aistudio/browser-studio-1")
        await browser.tell((await browser.frame()).id, "error", {"error": "quota", "status": 429})
        fault = await fault_of(task)
        assert (fault.kind, fault.status) == ("rate_limited", 429)


async def test_a_browser_gets_its_pings_back_and_is_told_nothing_else() -> None:
    async with room() as it:
        browser = await it.browser()
        await browser.tell("17", "ping", {})
        assert await browser.frame() == Frame("17", "pong")
        task = it.send("aistudio/browser-studio-1")
        await browser.frame()
        task.cancel()
        await browser.tell("18", "ping")
        assert await browser.frame() == Frame("18", "pong")


# Sign-ins.


async def test_a_sign_in_is_asked_of_the_service_that_has_the_profile() -> None:
    async with room() as it:
        await it.service("a")
        service = await it.service("b", profiles=(Profile(name="work"),))
        sign_in = it.hub.ask_to_sign_in("work", headed=True)
        news = await service.news(SignIn)
        assert (news.id, news.request.profile, news.request.headed) == (sign_in.id, "work", True)
        waiting = it.tasks.spawn(sign_in.changed(), "wait")
        await asyncio.sleep(0)
        await service.send(service.side.sign_in(news.id, AuthStatus(state="waiting", vnc_url="http://x")))
        assert await waiting == AuthStatus(state="waiting", vnc_url="http://x")
        assert it.hub.sign_ins.find(sign_in.id) is sign_in


async def test_a_sign_in_fails_when_its_service_goes() -> None:
    async with room() as it:
        service = await it.service("a")
        sign_in = it.hub.ask_to_sign_in("new", service="a")
        await service.vanish()
        assert sign_in.status == AuthStatus(state="failed", message="The service has gone.")


async def test_a_sign_in_without_a_service_is_unavailable() -> None:
    async with room() as it:
        await it.browser()
        for service, words in ((None, "No service that can sign in"), ("desk", "The service desk is not connected")):
            with pytest.raises(Fault, match=words):
                it.hub.ask_to_sign_in("default", service=service)
