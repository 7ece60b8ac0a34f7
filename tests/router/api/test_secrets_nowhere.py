"""Secrets planted in every slot appear in no sink, whatever goes wrong.

The slots are the tables of `planting`, what goes wrong those of `parrot` and `going_wrong`, the sinks those below.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

import pytest

from router.accounts.asking import Reply
from router.accounts.importing import Profile, ServiceAccount
from router.accounts.login.flows import Flow, Hidden
from router.accounts.oauth import Tokens
from router.accounts.stores.folder import Entry
from router.net.message import HttpRequest
from router.net.sockets import SocketRequest
from router.providers.ctonew.requests import Door
from router.providers.protocol import Outgoing
from router.secret import Secret
from tests.router.api.going_wrong import callers, calls, imports, quotas, reloads, renewals, sign_ins
from tests.router.api.leaks import Allowed, Canary, leaks, planted
from tests.router.api.parrot import MANNERS
from tests.router.api.planting import World, world


def _files(folder: Path, *without: str) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(path.match(name) for name in without):
            yield str(path.relative_to(folder)).encode() + b"\n" + path.read_bytes()


SINKS: Mapping[str, Callable[[World], Iterable[bytes]]] = {
    "log": lambda one: [one.router.log.encode()],
    "audit": lambda one: [path.read_bytes() for path in one.router.state.glob("audit.jsonl*")],
    "state folder": lambda one: _files(one.router.state, "*.key"),
    "accounts folder": lambda one: _files(one.folder / "accounts", ".switchyard-vault.key*"),
}
"""Beside what answers said (`World.said`): everything that is left when the router has stopped."""
ALLOWED: Allowed = {
    ("sign-in state", "sign-in begun"): "the person opens this address",
    ("sign-in state", "/v1/auth"): "the same, for as long as the sign-in waits",
    ("found", "accounts folder"): "that file itself, which is not ours or was damaged",
    ("import vertex.json", "accounts folder"): "a key file that the settings name",
}


def live() -> Iterator[bytes]:
    """What every value of ours that is in memory says of itself, where somebody prints it."""
    for value in gc.get_objects():
        if str(type(value).__module__).startswith("router."):
            yield repr(value).encode("utf-8", "backslashreplace")


def traces(one: World) -> list[str]:
    """Mistakes of ours, which may say anything."""
    lines = one.router.log.splitlines()
    return [" ".join(lines[at - 1 : at + 30]) for at, line in enumerate(lines) if "Traceback" in line]


def left(one: World) -> list[str]:
    """What must not be: every secret in a sink, as text."""
    sinks = {**one.said, **{name: list(read(one)) for name, read in SINKS.items()}}
    assert all(sinks.values()), [name for name, pieces in sinks.items() if not pieces]
    return [str(leak) for leak in leaks(one.canaries, sinks, ALLOWED)]


HEARD = (
    "account * access",
    "account * refresh",
    "account * proxy",
    "settings providers.*",
    "settings client_secret",
    "file keys/anthropic",
    "environ GEMINI_API_KEY",
    "environ HOUSE_HEADER",
    "sign-in *",
    "cto.new *",
)
"""Slots whose secrets must have been sent to somebody: what nobody uses cannot leak."""
KEPT = ("account * secrets.*", "account * unknown.*", "found claude-found.json")
"""Slots whose secrets must have been read."""


def idle(one: World, slots: Iterable[str], used: Iterable[bytes]) -> list[str]:
    """The secrets of `slots` that are not in `used`."""
    wanted = [each for each in one.canaries if any(fnmatch(each.slot, slot) for slot in slots)]
    assert wanted
    seen = {leak.slot for leak in leaks(wanted, {"used": used}, {})}
    return [each.slot for each in wanted if each.slot not in seen]


async def test_secrets_in_every_slot_are_in_no_sink(tmp_path: Path) -> None:
    async with world(tmp_path) as one:
        assert idle(one, KEPT[:2], one.kept) == []
        await quotas(one)
        await calls(one, "", *MANNERS)
        for part in (renewals, sign_ins, imports, callers, reloads):
            await part(one)
        assert idle(one, KEPT[2:], one.kept) == []
        await calls(one, "401", "error inside")
        one.note("values", *live())
        await one.router.stop()
        one.learn()
        assert idle(one, HEARD, one.heard) == []
        assert one.proxy.strangers == []
        assert traces(one) == []
        assert left(one) == []


async def test_nor_are_they_in_a_log_of_json(tmp_path: Path) -> None:
    async with world(tmp_path, "json") as one:
        await calls(one, "", "400", "text", "error inside")
        for part in (renewals, imports, reloads):
            await part(one)
        await one.router.stop()
        assert left(one) == []


async def test_nor_in_records_before_they_are_encrypted(tmp_path: Path) -> None:
    async with world(tmp_path, request_log="all", request_log_encrypted=False) as one:
        await calls(one, "", *MANNERS)
        await callers(one)
        await one.router.stop()
        one.learn()
        written = list(_files(one.router.state / "requests"))
        assert len(written) > 100
        assert any(b"upstream-1-answer.json" in each and b"401" in each for each in written)
        assert idle(one, ("account * access", "settings providers.*", "environ GEMINI_API_KEY"), one.heard) == []
        assert left(one) == []


TEXT = planted("*", 0)
VALUES = (
    HttpRequest(
        "GET", f"https://host.example/user?accessToken={TEXT}", {"a": TEXT}, TEXT.encode(), f"http://u:{TEXT}@h"
    ),
    SocketRequest(f"wss://host.example/?token={TEXT}", {"cookie": TEXT}, f"http://u:{TEXT}@h"),
    Reply(200, {"x": TEXT}, TEXT.encode(), cookies=(TEXT,)),
    Door(base_url="https://host.example", origin="o", token=Secret(TEXT), user="u", headers={"a": TEXT}, proxy=TEXT),
    Outgoing(
        operation="generate",
        dialect="chat",
        model="m",
        stream=True,
        body=TEXT.encode(),
        base_url="b",
        credential=Secret(TEXT),
        headers={"a": TEXT},
    ),
    Profile("p", TEXT.encode()),
    ServiceAccount("s", "p", TEXT.encode()),
    Entry(name="n", text=TEXT.encode()),
    Tokens(access=Secret(TEXT), expires_at=1.0, answer={"access_token": TEXT}),
    Flow(
        id="i", provider="p", kind="code", created_at=0.0, expires_at=1.0, url=TEXT, hidden=Hidden(state=Secret(TEXT))
    ),
)
"""Values that live too shortly to be seen."""


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_that_holds_secrets_does_not_show_them(value: object) -> None:
    assert list(leaks([Canary("text", TEXT)], {"shown": [repr(value).encode(), str(value).encode()]}, {})) == []
