"""The page map: `selectors.yaml` beside this file, with a file of the user's laid over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

HERE = Path(__file__).parent


class Candidate(Struct, frozen=True):
    """A CSS selector; `text` must also be held by the element, in lower case."""

    css: str
    text: str | None = None


class Selectors(Struct, frozen=True, kw_only=True):
    """Every control with its candidates, best first. overridden: the controls that the user's file says."""

    version: str
    url: str
    generate: str
    models: str
    preferences: str
    controls: dict[str, tuple[Candidate, ...]]
    required: tuple[str, ...]
    overridden: tuple[str, ...] = ()

    def css(self, name: str) -> str:
        """The candidates of a control that are plain CSS, as one selector list."""
        return ", ".join(each.css for each in self.controls[name] if each.text is None)


class SelectorsError(ValueError):
    """A page map that cannot be used; the message names file and control."""


def load(override: Path | None = None) -> Selectors:
    """Raises `SelectorsError`."""
    base = _read(HERE / "selectors.yaml")
    over = _read(override) if override is not None else {}
    controls = {**base["controls"]}
    for name, control in (over.get("controls") or {}).items():
        if name not in controls:
            raise SelectorsError(f"{override}: controls.{name} is no control of this version; see selectors.yaml")
        controls[name] = {**controls[name], **control}
    page = {**base["page"], **(over.get("page") or {})}
    try:
        read = {name: tuple(_candidate(each) for each in held["candidates"]) for name, held in controls.items()}
        return Selectors(
            version=str(over.get("version", base["version"])),
            url=page["url"],
            generate=page["generate"],
            models=page["models"],
            preferences=page["preferences"],
            controls=read,
            required=tuple(name for name, held in controls.items() if held.get("required")),
            overridden=tuple(over.get("controls") or ()),
        )
    except (KeyError, TypeError) as error:
        raise SelectorsError(f"{override}: a control needs a list of candidates ({error})") from error


def _candidate(given: Any) -> Candidate:
    if isinstance(given, str):
        return Candidate(given)
    return Candidate(str(given["css"]), str(given["text"]).lower())


def _read(path: Path) -> dict[str, Any]:
    try:
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SelectorsError(f"{path}: cannot be read: {error}") from error
    if not isinstance(held, dict):
        raise SelectorsError(f"{path}: must hold page and controls")
    return held
