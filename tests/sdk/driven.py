"""What the cases of all four SDKs share: the setup, the texts that direct the simulated model, and the checks."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn


class Skipped(Exception):
    """The case does not apply here."""


class Failed(Exception):
    """What came back is not what had to."""


@dataclass(frozen=True)
class Setup:
    """Where to call, with what. upstream: the dialect behind the base URL, "demo" for the demo provider."""

    base_url: str
    key: str
    model: str
    think_model: str
    embed_model: str
    upstream: str

    @property
    def simulated(self) -> bool:
        """Whether a simulator of ours is behind it, whose answers are known word for word."""
        return self.upstream != "demo"

    @property
    def shows_thinking(self) -> bool:
        """Whether the upstream has thinking text at all: Chat Completions of OpenAI has none."""
        return self.upstream not in ("chat", "demo")


HELLO = "Hello, wörld 👩‍🚀"
ECHO = f"You said: {HELLO} (naïve café, 日本語, 👩‍🚀🎉)"
TWO_TOOLS = "TOOLS get_weather,get_time please"
THINK_TOOLS = "THINK TOOLS get_weather THEN get_time please"
BREAK = "BREAK 6 LONG 40"
WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
CLOCK: dict[str, Any] = {
    "type": "object",
    "properties": {"zone": {"type": "string", "description": "an IANA name"}},
    "required": ["zone"],
    "additionalProperties": False,
}
TOOLS = {"get_weather": ("the weather of the next days", WEATHER), "get_time": ("the time", CLOCK)}
RESULTS = {"get_weather": "sunny ☀️", "get_time": "noon"}
# A picture of two by two pixels.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGNQSFgARAwQCgAdjgSBQe+XXgAAAABJRU5ErkJggg=="
)


def need(condition: bool, what: object) -> None:
    """Fail with `what` came unless `condition`."""
    if not condition:
        raise Failed(str(what)[:500])


def equal(got: object, expected: object, what: str) -> None:
    """Fail unless both are equal."""
    need(got == expected, f"{what}: got {got!r}, expected {expected!r}")


def has(text: str | None, part: str) -> None:
    """Fail unless `part` is in `text`."""
    need(text is not None and part in text, f"expected {part!r} in {text!r}")


def arguments(name: str, given: dict[str, Any]) -> None:
    """Fail unless these are the arguments that the simulated model calls `name` with."""
    if name == "get_weather":
        equal(given, {"city": "city grüße 😀", "days": 7}, name)
    else:
        equal(given, {"zone": "zone grüße 😀"}, name)


def both(names: Iterable[str]) -> None:
    """Fail unless the two tools were called in order."""
    equal(list(names), ["get_weather", "get_time"], "calls")


def final(text: str | None) -> None:
    """Fail unless the answer names both results."""
    has(text, "get_weather gave sunny ☀️")
    has(text, "get_time gave noon")


def raises(kinds: type[Exception] | tuple[type[Exception], ...], work: Callable[[], object]) -> Any:
    """The error that `work` raises; fails when it raises none or another."""
    try:
        result = work()
    except kinds as error:
        return error
    return _no_error(kinds, result)


def _no_error(kinds: object, result: object) -> NoReturn:
    raise Failed(f"expected {kinds}, got {str(result)[:200]}")
