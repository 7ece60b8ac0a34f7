"""The ledger agrees with what the simulated providers charge for, to the token and to the micro-dollar, whatever
happens to the calls: fail-over, answers that break off and are finished elsewhere, clients that go away.

LEDGER_CALLS: how many calls (400).
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.cli.main import main
from tests.router.api.harness import DIALECTS, MODELS, Running, ask, running
from tests.router.api.manage.desk import manage
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import cut, hang, status
from tests.simulators.prompt import Usage
from tests.simulators.server import Attempt

CALLS = int(os.environ.get("LEDGER_CALLS", "400"))
AT_ONCE = 12
TARGETS = {"openai": "gpt-4.1", "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
PRICES = {  # micro-dollars per token: fresh input, cache read, cache write, output
    "openai": ("2", "0.5", "2", "8"),
    "anthropic": ("3", "0.3", "3.75", "15"),
    "gemini": ("0.3", "0.03", "0.3", "2.5"),
}
KINDS = ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
SCENES = ("plain", "plain", "plain", "busy", "refused", "breaks", "leaves", "leaves early")
ROUTES = {
    "first-openai": ["openai/gpt-4.1", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"],
    "first-anthropic": ["anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash", "openai/gpt-4.1"],
    "first-gemini": ["gemini/gemini-2.5-flash", "openai/gpt-4.1", "anthropic/claude-sonnet-4-5"],
}


def buckets(used: Usage) -> tuple[int, ...]:
    """A simulator's count in the ledger's kinds."""
    fresh = used.input - used.cached - used.written
    return fresh, used.cached, used.written, 0, used.output - used.reasoning, used.reasoning


def charged(host: str, used: Usage, times: Fraction = Fraction(1)) -> int:
    """Micro-dollars, by arithmetic of the test's own. times: of the service tier."""
    fresh, read, write, output = (Fraction(price) for price in PRICES[host])
    counts = buckets(used)
    return round(times * (counts[0] * fresh + counts[1] * read + counts[2] * write + (counts[4] + counts[5]) * output))


class Scene:
    """One call: what is asked, and what goes wrong with it."""

    def __init__(self, chance: random.Random, number: int) -> None:
        self.kind = chance.choice(SCENES)
        self.marker = f"zq{number:05d}"
        self.dialect = chance.choice(DIALECTS)
        self.first = chance.choice(list(TARGETS))
        self.stream = self.kind in ("breaks", "leaves") or chance.random() < 0.5
        words = {"breaks": chance.randint(15, 30), "leaves": 300}.get(self.kind, chance.randint(1, 30))
        gap = " GAP 20" if self.kind == "leaves" else ""
        said = f"{self.marker} LONG {words}{gap} " + "more " * chance.randint(0, 40)
        path, self.body = ask(self.dialect, f"first-{self.first}", said, stream=self.stream)
        self.path = path
        if self.dialect == "messages" and chance.random() < 0.5:
            self.body["system"] = [{"type": "text", "text": "Be brief. " * 30, "cache_control": {"type": "ephemeral"}}]

    def misbehave(self, upstream: Upstream, chance: random.Random) -> None:
        """Tell the simulators what to do with this call, and no other."""
        bad: Misbehaviour | None = None
        if self.kind == "busy":
            bad = status(chance.choice((429, 500, 503, 529)))
        elif self.kind == "refused":
            bad = status(400)
        elif self.kind == "breaks":
            bad = cut(events=chance.randint(1, 6), ending=chance.choice(("cut", "reset", "error", "malformed")))
        elif self.kind == "leaves early":
            bad = hang()
        if bad is not None:
            upstream.script(bad, model=self.marker)

    async def play(self, router: Running) -> None:
        async with aiohttp.ClientSession() as client:
            request = client.post(router.url + self.path, json=self.body, headers=router.headers)
            if self.kind == "leaves early":
                task = asyncio.get_running_loop().create_task(request.__aenter__())
                await router.until(lambda: self.arrived(router.upstream))
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                return
            async with request as response:
                if self.kind == "leaves":
                    await response.content.readany()
                    return  # and closes the connection
                await response.read()
                assert (response.status == 400) == (self.kind == "refused"), await response.text()

    def arrived(self, upstream: Upstream) -> bool:
        return any(self.marker.encode() in attempt.request.body for attempt in reversed(upstream.requests))


