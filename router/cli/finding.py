"""One thing that `doctor` looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """What, why it matters, the exact fix. An `ok` one needs neither reason nor fix."""

    level: Level
    about: str
    what: str
    why: str = ""
    fix: str = ""
