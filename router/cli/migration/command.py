"""The verb itself. Exit codes: 0 done, 1 the file cannot be used or the result has mistakes, 2 usage."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path

from router import places
from router.cli.audited import note
from router.cli.migration.formats import FORMATS, converted, whose
from router.cli.migration.gathered import Gathered, Line
from router.cli.migration.reading import Read, Unreadable, read
from router.cli.migration.written import as_yaml, variables
from router.cli.talk import find_place
from router.models.capabilities import CapabilityMistakes
from router.routing.table import RoutingMistakes
from router.settings.load import load
from router.settings.mistakes import SettingsError, dotted
from router.snapshot import snapshot_of

LARGEST = 16 * 1024 * 1024
_STANDS_IN = "https://set-where-it-runs.example/v1"
"""For a variable that is not set here: a text that may be a key or an address."""
_WORDS = {"taken": "taken", "changed": "nearly", "left": "left"}


def import_config(file: Path, write: Path | None, form: str | None, *, as_json: bool) -> int:
    """Say line by line what becomes of a configuration, and print or write ours."""
    if form is not None and form not in FORMATS:
        _say(f"there is no format {form!r}. Known are: {', '.join(FORMATS)}")
        return 2
    try:
        found = _read(file)
        name = form or whose(found.values)
        out = converted(name, found.values)
    except Unreadable as error:
        _say(f"{file}: {error}")
        return 1
    except OSError as error:
        _say(f"{file} cannot be read: {error.strerror or error}")
        return 1
    mistakes, warnings = _checked(out)
    text = _head(FORMATS[name].title) + as_yaml(out.settings, reveal=write is not None)
    if as_json:
        print(json.dumps(_facts(name, found, out, mistakes, warnings), indent=2, ensure_ascii=False))
    else:
        _tell(FORMATS[name].title, found, out, mistakes, warnings)
    if mistakes:
        _say("The result has mistakes, so nothing is written.")
        return 1
    if write is not None:
        return _write(write, text)
    if not as_json:
        print(text, end="")
        _say("Secrets are masked; --write FILE writes the file with them.")
    return 0


def _read(file: Path) -> Read:
    if file.stat().st_size > LARGEST:
        raise Unreadable(f"is larger than {LARGEST // 1024 // 1024} MiB")
    try:
        return read(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8 at byte {error.start}") from None


def _checked(out: Gathered) -> tuple[list[str], list[str]]:
    """Mistakes and warnings of our own loader. A variable that is not set here is only a warning."""
    named = list(dict.fromkeys(variables(out.settings)))
    unset = [name for name in named if not os.environ.get(name)]
    environ = {name: os.environ.get(name) or _STANDS_IN for name in named}
    warnings = [f"the variable {name} is not set here; the gateway needs it" for name in unset]
    try:
        text = as_yaml(out.settings, reveal=True)
        loaded = load(text, environ, _no_file, client_keys_exist=True, source="the result")
        snapshot_of(loaded.settings, environ)
    except SettingsError as error:
        return [f"{one.path} {one.problem}" for one in error.mistakes], warnings
    except (RoutingMistakes, CapabilityMistakes) as error:
        return [str(error)], warnings
    return [], warnings


def _no_file(name: str) -> str:
    raise OSError(f"{name} is not read here")


def _tell(title: str, found: Read, out: Gathered, mistakes: list[str], warnings: list[str]) -> None:
    _say(f"A configuration of {title}:")
    for line in _ordered(found, out):
        at = found.line(line.path)
        place = f"line {at}" if at is not None else ""
        _say(f"{place:<9} {_WORDS[line.verdict]:<7} {dotted(line.path)}: {line.told}")
    for text in (*out.notes, *warnings):
        _say(f"note: {text}")
    for text in mistakes:
        _say(f"mistake: {text}")
    counts = Counter(line.verdict for line in out.lines)
    _say(f"{counts['taken']} taken, {counts['changed']} nearly, {counts['left']} left behind")


def _ordered(found: Read, out: Gathered) -> list[Line]:
    return sorted(out.lines, key=lambda line: found.line(line.path) or 0)


def _facts(name: str, found: Read, out: Gathered, mistakes: list[str], warnings: list[str]) -> dict[str, object]:
    lines = [
        {"line": found.line(one.path), "path": dotted(one.path), "verdict": one.verdict, "told": one.told}
        for one in _ordered(found, out)
    ]
    notes = [*out.notes, *warnings]
    return {
        "format": name,
        "lines": lines,
        "notes": notes,
        "mistakes": mistakes,
        "settings": as_yaml(out.settings, reveal=False),
    }


def _head(title: str) -> str:
    return (
        f"# Made from a configuration of {title} by `switchyard import config`. All settings: docs/configuration.md.\n"
    )


def _write(path: Path, text: str) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        _say(f"{path} exists and is not overwritten: name another file, or move it away")
        return 1
    except OSError as error:
        _say(f"{path} cannot be written: {error.strerror or error}")
        return 1
    if path.absolute() == places.config_path(None, os.environ).absolute():
        note(find_place().state_dir, "config_import", str(path))
    _say(f"{path} is written, readable by you alone. Check it with `switchyard config check --config {path}`.")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)