async def play_all(router: Running, chance: random.Random, scenes: list[Scene]) -> None:
    waiting = list(scenes)

    async def player() -> None:
        while waiting:
            scene = waiting.pop()
            scene.misbehave(router.upstream, chance)
            router.router._health._entries.clear()  # else most calls would find every account cooling
            await scene.play(router)

    await asyncio.gather(*(player() for _ in range(AT_ONCE)))
    await router.until(lambda: router.router._gateway.open_calls == 0)
    await asyncio.gather(*(attempt.ended.wait() for attempt in router.upstream.requests))


def rows(router: Running, query: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(router.state / "switchyard.sqlite")) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query)]


def whole(attempt: Attempt) -> bool:
    return attempt.finished and attempt.status == 200


@pytest.mark.timeout(120 + CALLS)
async def test_the_ledger_is_what_the_providers_charge_for(
    upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(20261127)
    scenes = [Scene(chance, number) for number in range(CALLS)]
    changes = {"models": {"aliases": ROUTES}, "observe": {"level": "error"}}
    async with running(upstream, tmp_path, changes) as router:
        await router.router.recall.known.wait()
        await play_all(router, chance, scenes)
        metrics = await router.metrics()
    calls = rows(router, "SELECT * FROM calls")
    attempts = rows(router, "SELECT * FROM attempts")
    made = Counter(scene.kind for scene in scenes)

    assert len(calls) == CALLS, "every call has one row"
    assert len({call["id"] for call in calls}) == CALLS
    assert {one["call_id"] for one in attempts} == {call["id"] for call in calls}
    assert len(attempts) >= len(upstream.requests), "and every attempt: those that met a closed connection too"
    outcomes = Counter(call["outcome"] for call in calls)
    assert outcomes["cancelled"] == made["leaves"] + made["leaves early"]
    assert outcomes["bad_request"] == made["refused"]
    assert outcomes["ok"] == CALLS - outcomes["cancelled"] - outcomes["bad_request"]

    for host in TARGETS:
        true = [attempt.usage for attempt in upstream.requests if attempt.host == host and whole(attempt)]
        exact = [one for one in attempts if one["provider"] == host and not one["estimated"] and one["output"] > 0]
        assert len(exact) == len(true), host
        sums = [sum(one[kind] for one in exact) for kind in KINDS]
        assert sums == [sum(counts) for counts in zip(*(buckets(used) for used in true if used), strict=True)], host
        assert sum(one["cost"] for one in exact) == sum(charged(host, used) for used in true if used), host

    estimated = [one for one in attempts if one["estimated"]]
    left = {call["id"] for call in calls if call["outcome"] == "cancelled"}
    assert left <= {one["call_id"] for one in estimated}, "what a client gave up is estimated, never nothing"
    broken = [attempt for attempt in upstream.requests if attempt.status == 200 and not attempt.finished]
    assert len(left) < len(estimated) <= len(broken) + made["leaves early"]
    assert all(one["cost"] > 0 for one in estimated)
    nothing = [one for one in attempts if not one["estimated"] and one["output"] == 0]
    assert {one["cost"] for one in nothing} == {0}, "what was refused costs nothing"
    assert len(nothing) >= made["busy"] + made["refused"]

    for call in calls:  # a call is the sum of its attempts
        own = [one for one in attempts if one["call_id"] == call["id"]]
        for column in (*KINDS, "cost", "worth"):
            assert call[column] == sum(one[column] for one in own), column
        assert bool(call["estimated"]) == any(one["estimated"] for one in own)
    for host in TARGETS:  # and what is told elsewhere is the same
        own = [one for one in attempts if one["provider"] == host]
        cost = sum(one["cost"] for one in own) / 1e6
        assert metrics[f'switchyard_cost_usd_total{{provider="{host}"}}'] == pytest.approx(cost, abs=1e-9)
        output = sum(one["output"] for one in own)
        assert metrics[f'switchyard_tokens_total{{kind="output",provider="{host}"}}'] == output
    with capsys.disabled():
        cost, guess = (sum(one["cost"] for one in some) / 1e6 for some in (attempts, estimated))
        print(f"\n{CALLS} calls, {len(attempts)} attempts, ${cost:.6f}, of which ${guess:.6f} are estimates")


async def every_call(router: Running, count: int = 1) -> list[dict[str, Any]]:
    """The rows, once there are so many: a call is settled a moment after its client has the answer."""
    await router.router.recall.known.wait()
    async with asyncio.timeout(40):
        while len(found := rows(router, "SELECT * FROM calls ORDER BY at")) < count:
            await router.router._gateway.ledger.move()
            await asyncio.sleep(0.01)
    assert len(found) == count
    return found


async def one_call(router: Running) -> dict[str, Any]:
    (found,) = await every_call(router)
    return found


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_row_says_who_asked_for_what_and_what_became_of_it(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    changes = {"models": {"aliases": {"fast": ["openai/gpt-4.1"]}}}
    async with running(upstream, tmp_path, changes) as router:
        answer = await router.ask(dialect, "fast", stream=stream, headers={"user-agent": "codex/1.2 extra"})
        assert answer.status == 200
        row = await one_call(router)
    assert row["id"] == answer.headers["x-switchyard-request-id"]
    assert (row["key_name"], row["client"], row["dialect"], row["stream"]) == ("tester", "codex/1.2", dialect, stream)
    assert (row["asked"], row["provider"], row["model"]) == ("fast", "openai", "gpt-4.1")
    assert (row["status"], row["outcome"], row["finish"]) == (200, "ok", "end")
    assert row["upstream_dialect"] == (dialect if dialect in ("chat", "responses") else row["upstream_dialect"])
    assert 0 < row["overhead"] <= row["first_token"] <= row["total"]
    assert row["first_token"] <= row["first_byte"] + 0.001
    assert row["cost"] == row["worth"] > 0
    assert row["prices"] >= "2026-11-27"
    (used,) = [attempt.usage for attempt in upstream.requests]
    assert used is not None
    assert tuple(row[kind] for kind in KINDS) == buckets(used)


@pytest.mark.parametrize("ending", ["cut", "error", "stall"])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_answer_that_breaks_off_keeps_the_input_that_was_reported(
    upstream: Upstream, tmp_path: Path, dialect: str, ending: Any
) -> None:
    """And its output is what came, counted or estimated; where nothing was reported, the input is estimated too."""
    changes: dict[str, Any] = {"retry": {"resume": "error"}}
    if ending == "stall":
        changes["server"] = {"timeouts": {"idle": 0.3}}
    async with running(upstream, tmp_path, changes) as router:
        upstream.script(Misbehaviour(after_events=12, ending=ending, gap=0.01))
        answer = await router.ask(dialect, MODELS[dialect], "LONG 200 " + "and more " * 50, stream=True)
        row = await one_call(router)
    assert (answer.status, row["estimated"]) == (200, 1)
    assert row["outcome"] in ("upstream_broken", "overloaded", "timeout")
    (used,) = [attempt.usage for attempt in upstream.requests]
    assert used is not None
    given = sum(row[kind] for kind in KINDS[:4])
    if dialect in ("messages", "gemini"):
        assert given == used.input
    else:
        assert 0.5 * used.input < given < 2 * used.input
    assert row["output"] + row["reasoning"] > 0
    assert row["cost"] > 0
    if dialect != "gemini":  # whose simulator reports the whole answer's output from the first frame on
        assert 0 <= row["output"] - len(answer.text) / 3.5 <= 3  # one more piece came with the error


async def test_an_invoice_of_the_simulators_agrees(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(upstream, tmp_path) as router:
        await router.router.recall.known.wait()
        for dialect in DIALECTS:
            for stream in (False, True):
                await router.ask(dialect, MODELS[dialect], f"LONG {10 + len(dialect)}", stream=stream)
        await every_call(router, 8)
        day = datetime.now(UTC).date()
        lines = ["date,model,input,output,cost"]
        for attempt in upstream.requests:
            used, model = attempt.usage, TARGETS[attempt.host]
            assert used is not None
            cost = charged(attempt.host, used) / 1e6
            lines.append(f"{day},{model}-20250101,{used.input},{used.output},{cost:.6f}")
        invoice = tmp_path / "invoice.csv"
        invoice.write_text("\n".join(lines))
        monkeypatch.setenv("SWITCHYARD_CONFIG", str(router.config))
        words = ["reconcile", str(invoice)]
        assert await asyncio.to_thread(main, words) == 0, capsys.readouterr().out  # while the router runs
        assert "3 days of a model agree" in capsys.readouterr().out
        invoice.write_text("\n".join(lines[:-1]))
        assert await asyncio.to_thread(main, words) == 1


async def test_a_row_says_what_was_dropped_and_why_each_attempt_was_made(router: Running) -> None:
    path, body = ask("messages", "gpt-4.1")
    answer = await router.send(path, {**body, "top_k": 5})  # which OpenAI has not
    assert answer.status == 200 and "top_k" in answer.headers["x-switchyard-notes"]
    row = await one_call(router)
    assert row["notes"] == answer.headers["x-switchyard-notes"]
    (attempt,) = rows(router, "select why, chosen from attempts")
    assert attempt == {"why": "'gpt-4.1' looks like its model", "chosen": "it is its turn (round_robin)"}


async def test_a_provider_without_a_price_has_no_cost_and_a_side_surface_has_its_own(
    upstream: Upstream, tmp_path: Path
) -> None:
    entry = {"name": "office", "base_url": upstream.base_url("openai"), "api_keys": ["sk-sim-office"]}
    async with running(upstream, tmp_path, {"providers": {"openai_compatible": [entry]}}) as router:
        assert (await router.ask("chat", "office/gpt-4.1")).status == 200
        row = await one_call(router)
        assert (row["cost"], row["worth"]) == (None, None)
        assert row["output"] > 0
        assert (await router.metrics())['switchyard_unpriced_attempts_total{provider="office"}'] == 1
        vectors = await router.send("/v1/embeddings", {"model": "text-embedding-3-small", "input": "words " * 100})
        assert vectors.status == 200, vectors.body
        await router.send("/v1/messages/count_tokens", {"model": "claude-sonnet-4-5", "messages": []})
        await router.send("/v1/models")
        await router.send("/v1/chat/completions", {"model": "x"}, headers={"authorization": "Bearer nobody"})
        await every_call(router, 2)
        found = rows(router, "SELECT * FROM calls WHERE provider = 'openai'")
        assert [(row["surface"], row["fresh_input"]) for row in found] == [
            ("embeddings", vectors.json["usage"]["prompt_tokens"])
        ]
        assert found[0]["cost"] == round(found[0]["fresh_input"] * 0.02)
    assert len(rows(router, "SELECT * FROM calls")) == 2


async def test_a_newer_table_is_in_force_without_a_restart_and_old_calls_keep_their_cost(router: Running) -> None:
    assert (await router.ask("chat", "gpt-4.1")).status == 200
    before, current = await one_call(router), router.router._gateway.current
    row = "{source: s, as_of: 2099-01, models: {gpt-4.1: {input: 1000, output: 1000}}}"
    (router.state / "new.yaml").write_text(f"version: 2099-01-01\nvendors:\n  openai: {row}\n")
    (router.state / "new.yaml").rename(router.state / "prices.yaml")  # as `switchyard prices update` does
    await router.until(lambda: router.router._gateway.current is not current)
    assert (await router.ask("chat", "gpt-4.1")).status == 200
    old, new = await every_call(router, 2)
    assert old["cost"] == before["cost"]
    assert (new["cost"], new["prices"]) == (1000 * (new["fresh_input"] + new["output"]), "2099-01-01")


async def test_a_mistake_in_the_accounts_breaks_no_answer(router: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(record: Any) -> None:
        raise OverflowError(record.call_id)

    monkeypatch.setattr(router.router._gateway.ledger, "settle", broken)
    answer = await router.ask("chat", "gpt-4.1")
    assert answer.status == 200
    await router.until(lambda: "could not be accounted for" in router.log)


async def test_a_call_that_waits_for_its_answer_is_open_and_is_lost_with_its_process(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with running(upstream, tmp_path) as router:
        await router.router.recall.known.wait()
        upstream.script(hang())
        task = asyncio.get_running_loop().create_task(router.ask("chat", "gpt-4.1"))
        await upstream.arrived(1)
        (journal,) = (router.state / "journal").glob("*.jsonl")
        saved = journal.read_bytes()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert b'"asked":"gpt-4.1"' in saved
    assert list((router.state / "journal").iterdir()) == []  # it ended in order
    (row,) = rows(router, "SELECT * FROM calls")
    assert (row["outcome"], row["estimated"]) == ("cancelled", 1)
    (tmp_path / "state" / "switchyard.sqlite").unlink()
    (router.state / "journal" / "999999-1.000001.jsonl").write_bytes(saved)  # as after a kill -9
    async with running(upstream, tmp_path, keep=True) as again:
        await again.until(lambda: rows(again, "SELECT * FROM calls"))
        (row,) = rows(again, "SELECT * FROM calls")
        assert (row["outcome"], row["provider"], row["model"], row["cost"]) == ("lost", "openai", "gpt-4.1", None)
        assert row["key_name"] == "tester"


@contextmanager
def full_address() -> Iterator[str]:
    """An address at which nobody accepts a connection, and no more can wait for one."""
    with ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            one = held.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("ending", ["no connection", "no first token", "left"])
@pytest.mark.parametrize("surface", ["chat", "embeddings"])
async def test_a_request_that_found_no_connection_costs_nothing(
    upstream: Upstream, tmp_path: Path, surface: str, ending: str
) -> None:
    """Nothing of it was sent, whatever ended the wait."""
    waits = {"connect": 0.2} if ending == "no connection" else {"first_token": 0.3, "slow_first_token": 0.3}
    path, body = ask("chat", "openai/gpt-4.1") if surface == "chat" else EMBEDDING
    with full_address() as address:
        changes = {
            "providers": {"openai": {"base_url": f"{address}/v1", "api_keys": ["sk-one"]}},
            "server": {"timeouts": waits},
            "retry": {"max_attempts": 1},
        }
        async with running(upstream, tmp_path, changes) as router:
            asking = asyncio.get_running_loop().create_task(router.send(path, body))
            if ending == "left":
                await router.until(lambda: router.router._gateway.ledger._journal.open_calls)
                asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            row = await one_call(router)
            made = rows(router, "SELECT * FROM attempts")
    assert row["outcome"] == ("cancelled" if ending == "left" else "timeout")
    assert [(one["estimated"], one["fresh_input"], one["cost"]) for one in made if one["provider"] == "openai"] in (
        [(0, 0, 0)],
        [] if ending == "left" else None,
    )
    assert (row["estimated"], row["fresh_input"], row["cost"]) == (0, 0, 0)
    assert upstream.requests == []


EMBEDDING = ("/v1/embeddings", {"model": "openai/text-embedding-3-small", "input": "some words"})


@pytest.mark.parametrize("surface", ["chat", "embeddings"])
async def test_a_request_that_was_sent_and_never_answered_is_an_estimate_wherever_it_is_told(
    upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str], surface: str
) -> None:
    path, body = ask("chat", "openai/gpt-4.1") if surface == "chat" else EMBEDDING
    changes = {"server": {"timeouts": {"first_token": 0.2, "slow_first_token": 0.2}}, "retry": {"max_attempts": 1}}
    async with running(upstream, tmp_path, changes) as router:
        upstream.always(hang())
        assert (await router.send(path, body)).status == 504
        row = await one_call(router)
        assert (row["outcome"], row["estimated"]) == ("timeout", 1) and row["fresh_input"] > 0
        (shown,) = (await manage(router, "GET", "/calls")).json["calls"]
        assert shown["estimated"] and [each["estimated"] for each in shown["attempts"]] == [True]
    capsys.readouterr()
    config = ["--config", str(tmp_path / "config.yaml")]
    for words, mark in ((["--json"], '"estimated": true'), ([], ",True,")):
        assert main(["usage", "export", *words, *config]) == 0
        assert mark in capsys.readouterr().out
    assert main(["usage", *config]) == 0
    assert "1 calls are estimates" in capsys.readouterr().err
