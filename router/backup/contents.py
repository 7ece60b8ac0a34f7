"""What belongs to a backup, and where each part lies. Names in an archive begin with config, state or accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from router.vault.keys import KEY_FILE, NEXT_FILE, PLAIN_FILE

DATABASE = "switchyard.sqlite"
_NAME = re.compile(r"(config|state|accounts)(/[A-Za-z0-9@._+=~-]+){1,3}")
_CONFIG = ("config.yaml", "aistudio.yaml", "webai.yaml", "environment")
_STATE = ("keys/*.key", "vault.key", "prices.yaml", "audit.jsonl", "audit.jsonl.1")
_ACCOUNTS = ("*.json", KEY_FILE, NEXT_FILE, PLAIN_FILE, "auth_profiles/*.json")


class Places(Struct, frozen=True):
    """Folders of one installation. config: the settings file itself."""

    config: Path
    state: Path
    accounts: Path

    def folder(self, place: str) -> Path:
        """Of ``config``, ``state`` or ``accounts``."""
        return {"config": self.config.parent, "state": self.state, "accounts": self.accounts}[place]


def allowed(name: str) -> bool:
    """Whether a name in an archive is one that a backup can have."""
    return _NAME.fullmatch(name) is not None and not any(set(part) == {"."} for part in name.split("/"))


def target(places: Places, name: str) -> Path:
    """Where a member lies. Raises `ValueError` for a name that no backup has."""
    if not allowed(name):
        raise ValueError(f"the backup has a name that cannot be: {name[:100]!r}")
    place, _, rest = name.partition("/")
    if place == "config" and rest == "config.yaml":
        return places.config
    return places.folder(place) / rest


def found(places: Places) -> Iterator[tuple[str, Path]]:
    """Every file that is there, by its name in an archive; the database apart, which is copied by itself."""
    if places.config.is_file():
        yield "config/config.yaml", places.config
    for name in _CONFIG[1:]:
        if (path := places.config.parent / name).is_file():
            yield f"config/{name}", path
    yield from ((name, path) for name, path in _candidates(places) if _fits(name, path))


def left_out(places: Places) -> list[Path]:
    """Files that would belong to a backup and cannot be in one: symbolic links, and odd names."""
    return [path for name, path in _candidates(places) if not _fits(name, path)]


def _candidates(places: Places) -> Iterator[tuple[str, Path]]:
    for place, patterns in (("state", _STATE), ("accounts", _ACCOUNTS)):
        folder = places.folder(place)
        for pattern in patterns:
            for path in sorted(folder.glob(pattern)):
                yield f"{place}/{path.relative_to(folder)}", path


def _fits(name: str, path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and allowed(name)
