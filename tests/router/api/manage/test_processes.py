"""Programs under supervisord by management: a real supervisord with small programs, and a router without one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from router.healed import DAY, FILE
from router.supervisord import PARENT, VARIABLE, Supervisord, ask_parent, socket_of
from tests.router.api.harness import Running, running
from tests.router.api.manage.desk import made_key, manage
from tests.router.api.supervising import supervising
from tests.simulators import Upstream

PROGRAMS = """
[program:aistudio]
command={python} -c "import signal; signal.pause()"
startsecs=0
[program:webai]
command={python} -c "raise SystemExit(3)"
startsecs=0
autorestart=false
[program:off]
command=/bin/true
autostart=false
[program:broken]
command={folder}/nothing-here
autostart=false
"""


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("sup")
    with supervising(folder, PROGRAMS, {"aistudio": "running", "webai": "exited"}) as path:
        yield path


@pytest.fixture
async def desk(upstream: Upstream, tmp_path: Path, socket: Path) -> AsyncIterator[Running]:
    async with running(upstream, tmp_path, {}, environ={VARIABLE: f"unix://{socket}"}) as router:
        await router.until(lambda: router.router.recall.memory)
        yield router


async def test_every_program_is_told_with_what_is_wrong(desk: Running) -> None:
    now = round(time.time(), 3)
    killed = {"at": now - 60, "kind": "killed", "why": "its /healthz does not answer"}
    long_ago = {"at": now - 2 * DAY, "kind": "ended", "why": "exit status 3"}
    (desk.state / FILE).write_text(json.dumps({"healed": {"aistudio": [killed], "webai": [long_ago, 5]}}))
    told = (await manage(desk, "GET", "/processes")).json["processes"]
    found = {each["name"]: each for each in told}
    assert set(found) == {"aistudio", "webai", "off", "broken"}
    runs = found["aistudio"]
    assert (runs["state"], runs["wrong"], runs["exit"]) == ("running", "", None)
    assert runs["pid"] > 1 and runs["uptime"] >= 0
    ended = found["webai"]
    assert (ended["state"], ended["pid"], ended["exit"], ended["wrong"]) == ("exited", None, 3, "ended with 3")
    assert runs["healed"] == [killed]
    assert found["webai"]["healed"] == []
    assert (found["off"]["state"], found["off"]["wrong"]) == ("stopped", "is stopped")


async def test_a_program_is_started_anew(desk: Running, socket: Path) -> None:
    def pid() -> int | None:
        return next(each.pid for each in Supervisord(socket).processes() if each.name == "aistudio")

    before = await asyncio.to_thread(pid)
    answer = await manage(desk, "POST", "/processes/aistudio/restart", {})
    assert answer.status == 200 and answer.json["state"] == "running"
    assert await asyncio.to_thread(pid) not in (None, before)
    again = await manage(desk, "POST", "/processes/webai/restart", {})  # one that has ended
    assert again.status == 200 and again.json["name"] == "webai"
    await desk.stop()
    assert '"process_restart"' in (desk.state / "audit.jsonl").read_text()


async def test_nothing_else_can_be_run(desk: Running) -> None:
    for name in ("nothing", "a;b", "aistudio:aistudio", "*", "%2Fbin%2Fsh", "group:*"):
        answer = await manage(desk, "POST", f"/processes/{name}/restart", {})
        assert answer.status == 404, name
    stopped = await manage(desk, "POST", "/processes/off/restart", {})
    assert stopped.status == 409 and "turn it on in the settings" in stopped.json["error"]["message"]
    operator = await made_key(desk, "helper", "operator")
    assert (await manage(desk, "POST", "/processes/aistudio/restart", {}, key=operator)).status == 403


async def test_without_supervisord_the_reason_is_told(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as router:
        for method, path in (("GET", "/processes"), ("POST", "/processes/aistudio/restart")):
            answer = await manage(router, method, path, None if method == "GET" else {})
            assert answer.status == 503 and "make up" in answer.json["error"]["message"]
        alone = await manage(router, "POST", "/processes/router/restart", {})
        assert alone.status == 503 and "parent" in alone.json["error"]["message"]
    gone = {VARIABLE: f"unix://{tmp_path}/gone.sock"}
    async with running(upstream, tmp_path / "two", {}, environ=gone) as router:
        answer = await manage(router, "GET", "/processes")
        assert answer.status == 503 and "does not answer" in answer.json["error"]["message"]


def test_the_parent_is_asked_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, sign: told.append((pid, sign)))
    assert not ask_parent({})
    assert not ask_parent({PARENT: str(os.getppid() + 1)})
    assert told == []
    assert ask_parent({PARENT: str(os.getppid())})
    assert told == [(os.getppid(), signal.SIGHUP)]


def test_the_socket_is_the_one_that_supervisord_told() -> None:
    assert socket_of({VARIABLE: "unix://state/run/s.sock"}, Path("/here")) == Path("/here/state/run/s.sock")
    assert socket_of({VARIABLE: "http://127.0.0.1:9001"}, Path("/here")) is None
    assert socket_of({}, Path("/here")) is None
