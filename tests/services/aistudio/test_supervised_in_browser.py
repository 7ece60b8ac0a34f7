"""Both services under the supervisor.conf that ships, with healthwatch as it is set by default: killed and wedged ones
come back, and calls through the router's port work again."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from router.cli.first_files import make_keys
from tests.e2e.test_supervision import ROOT, WITHIN, Supervised
from tests.ports import free_port
from tests.services.aistudio.conftest import needs_browser
from tests.services.aistudio.processes import until
from tests.simulators.aistudio_page import Studio

pytestmark = [*needs_browser, pytest.mark.supervised, pytest.mark.timeout(280)]
STARTS = 100.0
"""Seconds for a first start, beside other tests that start."""
MODELS = {"aistudio": "gemini-2.5-flash-aistudio", "webai": "gemini-flash-webai"}
AS_IT_IS = '#!/bin/sh\nexec {python} "$@"\n'
STOOD_IN = "#!/bin/sh\nshift 2\nexec {python} -m tests.services.webai.echoing\n"
"""The environment of WebAI, without its optional packages."""
ENVIRONMENTS = {".venv": AS_IT_IS, ".venvs/aistudio": AS_IT_IS, ".venvs/webai": STOOD_IN}


def checkout(folder: Path, studio: Studio) -> Supervised:
    """Programs, data and supervisor.conf, and settings that name the stand-ins and free ports."""
    for name in ("router", "services", "config"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "supervisor.conf", folder)
    for name, script in ENVIRONMENTS.items():
        python = folder / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(script.format(python=sys.executable))
        python.chmod(0o700)
    for name in ("state/run", "logs", "auth/auth_profiles"):
        (folder / name).mkdir(parents=True)
    make_keys(folder / "state")
    (folder / "auth/auth_profiles/default.json").write_text(json.dumps(studio.storage_state("ann")))
    ports = {name: free_port() for name in ("router", "aistudio", "webai", "healthwatch")}
    studio_block = {"enabled": True, "url": studio.page_url, "health_port": ports["aistudio"]}
    web_block = {"enabled": True, "port": ports["webai"], "gemini": {"accounts": {"work": {"secure_1psid": "good"}}}}
    settings = {
        "server": {"port": ports["router"]},
        "auth": {"dir": str(folder / "auth")},
        "supervision": {"port": ports["healthwatch"]},
        "providers": {"aistudio": {**studio_block, "browser": {"max_instances": 1}}, "webai": web_block},
    }
    (folder / "config/config.yaml").write_text(json.dumps(settings))
    return Supervised(folder, ports, ports["healthwatch"])


@pytest.fixture
async def one(tmp_path: Path, studio: Studio) -> AsyncIterator[Supervised]:
    made = checkout(tmp_path, studio)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHYARD")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "supervisor.supervisord", "-n", "-c", "supervisor.conf"),
        cwd=tmp_path,
        env={**kept, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:

        async def there() -> bool:
            return (tmp_path / "state/run/supervisor.sock").exists()

        await until(there)
        with made.rpc() as rpc:
            for name in MODELS:
                rpc.startProcess(name, False)
        yield made
    finally:
        pids = [pid for name in MODELS if (pid := made.pid(name))]
        process.send_signal(signal.SIGTERM)
        for pid in pids:  # who is stopped still would not end in order
            os.kill(pid, signal.SIGCONT)
        await asyncio.wait_for(process.wait(), 60)


async def test_services_that_are_killed_or_wedged_come_back_and_answer(one: Supervised, studio: Studio) -> None:
    key = (one.folder / "state/keys/client.key").read_text().strip()
    address = f"http://127.0.0.1:{one.ports['router']}/v1/chat/completions"
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {key}"}, timeout=timeout) as http:

        async def answer(name: str, word: str, within: float = WITHIN) -> None:
            """Wait for an answer through the router."""

            async def answered() -> bool:
                body = {"model": MODELS[name], "messages": [{"role": "user", "content": word}]}
                try:
                    async with http.post(address, json=body) as response:
                        return response.status == 200 and word in await response.text()
                except (aiohttp.ClientError, TimeoutError):
                    return False

            await until(answered, within)

        async def healed(number: int) -> None:
            """Signal both; wait until each is another process, and answers."""
            before = {name: one.pid(name) for name in MODELS}
            began = time.monotonic()
            for pid in before.values():
                os.kill(pid, number)
            for name, pid in before.items():

                async def another(name: str = name, pid: int = pid) -> bool:
                    return await asyncio.to_thread(one.pid, name) not in (0, pid)

                await until(another, WITHIN)
            await asyncio.gather(*(answer(name, f"after {number}") for name in MODELS))
            print(f"healed after signal {number} in {time.monotonic() - began:.1f} s")

        await asyncio.gather(*(answer(name, "hello", STARTS) for name in MODELS))
        with one.rpc() as rpc:
            rpc.startProcess("healthwatch", False)
        await healed(signal.SIGKILL)
        await healed(signal.SIGSTOP)
    for name in MODELS:
        assert f"{name}: killed, because its /healthz does not answer" in one.log()
    assert one.pid("router") and "router: " not in one.log()
