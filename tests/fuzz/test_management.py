"""Every operation of the management API before requests that are made of its own description, well formed and not:
no answer is a failure of the server's but a 503 with its reason, and each is one that the description knows. With keys
of lower roles the same, and every role does what it may."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from router.settings.provider_names import SIGN_INS
from router.settings.sign_ins import shipped_sign_ins
from tests.ports import free_port
from tests.router.api.harness import MANAGEMENT, Running, running
from tests.router.api.manage.desk import made_key
from tests.simulators import Upstream
from tests.simulators.authorisation import AuthorisationServer

ROOT = Path(__file__).parents[2]
TOOL = ROOT / ".venvs" / "fuzz" / "bin" / "schemathesis"
WITHIN = 580.0
"""Seconds on a busy machine; fifteen are usual."""
NOBODY = "http://127.0.0.1:9"
ENDLESS = "--exclude-path-regex=/(live|profile)$"
"""Streams that do not end, and an answer that takes a minute."""

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(600)]


def sign_ins(server: AuthorisationServer) -> dict[str, Any]:
    """Every sign-in before simulated servers, or nobody: no request may leave this machine."""
    blocks: dict[str, Any] = {}
    for name, sign_in in SIGN_INS.items():
        facts = shipped_sign_ins()[name]
        if name == "ctonew":
            changes: dict[str, Any] = {"urls": dict.fromkeys(facts.urls, NOBODY)}
        else:
            redirect = f"http://localhost:{free_port()}/callback" if facts.code is not None else None
            changes = server.overrides(name, redirect)
        secret = {"client_secret": given} if (given := changes.pop("client_secret", None)) else {}
        blocks[sign_in.blocks[0]] = {"enabled": True, "sign_in": changes, **secret}
    return blocks


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Running]:
    async with AuthorisationServer() as server, Upstream() as upstream:
        settings = {"observe": {"debug": True}, "providers": sign_ins(server)}
        async with running(upstream, folder, settings) as router:
            await router.until(lambda: router.router.recall.memory and router.router._sign_ins.logins)
            yield router


async def run(router: Running, key: str, words: Sequence[str], **environ: str) -> str:
    """What the tool says, which must be satisfied."""
    if not TOOL.exists():
        pytest.skip(f"needs {TOOL.relative_to(ROOT)} (scripts/dev/make-sdk-venvs.sh fuzz)")
    process = await asyncio.create_subprocess_exec(
        str(TOOL),
        f"--config-file={Path(__file__).with_name('schemathesis.toml')}",
        "run",
        "--no-color",
        "--continue-on-failure",
        f"--header=Authorization: Bearer {key}",
        *words,
        f"{router.url}/v0/management/openapi.json",
        cwd=router.folder,
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(WITHIN):
            output = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output
    assert "Tested:" in output
    assert "Traceback" not in router.log
    return output


async def test_every_operation_answers_as_it_is_described(tmp_path: Path) -> None:
    async with desk(tmp_path / "router") as router:
        output = await run(router, MANAGEMENT, [ENDLESS])
        assert "Stateful" in output  # what was made is used: keys, sign-ins


async def test_each_role_does_what_it_may(tmp_path: Path) -> None:
    hooks = str(Path(__file__).with_name("roles.py"))
    words = [ENDLESS, "--phases=fuzzing", "--max-examples=2", "--checks=not_a_server_error,roles_are_enforced"]
    async with desk(tmp_path / "router") as router:
        keys = {role: await made_key(router, role, role) for role in ("viewer", "operator")}
        await run(router, keys["viewer"], words, SCHEMATHESIS_HOOKS=hooks, KEYS=json.dumps(keys))
