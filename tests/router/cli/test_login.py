"""``switchyard login`` at a gateway and without one, with a person who clicks, types and pastes."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from router.accounts.audit_reader import Wanted, read
from router.accounts.stores.files import FileStore
from router.cli import main
from router.cli.audited import operator
from router.cli.login_command import FAILED, OK, USAGE, Wishes, flow_of, login
from router.cli.login_desks import GatewayDesk, OwnDesk, open_desk
from router.cli.talk import Place, Refused, find_place
from router.cli.terminal import Terminal
from router.clock import SystemClock
from router.state.migrate import migrate
from router.vault.keys import account_vault
from tests.ports import free_port
from tests.router.api.harness import MANAGEMENT
from tests.router.api.signing_in import Signing, signing
from tests.simulators.authorisation import AuthorisationServer
from tests.simulators.ctonew import CtoNew

CLOSED = {"claude_oauth": "callback", "kimi_oauth": None, "chatgpt_oauth": "auth/callback"}


class Person(Terminal):
    """A person. act: what happens at each look of the program, given what was said so far."""

    def __init__(self, act: Callable[[Person], str | None] | None = None, *, typed: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.said: list[str] = []
        self.browsed: list[str] = []
        self.asked: list[str] = []
        self.answers = True
        self.typed = list(typed)
        self.has_browser = True
        self.terminal = True
        self._act = act

    @property
    def interactive(self) -> bool:
        return self.terminal

    def say(self, text: str) -> None:
        self.said.append(text)

    def confirm(self, question: str) -> bool:
        self.asked.append(question)
        return self.answers

    def secret(self, prompt: str) -> str:
        return self.typed.pop(0)

    def line(self, seconds: float) -> str | None:
        return self._act(self) if self._act is not None else None

    def browse(self, url: str) -> bool:
        self.browsed.append(url)
        return self.has_browser

    @property
    def told(self) -> str:
        return "\n".join(self.said)


class Vendors:
    """The simulated servers, on a thread of their own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = AuthorisationServer()
        self.ctonew = CtoNew()
        self.run(self.server.__aenter__())
        self.run(self.ctonew.__aenter__())

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def close(self) -> None:
        self.run(self.server.__aexit__())
        self.run(self.ctonew.__aexit__())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    started = Vendors()
    yield started
    started.close()


@pytest.fixture
def config(vendors: Vendors, tmp_path: Path) -> Path:
    """Settings of an installation where no gateway runs."""
    blocks: dict[str, Any] = {"ctonew": {"sign_in": vendors.ctonew.facts()}}
    for block, path in CLOSED.items():
        redirect = f"http://localhost:{free_port()}/{path}" if path else None
        blocks[block] = {"sign_in": vendors.server.overrides(block.replace("_", "-"), redirect)}
    server = {"port": free_port(), "state_dir": str(tmp_path / "state")}
    settings = {"server": server, "auth": {"dir": str(tmp_path / "accounts")}, "providers": blocks}
    (tmp_path / "config.yaml").write_text(json.dumps(settings))
    migrate(tmp_path / "state" / "switchyard.sqlite")
    return tmp_path / "config.yaml"


def accounts(config: Path) -> list[str]:
    folder = config.parent / "accounts"
    store = FileStore(folder, account_vault(folder, {}), SystemClock())
    return [one.id for one in store.load().credentials]


def clicks(vendors: Vendors) -> Callable[[Person], None]:
    """The person consents in the browser that was opened, which then goes where it is sent."""

    def act(person: Person) -> None:
        if person.browsed:
            with urllib.request.urlopen(vendors.server.visit(person.browsed.pop())) as page:
                person.said.append(page.read().decode())

    return act


