"""The ASGI application: routes, lifespan, hot reload. No logic of its own."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from router import places
from router.access.keys import ClientKey, KeyRing
from router.access.sources import file_keys, settings_keys, stored_keys
from router.accounts.health import Health
from router.api.cors import Cors
from router.api.edge import Edge
from router.api.front import Front
from router.api.management import Management
from router.api.operations import Operations
from router.api.sockets import RefuseSockets
from router.api.surfaces import ModelSurfaces
from router.clock import SystemClock
from router.gateway import Gateway, Snapshot, snapshot_of
from router.net.client import Net
from router.observe import logs
from router.observe.metrics import Metrics
from router.settings.load import Loaded, load
from router.settings.watch import EVERY, Watch, restart_needed
from router.state.health_rows import load_health, save_health
from router.state.responses import ResponseStore
from router.state.store import StateStore
from router.state.vault import Vault, vault_key
from router.tasks import Tasks

_log = logging.getLogger("switchyard.app")
DATABASE = "switchyard.sqlite"
SAVE_EVERY = 1.0
"""Seconds between two writes of what was learnt about accounts."""
KEYS_EVERY = 2.0
"""Seconds between two looks for keys that were made or revoked."""
SWEEP_EVERY = 600.0
"""Seconds between two removals of stored answers that have expired."""


def read_snapshot(path: Path, environ: Mapping[str, str]) -> Snapshot:
    """The settings file as a snapshot; a missing file gives the defaults. Raises `SettingsError`, `RoutingMistakes`,
    `CapabilityMistakes` or `OSError`."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return snapshot_from(load_text(text, path, environ), environ)


def load_text(text: str, path: Path, environ: Mapping[str, str]) -> Loaded:
    """The settings in `text`, which stands at `path`."""
    return load(
        text,
        environ,
        lambda name: places.in_checkout(name).read_text(encoding="utf-8"),
        client_keys_exist=True,  # the server checked the door before it bound the port
        source=str(path),
    )


def snapshot_from(loaded: Loaded, environ: Mapping[str, str]) -> Snapshot:
    """Everything that follows from the settings. Raises `RoutingMistakes` or `CapabilityMistakes`."""
    now = SystemClock().wall()
    return snapshot_of(loaded.settings, environ, warnings=loaded.warnings, provenance=loaded.provenance, now=now)


def create_app(config: Path, environ: Mapping[str, str]) -> ASGIApp:
    """The application for one settings file. Raises as `read_snapshot` does, before anything is started."""
    snapshot = read_snapshot(config, environ)
    return Router(config, environ, snapshot).app()


class Router:
    """Builds the parts when the server starts and takes them down when it stops."""

    def __init__(self, config: Path, environ: Mapping[str, str], snapshot: Snapshot) -> None:
        settings = snapshot.settings
        self._config = config
        self._started_with = settings
        self._environ = environ
        self._state_dir = places.in_checkout(settings.server.state_dir)
        self._log_writer = logs.configure(settings.observe.level, settings.observe.format)
        self._clock = SystemClock()
        chance = random.Random()  # noqa: S311  seeded by the system; ids and jitter are no secrets
        self._health = Health(self._clock, chance)
        self._database = self._state_dir / DATABASE
        self._keys = KeyRing(self._fixed_keys(snapshot), self._clock, database=self._stored_keys)
        self._store: StateStore | None = None
        self._gateway = Gateway(
            snapshot,
            keys=self._keys,
            net=Net(),
            health=self._health,
            metrics=Metrics(),
            clock=self._clock,
            chance=chance,
        )
        self._edge = Edge(self._gateway)
        self._tasks = Tasks("app")

    def app(self) -> ASGIApp:
        """The routes, the busiest first."""
        operations, management = Operations(self._gateway), Management(self._gateway)
        surfaces = ModelSurfaces(self._edge)
        rest = Starlette(
            routes=[
                Route("/", operations.root),
                Route("/healthz", operations.healthz),
                Route("/readyz", operations.readyz),
                Route("/metrics", operations.metrics),
                Route("/api/hello", operations.hello),
                Route("/v0/management/status", management.status),
                Route("/v0/management/explain", management.explain),
                Route("/v0/management/models", management.models),
            ],
            lifespan=self._lifespan,
        )
        front = Front(surfaces, rest)
        return RefuseSockets(Cors(front, settings=lambda: self._gateway.current.settings))

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._open_state()
        self._edge.start()
        self._watch()
        try:
            yield
        finally:
            await self._tasks.close()
            await self._edge.close()
            await self._gateway.close()
            if self._store is not None:
                self._save_health()
                self._store.close()
            self._log_writer.close()

    def _open_state(self) -> None:
        """The database, if it is there (``make up`` makes it): health, keys, stored answers."""
        if not self._database.exists():
            _log.warning("there is no database at %s: nothing is remembered over a restart", self._database.name)
            return
        self._store = StateStore(self._database)
        self._keys.refresh()
        self._health.load(self._store.read_now(load_health))
        kept = self._gateway.current.settings.policies.stored_responses
        if kept.enabled:
            vault = Vault(vault_key(self._state_dir / "vault.key"))
            rows = ResponseStore(self._store, vault, self._clock, ttl=kept.ttl, max_bytes=kept.max_bytes)
            self._edge.continuations.use(rows)
            self._tasks.periodic(lambda: SWEEP_EVERY, _sweeping(rows), "forget old answers")

    def _watch(self) -> None:
        """What goes on beside the requests."""

        async def save() -> None:
            self._save_health()

        async def keys() -> None:
            await asyncio.to_thread(self._keys.refresh)

        self._tasks.periodic(lambda: SAVE_EVERY, save, "save health")
        if self._store is not None:
            self._tasks.periodic(lambda: KEYS_EVERY, keys, "look at keys")
        watch = Watch(
            self._config,
            read=Path.read_bytes,
            load=lambda text: load_text(text, self._config, self._environ),
            apply=self._apply,
            clock=self._clock,
        )

        async def look() -> None:
            outcome = await watch.look()
            if outcome is not None and not outcome.ok:
                self._gateway.reject(outcome.error or "it cannot be put in force")

        self._tasks.periodic(lambda: EVERY, look, "watch settings")

    async def _apply(self, loaded: Loaded) -> None:
        """Changed settings come into force for the calls that start from now on, or not at all."""
        snapshot = snapshot_from(loaded, self._environ)
        logs.set_level(snapshot.settings.observe.level)
        self._keys.replace_fixed(self._fixed_keys(snapshot))
        waiting = restart_needed(self._started_with, snapshot.settings)
        self._gateway.replace(snapshot, waiting)
        for path in waiting:
            _log.warning("the new value of %s counts from the next start on", path)

    def _fixed_keys(self, snapshot: Snapshot) -> list[ClientKey]:
        return [*settings_keys(snapshot.settings), *file_keys(self._state_dir / "keys")]

    def _stored_keys(self) -> tuple[ClientKey, ...]:
        return self._store.read_now(stored_keys) if self._store is not None else ()

    def _save_health(self) -> None:
        if self._store is None:
            return
        rows = self._health.dirty()
        if rows:
            self._store.submit(lambda connection: save_health(connection, rows))


def _sweeping(rows: ResponseStore) -> Callable[[], Awaitable[None]]:
    async def sweep() -> None:
        await rows.sweep()

    return sweep
