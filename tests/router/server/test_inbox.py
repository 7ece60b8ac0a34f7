from __future__ import annotations

import asyncio

from router.server.inbox import Inbox


def part(body: bytes, more: bool = True) -> dict[str, object]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_messages_come_in_order_and_the_body_is_known_to_be_complete() -> None:
    inbox = Inbox("http")
    await inbox.put(part(b"a"))
    assert not inbox.complete
    await inbox.put(part(b"b", more=False))
    assert inbox.complete
    assert [(await inbox.get())["body"] for _ in range(2)] == [b"a", b"b"]


async def test_a_full_inbox_waits_until_something_is_taken() -> None:
    inbox = Inbox("http", room=1)
    await inbox.put(part(b"a"))
    async with asyncio.TaskGroup() as group:
        second = group.create_task(inbox.put(part(b"b")))
        await asyncio.sleep(0)
        assert not second.done()
        assert (await inbox.get())["body"] == b"a"
        assert (await inbox.get())["body"] == b"b"


async def test_the_disconnect_fits_into_a_full_inbox_and_frees_who_waits() -> None:
    inbox = Inbox("http", room=1)
    await inbox.put(part(b"a"))
    async with asyncio.TaskGroup() as group:
        group.create_task(inbox.put(part(b"b")))
        await asyncio.sleep(0)
        await inbox.put({"type": "http.disconnect"})
    assert [(await inbox.get())["type"] for _ in range(4)] == [
        "http.request", "http.request", "http.disconnect", "http.disconnect",
    ]  # fmt: skip


async def test_a_finished_application_frees_who_waits_and_takes_nothing_more() -> None:
    inbox = Inbox("http", room=1)
    await inbox.put(part(b"a"))
    async with asyncio.TaskGroup() as group:
        group.create_task(inbox.put(part(b"b")))
        await asyncio.sleep(0)
        inbox.finish()
    await inbox.put(part(b"c"))
    await inbox.put({"type": "http.disconnect"})
    assert (await inbox.get())["type"] == "http.disconnect"


def test_a_websocket_has_no_body_to_wait_for() -> None:
    assert Inbox("websocket").complete
