"""Changes of the settings file while the router serves: tried, put in force, watched for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from router.clock import Clock
from router.gateway import Gateway
from router.models.capabilities import CapabilityMistakes
from router.providers.resolve import SignedIn
from router.routing.table import RoutingMistakes
from router.settings.load import Loaded
from router.settings.mistakes import SettingsError
from router.settings.watch import Watch, restart_needed
from router.settings_file import SettingsFile
from router.snapshot import Snapshot
from router.usage.price_file import PriceMistakes

_log = logging.getLogger("switchyard.app")
MISTAKES = (SettingsError, RoutingMistakes, CapabilityMistakes, PriceMistakes, OSError)
"""What keeps a text from being put in force."""


class SettingsChanges:
    """signed_in: the accounts of the store. put: brings a snapshot into force in all parts; gets those settings, by
    path, whose new values wait for the next start."""

    def __init__(
        self,
        file: SettingsFile,
        gateway: Gateway,
        clock: Clock,
        *,
        signed_in: Callable[[], SignedIn],
        put: Callable[[Snapshot, tuple[str, ...]], None],
    ) -> None:
        self._file = file
        self._gateway = gateway
        self._started_with = gateway.current.settings
        self._signed_in = signed_in
        self._put = put
        self._applying = asyncio.Lock()  # from reading the file to the swap, so that what is newest is last
        self._watch = Watch(
            file.path,
            read=Path.read_bytes,
            load=file.load,
            apply=self._apply,
            clock=clock,
            others=lambda: tuple(file.named),
        )

    def check(self, text: str) -> tuple[Loaded, Snapshot]:
        """What a text would be as settings, without putting it in force. Raises one of `MISTAKES`."""
        trial = SettingsFile(self._file.path, self._file.environ)
        loaded = trial.load(text)
        return loaded, trial.snapshot(loaded, self._signed_in())

    def mistakes(self, text: str) -> str | None:
        """What keeps a text from being put in force, None where nothing does."""
        try:
            self.check(text)
        except MISTAKES as problem:
            return str(problem)
        return None

    async def apply_file(self) -> None:
        """Put in force at once what was written into the file; what does not fit is told as after any change. Where
        the file is changed once more meanwhile, whoever did that puts the newer text in force behind this one."""
        async with self._applying:
            try:
                text = await asyncio.to_thread(self._file.path.read_text, encoding="utf-8")
                await self._apply(await asyncio.to_thread(self._file.load, text))
            except MISTAKES as problem:
                self._gateway.reject(str(problem))

    async def look(self) -> None:
        """Put in force what somebody else has changed, if anything. To be called now and then."""
        async with self._applying:
            outcome = await self._watch.look()
        if outcome is not None and not outcome.ok:
            self._gateway.reject(outcome.error or "it cannot be put in force")

    async def _apply(self, loaded: Loaded) -> None:
        """Changed settings come into force for the calls that start from now on, or not at all."""
        snapshot = self._file.snapshot(loaded, self._signed_in())
        waiting = restart_needed(self._started_with, snapshot.settings)
        self._put(snapshot, waiting)
        for path in waiting:
            _log.warning("the new value of %s counts from the next start on", path)
