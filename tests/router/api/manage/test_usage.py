"""What the ledger says over the management API: reports, steps of time, honest about what nobody knows."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.state.ledger_reader import LedgerReader
from router.usage.entries import Attempt, Closed, Tokens
from tests.router.api.harness import Running, running
from tests.router.api.manage.desk import made_key, manage
from tests.simulators import Upstream

NOON = 1_700_000_000.0 // 86_400 * 86_400 + 43_200


def call(number: int, at: float, *, cost: int | None, key: str = "laptop", outcome: str = "ok", **facts: Any) -> Closed:
    tokens = Tokens(100, 10, 0, 0, 50, 5)
    made = Attempt(
        provider="openai", model="gpt-4.1", account="openai/1", outcome=outcome, tokens=tokens, cost=cost, worth=cost
    )
    return Closed(
        id=f"req_{number}", at=at, key_name=key, asked="gpt-4.1", attempts=(made,), tokens=tokens, cost=cost,
        worth=cost, outcome=outcome, status=200, **facts,
    )  # fmt: skip


@pytest.fixture
async def desk(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(upstream, tmp_path, {}) as router:
        await router.until(lambda: router.router.recall.memory)
        yield router


def keep(router: Running, *calls: Closed) -> None:
    memory = router.router.recall.memory
    assert memory is not None
    memory.add_calls(calls)


async def test_what_was_used_today_by_key_and_model(desk: Running) -> None:
    now = time.time()
    keep(
        desk,
        call(1, now, cost=700),
        call(2, now, cost=None, key="phone"),
        call(3, now - 3 * 86_400, cost=5_000),
    )
    by_key = (await manage(desk, "GET", "/usage?by=key")).json
    assert by_key["kept"] is True and by_key["since"] % 86_400 == 0
    lines = {line["name"]: line for line in by_key["lines"]}
    assert set(lines) == {"laptop", "phone"}
    assert (lines["laptop"]["cost"], lines["laptop"]["unknown"]) == (700, 0)
    assert (lines["phone"]["cost"], lines["phone"]["unknown"]) == (0, 1)
    assert (by_key["total"]["calls"], by_key["total"]["cost"], by_key["total"]["unknown"]) == (2, 700, 1)
    week = (await manage(desk, "GET", f"/usage?by=model&since={now - 7 * 86_400:.0f}")).json
    assert [(line["name"], line["calls"], line["cost"]) for line in week["lines"]] == [("openai/gpt-4.1", 3, 5_700)]
    midnight = now - now % 86_400
    before = (await manage(desk, "GET", f"/usage?until={midnight:.0f}")).json
    assert (before["since"], before["until"]) == (midnight - 86_400, midnight)  # the whole day that it ends
    for by in ("provider", "account", "day", "session"):
        assert (await manage(desk, "GET", f"/usage?by={by}")).status == 200


async def test_a_series_has_every_step_and_ranks_first_words(desk: Running) -> None:
    waits = [0.1 * number for number in range(1, 21)]
    keep(
        desk,
        *(call(number, NOON + number, cost=10, first_token=wait) for number, wait in enumerate(waits)),
        call(90, NOON + 2 * 3600, cost=None, outcome="rate_limited"),
        call(91, NOON + 3 * 3600, cost=10),  # outside
    )
    asked = f"/usage/series?since={NOON:.0f}&until={NOON + 3 * 3600:.0f}&step=3600"
    steps = (await manage(desk, "GET", asked)).json["steps"]
    assert [step["at"] - NOON for step in steps] == [0, 3600, 7200]
    assert (steps[0]["calls"], steps[0]["input"], steps[0]["output"], steps[0]["cost"]) == (20, 2200, 1100, 200)
    assert (steps[0]["p50"], steps[0]["p95"]) == (pytest.approx(1.0), pytest.approx(1.9))
    assert (steps[1]["calls"], steps[1]["p50"]) == (0, None)
    assert (steps[2]["failed"], steps[2]["unknown"], steps[2]["p95"]) == (1, 1, None)


async def test_every_call_leaves_as_a_file_of_any_length_filtered_and_never_as_a_formula(desk: Running) -> None:
    many = [call(number, NOON + number % 7, cost=None if number % 2 else 10) for number in range(450)]
    keep(
        desk,
        *many,
        call(900, NOON, cost=1, key="=cmd"),
        call(901, NOON, cost=1, session="0abc"),
        call(902, 1.0, cost=1),
    )
    asked = f"/usage/export?since={NOON:.0f}&until={NOON + 60:.0f}"
    viewer = await made_key(desk, "watcher", "viewer")
    answer = await manage(desk, "GET", asked, key=viewer)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="switchyard-usage-2023-11-14-to-2023-11-14.csv"'
    )
    rows = list(csv.DictReader(answer.body.decode().splitlines()))
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows) and len(rows) == 452
    assert len({row["id"] for row in rows}) == 452 and {row["cost"] for row in rows} == {"", "1", "10"}
    assert [row["key_name"] for row in rows if row["id"] == "req_900"] == ["'=cmd"]
    told = [json.loads(line) for line in (await manage(desk, "GET", f"{asked}&format=jsonl")).body.splitlines()]
    assert [each["id"] for each in told] == [row["id"] for row in rows]
    assert told[0]["attempts"][0]["provider"] == "openai" and list(told[0])[:-1] == list(rows[0])
    for query, count in (
        ("key==cmd", 1), ("session=0abc", 1), ("model=openai/gpt-4.1", 452), ("model=gpt-4.1&key=laptop", 451),
        ("model=gpt-5", 0), ("provider=openai", 452), ("provider=anthropic", 0),
    ):  # fmt: skip
        found = (await manage(desk, "GET", f"{asked}&{query}")).body.decode().splitlines()
        assert len(found) == 1 + count and found[0].startswith("id,at,key_id"), query


async def test_an_export_that_cannot_go_on_breaks_off_and_one_that_cannot_begin_says_why(desk: Running) -> None:
    keep(desk, *(call(number, NOON, cost=1) for number in range(450)))
    memory = desk.router.recall.memory
    assert memory is not None
    real, left = memory.usage, [1]

    class Failing:
        def some_calls(self, *asked: Any) -> Any:
            if not left:
                raise OSError("the disk is gone")
            left.pop()
            return real.some_calls(*asked)

    memory.usage = Failing()  # type: ignore[assignment]
    with pytest.raises(aiohttp.ClientPayloadError):
        await manage(desk, "GET", f"/usage/export?since={NOON:.0f}&until={NOON + 60:.0f}")
    answer = await manage(desk, "GET", f"/usage/export?since={NOON:.0f}&until={NOON + 60:.0f}")
    assert answer.status == 503 and "disk" in answer.json["error"]["message"]


async def test_questions_that_make_no_sense_are_refused_in_words(desk: Running) -> None:
    for query, told in (
        ("/usage?by=colour", "by"),
        ("/usage?session=No%20name", "session"),
        ("/usage?since=5&until=4", "before `until`"),
        ("/usage?since=yesterday", "since"),
        ("/usage/series?since=0&until=1700000000&step=60", "longer step"),
        ("/usage/series?step=1", "step"),
        ("/usage/export?format=xls", "format"),
    ):
        answer = await manage(desk, "GET", query)
        assert answer.status == 400 and told in answer.json["error"]["message"], query


async def test_whoever_looks_may_see_it_and_nobody_else(desk: Running) -> None:
    viewer = await made_key(desk, "watcher", "viewer")
    assert (await manage(desk, "GET", "/usage", key=viewer)).status == 200
    assert (await manage(desk, "GET", "/usage", key="sk-client-canary-0123456789")).status == 401


async def test_a_report_that_takes_too_long_is_given_up(desk: Running) -> None:
    keep(desk, *(call(number, NOON, cost=1, first_token=1.0) for number in range(3000)))
    reader = LedgerReader(desk.state / "switchyard.sqlite", longest=-1.0)
    with pytest.raises(TimeoutError):
        reader.series(NOON - 100, NOON + 86_400, 60.0)
    memory = desk.router.recall.memory
    assert memory is not None
    memory.usage = reader
    answer = await manage(desk, "GET", f"/usage/series?since={NOON - 100:.0f}&until={NOON + 3600:.0f}")
    assert answer.status == 503 and "shorter time" in answer.json["error"]["message"]


async def test_a_ledger_that_is_switched_off_says_so(desk: Running) -> None:
    await desk.reloaded({"usage": {"enabled": False}})
    assert (await manage(desk, "GET", "/usage")).json["kept"] is False
