"""Limits of client keys, as callers of every dialect meet them: refused in their words, counted once, known after a
restart."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from router.clock import FakeClock
from router.usage.entries import Closed, Tokens
from router.usage.journal import Journal, name_of_process
from tests.router.api.harness import DIALECTS, KEY, OPENAI_KEYS, Running, ask, error_text, running
from tests.router.api.manage.desk import manage
from tests.router.api.test_ledger import rows
from tests.router.api.test_relay import spawn
from tests.simulators import Upstream
from tests.simulators.faulty import hang, status


def limited(**limits: Any) -> dict[str, Any]:
    return {"auth": {"keys": [{"name": "tester", "key": KEY, "limits": limits}, {"name": "other", "key": "sk-other"}]}}


async def known(router: Running) -> None:
    await router.until(lambda: router.router.recall.memory)
    await router.router.recall.known.wait()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_limit_of_a_minute_is_told_in_every_dialect(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    async with running(upstream, tmp_path, limited(requests_per_minute=2)) as router:
        for _ in range(2):
            assert (await router.ask(dialect, "gpt-4.1", stream=stream)).status == 200
        refused = await router.ask(dialect, "gpt-4.1", stream=stream)
        assert refused.status == 429 and 0 < int(refused.headers["retry-after"]) <= 60
        assert "'tester' has used 2 requests" in error_text(dialect, refused.json)
        assert len(upstream.requests) == 2
        path, body = ask(dialect, "gpt-4.1")
        assert (await router.send(path, body, headers={"authorization": "Bearer sk-other"})).status == 200


@pytest.mark.parametrize("limit", ["tokens_per_minute", "tokens_per_day", "tokens_per_month"])
async def test_tokens_are_counted_as_the_provider_says(upstream: Upstream, tmp_path: Path, limit: str) -> None:
    async with running(upstream, tmp_path, limited(**{limit: 30, "soft": 0.1})) as router:
        await known(router)
        first = await router.ask("chat", "gpt-4.1", "x" * 200)
        used = first.json["usage"]["total_tokens"]
        assert first.status == 200 and used > 30
        refused = await router.ask("chat", "gpt-4.1")
        assert refused.status == 429
        assert f"has used {used} tokens" in error_text("chat", refused.json)


async def test_a_limit_in_dollars_says_where_it_counts_nothing(upstream: Upstream, tmp_path: Path) -> None:
    own = {
        "name": "office",
        "base_url": upstream.base_url("openai"),
        "api_keys": [OPENAI_KEYS[0]],
        "models": ["gpt-4.1"],
    }
    changes = limited(usd_per_day=5) | {"providers": {"openai-compatible": [own]}}
    async with running(upstream, tmp_path, changes) as router:
        await known(router)
        assert "x-switchyard-budget" not in (await router.ask("chat", "openai/gpt-4.1")).headers
        told = (await router.ask("chat", "office/gpt-4.1")).headers["x-switchyard-budget"]
        assert told == "usd limits do not count office/gpt-4.1: its price is not known"


def office(upstream: Upstream, **more: Any) -> dict[str, Any]:
    """A server of one's own, whose prices nobody knows."""
    own = {
        "name": "office",
        "base_url": upstream.base_url("openai"),
        "api_keys": ["sk-sim-office"],
        "models": ["gpt-4.1", "text-embedding-3-small"],
    }
    return {"providers": {"openai-compatible": [own]}, **more}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_has_no_price_is_refused_where_the_settings_say_so(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    combos = {"combos": {"smart": {"targets": ["openai/gpt-4.1", "office/gpt-4.1"]}}}
    changes = office(upstream, models=combos, usage={"unpriced": "refuse"}, **limited(usd_per_day=5))
    async with running(upstream, tmp_path, changes) as router:
        refused = await router.ask(dialect, "office/gpt-4.1", stream=stream)
        told = error_text(dialect, refused.json)
        assert refused.status == 403 and upstream.requests == []
        assert "Nobody knows the price of office/gpt-4.1" in told and "setting usage.unpriced" in told
        assert (await router.ask(dialect, "openai/gpt-4.1", stream=stream)).status == 200
        upstream.always(status(503))
        assert (await router.ask(dialect, "smart", stream=stream)).status in (503, 529)
        assert "sk-sim-office" not in {request.key for request in upstream.requests}  # nor where the others fail
        upstream.behave()
        path, body = ask(dialect, "office/gpt-4.1")
        assert (await router.send(path, body, headers={"authorization": "Bearer sk-other"})).status == 200


async def test_embeddings_and_lists_keep_to_it_and_a_key_has_its_own_word(upstream: Upstream, tmp_path: Path) -> None:
    changes = office(upstream, usage={"unpriced": "refuse"}, **limited(usd_per_day=5))
    async with running(upstream, tmp_path, changes) as router:
        await known(router)
        wanted = {"model": "office/text-embedding-3-small", "input": "hello"}
        assert (await router.send("/v1/embeddings", wanted)).status == 403

        async def met(**headers: str) -> tuple[int, bool]:
            listed = (await router.send("/v1/models", headers=headers)).json["data"]
            call = await router.ask("chat", "office/gpt-4.1", headers=headers)
            return call.status, "office/gpt-4.1" in {each["id"] for each in listed}

        made = (await manage(router, "POST", "/keys", {"name": "laptop", "limits": {"usd_per_month": 9}})).json
        key = {"authorization": f"Bearer {made['key']}"}

        async def change(**change: Any) -> None:
            answer = await manage(router, "PATCH", f"/keys/{made['id']}", change)
            assert answer.status == 200, answer.body

        assert (await met(**key))[0] == 403
        assert not (await met(**key))[1]
        await change(rights={"unpriced": "allow"})
        assert (await met(**key))[0] == 200
        await change(rights={"unpriced": "refuse"}, limits=None)
        refused = await router.ask("chat", "office/gpt-4.1", headers=key)
        assert refused.status == 403 and "rights.unpriced of the key in the database" in refused.body.decode()
        await change(rights=None)
        assert (await met(**key))[0] == 200
        await change(limits={"usd_per_day": 1})
        assert (await met(**key))[0] == 403
        explained = await router.management("explain?model=office/gpt-4.1&key=laptop")
        assert explained["outcome"]["kind"] == "forbidden"


@pytest.mark.parametrize("limit", ["usd_per_day", "usd_per_month"])
async def test_money_by_the_price_table(upstream: Upstream, tmp_path: Path, limit: str) -> None:
    async with running(upstream, tmp_path, limited(**{limit: 0.00005})) as router:
        await known(router)
        assert (await router.ask("chat", "gpt-4.1", "x" * 400)).status == 200
        refused = await router.ask("chat", "gpt-4.1")
        assert refused.status == 429 and refused.headers["x-should-retry"] == "false"
        assert refused.json["error"]["code"] == "insufficient_quota"
        assert f"({limit})" in error_text("chat", refused.json)


async def test_what_is_nearly_reached_is_told_in_a_header(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, limited(requests_per_minute=4, soft=0.5)) as router:
        told = [(await router.ask("chat", "gpt-4.1")).headers.get("x-switchyard-budget") for _ in range(4)]
        assert told == [None, None, "requests_per_minute 50% of 4 requests", "requests_per_minute 75% of 4 requests"]
        await router.reloaded(limited(requests_per_minute=8, soft=0.9))
        assert "x-switchyard-budget" not in (await router.ask("chat", "gpt-4.1")).headers


async def test_what_was_used_is_known_after_a_restart(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, limited(tokens_per_day=60)) as router:
        await known(router)
        assert (await router.ask("chat", "gpt-4.1", "x" * 400)).status == 200
    async with running(upstream, tmp_path, limited(tokens_per_day=60)) as router:
        await known(router)
        assert (await router.ask("chat", "gpt-4.1")).status == 429
        assert (await router.ask("chat", "gpt-4.1")).status == 429


@pytest.mark.parametrize("limit", [{"requests_per_minute": 3}, {"tokens_per_minute": 100}])
async def test_what_was_used_in_the_last_minute_is_known_after_a_restart(
    upstream: Upstream, tmp_path: Path, limit: dict[str, int]
) -> None:
    async with running(upstream, tmp_path, limited(**limit)) as router:
        await known(router)
        for _ in range(2):
            assert (await router.ask("chat", "gpt-4.1", "x" * 100)).status == 200
    async with running(upstream, tmp_path, limited(**limit)) as router:
        await known(router)
        statuses = [(await router.ask("chat", "gpt-4.1", "x" * 100)).status for _ in range(4)]
    if "requests_per_minute" in limit:
        assert statuses == [200, 429, 429, 429], "those that were refused count for nothing"
    else:
        assert statuses[-1] == 429 and statuses.count(200) <= 1
    async with running(upstream, tmp_path, limited(**limit)) as router:
        await known(router)
        refused = await router.ask("chat", "gpt-4.1")
        assert refused.status == 429 and 0 < int(refused.headers["retry-after"]) <= 60


@pytest.mark.parametrize(("meanwhile", "status"), [("allow", 200), ("refuse", 503)])
async def test_while_the_ledger_cannot_be_read_it_is_told_and_the_settings_decide(
    upstream: Upstream, tmp_path: Path, meanwhile: str, status: int
) -> None:
    async def told(router: Running) -> list[str]:
        seen = (await manage(router, "GET", "/overview")).json["causes"]
        ready = (await router.send("/readyz")).json
        assert ready["ready"] and [each["cause"] for each in ready["causes"]] == [each["cause"] for each in seen]
        return [each["text"] for each in seen if each["cause"] == "ledger"]

    changes = {**limited(tokens_per_day=30), "usage": {"unreadable": meanwhile}}
    database = tmp_path / "state" / "switchyard.sqlite"
    async with running(upstream, tmp_path, changes) as router:
        await known(router)
        assert (await router.ask("chat", "gpt-4.1", "x" * 200)).status == 200
        assert (await router.ask("chat", "gpt-4.1")).status == 429 and await told(router) == []
    with sqlite3.connect(database) as connection:
        connection.execute("ALTER TABLE calls RENAME TO hidden")
    async with running(upstream, tmp_path, changes) as router:
        await known(router)
        assert (await router.ask("chat", "gpt-4.1")).status == status
        other = await router.send(*ask("chat", "gpt-4.1"), headers={"authorization": "Bearer sk-other"})
        assert other.status == 200  # a key without limits
        (text,) = await told(router)
        assert ("may use its budget once more" in text) is (meanwhile == "allow")
        assert (await manage(router, "GET", "/budgets")).status == 200
        with sqlite3.connect(database) as connection:
            connection.execute("ALTER TABLE hidden RENAME TO calls")
        await router.router._gateway.budgets.refresh()
        assert await told(router) == []
        assert (await router.ask("chat", "gpt-4.1")).status == 429  # what was used before counts again


async def test_a_limit_that_is_set_later_counts_what_was_used_before(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as router:
        await known(router)
        assert (await router.ask("chat", "gpt-4.1", "x" * 400)).status == 200
        await router.reloaded(limited(tokens_per_day=60))
        assert (await router.ask("chat", "gpt-4.1")).status == 429


async def test_every_way_out_lets_go_of_what_was_held(upstream: Upstream, tmp_path: Path) -> None:
    """Errors, refusals, callers that leave: afterwards nothing is held for a call that is over."""
    async with running(upstream, tmp_path, limited(tokens_per_day=10**9)) as router:
        await known(router)
        budgets = router.router._gateway.budgets
        upstream.script(*[status(400)] * 2, model="gpt-4.1")
        assert (await router.ask("chat", "gpt-4.1")).status == 400
        assert (await router.ask("chat", "no-such-model")).status == 404
        upstream.behave()
        upstream.script(hang(), model="gpt-4.1")
        path, body = ask("chat", "gpt-4.1", stream=True)
        call = spawn(router.send(path, body))
        await router.until(lambda: budgets._open)
        call.cancel()
        await router.until(lambda: not budgets._open)
        state = next(iter(budgets._keys.values()))
        assert state._open == {}


async def test_many_at_once_pass_a_limit_by_what_was_in_progress_alone(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, limited(tokens_per_day=3000)) as router:
        await known(router)
        answers = []
        for _ in range(6):
            answers += await asyncio.gather(*(router.ask("chat", "gpt-4.1", "x" * 800) for _ in range(10)))
        served = [answer for answer in answers if answer.status == 200]
        used = sum(answer.json["usage"]["total_tokens"] for answer in served)
        each = used // len(served)
        assert {answer.status for answer in answers} == {200, 429}
        assert 3000 <= used < 3000 + 10 * each
        key = next(each for each in (await manage(router, "GET", "/keys")).json["keys"] if each["name"] == "tester")
        assert key["used"]["tokens_per_day"] == used


async def shown(router: Running, key_id: str) -> Any:
    return next(each for each in (await manage(router, "GET", "/keys")).json["keys"] if each["id"] == key_id)


async def test_a_picture_is_not_held_for_the_length_of_its_base64(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as router:
        await known(router)
        made = (await manage(router, "POST", "/keys", {"name": "eyes", "limits": {"tokens_per_day": 20_000}})).json
        path, body = ask("chat", "gpt-4.1")
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBO" * 100_000}}
        body["messages"][-1]["content"] = [{"type": "text", "text": "What is it?"}, picture]
        upstream.script(hang(), model="gpt-4.1")
        headers = {"authorization": f"Bearer {made['key']}"}
        looking = spawn(router.send(path, body, headers=headers))
        await router.until(lambda: len(upstream.requests) == 1)
        assert 0 < (await shown(router, made["id"]))["used"]["tokens_per_day"] < 5000
        assert (await router.send(*ask("chat", "gpt-4.1"), headers=headers)).status == 200
        looking.cancel()


async def test_where_only_running_calls_stand_in_the_way_a_caller_may_soon_ask_again(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with running(upstream, tmp_path, {}) as router:
        await known(router)
        made = (await manage(router, "POST", "/keys", {"name": "laptop", "limits": {"tokens_per_day": 100}})).json
        headers = {"authorization": f"Bearer {made['key']}"}
        upstream.script(hang(), model="gpt-4.1")
        running_call = spawn(router.send(*ask("chat", "gpt-4.1"), headers=headers))
        await router.until(lambda: len(upstream.requests) == 1)
        refused = await router.send(*ask("chat", "gpt-4.1"), headers=headers)
        assert (refused.status, refused.headers["retry-after"]) == (429, "5")
        assert "as soon as calls in progress end" in refused.json["error"]["message"]
        running_call.cancel()


async def test_limits_are_given_changed_and_kept_when_a_key_is_rotated(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as router:
        await known(router)
        made = (await manage(router, "POST", "/keys", {"name": "laptop", "limits": {"requests_per_minute": 1}})).json

        async def call(key: str) -> int:
            path, body = ask("chat", "gpt-4.1")
            return (await router.send(path, body, headers={"authorization": f"Bearer {key}"})).status

        assert [await call(made["key"]) for _ in range(2)] == [200, 429]
        changed = await manage(router, "PATCH", f"/keys/{made['id']}", {"limits": {"usd_per_day": 2.5}})
        assert changed.json["limits"]["usd_per_day"] == 2.5 and changed.json["limits"]["requests_per_minute"] is None
        assert await call(made["key"]) == 200
        rotated = (await manage(router, "POST", f"/keys/{made['id']}/rotate", {})).json
        assert rotated["id"] == made["id"] and rotated["key"] != made["key"]
        spent = (await shown(router, made["id"]))["used"]["usd_per_day"]
        assert spent > 0  # what it has used is not forgotten
        assert (await call(made["key"]), await call(rotated["key"])) == (401, 200)
        after = await shown(router, made["id"])
        assert after["limits"]["usd_per_day"] == 2.5 and after["used"]["usd_per_day"] > spent
        ended = await manage(router, "PATCH", f"/keys/{rotated['id']}", {"expires_in": 1e-06})
        assert ended.status == 200
        assert await call(rotated["key"]) == 401  # it is over by now
        for wrong in ({"limits": {"usd_per_day": 0}}, {"limits": {"nothing": 1}}, {"expires_in": "soon"}):
            assert (await manage(router, "PATCH", f"/keys/{rotated['id']}", wrong)).status == 400


async def test_what_another_process_has_used_counts_from_the_first_call_on(upstream: Upstream, tmp_path: Path) -> None:
    """One that serves beside this one, as during a reload: what it has settled a moment ago, and what runs there."""
    limits = limited(tokens_per_day=1000, requests_per_minute=4)
    async with running(upstream, tmp_path, limits) as old:
        await known(old)
        old.router._gateway.ledger._keep = None  # nothing of it comes into the database by itself
        upstream.script(hang(), model="gpt-4.1")
        waiting = spawn(old.ask("chat", "gpt-4.1"))
        await upstream.arrived(1)
        async with running(upstream, tmp_path, keep=True) as new:
            await known(new)
            assert (await new.ask("chat", "gpt-4.1")).status == 200
            assert used(new)["requests_per_minute"] == 2, "that which runs there"
            assert (await old.ask("chat", "gpt-4.1", "x" * 8000)).status == 200
            await new.router._gateway.budgets.refresh()
            refused = await new.ask("chat", "gpt-4.1")
            assert refused.status == 429 and "(tokens_per_day)" in error_text("chat", refused.json)
            assert used(new)["requests_per_minute"] == 3
        waiting.cancel()


async def test_what_a_killed_process_had_used_counts_from_the_first_call_on(upstream: Upstream, tmp_path: Path) -> None:
    limits = limited(tokens_per_day=60)
    async with running(upstream, tmp_path, limits) as router:
        await known(router)
        (key,) = [each for each in router.router._keys.known() if each.name == "tester"]
    journal = Journal(tmp_path / "state" / "journal", name_of_process(1, 1))
    for number in range(3000):  # which take a while
        journal.closed(Closed(id=f"req_{number}", at=time.time() - 1, key_id=key.id, tokens=Tokens(fresh_input=1)))
    journal.end(remove=False)
    async with running(upstream, tmp_path, limits) as router:
        assert (await router.ask("chat", "gpt-4.1")).status == 429
        assert used(router) == {"tokens_per_day": 3000}
    assert upstream.requests == []


def used(router: Running) -> dict[str, int]:
    (key,) = [each for each in router.router._keys.known() if each.name == "tester"]
    return router.router._gateway.budgets.used(key)


@pytest.mark.parametrize("limit", ["tokens_per_month", "tokens_per_day"])
async def test_the_ledger_keeps_what_a_limit_of_a_month_adds_up(upstream: Upstream, tmp_path: Path, limit: str) -> None:
    clock = FakeClock(datetime(2026, 11, 3, tzinfo=UTC).timestamp())
    changes = {**limited(**{limit: 60}), "usage": {"retention_days": 1}}
    async with running(upstream, tmp_path, changes, clock=clock) as router:
        await known(router)
        assert (await router.ask("chat", "gpt-4.1", "x" * 400)).status == 200
        clock.advance(5 * 86_400)
        await router.router._gateway.ledger.move()
        await router.router.recall.prune()
        await router.router._gateway.budgets.refresh()
        assert (used(router)[limit] > 60) == (limit == "tokens_per_month")
        assert (await router.ask("chat", "gpt-4.1")).status == (429 if limit == "tokens_per_month" else 200)
        clock.advance(30 * 86_400)
        await router.router.recall.prune()
        assert rows(router, "SELECT * FROM calls") == []
