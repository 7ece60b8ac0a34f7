"""``switchyard accounts`` at a router that runs: what is shown, what can be changed, and the exit codes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from router.cli import accounts_commands
from router.cli.talk import Place
from tests.ports import free_port
from tests.router.api.harness import Running
from tests.router.api.subscribed import subscribed
from tests.router.cli.test_login import place_of
from tests.simulators import Upstream
from tests.simulators.faulty import status

ME = "claude-oauth/a"


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as started:
        yield started


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs one command line at the gateway of a test."""

    async def run(router: Running, *words: str, stdin: str | None = None) -> Result:
        class One:
            """What `place_of` looks at."""

        one = One()
        one.router = router  # type: ignore[attr-defined]
        place: Place = place_of(one)  # type: ignore[arg-type]
        monkeypatch.setattr(accounts_commands, "find_place", lambda config: place)
        return await asyncio.to_thread(lambda: CliRunner().invoke(accounts_commands.app, list(words), stdin))

    return run


async def test_the_list_says_how_each_account_is_and_what_it_did(upstream: Upstream, tmp_path: Path, desk: Any) -> None:
    async with subscribed(upstream, tmp_path) as router:
        assert (await router.ask("chat", "claude-oauth/claude-sonnet-4-5-20250929")).status == 200
        upstream.script(status(429, retry_after="600"))
        assert (await router.ask("chat", "chatgpt-oauth/gpt-5.1-codex")).status == 429
        shown = await desk(router)
        assert shown.exit_code == 0, shown.output
        lines = shown.output.splitlines()
        mine = next(at for at, line in enumerate(lines) if line.startswith(ME))
        assert "ready" in lines[mine] and lines[mine + 1].strip().startswith("1 request, 3 tokens in, 16 out, last 20")
        limited = next(line for line in lines if line.startswith("chatgpt-oauth/a"))
        assert "cooling until 20" in limited and "min): rate_limited (HTTP 429)" in limited
        assert "last error" in shown.output and "not used yet" in shown.output and "token ends" in shown.output
        assert "canary" not in shown.output
        listed = json.loads((await desk(router, "--json")).output)
        assert {each["account"] for each in listed["accounts"]} >= {ME, "openai/1", "gemini/1"}


async def test_an_account_is_switched_off_and_on_and_renamed_and_removed(
    upstream: Upstream, tmp_path: Path, desk: Any
) -> None:
    model = "claude-oauth/claude-sonnet-4-5-20250929"
    async with subscribed(upstream, tmp_path) as router:
        off = await desk(router, "disable", ME)
        assert off.exit_code == 0 and "disabled: switched off by the operator" in off.output
        assert (await router.ask("chat", model)).status == 503
        assert "ready" in (await desk(router, "enable", ME)).output
        assert (await router.ask("chat", model)).status == 200
        await desk(router, "set", ME, "--exclude", "claude-sonnet-*", "--alias", "best=claude-opus-4-8")
        excluded = await router.ask("chat", model)
        assert excluded.status == 404 and "none of its accounts may use this model" in excluded.body.decode()
        assert (await router.ask("chat", "claude-oauth/best")).status == 200
        cleared = await desk(router, "set", ME, "--exclude", "none", "--alias", "none", "--priority", "3")
        assert cleared.exit_code == 0, cleared.output
        assert (await router.ask("chat", model)).status == 200
        thinks = await desk(router, "set", ME, "--thinking-mode", "fixed", "--thinking-default", "2048")
        assert thinks.exit_code == 0, thinks.output
        assert "set: priority 3, thinking fixed default 2048" in (await desk(router)).output
        wrong = await desk(router, "set", ME, "--thinking-mode", "fixed")
        assert wrong.exit_code == 1 and "needs default" in wrong.output
        await desk(router, "set", ME, "--thinking-mode", "none")
        assert "set: priority 3\n" in (await desk(router)).output
        assert "claude-oauth/work" in (await desk(router, "rename", ME, "work")).output
        kept = await desk(router, "remove", "claude-oauth/work")
        assert kept.exit_code == 1, "nobody said yes"
        assert "forgot" in (await desk(router, "remove", "claude-oauth/work", "--yes")).output
        gone = await desk(router, "disable", "claude-oauth/work")
        assert gone.exit_code == 1 and "claude-oauth/work" in gone.output


async def test_a_key_is_added_from_stdin_tried_first_and_serves(upstream: Upstream, tmp_path: Path, desk: Any) -> None:
    async with subscribed(upstream, tmp_path) as router:
        upstream.script(status(401))
        refused = await desk(router, "add", "openai", "--model", "gpt-4.1", stdin="sk-sim-openai-canary-new\n")
        assert refused.exit_code == 1 and "does not take this key" in refused.output
        added = await desk(
            router, "add", "openai", "--label", "second", "--model", "gpt-4.1", stdin="sk-sim-openai-canary-new\n"
        )
        assert added.exit_code == 0 and "openai/second serves now: gpt-4.1 answered" in added.output
        assert "canary" not in refused.output + added.output
        used = set()
        for _ in range(6):
            assert (await router.ask("chat", "openai/gpt-4.1")).status == 200
            used.add(upstream.requests[-1].key)
        assert "sk-sim-openai-canary-new" in used
        twice = await desk(router, "add", "openai", stdin="sk-sim-openai-canary-new\n")
        assert twice.exit_code == 1 and "openai/second has this key already" in twice.output
        nobody = await desk(router, "add", "nobody", stdin="sk-any\n")
        assert nobody.exit_code == 1 and "It can for" in nobody.output
        nothing = await desk(router, "add", "openai", stdin="\n")
        assert nothing.exit_code == 2 and "none came on stdin" in nothing.output


async def test_wrong_usage_is_said(upstream: Upstream, tmp_path: Path, desk: Any) -> None:
    async with subscribed(upstream, tmp_path) as router:
        assert (await desk(router, "set", ME)).exit_code == 2
        assert (await desk(router, "set", ME, "--alias", "best")).exit_code == 2
        wrong = await desk(router, "set", ME, "--proxy", "nonsense")
        assert wrong.exit_code == 1 and "proxy" in wrong.output
        key = await desk(router, "rename", "openai/1", "new")
        assert key.exit_code == 1 and "change its label in the file" in key.output


async def test_a_key_of_the_settings_is_changed_in_their_file(upstream: Upstream, tmp_path: Path, desk: Any) -> None:
    async with subscribed(upstream, tmp_path) as router:
        off = await desk(router, "disable", "anthropic/1")
        assert off.exit_code == 0 and "disabled in the settings" in off.output
        assert (await router.ask("messages", "anthropic/claude-sonnet-4-5")).status == 503
        assert "ready" in (await desk(router, "enable", "anthropic/1")).output
        named = await desk(
            router, "set", "anthropic/1", "--exclude", "claude-opus-*", "--alias", "best=claude-sonnet-4-5"
        )
        assert named.exit_code == 0, named.output
        assert (await router.ask("messages", "anthropic/best")).status == 200
        assert (await router.ask("messages", "anthropic/claude-opus-4-1")).status == 404
        assert "not claude-opus-*, best=claude-sonnet-4-5" in (await desk(router)).output


def test_without_a_gateway_the_exit_code_says_so(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"server": {"port": free_port(), "state_dir": str(tmp_path / "state")}}))
    result = CliRunner().invoke(accounts_commands.app, ["list", "--config", str(config)])
    assert result.exit_code == 3 and "make up" in result.output
