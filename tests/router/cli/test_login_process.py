"""``switchyard login`` as a process of its own that a program drives over its pipes, with a gateway and without one."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from router.accounts.stores.files import FileStore
from router.clock import SystemClock
from router.vault.keys import account_vault
from tests.ports import free_port
from tests.router.api.harness import running, settings
from tests.simulators import Upstream
from tests.simulators.authorisation import AuthorisationServer
from tests.simulators.ctonew import CtoNew

ROOT = Path(__file__).parents[3]
LIMIT = 60.0
"""Seconds that a whole sign-in may take."""


@dataclass
class Installation:
    """Settings of an installation, and the vendors that they lead to."""

    config: Path
    server: AuthorisationServer
    ctonew: CtoNew

    async def login(self, *words: str) -> Process:
        command = [sys.executable, "-m", "router", "login", *words, "--yes", "--config", str(self.config)]
        environ = {"HOME": str(self.config.parent), "PATH": os.environ["PATH"]}
        return await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=environ, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )

    def accounts(self) -> list[str]:
        folder = self.config.parent / "accounts"
        return [one.id for one in FileStore(folder, account_vault(folder, {}), SystemClock()).load().credentials]


@asynccontextmanager
async def installation(folder: Path, *, runs: bool) -> AsyncIterator[Installation]:
    """runs: whether its gateway does."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(AuthorisationServer())
        ctonew = await stack.enter_async_context(CtoNew())
        upstream = await stack.enter_async_context(Upstream())
        server.devices.interval = 1
        redirect = f"http://localhost:{free_port()}/callback"
        blocks = {
            "claude_oauth": {"sign_in": server.overrides("claude-oauth", redirect)},
            "kimi_oauth": {"sign_in": server.overrides("kimi-oauth", None)},
            "ctonew": {"sign_in": ctonew.facts()},
        }
        port = free_port()
        if runs:
            gateway = await stack.enter_async_context(running(upstream, folder, {"providers": blocks}))
            await gateway.until(lambda: gateway.router._sign_ins.logins is not None)
            port = int(gateway.url.rpartition(":")[2])
        config = folder / "program.yaml"
        config.write_text(json.dumps(settings(upstream, folder, {"server": {"port": port}, "providers": blocks})))
        yield Installation(config, server, ctonew)


async def told(process: Process) -> dict[str, Any]:
    """The next line that it prints."""
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        _, words = await process.communicate()
        raise AssertionError(words.decode())
    shown: dict[str, Any] = json.loads(line)
    return shown


@pytest.mark.parametrize("runs", [True, False], ids=["gateway", "alone"])
async def test_a_program_pastes_where_the_browser_ended(tmp_path: Path, runs: bool) -> None:
    async with asyncio.timeout(LIMIT), installation(tmp_path, runs=runs) as one:
        process = await one.login("claude", "--paste", "--no-browser", "--json", "--label", "work")
        begun = await told(process)
        answer = one.server.visit(begun["url"])
        out, words = await process.communicate(f"{answer}\n".encode())
        assert process.returncode == 0, words
        ended = json.loads(out)
        assert (ended["state"], ended["account"]) == ("done", "claude-oauth/work")
        assert one.accounts() == ["claude-oauth/work"]
        assert answer.partition("code=")[2].partition("&")[0].encode() not in out + words


async def test_nothing_is_read_from_stdin_that_was_not_asked_for(tmp_path: Path) -> None:
    async with asyncio.timeout(LIMIT), installation(tmp_path, runs=False) as one:
        process = await one.login("kimi", "--device", "--no-browser", "--json")
        begun = await told(process)
        assert process.stdin is not None
        process.stdin.write(b"the next line of a script\n")
        one.server.approve(begun["user_code"])
        ended = await told(process)
        assert (await process.wait(), ended["state"]) == (0, "done")
        assert one.accounts() == ["kimi-oauth/default"]


@pytest.mark.parametrize("runs", [True, False], ids=["gateway", "alone"])
async def test_a_cookie_comes_from_stdin_and_is_told_to_nobody(tmp_path: Path, runs: bool) -> None:
    async with asyncio.timeout(LIMIT), installation(tmp_path, runs=runs) as one:
        cookie = one.ctonew.clerk.sign_in().cookie
        process = await one.login("ctonew", "--cookie")
        out, words = await process.communicate(f"__session=other; __client={cookie}\n".encode())
        assert process.returncode == 0, words
        assert one.accounts() == [out.decode().strip()] and out.startswith(b"ctonew/")
        assert cookie.encode() not in out + words


async def test_a_wrong_cookie_is_said_and_keeps_nothing(tmp_path: Path) -> None:
    async with asyncio.timeout(LIMIT), installation(tmp_path, runs=False) as one:
        process = await one.login("ctonew", "--cookie")
        out, words = await process.communicate(b"__session=other\n")
        assert process.returncode == 1 and out == b""
        assert b"no cookie named __client" in words and one.accounts() == []
