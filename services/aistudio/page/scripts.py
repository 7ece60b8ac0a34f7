"""The scripts that run in the page, with what they need to know."""

from __future__ import annotations

import json
from pathlib import Path

from services.aistudio.selectors import Selectors
from services.aistudio.settings import Settings

BINDING = "__switchyardReport"
_FOLDER = Path(__file__).parent / "scripts"
_FILES = ("library.js", "panel.js", "watch.js")


def source(selectors: Selectors, settings: Settings, *, hook: bool) -> str:
    """One script for every document of a context. hook: whether the page's own call is read in the page."""
    told = {
        "controls": {
            name: [{"css": each.css, "text": each.text} for each in candidates]
            for name, candidates in selectors.controls.items()
        },
        "required": list(selectors.required),
        "wait": int(settings.timeouts.control * 1000),
        "defaults": {
            "temperature": settings.defaults.temperature,
            "top_p": settings.defaults.top_p,
            "max_tokens": settings.defaults.max_tokens,
            "level": settings.defaults.level,
        },
        "preferences": selectors.preferences,
        "generate": selectors.generate,
        "binding": BINDING,
        "hook": hook,
    }
    data = json.dumps(told)
    calls = "\n".join(f"({(_FOLDER / name).read_text(encoding='utf-8')})(settings);" for name in _FILES)
    return f"(() => {{ if (top !== self) return; const settings = {data};\n{calls} }})();"


def session_storage(held: dict[str, dict[str, str]]) -> str:
    """Puts a profile's sessionStorage back: it belongs to a tab, so that a storage state does not hold it."""
    return (
        f"(() => {{ const held = ({json.dumps(held)})[location.origin] || {{}};"
        " for (const [key, value] of Object.entries(held))"
        " if (sessionStorage.getItem(key) === null) sessionStorage.setItem(key, value); })();"
    )
