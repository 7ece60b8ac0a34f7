"""What outcomes mean and what to do about them, in the words of the dashboard. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

OUTCOMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "bad_request": ("The request was malformed", "Change what the message names."),
        "too_long": (
            "The prompt is longer than the model takes",
            "Shorten it, or route to a model with a larger window.",
        ),
        "unauthenticated": ("The client sent no valid key", "Give it a key: switchyard keys create NAME"),
        "forbidden": ("The client's key may not do this", "Use a key with the scope that the message names."),
        "refused": (
            "The provider does not let this account do that",
            "Check the account's plan and rights with the provider.",
        ),
        "not_found": ("No provider has this model", "Look for its name: switchyard models"),
        "too_large": ("The request is larger than allowed", "Send less, or raise server.limits.body_bytes."),
        "conflict": ("The provider reported a conflict", "Try again."),
        "unsupported_upgrade": (
            "The client tried a WebSocket where there is none",
            "Tell the client to use plain HTTP.",
        ),
        "rate_limited": (
            "A rate limit was reached",
            "It recovers by itself; another account or provider would help now.",
        ),
        "quota_spent": ("The plan or the credit is used up", "Wait for the reset, top up, or add another account."),
        "overloaded": (
            "The provider has no capacity",
            "It recovers by itself; a second provider in the route helps.",
        ),
        "unavailable": ("Nobody could serve this model", "See its accounts, and: switchyard explain MODEL"),
        "timeout": (
            "The provider kept silent for too long",
            "Try again; see the time-outs in the settings for slow models.",
        ),
        "upstream_auth": (
            "The provider rejected the account's key or sign-in",
            "Put in a valid key, or sign in again: switchyard login PROVIDER",
        ),
        "upstream_broken": (
            "The provider failed or cut its answer",
            "Usually passes; a second provider in the route helps.",
        ),
        "cancelled": ("The client went away", "Nothing to do, unless its own time-out is too short."),
        "internal": ("The gateway made a mistake", "Please report it, with the lines of the log."),
        "lost": ("The router ended in the middle of this call", "See the log for why it ended."),
    }
)


def outcome(kind: str) -> str:
    """What an outcome means, in a few words."""
    return "Answered" if kind in ("ok", "") else OUTCOMES.get(kind, (kind, ""))[0]


def cause(call: Mapping[str, Any]) -> tuple[str, str]:
    """Why a call failed, and what to do: a limit that was met before anybody was asked is the key's own."""
    kind = call["outcome"]
    if kind in ("quota_spent", "rate_limited") and not call["attempts"] and call["reason"].startswith("The key "):
        return "A limit of the key was reached", "Raise it: switchyard keys set; or wait."
    return outcome(kind), OUTCOMES.get(kind, ("", ""))[1]


def failed(call: Mapping[str, Any]) -> bool:
    """Whether its caller got an error; one that left is no failure."""
    return call["outcome"] not in ("", "ok", "cancelled")
