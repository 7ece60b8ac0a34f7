"""A real process and the command line beside it: no secret in the process list, in an environment, or in what they
print."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from router.cli.main import main
from router.places import ROOT
from router.state.migrate import migrate
from tests.ports import free_port
from tests.router.api.going_wrong import FOUND, IMPORTED
from tests.router.api.harness import ask, settings
from tests.router.api.leaks import Allowed, leaks
from tests.router.api.planting import World, changes, prepared
from tests.router.api.subscribed import MODELS
from tests.sdk.router_process import KEPT

COMMANDS = (
    "status",
    "status --json",
    "doctor",
    "doctor --json",
    "models --json",
    "explain gpt-4.1",
    "accounts",
    "accounts list --json",
    "config check",
    "config show",
    "config show --all --json",
    "keys list",
    "keys list --json",
    "vault status",
    "vault status --json",
    "import cliproxyapi {folder}/foreign --dry-run",
    "import cliproxyapi {folder}/foreign --dry-run --json",
    "import file {folder}/foreign/nothing.json",
)
"""What is run on the command line."""
ALLOWED: Allowed = {("environ ", "environment"): "the variable itself: a process gets what the operator gave it"}


@asynccontextmanager
async def serving(one: World, config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """``switchyard serve`` until it is ready."""
    environ = {name: os.environ[name] for name in KEPT if name in os.environ}
    port = json.loads(config.read_text())["server"]["port"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "router", "serve", "--config", str(config)),
        cwd=ROOT,
        env={**environ, "HOME": str(one.folder), **one.environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(40), aiohttp.ClientSession() as client:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with client.get(f"http://127.0.0.1:{port}/healthz") as answer:
                        if answer.status == 200:
                            break
                await asyncio.sleep(0.05)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        output, _ = await process.communicate()
        one.note("output", output)


def family(pid: int) -> Iterator[int]:
    """A process and all that come of it."""
    yield pid
    for found in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(found.read_text().rpartition(")")[2].split()[1]) == pid:
                yield from family(int(found.parent.name))


def run(one: World, sink: str, words: list[str]) -> None:
    """One command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        main(words)
    assert out.getvalue() + err.getvalue()
    one.note(sink, out.getvalue(), err.getvalue())


def lay_out(one: World) -> None:
    """Files of another program."""
    (one.folder / "foreign").mkdir()
    for name, document in IMPORTED.items():
        text = json.dumps(document).replace("*", one.plant(f"import {name}", "*"))
        (one.folder / "foreign" / Path(name).name[-60:]).write_text(text)
    for name, text in FOUND.items():
        (one.folder / "accounts" / name).write_text(text.replace("*", one.plant(f"found {name}", "*")))


async def test_processes_and_commands_show_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with prepared(tmp_path) as one:
        config, database = tmp_path / "config.yaml", tmp_path / "template.sqlite"
        chosen = settings(one.parrot, tmp_path, changes(one))
        chosen["server"]["port"] = free_port()
        config.write_text(json.dumps(chosen))
        migrate(database)
        shutil.copy(database, tmp_path / "state/switchyard.sqlite")
        lay_out(one)
        for name, value in {"HOME": str(tmp_path), **one.environ}.items():
            monkeypatch.setenv(name, value)
        async with serving(one, config) as process:
            headers = {"authorization": f"Bearer {one.secret('settings auth.keys.0.key')}"}
            url = f"http://127.0.0.1:{chosen['server']['port']}"
            async with aiohttp.ClientSession(url, headers=headers) as client:
                for manner in ("", "400", "error inside", "no answer"):
                    one.parrot.manner = manner
                    for provider in ("claude-oauth", "gemini-cli"):
                        path, body = ask("chat", f"{provider}/{MODELS[provider]}", stream=True)
                        async with client.post(path, json=body) as answer:
                            one.note("answers", await answer.read())
                            assert manner or answer.status == 200
            for pid in family(process.pid):
                one.note("process list", Path(f"/proc/{pid}/cmdline").read_bytes())
                one.note("environment", Path(f"/proc/{pid}/environ").read_bytes())
            assert len(one.said["process list"]) >= 2
            for command in COMMANDS:
                words = [*command.format(folder=tmp_path).split(), "--config", str(config)]
                await asyncio.to_thread(run, one, f"switchyard {command}", words)
        for name in ("SWITCHYARD_MASTER_KEY", "SWITCHYARD_OLD_MASTER_KEY"):
            monkeypatch.setenv(name, one.plant(f"wrong {name}", "*"))
            run(one, "a wrong key", ["vault", "status", "--config", str(config)])
            monkeypatch.delenv(name)
        for name, text in {"no YAML": "providers: [*", "an unknown key": "auth: {password: '*', keys: '*'}"}.items():
            config.write_text(text.replace("*", one.plant(f"mistake {name}", "*")))
            for command in ("config check", "status", "doctor", "vault status"):
                run(one, f"mistaken {command}", [*command.split(), "--config", str(config)])
        assert list(leaks(one.canaries, one.said, ALLOWED)) == []
