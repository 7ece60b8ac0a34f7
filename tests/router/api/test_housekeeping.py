"""Calls that need no model are answered here where that is wanted, as a model would, and told as such."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.data import capture
from tests.router.api.harness import KEY, running
from tests.router.api.manage.desk import manage
from tests.router.policies.test_housekeeping import CALLS
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
        assert answer.headers["x-switchyard-notes"] == "policy=housekeeping,titles"
        assert answer.headers["x-switchyard-provider"] == "switchyard"
        if stream:
            events = [event for event, _ in answer.frames]
            assert events[0] == "message_start" and events[-1] == "message_stop"
        else:
            assert answer.json["stop_reason"] == "end_turn" and answer.json["model"] == "claude-sonnet-4-5"
        await router.until(lambda: "notes=policy=housekeeping,titles" in router.log)


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


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("kind", CALLS)
async def test_each_kind_is_answered_logged_and_marked(
    upstream: Upstream, tmp_path: Path, kind: str, stream: bool
) -> None:
    body = {"model": "claude-sonnet-4-5", **CALLS[kind], "stream": stream}  # type: ignore[index]
    async with running(upstream, tmp_path, {"policies": {"housekeeping": {kind: True}}}) as router:
        answer = await router.send("/v1/messages?beta=true", body, headers=HEADERS)
        assert answer.status == 200 and answer.text and upstream.requests == []
        note = f"policy=housekeeping,{kind}"
        assert answer.headers["x-switchyard-notes"] == note
        cut = kind in ("quota_probes", "count_probes")
        stop = "max_tokens" if cut else "end_turn"
        if stream:
            events = dict(answer.frames)
            assert events["message_delta"]["delta"]["stop_reason"] == stop
            usage = {**events["message_start"]["message"]["usage"], **events["message_delta"]["usage"]}
        else:
            assert answer.json["stop_reason"] == stop
            usage = answer.json["usage"]
        assert (usage["input_tokens"] > 0) is (kind == "count_probes")
        await router.until(lambda: f"notes={note}" in router.log)
        call = (await manage(router, "GET", "/calls?limit=1")).json["calls"][0]
        assert (call["notes"], call["attempts"], call["cost"]) == (note, [], 0)
