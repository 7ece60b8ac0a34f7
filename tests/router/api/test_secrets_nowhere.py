"""Secrets planted in every slot appear in no sink, whatever goes wrong.

The slots are the tables of `planting`, what goes wrong those of `parrot` and `going_wrong`, the sinks those below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

from tests.router.api.going_wrong import callers, calls, imports, reloads, renewals, sign_ins
from tests.router.api.leaks import Allowed, leaks
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
    ("import ../../aistudio", "accounts folder"): "a profile for a service that cannot decrypt",
    ("import vertex.json", "accounts folder"): "a key file that the settings name",
}


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
        await calls(one, "", *MANNERS)
        for part in (renewals, sign_ins, imports, callers, reloads):
            await part(one)
        assert idle(one, KEPT[2:], one.kept) == []
        await calls(one, "401", "error inside")
        await one.router.stop()
        one.learn()
        assert idle(one, HEARD, one.heard) == []
        assert traces(one) == []
        assert left(one) == []


async def test_nor_are_they_in_a_log_of_json(tmp_path: Path) -> None:
    async with world(tmp_path, "json") as one:
        await calls(one, "", "400", "text", "error inside")
        for part in (renewals, imports, reloads):
            await part(one)
        await one.router.stop()
        assert left(one) == []
