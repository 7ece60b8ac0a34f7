"""The conversation of a call: in lists, sums, the ledger, records and the log, by a pseudonym and never by its name."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.router.api.harness import KEY, Running, running
from tests.router.api.manage.desk import made_key, manage
from tests.router.api.test_records import recorded
from tests.simulators import Upstream

RAW = "person-and-thread-7788"


async def called(router: Running, session: str, model: str = "gpt-4.1", key: str = KEY) -> str:
    headers = {"session-id": session, "authorization": f"Bearer {key}"}
    return str((await router.ask("chat", model, headers=headers)).headers["x-switchyard-request-id"])


async def test_a_conversation_is_told_together_and_added_up(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {"observe": {"request_log": "all"}}) as router:
        await router.until(lambda: router.router.recall.memory)
        other = await made_key(router, "other", "client")
        mine = [await called(router, RAW), await called(router, RAW, "claude-sonnet-4-5")]
        await called(router, "another-thread")
        await called(router, RAW, key=other)
        name = (await manage(router, "GET", f"/calls/{mine[0]}")).json["session"]
        found = (await manage(router, "GET", f"/calls?session={name}")).json["calls"]
        assert [each["id"] for each in found] == mine[::-1]
        await router.router._gateway.ledger.move()
        sums = (await manage(router, "GET", "/usage?by=session")).json
        lines = {line["name"]: line for line in sums["lines"]}
        assert len(lines) == 3 and lines[name]["calls"] == 2 and sums["total"]["calls"] == 4
        only = (await manage(router, "GET", f"/usage?by=model&session={name}")).json
        assert [line["calls"] for line in only["lines"]] == [1, 1]
        assert only["total"]["cost"] == lines[name]["cost"] == sum(each["cost"] for each in found) > 0
        assert (await recorded(router, mine[0]))["meta"]["session"] == name
        await router.stop()
        with closing(sqlite3.connect(router.state / "switchyard.sqlite")) as connection:
            rows = list(connection.execute("SELECT id FROM calls WHERE session = ? ORDER BY id", (name,)))
            assert [row[0] for row in rows] == sorted(mine)
            assert RAW not in "\n".join(connection.iterdump())
        assert RAW not in router.log
    async with running(upstream, tmp_path, {}) as again:  # known to the next process, under the same name
        await again.until(lambda: again.router._recent.loaded)
        third = await called(again, RAW)
        found = (await manage(again, "GET", f"/calls?session={name}")).json["calls"]
        assert [each["id"] for each in found] == [third, *mine[::-1]]


async def test_a_continued_answer_belongs_to_the_conversation_that_it_continues(
    upstream: Upstream, tmp_path: Path
) -> None:
    """Only the stored conversation has the beginning that names it."""
    async with running(upstream, tmp_path, {"policies": {"sessions": "all"}}) as router:
        await router.until(lambda: router.router.recall.memory)
        first = await router.ask("responses", "gpt-4.1", "word " * 1000)
        more = {"previous_response_id": json.loads(first.body)["id"]}
        second = await router.ask("responses", "gpt-4.1", "and then?", **more)
        told = {row.id: row.session for row in router.router._recent.newest()}
        one, two = (told[each.headers["x-switchyard-request-id"]] for each in (first, second))
        assert one == two != ""
