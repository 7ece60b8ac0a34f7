from __future__ import annotations

import asyncio
from typing import Any

import pytest

from router.tasks import Tasks
from services.webai import announce
from services.webai.announce import Announcer
from tests.services.webai.router_stand_in import RouterStandIn


def told() -> dict[str, Any]:
    return {"service": "webai", "version": "0.0.0", "ready": True, "leaving": False}


async def test_it_announces_at_once_after_a_change_and_when_it_leaves() -> None:
    async with RouterStandIn() as router:
        announcer, tasks = Announcer(router.url, lambda: ["sk-service"], told), Tasks("test")
        announcer.start(tasks)
        await router.until(lambda: len(router.told) == 1)
        assert router.told[0] == ("Bearer sk-service", told())
        announcer.changed()
        await router.until(lambda: len(router.told) == 2)
        await announcer.leave()
        assert router.told[-1][1] == {**told(), "ready": False, "leaving": True}
        assert announcer.accepted
        announcer.changed()
        assert len(tasks) == 0, "it would announce again, and be called back"
        await tasks.close()


async def test_the_goodbye_is_the_last_word_also_where_an_announcement_is_under_way() -> None:
    async with RouterStandIn() as router:
        announcer, tasks = Announcer(router.url, lambda: ["sk-service"], told), Tasks("test")
        announcer.start(tasks)
        await announcer.leave()
        assert len(tasks) == 0 and router.told[-1][1]["leaving"] is True
        await tasks.close()


async def test_a_router_that_refuses_or_is_not_there_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(announce, "_FIRST", 0.01)
    async with RouterStandIn() as router:
        router.status = 401
        announcer, tasks = Announcer(router.url, lambda: ["wrong"], told), Tasks("test")
        announcer.start(tasks)
        await router.until(lambda: len(router.told) == 2)
        assert announcer.accepted is False
        assert caplog.text.count("answered 401") == 1, "once, not at every try"
        router.status = 200
        await router.until(lambda: len(router.told) == 3)
        await tasks.close()
    nobody = Announcer(router.url, lambda: ["x"], told)
    await asyncio.wait_for(nobody.leave(), 10)
    assert nobody.accepted is False


async def test_a_router_that_knows_only_the_service_key_gets_it() -> None:
    async with RouterStandIn() as router:
        router.known = "sk-service"
        announcer = Announcer(router.url, lambda: ["sk-own", "sk-service"], told)
        await announcer.leave()
        assert announcer.accepted
        assert [key for key, _ in router.told] == ["Bearer sk-own", "Bearer sk-service"]
        nobody = Announcer(router.url, list, told)
        await nobody.leave()
        assert nobody.accepted is False and len(router.told) == 2
