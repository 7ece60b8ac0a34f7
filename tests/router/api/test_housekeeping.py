"""Calls for a title are answered here where that is wanted, as a model would, and told as such."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.data import capture
from tests.router.api.harness import KEY, running
from tests.simulators import Upstream

HEADERS = {"user-agent": "claude-cli/2.1.329 (external, cli)"}
ON: dict[str, Any] = {"policies": {"housekeeping": {"titles": True}}}


@pytest.mark.parametrize("stream", [True, False])
async def test_a_title_is_a_whole_answer_of_its_dialect(upstream: Upstream, tmp_path: Path, stream: bool) -> None:
    body = {**capture("claude-code/14-tui-title-json-schema.json")["body"], "model": "claude-sonnet-4-5"}
    async with running(upstream, tmp_path, ON) as router:
        answer = await router.send("/v1/messages?beta=true", {**body, "stream": stream}, headers=HEADERS)
        assert answer.status == 200 and upstream.requests == []
        assert json.loads(answer.text) == {"title": "TOOLTEST please run cat marker.txt"}
        assert answer.headers["x-switchyard-notes"] == "policy=housekeeping"
        assert answer.headers["x-switchyard-provider"] == "switchyard"
        if stream:
            events = [event for event, _ in answer.frames]
            assert events[0] == "message_start" and events[-1] == "message_stop"
        else:
            assert answer.json["stop_reason"] == "end_turn" and answer.json["model"] == "claude-sonnet-4-5"
        await router.until(lambda: "notes=policy=housekeeping" in router.log)


async def test_the_rights_of_the_key_count_here_too(upstream: Upstream, tmp_path: Path) -> None:
    body = capture("claude-code/14-tui-title-json-schema.json")["body"]
    changes = {**ON, "auth": {"keys": [{"name": "tester", "key": KEY, "models": ["gpt-*"]}]}}
    async with running(upstream, tmp_path, changes) as router:
        assert (await router.send("/v1/messages", body, headers=HEADERS)).status == 403
        assert (await router.send("/v1/messages", {**body, "model": "nobody-has-it"}, headers=HEADERS)).status == 404


async def test_without_the_setting_a_model_is_asked(upstream: Upstream, tmp_path: Path) -> None:
    body = {**capture("claude-code/14-tui-title-json-schema.json")["body"], "model": "claude-sonnet-4-5"}
    body = {**body, "max_tokens": 1000, "output_config": {"format": body["output_config"]["format"]}}
    async with running(upstream, tmp_path) as router:
        answer = await router.send("/v1/messages", body, headers=HEADERS)
        assert answer.status == 200 and len(upstream.requests) == 1
