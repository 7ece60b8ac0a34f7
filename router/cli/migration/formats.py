"""The table of configurations that are known, and whose a file is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from router.cli.migration import claude_code_router, cliproxyapi, litellm, llmux, omniroute, webai
from router.cli.migration.gathered import Gathered
from router.cli.migration.reading import Unreadable


class Format(Struct, frozen=True):
    """fits(values): whether a file looks like one of this program. translate(values, gathered). reasons: why a place
    stays behind, by a key on the way to it."""

    title: str
    fits: Callable[[Any], bool]
    translate: Callable[[Any, Gathered], None]
    reasons: Mapping[str, str]


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "cliproxyapi": Format("CLIProxyAPI", cliproxyapi.fits, cliproxyapi.translate, cliproxyapi.REASONS),
        "litellm": Format("LiteLLM", litellm.fits, litellm.translate, litellm.REASONS),
        "omniroute": Format("OmniRoute", omniroute.fits, omniroute.translate, omniroute.REASONS),
        "claude-code-router": Format(
            "claude-code-router", claude_code_router.fits, claude_code_router.translate, claude_code_router.REASONS
        ),
        "llmux": Format("LLMux", llmux.fits, llmux.translate, llmux.REASONS),
        "webai": Format("WebAI-to-API", webai.fits, webai.translate, webai.REASONS),
    }
)


def whose(values: Any) -> str:
    """The program whose file it is. Raises `Unreadable` where none or several could be."""
    found = [name for name, known in FORMATS.items() if known.fits(values)]
    if len(found) == 1:
        return found[0]
    could = f"It could be one of {', '.join(found)}" if found else "It looks like none that is known"
    raise Unreadable(f"{could}; say which with --format: {', '.join(FORMATS)}.")


def converted(name: str, values: Any) -> Gathered:
    """All of it as our settings, with a word on every line. Raises `Unreadable` for a file of another shape."""
    known, out = FORMATS[name], Gathered()
    wanted = isinstance(values, dict) or (name == "llmux" and isinstance(values, list))
    if not wanted or not values:
        raise Unreadable(f"it has nothing in it that {known.title} would read")
    known.translate(values, out)
    out.leave_the_rest(values, known.reasons)
    return out
