"""Pictures, tools that providers run, service tiers: what they cost is in the ledger, and counts against budgets."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from router.cli.main import main
from tests.router.api.harness import KEY, MODELS, Running, running
from tests.router.api.manage.desk import manage
from tests.router.api.test_ledger import every_call, one_call, rows
from tests.router.wire.test_charges import CHAT, GEMINI, MESSAGES, RESPONSES, streamed
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import hang

WHOLE = {"chat": CHAT, "responses": RESPONSES, "messages": MESSAGES, "gemini": GEMINI}
# Micro-dollars, by arithmetic of the test's own, at 20 tokens of input and 9 of output of the models of `MODELS`.
COST = {
    "chat": (20 * 2 + 9 * 8) // 2 + 2 * 10_000,  # flex; the price table says nothing of this model's audio
    "responses": round((20 * 2 + 9 * 8) * 1.75) + 2 * 10_000 + 2_500 + 2 * 30_000 + 167_000,  # priority
    "messages": round((20 * 3 + 9 * 15) / 2) + 3 * 10_000,  # batch; 97.5 is rounded to the even neighbour
    "gemini": round((5 * 0.3 + 15 * 1 + 9 * 2.5) / 2) + 35_000 + 25_000,  # flex; audio costs more
}
ITEMS = {
    "chat": "web_search=2, audio_input_tokens=5, audio_output_tokens=4",
    "responses": "web_search=2, file_search=1, code_interpreter=2, image_generation 1024x1024 high=1",
    "messages": "web_search=3",
    "gemini": "grounded_prompt=1, web_search=2, maps_grounding=1, audio_input_tokens=15, image_output_tokens=8",
}
TIER = {"chat": "flex", "responses": "priority", "messages": "batch", "gemini": "flex"}


def answer(dialect: str, *, stream: bool) -> Misbehaviour:
    """The simulator says exactly this."""
    if not stream:
        return Misbehaviour(body=json.dumps(WHOLE[dialect]).encode())
    ending = "data: [DONE]\n\n" if dialect == "chat" else ""
    frames = [f"event: {one.get('type', '')}\ndata: {json.dumps(one)}\n\n" for one in streamed(dialect)]
    return Misbehaviour(body=("".join(frames) + ending).encode())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", WHOLE)
async def test_a_row_has_the_tier_the_pieces_and_their_cost(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    async with running(upstream, tmp_path) as router:
        upstream.script(answer(dialect, stream=stream))
        assert (await router.ask(dialect, MODELS[dialect], stream=stream)).status == 200
        row = await one_call(router)
        told = (await manage(router, "GET", f"/calls/{row['id']}")).json
    assert (row["service_tier"], row["items"], row["unpriced"]) == (TIER[dialect], ITEMS[dialect], "")
    assert row["cost"] == row["worth"] == COST[dialect]
    (made,) = rows(router, "SELECT * FROM attempts")
    assert (made["cost"], made["items"]) == (row["cost"], row["items"])
    assert (told["cost"], told["service_tier"], told["unpriced"]) == (row["cost"], TIER[dialect], [])
    assert told["items"]["web_search"] in (2, 3)


@pytest.mark.parametrize("dialect", WHOLE)
async def test_the_translated_lane_counts_the_same(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    other = "chat" if dialect == "messages" else "messages"
    dialects = {"openai": {"dialects": [dialect]}} if dialect in ("chat", "responses") else {}
    async with running(upstream, tmp_path, {"providers": dialects}) as router:
        upstream.script(answer(dialect, stream=True))
        assert (await router.ask(other, MODELS[dialect])).status == 200
        row = await one_call(router)
    assert (row["lane"], row["items"], row["cost"]) == ("translated", ITEMS[dialect], COST[dialect])


async def test_what_has_no_price_is_named_and_is_not_nothing(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(upstream, tmp_path) as router:
        usage = {**CHAT["usage"], "server_side_tool_usage_details": {"x_search_calls": 4}}  # type: ignore[dict-item]
        upstream.script(Misbehaviour(body=json.dumps({**CHAT, "usage": usage}).encode()))
        assert (await router.ask("chat", "gpt-4.1")).status == 200
        (part,) = await every_call(router, 1)
        upstream.script(Misbehaviour(body=json.dumps({**CHAT, "service_tier": "scale"}).encode()))
        assert (await router.ask("chat", "gpt-4.1")).status == 200
        _, nothing = await every_call(router, 2)
        metrics = await router.metrics()
        report = (await manage(router, "GET", "/usage?by=model")).json
        monkeypatch.setenv("SWITCHYARD_CONFIG", str(router.config))
        assert await asyncio.to_thread(main, ["usage"]) == 0
        told = capsys.readouterr()
        assert await asyncio.to_thread(main, ["usage", "export"]) == 0
        exported = capsys.readouterr().out
    assert (part["cost"], part["unpriced"]) == (COST["chat"], "x_search")
    assert (nothing["cost"], nothing["unpriced"]) == (None, "service tier scale")
    assert metrics['switchyard_unpriced_attempts_total{provider="openai"}'] == 2
    assert metrics['switchyard_cost_usd_total{provider="openai"}'] == COST["chat"] / 1e6
    assert (report["total"]["cost"], report["total"]["unknown"]) == (COST["chat"], 2)
    assert f"${COST['chat'] / 1e6:,.4f} + ?" in told.out
    assert "nobody knows what 2 of 2 calls cost" in told.err
    head, *lines = exported.splitlines()
    assert ",service_tier,items,unpriced," in head
    assert "x_search" in lines[0] and "service tier scale" in lines[1]
    assert f"cost=${COST['chat'] / 1e6:.6f}+?" in router.log


PICTURE = {"prompt": "a cat", "n": 2}


@pytest.mark.parametrize(
    ("more", "cost", "items"),
    [
        ({"model": "dall-e-3"}, 2 * 40_000, "picture=2"),
        ({"model": "dall-e-3", "size": "1792x1024", "quality": "hd"}, 2 * 120_000, "picture 1792x1024 hd=2"),
        ({"model": "dall-e-3", "size": "9x9"}, None, "picture 9x9=2"),
        ({"model": "gpt-image-1"}, 10 * 5 + 100 * 40, "picture=2"),  # by its tokens
        ({"model": "gemini/imagen-4.0-generate-001"}, 2 * 40_000, "picture=2"),
        ({"model": "gemini/imagen-9"}, None, "picture=2"),
    ],
)
async def test_pictures_cost_what_their_size_and_quality_say(
    upstream: Upstream, tmp_path: Path, more: dict[str, Any], cost: int | None, items: str
) -> None:
    changes = {"models": {"aliases": {"dall-e-3": ["openai/dall-e-3"], "gpt-image-1": ["openai/gpt-image-1"]}}}
    async with running(upstream, tmp_path, changes) as router:
        made = await router.send("/v1/images/generations", {**PICTURE, **more})
        assert made.status == 200, made.body
        row = await one_call(router)
    assert (row["surface"], row["cost"], row["items"].partition(", ")[0]) == ("images", cost, items)
    unpriced = "" if cost is not None else "everything" if "imagen-9" in more["model"] else "picture 9x9"
    assert row["unpriced"] == unpriced


async def test_pictures_of_which_each_is_a_call_upstream_are_all_paid_for(upstream: Upstream, tmp_path: Path) -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    details = [{"modality": "IMAGE", "tokenCount": 1290}]
    counts = {"promptTokenCount": 10, "candidatesTokenCount": 1290, "candidatesTokensDetails": details}
    whole = {"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}], "usageMetadata": counts}
    async with running(upstream, tmp_path) as router:
        upstream.script(*[Misbehaviour(body=json.dumps(whole).encode())] * 2)
        asked = {**PICTURE, "model": "gemini/gemini-2.5-flash-image"}
        made = await router.send("/v1/images/generations", asked)
        assert made.status == 200, made.body
        row = await one_call(router)
    assert (row["output"], row["items"]) == (2580, "picture=2, image_output_tokens=2580")
    assert row["cost"] == 2 * (10 * 3 // 10 + 1290 * 30)
    assert [each["cost"] for each in rows(router, "SELECT * FROM attempts")] == [3 + 38_700] * 2


async def test_pictures_count_against_a_budget(upstream: Upstream, tmp_path: Path) -> None:
    keys = [{"name": "tester", "key": KEY, "limits": {"usd_per_day": 0.07}}]
    changes = {"auth": {"keys": keys}, "models": {"aliases": {"painter": ["openai/dall-e-3"]}}}
    async with running(upstream, tmp_path, changes) as router:
        await router.router.recall.known.wait()
        assert (await router.send("/v1/images/generations", {**PICTURE, "model": "painter"})).status == 200
        refused = await router.send("/v1/images/generations", {**PICTURE, "model": "painter"})
        assert refused.status == 429
        assert "has used 0.08 USD" in refused.json["error"]["message"]
        assert len(upstream.requests) == 1


async def test_a_table_of_ones_own_changes_what_pieces_cost(router: Running) -> None:
    table = """
