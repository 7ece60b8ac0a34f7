"""`models.routing[].grace`: one rule's calls wait with or without heartbeats, whatever the general setting says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.router.api.harness import running
from tests.simulators import Misbehaviour, Upstream

BEAT = b": keep-alive\n\n"


def rules(grace: float | None, general: float) -> dict[str, Any]:
    rule: dict[str, Any] = {"pattern": "^gpt-4", "providers": ["openai"]}
    if grace is not None:
        rule["grace"] = grace
    timeouts = {"grace": general, "heartbeat": 30, "first_token": 30}
    return {"models": {"routing": [rule], "aliases": {"quick": "gpt-4.1"}}, "server": {"timeouts": timeouts}}


async def test_the_grace_of_a_rule_counts_for_its_calls_and_may_be_changed(upstream: Upstream, tmp_path: Path) -> None:
    slow = Misbehaviour(delay=0.8)
    async with running(upstream, tmp_path, rules(0.1, 0)) as router:
        upstream.script(slow)
        assert (await router.ask("chat", "gpt-4.1", "kettle", stream=True)).body.startswith(BEAT)
        upstream.script(slow)
        other = await router.ask("chat", "gpt-5.2", "kettle", stream=True)  # another rule's, so the general 0
        assert BEAT not in other.body
        await router.reloaded(rules(0, 0.1))
        upstream.script(slow)
        answer = await router.ask("chat", "quick", "kettle", stream=True)
        assert BEAT not in answer.body
        assert "kettle" in answer.text
        await router.reloaded(rules(None, 0.1))
        upstream.script(slow)
        assert (await router.ask("chat", "quick", "kettle", stream=True)).body.startswith(BEAT)
