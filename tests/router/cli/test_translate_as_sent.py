"""`switchyard translate` prints what a running gateway sends: both get the same requests, and are compared."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from router.cli import main as verbs
from tests.router.api.harness import DIALECTS, Running, ask, running
from tests.simulators import Upstream

TARGETS = {"/chat/completions": "chat", "/responses": "responses", "/messages": "messages", "Content": "gemini"}
TOOL = {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]}
MORE: dict[str, dict[str, Any]] = {
    "chat": {
        "seed": 7,
        "stop": ["END"],
        "temperature": 0.5,
        "tools": [{"type": "function", "function": {"name": "look", "parameters": TOOL}}],
    },
    "responses": {"temperature": 0.5, "tools": [{"type": "function", "name": "look", "parameters": TOOL}]},
    "messages": {
        "top_k": 3,
        "stop_sequences": ["END"],
        "system": "be brief",
        "tools": [{"name": "look", "input_schema": TOOL}],
    },
    "gemini": {
        "generationConfig": {"topK": 3, "stopSequences": ["END"]},
        "tools": [{"functionDeclarations": [{"name": "look", "parametersJsonSchema": TOOL}]}],
    },
}


@pytest_asyncio.fixture
async def router(tmp_path: Path) -> AsyncIterator[Running]:
    async with Upstream() as upstream, running(upstream, tmp_path) as started:
        yield started


def translated(body: Any, *words: str) -> Result:
    result = CliRunner().invoke(verbs.app, ["translate", *words], input=json.dumps(body))
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_it_is_what_the_gateway_sends(router: Running, dialect: str, stream: bool) -> None:
    seen = set()
    for model in ("gpt-4.1", "claude-sonnet-4-5", "gemini-2.5-flash", "claude-sonnet-4-5(low)"):
        path, body = ask(dialect, model, "hello there", stream=stream, **MORE[dialect])
        answer = await router.send(path.replace("(low)", "%28low%29"), body)
        assert answer.status == 200, answer.body
        sent = router.upstream.requests[-1]
        target = next(name for ending, name in TARGETS.items() if ending in sent.path)
        seen.add(target)
        words = ["--from", dialect, "--to", target, *(["--stream"] if stream else [])]
        told = translated(body, *words, "--model", model)
        assert json.loads(told.stdout) == sent.body
        notes = answer.headers.get("x-switchyard-notes", "")
        for line in told.stderr.splitlines()[1:]:
            assert line.partition(": ")[2] in notes
        assert len(told.stderr.splitlines()) - 1 == sum(part.count(",") + 1 for part in notes.split("; ") if part)
    assert len(seen) >= 3
