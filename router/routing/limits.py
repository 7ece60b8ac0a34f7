"""How long and how often one call may be tried: by the settings, its route, and what its caller asks for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from router.call import Limits
from router.faults import bad_request
from router.settings.schema import Route

DEADLINE, FIRST_TOKEN = "x-switchyard-deadline", "x-switchyard-first-token-timeout"
_LONGEST = 86_400.0


def route_limits(route: Route) -> Mapping[str, Any]:
    """The fields of `Limits` that a rule has in its own way."""
    own = {
        "max_attempts": route.max_attempts,
        "deadline": route.deadline,
        "first_token": route.first_token,
        "slow_first_token": route.first_token,
        "idle": route.idle,
        "total": route.total,
        "hedge": route.hedge,
        "cache": route.cache,
    }
    return {name: value for name, value in own.items() if value is not None}


def limits_of(general: Limits, own: Mapping[str, Any], asked: Mapping[str, float]) -> Limits:
    """The limits of one call. own: of its route. asked: by its caller (`wishes`), who can make them tighter, not
    wider."""
    limits = replace(general, **own) if own else general
    if not asked:
        return limits
    within, first = asked.get(DEADLINE, _LONGEST), asked.get(FIRST_TOKEN, _LONGEST)
    return replace(
        limits,
        deadline=min(limits.deadline, within),
        total=min(limits.total, within),
        first_token=min(limits.first_token, first),
        slow_first_token=min(limits.slow_first_token, first),
    )


def wishes(headers: Mapping[str, str]) -> Mapping[str, float]:
    """The limits that a request's headers ask for, in seconds. Raises `Fault` bad_request for what is no time."""
    asked: dict[str, float] = {}
    for name in (DEADLINE, FIRST_TOKEN):
        if (text := headers.get(name)) is not None:
            asked[name] = _seconds(name, text.strip())
    return asked


def _seconds(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _LONGEST:  # also NaN
        raise bad_request(f"{name} must be a number of seconds above 0, at most {_LONGEST:.0f}, not '{text[:40]}'.")
    return value
