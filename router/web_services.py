"""The services that are reached over HTTP, for one process: their key, how busy they are, and who asks them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from router.accounts.health import Health
from router.clock import Clock
from router.net.client import Net
from router.places import key_file
from router.relay.announced import EVERY, SERVICES, Announced
from router.relay.hub import Hub
from router.relay.polled import look
from router.secret import Secret
from router.settings.schema import Settings

SOON = 2.0
"""Seconds between two looks at a service that is not ready."""


class WebServices:
    """settings: those in force. changed: called after what services offer has changed."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        state_dir: Path,
        clock: Clock,
        net: Net,
        health: Health,
        hub: Hub,
        *,
        changed: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._state_dir = state_dir
        self._clock = clock
        self._net = net
        self._hub = hub
        self.announced = Announced(health, changed, self.key)

    def key(self) -> Secret:
        """What services are called with; empty where there is no key."""
        block = self._settings().providers.webai
        if block is not None and block.api_key is not None:
            return block.api_key
        try:
            return Secret(key_file(self._state_dir, "service").read_text(encoding="utf-8").strip())
        except OSError:
            return Secret("")

    def load(self, account: str) -> float | None:
        """How busy the service behind an account is, whichever way it is reached."""
        over_http = account.partition("/")[0] in SERVICES.values()
        return self.announced.load_of(account) if over_http else self._hub.load(account)

    def pause(self) -> float:
        """Seconds until a service at a fixed address is asked: soon where it is not ready, or never was asked."""
        known = self.announced.current()
        return EVERY if known and all(said.ready for said in known) else SOON

    async def look(self) -> None:
        """Ask the service at a fixed address, as it does not tell of itself."""
        block = self._settings().providers.webai
        if block is not None and block.enabled and block.endpoint is not None:
            said = await look(self._net, "webai", block.endpoint, self.key(), self._clock.wall())
            self.announced.take(said, self._clock.wall())
