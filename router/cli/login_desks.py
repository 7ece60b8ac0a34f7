"""Where ``switchyard login`` signs people in: at the running gateway, or in this process where none runs."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import msgspec

from router import places
from router.accounts.health import Health
from router.accounts.login.flows import LoginView, MemoryFlows
from router.accounts.login.manager import Logins
from router.accounts.login.refusals import Refused as LoginRefused
from router.cli.audited import operator
from router.cli.talk import Place, Refused, Unreachable, fetch, request
from router.clock import SystemClock
from router.net.client import Net
from router.server.product import DATABASE, CannotPrepare, migrate
from router.sign_ins import SignIns
from router.state.consents import Consent, accept, accepted
from router.state.database import transaction

T = TypeVar("T")
View = dict[str, Any]
_EXCHANGE = 180.0
"""Seconds that the last step may take: the provider is asked a few times."""


class Desk(Protocol):
    """Signs people in to one provider. Every view is that of ``/v1/auth``. Raises `router.cli.talk.Refused`."""

    def begin(self, options: Mapping[str, Any]) -> View: ...

    def look(self, login_id: str) -> View: ...

    def bring(self, login_id: str, pasted: str) -> View: ...

    def cancel(self, login_id: str) -> View: ...

    def close(self) -> None: ...


def open_desk(place: Place, provider: str) -> Desk:
    """The gateway's, where one answers. Raises `Refused` where this process cannot do it either."""
    try:
        fetch(place, "/healthz", timeout=3.0)
    except Unreachable:
        return OwnDesk(place, provider)
    return GatewayDesk(place, provider)


class GatewayDesk:
    """At the running gateway, over HTTP."""

    def __init__(self, place: Place, provider: str) -> None:
        self._place = place
        self._path = f"/v1/auth/{quote(provider)}/login"

    def begin(self, options: Mapping[str, Any]) -> View:
        return self._ask("POST", self._path, options, 100.0)

    def look(self, login_id: str) -> View:
        return self._ask("GET", f"{self._path}/{quote(login_id)}")

    def bring(self, login_id: str, pasted: str) -> View:
        return self._ask("POST", f"{self._path}/{quote(login_id)}/callback", {"code": pasted}, _EXCHANGE)

    def cancel(self, login_id: str) -> View:
        return self._ask("DELETE", f"{self._path}/{quote(login_id)}")

    def close(self) -> None:
        """Nothing is held."""

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, timeout: float = 30.0) -> View:
        answer: View = request(self._place, method, path, body, timeout=timeout)
        return answer


class OwnDesk:
    """In this process, with the account files and the database themselves. Its event loop has a thread of its own, so
    that the terminal can be waited for."""

    def __init__(self, place: Place, provider: str) -> None:
        self._provider = provider
        self._place = place
        self._database = place.state_dir / DATABASE
        if place.problem is not None:
            raise Refused(place.problem)
        try:
            migrate(place.state_dir)
        except CannotPrepare as error:
            raise Refused(str(error)) from None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="login", daemon=True)
        self._thread.start()
        try:
            self._signs, self._net, self._logins = self._run(self._open(), 30.0)
        except OSError as error:
            self._stop()
            raise Refused(f"the accounts cannot be read: {error.strerror or error}") from None
        except BaseException:
            self._stop()
            raise

    async def _open(self) -> tuple[SignIns, Net, Logins]:
        settings, clock = self._place.settings, SystemClock()
        chance = random.Random()  # noqa: S311  jitter is no secret
        net = Net(environ=os.environ)
        net.follow(settings.network.proxy, settings.network.no_proxy)
        signs = SignIns(
            settings.providers,
            places.in_checkout(settings.auth.dir),
            self._place.state_dir,
            os.environ,
            net=net,
            health=Health(clock, chance),
            clock=clock,
            chance=chance,
            changed=_nothing,
        )
        with transaction(self._database) as connection:
            signs.accept(accepted(connection))
        await signs.keeper.reload()
        return signs, net, signs.admit(MemoryFlows(), self._accept)

    async def _accept(self, provider: str, by: str, caveat: str) -> None:
        consent = Consent(provider=provider, by=by, caveat=caveat, at=SystemClock().wall())
        with transaction(self._database, writes=True) as connection:
            accept(connection, consent)

    def begin(self, options: Mapping[str, Any]) -> View:
        flow, label = options.get("flow"), options.get("label")
        accepts = options.get("accept", False)
        return self._view(
            self._logins.start(self._provider, flow=flow, label=label, accepted=accepts, by=operator()), 100.0
        )

    def look(self, login_id: str) -> View:
        return self._view(self._logins.get(self._provider, login_id))

    def bring(self, login_id: str, pasted: str) -> View:
        return self._view(self._logins.callback(self._provider, login_id, pasted), _EXCHANGE)

    def cancel(self, login_id: str) -> View:
        return self._view(self._logins.cancel(self._provider, login_id))

    def close(self) -> None:
        with suppress(TimeoutError):
            self._run(self._close(), 60.0)
        self._stop()

    async def _close(self) -> None:
        await self._signs.close()
        await self._net.close()

    def _view(self, work: Coroutine[Any, Any, LoginView], within: float = 30.0) -> View:
        try:
            shown: View = msgspec.to_builtins(self._run(work, within))
        except LoginRefused as refused:
            raise Refused(refused.message, {"code": refused.reason, "caveat": refused.caveat}) from None
        return shown

    def _run(self, work: Coroutine[Any, Any, T], within: float) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(within)

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5.0)
        self._loop.close()


def _nothing() -> None:
    """Nobody routes here."""