version: 2099-01-01
vendors:
  openai:
    source: s
    as_of: 2099-01
    tools: {web_search: 1}
    service_tiers: {flex: 3}
    models: {gpt-4.1: {input: 1, output: 1}}
"""
    current = router.router._gateway.current
    (router.state / "new.yaml").write_text(table)
    (router.state / "new.yaml").rename(router.state / "prices.yaml")
    await router.until(lambda: router.router._gateway.current is not current)
    router.upstream.script(answer("chat", stream=False))
    assert (await router.ask("chat", "gpt-4.1")).status == 200
    assert (await one_call(router))["cost"] == 3 * 29 + 2_000_000


async def test_an_invoice_with_pieces_agrees(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(upstream, tmp_path) as router:
        upstream.script(answer("responses", stream=True))
        assert (await router.ask("responses", "gpt-4.1", stream=True)).status == 200
        row = await one_call(router)
        day = rows(router, "SELECT date(at, 'unixepoch') AS day FROM calls")[0]["day"]
        invoice = tmp_path / "invoice.csv"
        invoice.write_text(f"date,model,input,output,cost\n{day},gpt-4.1,20,9,{row['cost'] / 1e6:.6f}\n")
        monkeypatch.setenv("SWITCHYARD_CONFIG", str(router.config))
        assert await asyncio.to_thread(main, ["reconcile", str(invoice)]) == 0, capsys.readouterr().out
        invoice.write_text(f"date,model,input,output,cost\n{day},gpt-4.1,20,9,0.000196\n")  # the tokens alone
        assert await asyncio.to_thread(main, ["reconcile", str(invoice)]) == 1


async def test_the_price_of_pieces_is_shown(
    router: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (row,) = (await manage(router, "GET", "/prices?search=dall-e-3")).json["prices"]
    assert row["rates"] == []
    assert {"kind": "picture", "detail": "1792x1024 hd", "usd": 0.12} in row["each"]
    (row,) = (await manage(router, "GET", "/prices?search=openai/o3&limit=1")).json["prices"]
    assert row["times"] == {"batch": 0.5, "flex": 0.5, "priority": 1.75}
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(router.config))
    for words, lines in (
        (["prices", "show", "dall-e-3"], ("by the piece", "picture: default 0.04", "1792x1024 hd 0.12")),
        (["prices", "show", "gpt-4.1"], ("priority: 1.75 times", "web_search: 0.01")),
        (["prices", "show", "gemini-2.5-flash", "--json"], ('"audio_input": 1.0', '"grounded_prompt"')),
    ):
        assert await asyncio.to_thread(main, words) == 0
        told = capsys.readouterr().out
        assert all(line in told for line in lines), told


@pytest.mark.parametrize(
    ("path", "body", "items", "cost"),
    [
        ("images/generations", {**PICTURE, "model": "openai/dall-e-3"}, "picture=2", 80_000),
        ("images/generations", {**PICTURE, "model": "openai/gpt-image-1"}, "picture=2", None),
        ("embeddings", {"input": "x" * 3500, "model": "text-embedding-3-small"}, "", 20),
    ],
)
async def test_a_client_that_leaves_has_perhaps_paid_for_what_it_asked_for(
    upstream: Upstream, tmp_path: Path, path: str, body: Any, items: str, cost: int | None
) -> None:
    async with running(upstream, tmp_path) as router:
        upstream.script(hang())
        asking = asyncio.get_running_loop().create_task(router.send(f"/v1/{path}", body))
        await upstream.arrived(1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        row = await one_call(router)
    assert (row["outcome"], row["provider"], row["estimated"]) == ("cancelled", "openai", 1)
    assert (row["items"], row["cost"]) == (items, cost)
    assert row["unpriced"] == ("" if cost is not None else "picture")


async def test_an_attempt_that_timed_out_and_one_that_answered_are_both_in_the_cost(
    upstream: Upstream, tmp_path: Path
) -> None:
    changes = {
        "server": {"timeouts": {"first_token": 0.3, "slow_first_token": 0.3}},
        "models": {"aliases": {"vectors": ["openai/text-embedding-3-small"]}},
    }
    async with running(upstream, tmp_path, changes) as router:
        upstream.script(hang())
        answer = await router.send("/v1/embeddings", {"input": "words " * 1000, "model": "vectors"})
        assert answer.status == 200, answer.body
        row = await one_call(router)
    first, second = rows(router, "SELECT * FROM attempts ORDER BY number")
    assert (first["outcome"], first["estimated"]) == ("timeout", 1)
    assert (second["outcome"], second["fresh_input"]) == ("ok", answer.json["usage"]["prompt_tokens"])
    assert row["cost"] == first["cost"] + second["cost"] > second["cost"] > 0