def test_the_browser_signs_in_without_a_gateway_and_the_account_is_printed(
    vendors: Vendors, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person(clicks(vendors))
    assert login("claude", Wishes(), str(config), terminal=person) == OK
    assert capsys.readouterr().out == "claude-oauth/ada@example.org\n"
    assert person.asked == ["Go on?"] and "Anthropic's terms" in person.told and "It worked" in person.told
    assert "Signed in as ada@example.org" in person.said[-1] and accounts(config) == ["claude-oauth/ada@example.org"]
    again = Person(clicks(vendors))
    assert login("claude", Wishes(), str(config), terminal=again) == OK
    assert again.asked == [] and accounts(config) == ["claude-oauth/ada@example.org"]  # asked once
    entries = read(find_place(str(config)).state_dir, Wanted(), 10).entries
    told = (operator(), "signed_in", "claude-oauth/ada@example.org")
    assert [(entry.who, entry.action, entry.which) for entry in entries] == [told] * 2


def test_a_person_who_does_not_accept_changes_nothing(vendors: Vendors, config: Path) -> None:
    person = Person()
    person.answers = False
    assert login("claude", Wishes(), str(config), terminal=person) == FAILED
    script = Person()
    script.terminal = False
    assert login("claude", Wishes(), str(config), terminal=script) == FAILED
    assert "--yes" in script.told and accounts(config) == [] and not vendors.server.calls


def test_what_is_pasted_while_it_waits_signs_in(vendors: Vendors, config: Path) -> None:
    pasted = iter(["nonsense?x=1", ""])

    def act(person: Person) -> str | None:
        url = next(line.strip() for line in person.said if line.startswith("  http"))
        return next(pasted, None) or vendors.server.visit(url)

    person = Person(act)
    wishes = Wishes(flow="paste", label="work", browser=False, accepts=True)
    assert login("llmux-claude", wishes, str(config), terminal=person) == OK
    assert person.browsed == [] and "another address" in person.told
    assert accounts(config) == ["claude-oauth/work"]


def test_a_device_code_is_shown_exactly(vendors: Vendors, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vendors.server.devices.interval = 1

    def act(person: Person) -> None:
        code = person.told.partition("Enter the code ")[2].partition(" at ")[0]
        vendors.server.approve(code)
        person._act = None
        person.line = lambda seconds: threading.Event().wait(0.05) and None  # type: ignore[method-assign]

    person = Person(act)
    assert login("kimi", Wishes(accepts=True, as_json=True), str(config), terminal=person) == OK
    begun, ended = map(json.loads, capsys.readouterr().out.splitlines())
    assert f"Enter the code {begun['user_code']} at {begun['verification_uri']}" in person.told
    assert person.browsed == [begun["verification_uri_complete"]]
    assert ended["state"] == "done" and accounts(config) == ["kimi-oauth/default"]


def test_a_cookie_is_read_from_a_prompt_that_does_not_show_it(vendors: Vendors, config: Path) -> None:
    person = Person(typed=("nonsense", vendors.ctonew.clerk.sign_in().cookie))
    assert login("ctonew", Wishes(flow="paste", accepts=True), str(config), terminal=person) == OK
    assert "three parts" in person.told and "__client" in person.told
    assert [one.partition("/")[0] for one in accounts(config)] == ["ctonew"]


def test_a_cookie_on_stdin_gets_one_try(vendors: Vendors, config: Path) -> None:
    person = Person(typed=("nonsense",))
    person.terminal = False
    assert login("ctonew", Wishes(accepts=True), str(config), terminal=person) == FAILED
    assert "three parts" in person.told


def test_control_c_cancels(vendors: Vendors, config: Path) -> None:
    def act(person: Person) -> str | None:
        raise KeyboardInterrupt

    person = Person(act)
    assert login("claude", Wishes(accepts=True), str(config), terminal=person) == FAILED
    assert person.said[-1].strip() == "Cancelled." and accounts(config) == []


def test_an_unknown_provider_is_wrong_usage_with_the_nearest_name() -> None:
    person = Person()
    assert login("cladue", Wishes(), terminal=person) == USAGE
    assert "Did you mean 'claude'" in person.told


def test_two_ways_at_once_are_wrong_usage() -> None:
    assert flow_of(True, False, False) == "device" and flow_of(False, False, True) == "paste"
    with pytest.raises(ValueError, match="one of"):
        flow_of(True, True, False)
    for group in main.GROUPS:
        main.add_group(group)
    result = CliRunner().invoke(main.app, ["login", "claude", "--device", "--paste"])
    assert result.exit_code == 2


def test_no_option_takes_a_secret() -> None:
    result = CliRunner().invoke(main.app, ["login", "ctonew", "--cookie", "value-of-a-cookie"])
    assert result.exit_code == 2  # the flag takes no value


async def test_the_running_gateway_signs_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with signing(tmp_path, on=False) as one:
        desks: list[Any] = []

        def desk_of(place: Place, provider: str) -> GatewayDesk:
            desk = open_desk(place_of(one), provider)
            assert isinstance(desk, GatewayDesk)
            desks.append(desk)
            return desk

        def act(person: Person) -> None:
            if person.browsed:
                urllib.request.urlopen(one.server.visit(person.browsed.pop())).close()

        person = Person(act)
        code = await asyncio.to_thread(lambda: login("claude", Wishes(), terminal=person, desk_of=desk_of))
        assert (code, person.asked) == (OK, ["Go on?"]), person.told
        assert capsys.readouterr().out.endswith("claude-oauth/ada@example.org\n")
        assert one.only.id == "claude-oauth/ada@example.org" and one.memory.accepted() == {"claude-oauth"}

        def interrupted(person: Person) -> str | None:
            raise KeyboardInterrupt

        stopped = Person(interrupted)
        code = await asyncio.to_thread(lambda: login("claude", Wishes(), terminal=stopped, desk_of=desk_of))
        assert code == FAILED and (await one.flows())[-1].state == "cancelled"


def place_of(one: Signing) -> Place:
    """The installation whose gateway runs in this test."""
    port = int(one.router.url.rpartition(":")[2])
    settings = one.router.router._gateway.current.settings
    server = settings.server.model_copy(update={"port": port})
    place = Place(settings.model_copy(update={"server": server}), one.router.config, one.router.state)
    assert place.key("management") == MANAGEMENT
    return place


def test_without_a_gateway_and_with_broken_settings_the_mistake_is_told(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"server: {{prt: 1, port: {free_port()}}}")
    person = Person()
    assert login("claude", Wishes(), str(config), terminal=person) == FAILED
    assert "server.prt" in person.told


def test_the_own_desk_says_what_the_gateway_would_and_makes_the_database_it_needs(
    vendors: Vendors, config: Path
) -> None:
    (config.parent / "state" / "switchyard.sqlite").unlink()
    from router.cli.talk import find_place

    desk = OwnDesk(find_place(str(config)), "claude-oauth")
    try:
        with pytest.raises(Refused) as caught:
            desk.begin({})
        assert caught.value.facts["code"] == "consent" and "Anthropic" in caught.value.facts["caveat"]
    finally:
        desk.close()
