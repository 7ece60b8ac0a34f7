"""Named chains of models, and who may be answered by another model than the one that was asked for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import DIALECTS, KEY, Running, error_text, running
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import cut, status

GPT, CLAUDE, FLASH = "gpt-4.1", "claude-sonnet-4-5", "gemini-2.5-flash"


def chained(*targets: Any, strategy: str = "priority", **more: Any) -> dict[str, Any]:
    return {"models": {"combos": {"smart": {"targets": list(targets), "strategy": strategy}}}, **more}


async def served(router: Running, text: str = "hello", **more: Any) -> str:
    answer = await router.ask("chat", "smart", text, **more)
    assert answer.status == 200, answer.body
    return str(answer.headers["x-switchyard-model"])


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_next_member_answers_where_one_fails(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    async with running(upstream, tmp_path, chained(GPT, CLAUDE)) as router:
        assert (await router.ask(dialect, "smart", "kettle", stream=stream)).headers["x-switchyard-model"] == GPT
        upstream.always(status(503), model=GPT)
        answer = await router.ask(dialect, "smart", "kettle", stream=stream)
        assert answer.status == 200 and "kettle" in answer.text
        assert answer.headers["x-switchyard-model"] == CLAUDE


async def test_when_all_have_failed_every_reason_is_told(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, chained("openai/gpt-4.1", "openai/gpt-5", CLAUDE)) as router:
        upstream.always(status(503))
        answer = await router.ask("chat", "smart")
        text = error_text("chat", answer.json)
        assert answer.status == 503
        assert [name for name in (GPT, "gpt-5", CLAUDE) if f"/{name}: " in text] == [GPT, "gpt-5", CLAUDE]
        assert answer.headers["x-should-retry"] == "false"


async def test_members_take_turns_by_themselves_or_by_weight(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, chained(GPT, CLAUDE, strategy="round_robin")) as router:
        found = []
        for _ in range(4):
            told = (await router.management("explain?model=smart"))["outcome"]["model"]
            found.append(await served(router))
            assert found[-1] == told
            await router.ask("chat", "gpt-5")  # calls of other models turn nothing
        assert found == [GPT, CLAUDE, GPT, CLAUDE]
        weighted = [{"model": GPT, "weight": 1}, {"model": CLAUDE, "weight": 3}]
        await router.reloaded(chained(*weighted, strategy="weighted"))
        assert Counter([await served(router) for _ in range(8)]) == {GPT: 2, CLAUDE: 6}


async def test_the_quickest_is_asked_first(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, chained(GPT, CLAUDE, strategy="least_latency")) as router:
        upstream.always(Misbehaviour(delay=0.2), model=GPT)
        found = [await served(router, stream=True) for _ in range(16)]
        # the first ones know nothing; the eighth looks around, and then the quicker one is known until the next look
        assert found == [GPT] * 7 + [CLAUDE] * 8 + [GPT]


async def test_the_cheapest_is_asked_first(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, chained(CLAUDE, FLASH, strategy="cheapest")) as router:
        assert await served(router) == FLASH
        upstream.always(status(503), model=FLASH)
        assert await served(router) == CLAUDE


async def test_a_combo_is_a_name_like_any_other(upstream: Upstream, tmp_path: Path) -> None:
    changes = chained("quick", CLAUDE)
    changes["models"]["aliases"] = {"quick": GPT, "other": "smart"}
    async with running(upstream, tmp_path, changes) as router:
        listed = {model["id"] for model in (await router.send("/v1/models")).json["data"]}
        assert {"smart", "quick", "other"} <= listed
        assert (await router.ask("chat", "other")).headers["x-switchyard-model"] == GPT
        assert (await router.ask("chat", "SMART")).status == 200
        assert (await router.ask("chat", "smart(high)")).status == 200
        pinned = await router.ask("chat", "smart", headers={"x-switchyard-provider": "anthropic"})
        assert pinned.headers["x-switchyard-model"] == CLAUDE
        told = await router.management("explain?model=smart")
        assert "the strategy of 'smart' is priority" in told["how"]


def takes(substitution: str, **more: Any) -> dict[str, Any]:
    return {"auth": {"keys": [{"name": "tester", "key": KEY, "substitution": substitution}]}, **more}


@pytest.mark.parametrize(
    ("substitution", "answers"),
    [("never", {}), ("same_family", {"kin": "gpt-5"}), ("any", {"kin": "gpt-5", "strangers": CLAUDE})],
)
@pytest.mark.parametrize("kind", ["aliases", "combos"])
async def test_who_takes_no_substitute_gets_the_fault(
    upstream: Upstream, tmp_path: Path, kind: str, substitution: str, answers: dict[str, str]
) -> None:
    chains = {"kin": [GPT, "gpt-5"], "strangers": [GPT, CLAUDE]}
    models = chains if kind == "aliases" else {name: {"targets": targets} for name, targets in chains.items()}
    for name in chains:
        async with running(upstream, tmp_path / name, takes(substitution, models={kind: models})) as router:
            upstream.behave()
            assert (await router.ask("chat", name)).headers["x-switchyard-model"] == GPT
            upstream.always(status(503), model=GPT)
            answer = await router.ask("chat", name)
            assert answer.status == (200 if name in answers else 503)
            assert answer.headers.get("x-switchyard-model") == answers.get(name)


async def test_another_server_of_the_same_model_is_no_substitute(upstream: Upstream, tmp_path: Path) -> None:
    server = {"name": "backup", "base_url": upstream.base_url("openai"), "api_keys": ["sk-sim-backup"]}
    changes = takes("never", models={"aliases": {"both": ["openai/gpt-4.1", "backup/gpt-4.1"]}})
    changes["providers"] = {"openai_compatible": [server], "openai": {"api_keys": ["sk-sim-openai-canary-a"]}}
    async with running(upstream, tmp_path, changes) as router:
        upstream.script(status(401), model=GPT)
        answer = await router.ask("chat", "both")
        assert answer.status == 200 and answer.headers["x-switchyard-provider"] == "backup"


async def test_who_takes_no_substitute_gets_no_smaller_model(upstream: Upstream, tmp_path: Path) -> None:
    routing = {"quota_exceeded": "smaller_model", "smaller_models": {"gpt-4.1": CLAUDE}}
    for substitution, code in (("any", 200), ("never", 429), ("same_family", 429)):
        async with running(upstream, tmp_path / substitution, takes(substitution, routing=routing)) as router:
            upstream.behave()
            upstream.always(status(429), model=GPT)
            assert (await router.ask("chat", GPT)).status == code


async def test_a_first_model_without_an_account_is_not_replaced(upstream: Upstream, tmp_path: Path) -> None:
    changes = takes("never", models={"combos": {"smart": {"targets": ["vertex/gemini-2.5-pro", GPT]}}})
    async with running(upstream, tmp_path, changes) as router:
        answer = await router.ask("chat", "smart")
        assert answer.status == 503 and "auth.keys[].substitution" in error_text("chat", answer.json)


@pytest.mark.parametrize("kind", ["aliases", "combos"])
async def test_who_takes_no_substitute_gets_no_rest_from_one(upstream: Upstream, tmp_path: Path, kind: str) -> None:
    chain: Any = [GPT, CLAUDE] if kind == "aliases" else {"targets": [GPT, CLAUDE]}
    for substitution, whole in (("any", True), ("never", False)):
        changes = takes(substitution, models={kind: {"smart": chain}})
        async with running(upstream, tmp_path / substitution, changes) as router:
            upstream.behave()
            upstream.always(cut(events=5), model=GPT)
            answer = await router.ask("chat", "smart", "LONG 8", stream=True)
            assert (b"[DONE]" in answer.body) == whole
            assert (b'"error"' in answer.body) != whole
            assert any(CLAUDE in str(attempt.body) for attempt in upstream.requests) == whole
            upstream.requests.clear()
