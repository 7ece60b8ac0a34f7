"""The files of the dashboard in memory: a closed list, so that no path of a request ever reaches the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

STATIC = Path(__file__).parent / "static"
TYPES: Mapping[str, str] = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
    }
)


class Page(Struct, frozen=True):
    """One file. etag: of its content, with the quotes of HTTP."""

    content: bytes
    type: str
    etag: str


def read_files(folder: Path = STATIC) -> Mapping[str, Page]:
    """Every file that is served, by its path below the folder. Raises `OSError`."""
    found = (path for path in sorted(folder.rglob("*")) if path.suffix in TYPES and path.is_file())
    return {path.relative_to(folder).as_posix(): _page(path) for path in found}


def _page(path: Path) -> Page:
    content = path.read_bytes()
    return Page(content, TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:20]}"')
