"""The ASGI application: routes, lifespan, hot reload. No logic of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from router import places
from router.access.door import Door, session_secret
from router.access.keys import ClientKey, KeyRing, double_roles
from router.access.session_tokens import SessionTokens
from router.access.sources import file_keys, settings_keys
from router.accounts.health import Health
from router.accounts.record import Account
from router.accounts.windows import UsageReader
from router.api.account_routes import AccountRoutes
from router.api.accounts import AccountViews
from router.api.announcements import AnnouncementRoutes
from router.api.cors import Cors
from router.api.dashboard import Dashboard
from router.api.edge import Edge
from router.api.front import Front
from router.api.manage.assemble import Sources, assemble
from router.api.operations import Operations
from router.api.relay import RelaySocket
from router.api.service_sign_in import ServiceLoginRoutes
from router.api.sign_in import Hall, LoginRoutes
from router.api.sockets import Sockets
from router.api.surfaces import ModelSurfaces
from router.api.web_cookies import WebCookieRoutes
from router.backup.contents import Places
from router.backup.shelf import Shelf
from router.call import Record
from router.clock import Clock, SystemClock
from router.config_history import ConfigHistory
from router.gateway import Gateway
from router.healed import lately
from router.net.client import Net
from router.observe import logs
from router.observe.debugging import Debugging
from router.observe.metrics import DiskFree, Metrics
from router.observe.recent import KEPT, Recent
from router.observe.records.folder import RecordFolder, opened
from router.observe.records.recorder import Recorder, told
from router.observe.request_line import RequestLines
from router.observe.start_lines import start_lines
from router.observe.tail import Tail
from router.programs import Programs, command
from router.providers.resolve import SignedIn
from router.recall import Recall
from router.relay.hub import Hub
from router.rounds import Rounds
from router.routing.tracking import pseudonyms
from router.settings.schema import Settings
from router.settings.watch import EVERY
from router.settings_changes import SettingsChanges
from router.settings_file import SettingsFile
from router.sign_ins import SignIns
from router.snapshot import Snapshot
from router.supervisord import Supervisord, ask_parent
from router.supervisord_rpc import socket_of
from router.tasks import Tasks
from router.usage.ledger import Ledger
from router.usage.price_file import NAME as PRICES
from router.vault.keys import VARIABLE
from router.web_services import WebServices

_log = logging.getLogger("switchyard.app")


def create_app(config: Path, environ: Mapping[str, str]) -> ASGIApp:
    """The application for one settings file. Raises as `SettingsFile.read` does, before anything is started."""
    file = SettingsFile(config, environ)
    return Router(file, file.read()).app()


class Router:
    """Builds the parts when the server starts and takes them down when it stops."""

    def __init__(self, file: SettingsFile, snapshot: Snapshot, clock: Clock | None = None) -> None:
        settings = snapshot.settings
        self._file = file
        self._auth_dir = places.in_checkout(settings.auth.dir)
        self._state_dir = places.in_checkout(settings.server.state_dir)
        self._log_writer = logs.configure(settings.observe.level, settings.observe.format)
        self._clock = clock or SystemClock()
        chance = random.Random()  # noqa: S311  seeded by the system; ids and jitter are no secrets
        self._health = Health(self._clock, chance)
        self._keys = KeyRing(self._fixed_keys(snapshot), self._clock, database=self._stored_keys)
        secret = session_secret(self._state_dir)
        net, metrics = Net(environ=file.environ), Metrics()
        self._hub = Hub(
            self._clock,
            chance,
            net.patience,
            changed=self._reroute,
            holds=self._health,
            observer=metrics,
            message_bytes=settings.relay.max_message_bytes,
        )
        self._hub.announce(settings.relay.routers)
        self._sign_ins = SignIns(
            settings.providers,
            places.in_checkout(settings.auth.dir),
            self._state_dir,
            file.environ,
            net=net,
            health=self._health,
            clock=self._clock,
            chance=chance,
            changed=self._reroute,
        )
        self._hub.sign_ins.on_done = lambda done: self._sign_ins.audit.record(
            done.who, "signed_in", done.account, "in a browser of its service"
        )
        self._sign_ins.on_renewal = metrics.renewal
        metrics.collect(DiskFree({"state": self._state_dir, "accounts": places.in_checkout(settings.auth.dir)}))
        self._web = WebServices(
            self._settings, self._state_dir, self._clock, net, self._health, self._hub, changed=self._reroute
        )
        self._announced = self._web.announced
        self._gateway = Gateway(
            snapshot,
            keys=self._keys,
            door=Door(self._keys, SessionTokens(secret, os.urandom), self._clock),
            net=net,
            health=self._health,
            stored=self._sign_ins.keeper,
            metrics=metrics,
            clock=self._clock,
            chance=chance,
            tell=self._tell,
            hub=self._hub,
            ledger=Ledger(self._state_dir / "journal", self._clock),
        )
        self._health.load_of = self._web.load
        self._gateway.kept_by_services = self._announced.for_a_person
        self._recent = Recent(self._clock.wall)
        self._debugging = Debugging(self._clock.monotonic)
        self._tail = Tail()
        self._log_writer.seen = self._tail.seen
        self._lines = RequestLines(self._log_writer, self._clock)
        self._gateway.metrics.logs_dropped.set_function(lambda: self._log_writer.dropped)
        self._recorder = Recorder(
            RecordFolder(self._state_dir, lambda: opened(self._state_dir)),
            lambda: self._settings().observe,
            self._clock.wall,
            admits=self._gateway.door.may_record,
        )
        self._rounds = Rounds(
            self._gateway,
            self._hub,
            self._announced,
            self._sign_ins,
            UsageReader(self._gateway.windows, self._sign_ins.ask, self._clock, chance),
            self._recorder,
            self._clock,
            changed=self._reroute,
        )
        metrics.records_dropped.set_function(lambda: self._recorder.dropped)
        self._edge = Edge(self._gateway, self._recorder, pseudonyms(secret.reveal()))
        self.recall = Recall(
            self._state_dir, self._clock, self._edge, self._health, self._keys, self._sign_ins, self._announced
        )
        self._tasks = Tasks("app")
        self._programs = Programs(command(file.path), file.environ, self._tasks, self._tell_of_programs)
        self._changes = SettingsChanges(file, self._gateway, self._clock, signed_in=self._signed_in, put=self._put)

    def app(self) -> ASGIApp:
        """The routes, the busiest first."""
        accounts = AccountViews(self._gateway, self._sign_ins.keeper)
        operations = Operations(self._gateway)
        manage = assemble(
            self._gateway,
            Sources(
                accounts=accounts,
                keeper=self._sign_ins.keeper,
                with_account=self._with_account,
                announced=self._announced,
                recent=self._recent,
                records=self._recorder.folder,
                tail=self._tail,
                history=ConfigHistory(self._file.path, self._state_dir / "config-history", self._clock.wall),
                prices=ConfigHistory(self._state_dir / PRICES, self._state_dir / "prices-history", self._clock.wall),
                file=str(self._file.path),
                check=self._changes.check,
                apply=self._changes.apply_file,
                keys=lambda: self.recall.memory,
                usage=lambda: self.recall.memory.usage if self.recall.memory is not None else None,
                causes=lambda: operations.causes(names=True),
                absent=self._rounds.absent,
                audit=lambda who, what, which: self._sign_ins.audit.record(who, "managed", which, what),
                audit_log=self._sign_ins.audit,
                supervisord=Supervisord(socket_of(self._file.environ, places.ROOT)),
                debugging=self._debugging,
                replace=lambda: ask_parent(self._file.environ),
                healed=lambda: lately(self._state_dir, self._clock.wall()),
                shelf=Shelf(self._places(), self._clock.wall),
                judged=self._changes.mistakes,
                elsewhere=VARIABLE in self._file.environ,
                environ=self._file.environ,
            ),
            self._clock,
        )
        surfaces = ModelSurfaces(self._edge)
        rest = Starlette(
            routes=[
                Route("/", operations.root),
                Route("/healthz", operations.healthz),
                Route("/readyz", operations.readyz),
                Route("/metrics", operations.metrics),
                Route("/api/hello", operations.hello),
                *manage,
                *Dashboard(self._gateway).routes(),
                *AnnouncementRoutes(self._gateway, self._announced, self._clock.wall).routes(),
                *WebCookieRoutes(self._gateway, self._announced, self._sign_ins.brought).routes(),
                *ServiceLoginRoutes(self._gateway).routes(),
                *LoginRoutes(self._gateway, self._hall).routes(),
                *AccountRoutes(self._gateway, accounts, self._hall).routes(),
            ],
            lifespan=self._lifespan,
        )
        rest.router.default = surfaces  # which say what is wrong with a path in the caller's dialect
        front = Front(surfaces, rest)
        relay = RelaySocket(self._hub, self._keys, self._settings, known=self._edge.known.wait)
        return Sockets(Cors(front, settings=self._settings), {"/v1/ws": relay})

    def _places(self) -> Places:
        """What a backup is made of: where it was at the start, as both folders count from then on."""
        return Places(self._file.path, self._state_dir, self._auth_dir)

    def _settings(self) -> Settings:
        return self._gateway.current.settings

    def _hall(self) -> Hall | None:
        """Where people sign in, once sign-ins can be kept."""
        logins = self._sign_ins.logins
        return Hall(logins, self._sign_ins.keeper, self._sign_ins.bring_in) if logins is not None else None

    def _tell(self, record: Record) -> None:
        """One line in the log, who used which account, and for people who look."""
        self._lines.tell(record)
        self._recent.add(record)
        self._sign_ins.used(record)

    def _tell_of_programs(self, problem: str | None) -> None:
        self._gateway.programs_problem = problem

    def _reroute(self) -> None:
        """Accounts came, went or changed."""
        self._gateway.reroute(self._file.with_accounts(self._gateway.current, self._signed_in()))

    def _with_account(self, account: Account) -> Snapshot:
        """What is in force, as it would be with one account more."""
        known = self._signed_in()
        accounts = {**known.accounts, account.provider: (*known.accounts.get(account.provider, ()), account)}
        return self._file.with_accounts(self._gateway.current, replace(known, accounts=accounts))

    def _signed_in(self) -> SignedIn:
        connected = {**self._hub.connected(), **self._announced.connected()}
        return replace(self._sign_ins.signed_in(), connected=connected, listed={"ctonew": self._rounds.listed})

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        ledger = self._gateway.ledger
        ledger.follow(self._settings().usage)
        self._debugging.follow(self._settings().observe.debug)
        self._edge.start()
        await self._sign_ins.start()  # before the first call: none may be refused for want of an account that is there
        if self._sign_ins.keeper.credentials():
            await self.recall.take_over(self._tasks)  # which of them are turned on stands in the database
        self._watch()
        try:
            yield
        finally:
            self._debugging.follow(False)
            await self._tasks.close()
            self._hub.close()
            await self._sign_ins.close()
            await self._edge.close()
            await asyncio.to_thread(self._recorder.close)
            await self._gateway.close()
            await self.recall.open_ledger()
            await ledger.close()
            await self.recall.close()
            self._log_writer.close()

    async def _begin(self) -> None:
        """Remember, and then say who serves: how many keys there are is known only now."""
        await self.recall.take_over(self._tasks)
        self._tasks.spawn(self._remember_calls(), "what earlier calls did")
        self._introduce()

    async def _remember_calls(self) -> None:
        self._recent.load(await self.recall.calls(KEPT))

    def _introduce(self) -> None:
        now = self._gateway.current
        lines = start_lines(
            source=str(self._file.path),
            digest=self._file.digest,
            providers=now.providers.values(),
            keys=self._keys.keys(),
            remote_management=now.settings.auth.management.remote,
            now=self._clock.wall(),
        )
        for line in lines:
            _log.info("%s", line)
        self._warn(now.warnings)

    def _warn(self, warnings: Iterable[str]) -> None:
        recorded = (key.name for key in self._keys.known() if key.rights is not None and key.rights.request_log)
        for warning in (*warnings, *double_roles(self._keys.keys()), *told(self._settings().observe, recorded)):
            _log.warning("%s", warning)

    def _watch(self) -> None:
        """What goes on beside the requests."""
        self._tasks.spawn(self._begin(), "begin")
        self.recall.watch(self._tasks)
        self._rounds.begin(self._tasks)
        self._tasks.periodic(self._web.pause, self._web.look, "look at the WebAI service")
        self._tasks.periodic(lambda: EVERY, self._changes.look, "watch settings")

    def _put(self, snapshot: Snapshot, waiting: tuple[str, ...]) -> None:
        """Changed settings come into force in all parts. waiting: those that count from the next start on."""
        before, settings = self._settings(), snapshot.settings
        self._sign_ins.follow(settings.providers)
        logs.set_level(settings.observe.level)
        self._keys.replace_fixed(self._fixed_keys(snapshot))
        self._gateway.replace(snapshot, waiting)
        self._programs.follow(before, settings)
        self._hub.announce(settings.relay.routers)
        self._gateway.ledger.follow(settings.usage)
        self._debugging.follow(settings.observe.debug)
        self._warn(())  # what the settings themselves warn of, who reads them says

    def _fixed_keys(self, snapshot: Snapshot) -> list[ClientKey]:
        return [*settings_keys(snapshot.settings), *file_keys(self._state_dir / "keys")]

    def _stored_keys(self) -> tuple[ClientKey, ...]:
        return self.recall.stored_keys()
