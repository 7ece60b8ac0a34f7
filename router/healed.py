"""What programs under supervisord were started anew for: healthwatch keeps it in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from router.wire import codec

FILE = "healthwatch.json"
"""In the state folder."""
DAY = 86_400.0
MOST = 20
"""Of one program, the newest."""
LONGEST = 300
"""Characters of a reason."""
_READ = 1024 * 1024


class Healed(Struct, frozen=True, kw_only=True):
    """at: seconds since 1970. kind: killed, restarted, started, or ended where it ended by itself. why: in words."""

    at: float
    kind: str
    why: str


def read(kept: object) -> dict[str, list[Healed]]:
    """What `told` gave; what is not of that kind is left out."""
    found: dict[str, list[Healed]] = {}
    for name, entries in kept.items() if isinstance(kept, Mapping) else ():
        whole = [each for each in map(_entry, entries if isinstance(entries, list) else []) if each is not None]
        if whole:
            found[str(name)] = whole[-MOST:]
    return found


def _entry(kept: Any) -> Healed | None:
    if not isinstance(kept, Mapping) or type(kept.get("at")) not in (int, float):
        return None
    kind, why = kept.get("kind"), kept.get("why")
    if not isinstance(kind, str) or not isinstance(why, str) or not 0 < kept["at"] < 1e11:
        return None
    return Healed(at=float(kept["at"]), kind=kind, why=why[:LONGEST])


def lately(state: Path, now: float) -> dict[str, list[Healed]]:
    """By program, oldest first, of the last day; nothing where the file cannot be read. now: seconds since 1970."""
    try:
        with (state / FILE).open("rb") as file:
            found = codec.loads(file.read(_READ))
    except (OSError, codec.Malformed):
        return {}
    kept = read(found.get("healed") if isinstance(found, Mapping) else None)
    recent = {name: [each for each in entries if now - each.at < DAY] for name, entries in kept.items()}
    return {name: entries for name, entries in recent.items() if entries}
