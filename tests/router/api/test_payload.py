"""Rules for the bodies that providers get: in both lanes, where they apply and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import DIALECTS, MODELS, OTHER, ask, running
from tests.simulators import Upstream

PLACES = {
    "gpt-4.1": "metadata.team",
    "claude-sonnet-4-5": "metadata.user_id",
    "gemini-2.5-flash": "labels.team",
}


def ruled(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"policies": {"payload": list(rules)}}


def at(body: Any, path: str) -> Any:
    for step in path.split("."):
        body = body.get(step) if isinstance(body, dict) else None
    return body


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("lane", ["raw", "translated"])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_value_reaches_the_provider(
    upstream: Upstream, tmp_path: Path, dialect: str, lane: str, stream: bool
) -> None:
    model = (MODELS if lane == "raw" else OTHER)[dialect]
    rules = [{"models": [name], "override": {path: "blue"}} for name, path in PLACES.items()]
    async with running(upstream, tmp_path, ruled(*rules)) as router:
        answer = await router.ask(dialect, model, stream=stream)
        assert answer.status == 200, answer.body
        body = upstream.requests[-1].body
        assert at(body, PLACES[model]) == "blue"
        assert [name for name, path in PLACES.items() if at(body, path) == "blue"] == [model]
        assert "policy=payload" in answer.headers["x-switchyard-notes"]


async def test_default_override_and_remove(upstream: Upstream, tmp_path: Path) -> None:
    rule = {"default": {"temperature": 0.5, "seed": 7}, "override": {"top_p": 0.9}, "remove": ["user", "stop"]}
    async with running(upstream, tmp_path, ruled(rule)) as router:
        await router.ask("chat", "gpt-4.1", temperature=0.1, top_p=0.2, user="me", future={"a": 1})
        body = upstream.requests[-1].body
        kept = {name: body.get(name) for name in ("temperature", "seed", "top_p", "user")}
        assert kept == {"temperature": 0.1, "seed": 7, "top_p": 0.9, "user": None} and "user" not in body
        same = await router.ask("chat", "gpt-4.1", temperature=0.1, top_p=0.9, seed=1)
        assert "x-switchyard-notes" not in same.headers  # nothing had to be changed


@pytest.mark.parametrize(
    ("when", "applies"),
    [
        ({"providers": ["openai"]}, True),
        ({"providers": ["anthropic"]}, False),
        ({"dialects": ["chat"]}, True),
        ({"dialects": ["messages", "responses"]}, False),
        ({"keys": ["tester"]}, True),
        ({"keys": ["other"]}, False),
        ({"stream": False}, True),
        ({"stream": True}, False),
        ({"stream": False, "keys": ["other"]}, False),
    ],
)
async def test_a_rule_applies_where_all_its_conditions_hold(
    upstream: Upstream, tmp_path: Path, when: dict[str, Any], applies: bool
) -> None:
    async with running(upstream, tmp_path, ruled({"when": when, "override": {"seed": 7}})) as router:
        assert (await router.ask("chat", "gpt-4.1")).status == 200
        assert (upstream.requests[-1].body.get("seed") == 7) == applies


async def test_the_callers_spelling_is_kept_for_google(upstream: Upstream, tmp_path: Path) -> None:
    rule = {"override": {"generationConfig.topK": 5}}
    async with running(upstream, tmp_path, ruled(rule)) as router:
        path, body = ask("gemini", "gemini-2.5-flash")
        assert (await router.send(path, {**body, "generation_config": {"top_k": 1, "top_p": 0.5}})).status == 200
        sent = upstream.requests[-1].body
        assert sent["generation_config"] == {"top_k": 5, "top_p": 0.5} and "generationConfig" not in sent


async def test_other_values_keep_their_bytes_in_the_raw_lane(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, ruled({"override": {"seed": 7}})) as router:
        _, body = ask("chat", "gpt-4.1")
        data = json.dumps(body).encode()[:-1] + b', "temperature": 1.0e0, "metadata": {"a" : "b"}}'
        assert (await router.send("/v1/chat/completions", data)).status == 200
        assert b'"temperature":1.0e0,"metadata":{"a" : "b"}' in upstream.requests[-1].request.body
