"""What new settings would change, in words, and what they must not change from afar. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct
from pydantic import BaseModel

from router.settings.document import read_document
from router.settings.load import Loaded
from router.settings.mistakes import Path, dotted
from router.settings.shown import rows
from router.settings.watch import restart_needed

LEAVES = frozenset(
    {
        *("command", "dir", "state_dir", "profiles", "cert", "ca", "display", "urls", "routers", "attach_url"),
        *("executable_path", "novnc_path", "novnc_host", "health_host", "endpoint", "allowed_endpoints"),
    }
)
ENDINGS = ("_file", "_files", "_dir")
BLOCKS: tuple[Path, ...] = (("server", "tls"), ("services",), ("auth", "management"), ("usage", "prices"))
"""What the management API can never set: commands, paths, files of TLS, where services connect to, and its own door. A
stolen management key must not become a shell, nor send credentials elsewhere."""


class Change(Struct, frozen=True):
    """One setting. before, after: as JSON texts, secrets masked. applies: at once, or at the next start."""

    path: str
    before: str
    after: str
    applies: Literal["reload", "restart"]
    told: str


def changes(before: Loaded, after: Loaded) -> list[Change]:
    """Every setting that would be another one."""
    old = {path: value for path, value, _ in rows(before.settings, before.provenance)}
    new = {path: value for path, value, _ in rows(after.settings, after.provenance)}
    restart = set(restart_needed(before.settings, after.settings))
    hidden = _hidden(before.settings, after.settings)
    made: list[Change] = []
    for path in [*new, *(path for path in old if path not in new)]:
        was, will = old.get(path), new.get(path)
        if was == will and path not in hidden:
            continue
        said = json.dumps(was, ensure_ascii=False), json.dumps(will, ensure_ascii=False)
        applies: Literal["reload", "restart"] = "restart" if path in restart else "reload"
        made.append(Change(path, *said, applies, _told(path, *said, applies, secret=was == will)))
    return made


def _told(path: str, was: str, will: str, applies: str, *, secret: bool) -> str:
    when = "at the next start" if applies == "restart" else "at once"
    if secret:
        return f"{path} gets another secret, {when}."
    return f"{path} changes from {was} to {will}, {when}."


def _hidden(old: object, new: object, at: str = "") -> set[str]:
    """Paths that differ, were it in a secret alone."""
    if not isinstance(old, BaseModel) or not isinstance(new, BaseModel) or type(old) is not type(new):
        return {at} if old != new else set()
    found: set[str] = set()
    for name in type(new).model_fields:
        found |= _hidden(getattr(old, name), getattr(new, name), f"{at}.{name}" if at else name)
    return found


def out_of_reach(before: str, after: str) -> list[str]:
    """Paths that differ between two texts and that the management API can never set."""
    old, new = dict(_leaves(read_document(before).values)), dict(_leaves(read_document(after).values))
    differing = [path for path in {**old, **new} if old.get(path, _GONE) != new.get(path, _GONE)]
    return sorted({dotted(path) for path in differing if _guarded(path)})


def names_a_file(path: str) -> bool:
    """Whether what a setting names is read where the settings are judged."""
    return path == "usage.prices" or path.rpartition(".")[2].partition("[")[0].endswith(("_file", "_files"))


_GONE = object()


def _guarded(path: Path) -> bool:
    if any(path[: len(block)] == block for block in BLOCKS):
        return True
    names = [step for step in path if isinstance(step, str)]
    return any(name in LEAVES or name.endswith(ENDINGS) for name in names)


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(item, (*path, name))
    elif isinstance(value, list) and value:
        for at, item in enumerate(value):
            yield from _leaves(item, (*path, at))
    else:
        yield path, value
