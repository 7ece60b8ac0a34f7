"""The environments of the services, which have libraries that the router does without."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

PLACE = Path(".venvs/aistudio/bin/python")
"""Of the AI Studio service, in the checkout. `supervisor.conf` has it too."""
PLACES = {"aistudio": PLACE, "webai": Path(".venvs/webai/bin/python")}
_MAKE = {
    "aistudio": "the environment of the AI Studio service is not there (.venvs/aistudio); make it with: make browser",
    "webai": "the environment of the WebAI service is not there (.venvs/webai); make it with: make webai EXTRAS=gemini",
}
MISSING = _MAKE["aistudio"]


def python(root: Path, service: str = "aistudio") -> Path | None:
    """Its Python, None where it is not installed. root: the checkout."""
    path = root / PLACES[service]
    return path if os.access(path, os.X_OK) else None


def missing(service: str) -> Callable[[Path], str]:
    """Tells for a checkout what is missing there, "" where nothing is."""
    return lambda root: "" if python(root, service) is not None else _MAKE[service]
