"""Of this process."""

from __future__ import annotations

from pathlib import Path


def descriptors() -> int:
    """How many it has open, the one of this look too."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
