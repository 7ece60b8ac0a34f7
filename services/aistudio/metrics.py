"""The service as Prometheus text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_GAUGES = {
    "busy": ("pages_busy", "Pages that answer now."),
    "waiting": ("waiting", "Requests that wait for a page."),
    "pages": ("pages", "Pages that are open."),
    "memory_bytes": ("memory_bytes", "Proportional memory of the browser when it was last looked at."),
}


def exposition(status: Mapping[str, Any]) -> str:
    """status: of `services.aistudio.service.AIStudio.status`."""
    lines: list[str] = []
    for key, (name, meaning) in _GAUGES.items():
        lines += [f"# HELP switchyard_aistudio_{name} {meaning}", f"# TYPE switchyard_aistudio_{name} gauge"]
        lines.append(f"switchyard_aistudio_{name} {status[key]}")
    name = "switchyard_aistudio_recycled_total"
    lines += [f"# HELP {name} What was replaced: worn or crashed.", f"# TYPE {name} counter"]
    lines += [f'{name}{{what="{what}"}} {count}' for what, count in sorted(status["recycled"].items())]
    return "\n".join(lines) + "\n"
