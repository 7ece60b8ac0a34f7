"""Programs beside the router follow the settings when their file is edited, as they do at `make up` and `make reload`.

The router starts no program itself: it has the command line ask supervisord, in a process of its own. So neither the
event loop waits for supervisord nor does the serving process load what only the command line needs. Nothing happens
without supervisord, and nothing that came over the network leads here: an operator has edited the file.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from router import places
from router.settings.schema import Settings
from router.tasks import Tasks

_log = logging.getLogger("switchyard.programs")
UNDER_SUPERVISORD = "SUPERVISOR_ENABLED"
"""Variable that supervisord gives to what it runs."""
WITHIN = 300.0
"""Seconds that all programs get to stop and to start."""
_DIES_WITHIN = 5.0


def wanted(settings: Settings) -> object:
    """What decides which programs run; equal where nothing is to be done."""
    studio, web = settings.providers.aistudio, settings.providers.webai
    return (
        studio is not None and studio.enabled and studio.service.start,
        web is not None and web.enabled and web.service.start,
        settings.supervision.enabled,
        settings.services,
    )


def command(config: Path) -> tuple[str, ...]:
    """What makes the programs as the settings file says."""
    return (sys.executable, "-m", "router.cli.follow_programs", str(config))


class Programs:
    """Runs `words` once for each change, one at a time; changes that come meanwhile lead to one more run.

    environ: the router's. tell: gets what went wrong, None where all went well. within: seconds for one run.
    """

    def __init__(
        self,
        words: Sequence[str],
        environ: Mapping[str, str],
        tasks: Tasks,
        tell: Callable[[str | None], None],
        within: float = WITHIN,
    ) -> None:
        self._words = tuple(words)
        self._environ = environ
        self._tasks = tasks
        self._tell = tell
        self._within = within
        self._again = False
        self._running = False

    def follow(self, before: Settings, after: Settings) -> None:
        """New settings are in force."""
        if UNDER_SUPERVISORD not in self._environ or wanted(before) == wanted(after):
            return
        self._again = True
        if not self._running:
            self._running = True
            self._tasks.spawn(self._work(), "follow the settings")

    async def _work(self) -> None:
        try:
            while self._again:
                self._again = False
                problem = await self._run()
                if problem is not None:
                    _log.error("programs do not follow the settings: %s", problem)
                self._tell(problem)
        finally:
            self._running = False

    async def _run(self) -> str | None:
        """One run; what went wrong."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words,
                cwd=places.ROOT,
                env=dict(self._environ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            return f"{self._words[0]} cannot be started: {error.strerror}"
        try:
            async with asyncio.timeout(self._within):
                done, wrong = await process.communicate()
        except TimeoutError:
            return f"supervisord was not done within {self._within:g} s"
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError, TimeoutError):
                    process.kill()
                    await asyncio.wait_for(process.wait(), _DIES_WITHIN)
        for line in done.decode("utf-8", "replace").splitlines():
            _log.info("%s", line)
        if process.returncode == 0:
            return None
        return wrong.decode("utf-8", "replace").strip() or f"the command ended with {process.returncode}"
