"""Keys of the settings are changed over the management API, in their file, and callers meet it at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.router.api.harness import OPENAI_KEYS, Answer, Running, running, settings
from tests.router.api.manage.desk import made_key, manage
from tests.router.api.subscribed import subscribed
from tests.simulators import Upstream

FIRST, SECOND = OPENAI_KEYS
LINE = f"      - {FIRST}   # the first\n"


@pytest.fixture
async def desk(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Running]:
    """Its settings are a file as people write them: one key is a bare text, one has its own lines."""
    values = settings(upstream, tmp_path, {})
    address = values["providers"].pop("openai")["base_url"]
    text = yaml.safe_dump(values, sort_keys=False).replace("providers:\n", "providers:\n  # Mine.\n", 1)
    keys = f"{LINE}      - key: {SECOND}\n        label: work   # of the office\n"
    own = f"  openai:\n    base_url: {address}\n    api_keys:\n{keys}"
    (tmp_path / "config.yaml").write_text(text.replace("  # Mine.\n", f"  # Mine.\n{own}", 1))
    environ = {"GROQ_API_KEY": "sk-sim-of-the-environment"}
    async with running(upstream, tmp_path, keep=True, environ=environ) as router:
        yield router


async def patch(router: Running, account: str = "openai/1", **change: Any) -> Answer:
    return await manage(router, "PATCH", f"/accounts/{account}", change)


async def changed(router: Running, account: str = "openai/1", **change: Any) -> Any:
    answer = await patch(router, account, **change)
    assert answer.status == 200, answer.body
    return answer.json


async def served(router: Running, model: str = "gpt-4.1", calls: int = 4) -> dict[str, int]:
    """How many calls each key answered."""
    before = len(router.upstream.requests)
    for _ in range(calls):
        assert (await router.ask("chat", model)).status == 200
    return Counter(each.key for each in router.upstream.requests[before:])


async def test_a_key_is_switched_off_and_on_in_its_file(desk: Running) -> None:
    before = desk.config.read_text()
    assert await served(desk) == {FIRST: 2, SECOND: 2}
    told = await changed(desk, disabled=True)
    assert (told["state"], told["reason"], told["changeable"]) == ("disabled", "disabled in the settings", True)
    assert desk.config.read_text() == before.replace(FIRST, f"{{key: {FIRST}, disabled: true}}")
    assert await served(desk) == {SECOND: 4}
    assert (await changed(desk, "openai/work", disabled=True))["state"] == "disabled"
    refused = await desk.ask("chat", "openai/gpt-4.1")
    assert refused.status == 503 and "every key of it is disabled in the settings" in refused.body.decode()
    explained = await desk.management("explain?model=gpt-4.1")
    assert explained["outcome"]["action"] == "refuse"
    for account in ("openai/1", "openai/work"):
        assert (await changed(desk, account, disabled=False))["state"] == "ready"
    assert await served(desk) == {FIRST: 2, SECOND: 2}
    assert desk.config.read_text() == before.replace(FIRST, f"{{key: {FIRST}}}")
    history = (await manage(desk, "GET", "/config/history")).json["versions"]
    assert len(history) == 4


async def test_exclusions_names_and_order_of_one_key(desk: Running) -> None:
    assert (await changed(desk, excluded=["gpt-4*"]))["excluded"] == ["gpt-4*"]
    assert await served(desk) == {SECOND: 4}
    assert await served(desk, "gpt-5") == {FIRST: 2, SECOND: 2}
    assert (await desk.ask("chat", "openai/quick")).status == 404
    await changed(desk, "openai/work", aliases={"quick": "gpt-4.1-mini"})
    assert await served(desk, "openai/quick") == {SECOND: 4}
    assert desk.upstream.requests[-1].body["model"] == "gpt-4.1-mini"
    await changed(desk, excluded=[], priority=1)
    assert await served(desk) == {SECOND: 4}
    text = desk.config.read_text()
    assert "# of the office\n        aliases: {quick: gpt-4.1-mini}\n" in text and "  # Mine.\n" in text
    told = await changed(desk, "openai/work", aliases={}, thinking={"mode": "fixed", "default": "low"}, priority=2)
    assert (told["aliases"], told["thinking"]) == ({}, {"mode": "fixed", "default": "low", "max": None})
    await desk.ask("chat", "gpt-5")
    assert "reasoning_effort" not in desk.upstream.requests[-1].body
    await changed(desk, disabled=True)
    await desk.ask("chat", "gpt-5")
    assert desk.upstream.requests[-1].body["reasoning_effort"] == "low"


async def test_what_cannot_be_changed_is_said_and_nothing_is_written(desk: Running) -> None:
    before = desk.config.read_text()
    for account, change, status, told in (
        ("openai/1", {"label": "new"}, 409, "change its label in the file"),
        ("openai/1", {}, 400, "one or more of"),
        ("openai/1", {"weight": 0}, 400, "$.weight"),
        ("openai/1", {"secret": "x"}, 400, "unknown field `secret`"),
        ("openai/1", {"excluded": ["("]}, 400, "wrong pattern"),
        ("openai/1", {"thinking": {"mode": "fixed"}}, 400, "needs default"),
        ("openai/1", {"proxy": "nonsense"}, 400, "outbound proxy"),
        ("openai/1", {"aliases": {"quick": "kept:0"}}, 400, "stands for a secret"),
        ("groq/env", {"disabled": True}, 409, "write it there"),
        ("openai/9", {"disabled": True}, 404, "no account"),
    ):
        answer = await patch(desk, account, **change)
        assert answer.status == status and told in answer.json["error"]["message"], (account, change, answer.body)
    helper = await made_key(desk, "helper", "operator")
    assert (await manage(desk, "PATCH", "/accounts/openai/1", {"disabled": True}, key=helper)).status == 403
    assert desk.config.read_text() == before and await served(desk) == {FIRST: 2, SECOND: 2}


async def test_a_variable_in_a_name_is_only_its_letters(desk: Running) -> None:
    told = await changed(desk, aliases={"quick": "${GROQ_API_KEY}"})
    assert told["aliases"] == {"quick": "${GROQ_API_KEY}"}
    assert "of-the-environment" not in desk.config.read_text()


async def test_keys_that_come_from_a_variable_are_not_changed_in_the_file(upstream: Upstream, tmp_path: Path) -> None:
    environ = {"SWITCHYARD__PROVIDERS__OPENAI__API_KEYS__0__LABEL": "mine"}
    changes = {"providers": {"openai": {"api_keys": [{"key": FIRST}]}}}
    async with running(upstream, tmp_path, changes, environ=environ) as router:
        answer = await patch(router, "openai/mine", disabled=True)
        told = answer.json["error"]["message"]
        assert answer.status == 409 and "SWITCHYARD__PROVIDERS__OPENAI__API_KEYS__0__LABEL" in told


async def test_accounts_that_are_kept_here_are_changed_at_the_same_place(upstream: Upstream, tmp_path: Path) -> None:
    async with subscribed(upstream, tmp_path) as router:
        told = await changed(router, "claude-oauth/a", disabled=True)
        assert (told["state"], told["owner"], told["changeable"]) == ("disabled", "ours", True)
        renamed = await changed(router, "claude-oauth/a", label="work", priority=4, disabled=False)
        assert (renamed["account"], renamed["priority"], renamed["state"]) == ("claude-oauth/work", 4, "ready")
        assert (await patch(router, "claude-oauth/a", disabled=True)).status == 404
