"""The environment of the AI Studio service, which has a browser's driver that the router does without."""

from __future__ import annotations

import os
from pathlib import Path

PLACE = Path(".venvs/aistudio/bin/python")
"""In the checkout. `supervisor.conf` has it too."""
MISSING = "the environment of the AI Studio service is not there (.venvs/aistudio); make it with: make browser"


def python(root: Path) -> Path | None:
    """Its Python, None where it is not installed. root: the checkout."""
    path = root / PLACE
    return path if os.access(path, os.X_OK) else None
