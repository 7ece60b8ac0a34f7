"""``switchyard login`` of every provider and in every way that it has: without a gateway, and at one that runs."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router.cli.login_command import OK, Wishes, login
from router.cli.login_desks import GatewayDesk, open_desk
from router.cli.talk import Place
from router.settings.provider_names import SIGN_INS
from router.settings.sign_ins import shipped_sign_ins
from router.state.migrate import migrate
from tests.ports import free_port
from tests.router.api.signing_in import Signing
from tests.router.api.test_whole_way import BY_BROWSER, World, world
from tests.router.cli.test_login import Person, Vendors, accounts, place_of, vendors
from tests.simulators.authorisation import AuthorisationServer

__all__ = ["vendors"]
BROWSED = tuple(name for name, facts in shipped_sign_ins().items() if "code" in facts.flows)
CODED = tuple(name for name, facts in shipped_sign_ins().items() if "device" in facts.flows)


@pytest.fixture
def config(vendors: Vendors, tmp_path: Path) -> Path:
    """Settings of an installation where no gateway runs, with every sign-in at the simulators."""
    vendors.server.devices.interval = 1
    blocks: dict[str, Any] = {"ctonew": {"sign_in": vendors.ctonew.facts()}}
    for name in SIGN_INS:
        if name == "ctonew":
            continue
        redirect = f"http://localhost:{free_port()}/{BY_BROWSER[name]}" if name in BY_BROWSER else None
        facts = vendors.server.overrides(name, redirect)
        secret = {"client_secret": facts.pop("client_secret")} if "client_secret" in facts else {}
        blocks[name.replace("-", "_")] = {**secret, "sign_in": facts}
    server = {"port": free_port(), "state_dir": str(tmp_path / "state")}
    settings = {"server": server, "auth": {"dir": str(tmp_path / "accounts")}, "providers": blocks}
    (tmp_path / "config.yaml").write_text(json.dumps(settings))
    migrate(tmp_path / "state" / "switchyard.sqlite")
    return tmp_path / "config.yaml"


def clicks(server: AuthorisationServer) -> Callable[[Person], str | None]:
    """The person consents in the browser that was opened."""

    def act(person: Person) -> str | None:
        if person.browsed:
            urllib.request.urlopen(server.visit(person.browsed.pop())).close()
        return None

    return act


def pastes(server: AuthorisationServer) -> Callable[[Person], str | None]:
    """The person consents on another machine, and pastes where that browser ended."""

    def act(person: Person) -> str | None:
        person._act = None
        return server.visit(next(line.strip() for line in person.said if line.startswith("  http")))

    return act


def types(server: AuthorisationServer) -> Callable[[Person], str | None]:
    """The person types the code that is shown."""

    def act(person: Person) -> str | None:
        server.approve(person.told.partition("Enter the code ")[2].partition(" at ")[0])
        person.line = lambda seconds: threading.Event().wait(0.05) and None  # type: ignore[method-assign]
        return None

    return act


WAYS = [
    *((name, "click", Wishes(accepts=True), clicks) for name in BROWSED),
    *((name, "paste", Wishes(accepts=True, flow="paste", browser=False), pastes) for name in BROWSED),
    *((name, "code", Wishes(accepts=True, flow="device"), types) for name in CODED),
]


@pytest.mark.parametrize(("name", "way", "wishes", "how"), WAYS, ids=lambda value: value if type(value) is str else "")
def test_without_a_gateway(vendors: Vendors, config: Path, name: str, way: str, wishes: Wishes, how: Any) -> None:
    person = Person(how(vendors.server))
    assert login(SIGN_INS[name].login[0], wishes, str(config), terminal=person) == OK, person.told
    assert [account.partition("/")[0] for account in accounts(config)] == [name]


def test_a_cookie_without_a_gateway(vendors: Vendors, config: Path) -> None:
    person = Person(typed=(vendors.ctonew.clerk.sign_in().cookie,))
    assert login("ctonew", Wishes(accepts=True), str(config), terminal=person) == OK
    assert [account.partition("/")[0] for account in accounts(config)] == ["ctonew"]


async def at_the_gateway(one: World, name: str, wishes: Wishes, how: Any) -> Person:
    """Sign in through the gateway of this test, on a thread, as the program does."""
    signing = Signing(one.router, one.server, one.router.folder / "accounts")

    def desk_of(place: Place, provider: str) -> GatewayDesk:
        desk = open_desk(place_of(signing), provider)
        assert isinstance(desk, GatewayDesk)
        return desk

    person = Person(how(one.server))
    word = SIGN_INS[name].login[0]
    code = await asyncio.to_thread(lambda: login(word, wishes, terminal=person, desk_of=desk_of))
    assert code == OK, person.told
    return person


async def test_at_the_gateway_that_runs(tmp_path: Path) -> None:
    async with world(tmp_path) as one:
        keeper = one.router.router._sign_ins.keeper
        for name, _, wishes, how in WAYS:
            await at_the_gateway(one, name, wishes, how)
            assert name in {credential.provider for credential in keeper.credentials()}, name
        assert {credential.provider for credential in keeper.credentials()} == set(SIGN_INS) - {"ctonew"}
        for name in one.router.router._gateway.current.providers:
            if name in SIGN_INS and name != "ctonew":
                assert (await one.ask(name, "chat")).status == 200, name
