"""The environments of the services, which have libraries that the router does without."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PLACE = Path(".venvs/aistudio/bin/python")
"""Of the AI Studio service, in the checkout. `supervisor.conf` has it too."""
PLACES = {"aistudio": PLACE, "webai": Path(".venvs/webai/bin/python")}
_MAKE = {
    "aistudio": "the environment of the AI Studio service is not there (.venvs/aistudio); make it with: make browser",
    "webai": "the environment of the WebAI service is not there (.venvs/webai); make it with: make webai EXTRAS=gemini",
}
MISSING = _MAKE["aistudio"]
LOOK_WITHIN = 30.0
"""Seconds that a service's own look at itself may take."""


def python(root: Path, service: str = "aistudio") -> Path | None:
    """Its Python, None where it is not installed. root: the checkout."""
    path = root / PLACES[service]
    return path if os.access(path, os.X_OK) else None


def missing(service: str) -> Callable[[Path], str]:
    """Tells for a checkout what is missing there, "" where nothing is."""
    return lambda root: "" if python(root, service) is not None else _MAKE[service]


def look(service: str, python: Path, config: Path, environ: Mapping[str, str], root: Path) -> dict[str, Any]:
    """What a service finds at itself; ``problem`` where it cannot even look. config: of the router."""
    command = [str(python), "-m", f"services.{service}", "doctor", "--router-config", str(config)]
    try:
        done = subprocess.run(
            command, cwd=root, env=dict(environ), capture_output=True, text=True, check=False, timeout=LOOK_WITHIN
        )
    except subprocess.TimeoutExpired:
        return {"problem": f"it does not answer within {LOOK_WITHIN:g} s"}
    except OSError as error:
        return {"problem": f"its own look at itself cannot be started: {error.strerror}"}
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return {"problem": f"its own look at itself failed: {said}"}
