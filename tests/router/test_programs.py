"""Programs follow an edited settings file, with a stand-in for the command that asks supervisord."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.programs import Programs, command, wanted
from router.settings.schema import Settings
from router.tasks import Tasks

SUPERVISED = {"SUPERVISOR_ENABLED": "1", "PATH": "/usr/bin:/bin"}
OFF = Settings()
ON = Settings.model_validate({"providers": {"webai": {"enabled": True}}})


class Told:
    """What was told, and a wait for the next."""

    def __init__(self) -> None:
        self._news: asyncio.Queue[str | None] = asyncio.Queue()

    def __call__(self, problem: str | None) -> None:
        self._news.put_nowait(problem)

    async def next(self) -> str | None:
        async with asyncio.timeout(40):
            return await self._news.get()

    @property
    def empty(self) -> bool:
        return self._news.empty()


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    made = Tasks("test")
    yield made
    await made.close()


def shell(text: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", text)


async def test_a_program_that_is_turned_on_leads_to_one_run(tasks: Tasks, tmp_path: Path) -> None:
    told, runs = Told(), tmp_path / "runs"
    programs = Programs(shell(f"echo run >>'{runs}'; echo webai has been started."), SUPERVISED, tasks, told)
    programs.follow(OFF, ON)
    assert await told.next() is None
    programs.follow(ON, ON)
    async with asyncio.timeout(40):
        while len(tasks):
            await asyncio.sleep(0)
    assert told.empty and runs.read_text() == "run\n"


async def test_what_goes_wrong_is_told_and_a_later_run_takes_it_back(tasks: Tasks, tmp_path: Path) -> None:
    told, mended = Told(), tmp_path / "mended"
    script = f"test -e '{mended}' && exit 0; echo done; echo 'webai is on and cannot run' >&2; exit 1"
    programs = Programs(shell(script), SUPERVISED, tasks, told)
    programs.follow(OFF, ON)
    assert await told.next() == "webai is on and cannot run"
    mended.touch()
    programs.follow(ON, OFF)
    assert await told.next() is None


async def test_changes_during_a_run_lead_to_one_more(tasks: Tasks, tmp_path: Path) -> None:
    told, runs, go = Told(), tmp_path / "runs", tmp_path / "go"
    script = f"echo run >>'{runs}'; while ! test -e '{go}'; do sleep 0.01; done"
    programs = Programs(shell(script), SUPERVISED, tasks, told)
    programs.follow(OFF, ON)
    async with asyncio.timeout(40):
        while not runs.exists():
            await asyncio.sleep(0.01)
    programs.follow(ON, OFF)
    programs.follow(OFF, ON)
    go.touch()
    assert (await told.next(), await told.next()) == (None, None)
    assert told.empty and runs.read_text() == "run\nrun\n"


async def test_a_run_that_hangs_is_ended_and_told(tasks: Tasks) -> None:
    told = Told()
    programs = Programs(shell("exec sleep 600"), SUPERVISED, tasks, told, within=0.1)
    programs.follow(OFF, ON)
    assert "not done within 0.1 s" in str(await told.next())


async def test_nothing_is_done_without_supervisord(tasks: Tasks) -> None:
    Programs(shell("exit 1"), {}, tasks, Told()).follow(OFF, ON)
    assert len(tasks) == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"providers": {"aistudio": {"enabled": True}}},
        {"supervision": {"enabled": False}},
        {"services": [{"name": "mine", "command": "true"}]},
    ],
)
def test_what_turns_programs_on_and_off_counts(changed: dict[str, object]) -> None:
    assert wanted(Settings.model_validate(changed)) != wanted(OFF)
    assert wanted(Settings.model_validate({"observe": {"level": "debug"}})) == wanted(OFF)


async def test_the_command_is_there() -> None:
    words = command(Path("/does/not/exist.yaml"))
    process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.PIPE)
    _, wrong = await process.communicate()
    assert words[0] == sys.executable and process.returncode == 1 and b"there is no settings file" in wrong
