"""Writes the generated parts into the pages: whole pages, regions between ``generated`` comments, and example files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from router.cli import describe as cli
from router.settings import describe as settings
from scripts.docs import tables

DOCS = Path(__file__).resolve().parents[2] / "docs"
WHOLE: Mapping[str, Callable[[], str]] = {"configuration.md": settings.describe, "cli.md": cli.page}
REGIONS: Mapping[str, Callable[[], str]] = {
    "errors": tables.errors,
    "metrics": tables.metrics,
    "built-in": tables.built_in,
    "presets": tables.presets,
    "demo": tables.demo,
    "capabilities": tables.capabilities,
}
_REGION = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- /generated -->)", re.S)
_FILE = re.compile(r"(<!-- file: (\S+) -->\n```\w+\n).*?^(```)$", re.M | re.S)


def fresh(folder: Path = DOCS) -> Iterator[tuple[Path, str]]:
    """Every page with something generated in it, as it should be. Raises `KeyError` for an unknown region."""
    for name, page in WHOLE.items():
        yield folder / name, page()
    for path in sorted(folder.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        if _REGION.search(text) or _FILE.search(text):
            text = _REGION.sub(lambda found: found[1] + REGIONS[found[2]]() + found[3], text)
            yield path, _FILE.sub(lambda found: found[1] + _example(found[2]) + found[3], text)


def _example(name: str) -> str:
    return (DOCS.parent / name).read_text(encoding="utf-8")


def stale(folder: Path = DOCS) -> list[Path]:
    """The pages that are not as they should be."""
    return [path for path, text in fresh(folder) if not path.exists() or path.read_text(encoding="utf-8") != text]


def write() -> list[Path]:
    """Write what is stale; which pages those were."""
    written = []
    for path, text in list(fresh()):
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written
