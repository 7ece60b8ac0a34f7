"""Several processes renew one account in one folder, with real files and locks; some of them are killed on the way."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from router.accounts.credential import Credential
from router.accounts.stores.files import FileStore
from router.clock import FakeClock
from tests.router.accounts.keeping import account_of
from tests.simulators.authorisation import AuthorisationServer, faulty

ROOT = Path(__file__).resolve().parents[3]
PROVIDER = "claude-oauth"
DISK_STEPS = ("create", "write", "sync file", "rename", "sync folder")
UNSENT = ("before send", *(f"rehearsal {step}" for step in DISK_STEPS))
"""Stops before anything was sent."""
ROTATED = ("after answer", "save create", "save write", "save sync file", "save rename")
"""Stops after the provider has rotated and before the new token has its place."""
SAVED = ("save sync folder", "before use")


class Process:
    """One `renewing_process`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def said(self) -> str:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 30)
        assert line, "the process ended"
        return line.decode().strip()

    async def begin(self, now: float) -> None:
        """Have it renew."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{now}\n".encode())
        await self._process.stdin.drain()
        assert await self.said() == "renewing"

    async def result(self) -> dict[str, Any]:
        found = json.loads(await self.said())
        assert isinstance(found, dict)
        return found

    async def kill(self) -> None:
        """SIGKILL: nothing is cleaned up."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


class Shared:
    """A simulator and a folder with one account, whose access has ended."""

    def __init__(self, server: AuthorisationServer, clock: FakeClock, folder: Path) -> None:
        self.server = server
        self.clock = clock
        self.folder = folder
        self.store = FileStore(folder, None, clock)
        self.granted = server.seed(PROVIDER)
        self.account = account_of(PROVIDER, self.granted, clock.wall(), clock.wall())
        self.store.save(self.account)
        self.processes: list[Process] = []

    async def start(self, stop: str = "") -> Process:
        told = {
            "address": self.server.address,
            "folder": str(self.folder),
            "provider": PROVIDER,
            "account": self.account.id,
            "stop": stop,
        }
        module = "tests.router.accounts.renewing_process"
        made = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, json.dumps(told), cwd=ROOT, stdin=PIPE, stdout=PIPE
        )
        process = Process(made)
        self.processes.append(process)
        assert await process.said() == "ready"
        return process

    async def stopped(self, point: str) -> Process:
        """A process that renews up to `point` and no further."""
        process = await self.start(point)
        await process.begin(self.clock.now)
        assert await process.said() == "stopped"
        return process

    def stored(self) -> Credential:
        found = self.store.read(self.account.id)
        assert found is not None
        return found

    def well(self, access: str) -> None:
        """The account lives: what is stored is good, and was never used twice at once nor after its time."""
        stored = self.stored()
        assert stored.access.reveal() == access
        assert self.server.grants.accepts(access)
        assert self.server.grants.good == [stored.refresh.reveal()]
        assert self.server.grants.reused == []
        assert self.server.grants.most_in_flight == 1
        assert [path.name for path in self.folder.glob("*.json")] == [f"{PROVIDER}-ada@example.org.json"]


@asynccontextmanager
async def shared(folder: Path, grace: float = 0.0) -> AsyncIterator[Shared]:
    clock = FakeClock()
    async with AuthorisationServer(wall=clock.wall, grace=grace) as server:
        made = Shared(server, clock, folder)
        try:
            yield made
        finally:
            for process in made.processes:
                await process.kill()


async def test_four_processes_at_once_rotate_once(tmp_path: Path) -> None:
    async with shared(tmp_path) as at:
        processes = await asyncio.gather(*(at.start() for _ in range(4)))
        for rotation in range(1, 4):
            release = asyncio.Event()
            at.server.script(faulty.held(release), endpoint="token")
            await asyncio.gather(*(process.begin(at.clock.now) for process in processes))
            await at.server.arrived(rotation)
            release.set()
            results = await asyncio.gather(*(process.result() for process in processes))
            assert {result["outcome"] for result in results} == {"Good"}
            assert sorted(result["renewed"] for result in results) == [False, False, False, True]
            (access,) = {result["access"] for result in results}
            assert at.server.grants.rotations == rotation
            assert len(at.server.calls) == rotation
            at.well(access)
            at.clock.advance(86_400)


@pytest.mark.parametrize("grace", [0, 30])
@pytest.mark.parametrize("point", [*UNSENT, *SAVED])
async def test_a_process_killed_before_it_sent_or_after_it_saved_loses_nothing(
    tmp_path: Path, point: str, grace: float
) -> None:
    async with shared(tmp_path, grace) as at:
        await (await at.stopped(point)).kill()
        after = await at.start()
        await after.begin(at.clock.now)
        result = await after.result()
        assert result["outcome"] == "Good"
        assert result["renewed"] is (point in UNSENT)
        assert at.server.grants.rotations == 1
        assert len(at.server.calls) == 1
        at.well(result["access"])


@pytest.mark.parametrize("point", ROTATED)
async def test_a_process_killed_before_it_saved_loses_nothing_within_the_servers_grace(
    tmp_path: Path, point: str
) -> None:
    async with shared(tmp_path, grace=30) as at:
        await (await at.stopped(point)).kill()
        assert at.server.grants.rotations == 1
        assert at.stored() == at.account
        after = await at.start()
        await after.begin(at.clock.now)
        result = await after.result()
        assert (result["outcome"], result["renewed"]) == ("Good", True)
        assert at.server.grants.replayed == [at.granted.refresh]
        at.well(result["access"])


@pytest.mark.parametrize("point", ROTATED)
async def test_without_a_grace_that_moment_costs_a_sign_in_and_says_why(tmp_path: Path, point: str) -> None:
    """The token was in the killed process alone: no program can do better, and this one asks no third time."""
    async with shared(tmp_path) as at:
        await (await at.stopped(point)).kill()
        after = await at.start()
        await after.begin(at.clock.now)
        result = await after.result()
        assert result["outcome"] == "NeedsLogin"
        assert "invalid_grant" in result["reason"]
        assert at.stored() == at.account
        await after.begin(at.clock.now)
        assert await after.result() == result
        assert len(at.server.calls) == 2


@pytest.mark.parametrize(("processed", "grace"), [(False, 0), (True, 30)])
async def test_a_process_killed_while_the_provider_works_loses_nothing(
    tmp_path: Path, processed: bool, grace: float
) -> None:
    """processed: the token had rotated already, which only a grace can mend."""
    async with shared(tmp_path, grace) as at:
        at.server.script(faulty.hangs(processed=processed), endpoint="token")
        killed = await at.start()
        await killed.begin(at.clock.now)
        await at.server.arrived(1)
        await killed.kill()
        await at.server.until(lambda server: server.calls[0].gone)
        after = await at.start()
        await after.begin(at.clock.now)
        result = await after.result()
        assert result["outcome"] == "Good"
        assert at.server.grants.rotations == 1
        at.well(result["access"])


async def test_the_lock_of_a_killed_process_passes_to_the_one_that_waits(tmp_path: Path) -> None:
    async with shared(tmp_path, grace=30) as at:
        killed = await at.stopped("save rename")
        waiting = await at.start()
        await waiting.begin(at.clock.now)
        assert len(at.server.calls) == 1
        await killed.kill()
        result = await waiting.result()
        assert (result["outcome"], result["renewed"]) == ("Good", True)
        assert len(at.server.calls) == 2
        at.well(result["access"])
