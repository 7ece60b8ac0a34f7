"""The usage endpoints of subscriptions: how each is asked, and what its answer says of the windows.

Undocumented, so every field may be missing: what cannot be read is left out. Sources: `providers.md` 2.3 and 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

from msgspec import Struct

from router.accounts.asking import Ask
from router.accounts.quota import Window, share_used, window
from router.accounts.record import Access
from router.net.message import HttpRequest
from router.settings.sign_ins import SignIn
from router.version import USER_AGENT
from router.wire import codec
from router.wire.hints import number, span_or_until, until

_MOST = 12
Body = Mapping[str, Any]


class Usage(Struct, frozen=True, kw_only=True):
    """How one provider tells its windows. headers: beside the usual ones. facts: header -> fact of the account.
    scheme: before the secret. takes: which secret of the account, ``access`` or what that is made with."""

    read: Callable[[Body, float], Iterator[Window | None]]
    headers: Mapping[str, str] = {}
    facts: Mapping[str, str] = {}
    scheme: str = "Bearer"
    takes: Literal["access", "refresh"] = "access"


async def read_usage(
    provider: str, sign_in: SignIn, access: Access, ask: Ask, *, proxy: str | None = None
) -> tuple[Window, ...]:
    """Ask once. Empty where the provider has no such endpoint or answers something else. Raises `Fault` where there is
    no answer."""
    known, url = USAGE.get(provider), sign_in.upstream.usage_url
    if known is None or url is None:
        return ()
    headers = {
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": USER_AGENT,
        "authorization": f"{known.scheme} {access.secret.reveal()}",
        **known.headers,
        **{header: access.facts[fact] for header, fact in known.facts.items() if fact in access.facts},
    }
    reply = await ask(HttpRequest("GET", url, headers, proxy=proxy))
    return windows(provider, reply.body, reply.began) if reply.status == 200 else ()


def windows(provider: str, body: bytes, now: float) -> tuple[Window, ...]:
    """What the answer of a usage endpoint says. Never raises for what it finds there."""
    try:
        told = codec.loads(body)
    except codec.Malformed:
        return ()
    known = USAGE.get(provider)
    if known is None or not isinstance(told, dict):
        return ()
    return tuple(each for each in known.read(told, now) if each is not None)[:_MOST]


def _claude(body: Body, now: float) -> Iterator[Window | None]:
    """``{"five_hour": {"utilization": 37.0, "resets_at": "…"}, "seven_day": …, "seven_day_opus": null}``, in %."""
    for key, label, bucket in _CLAUDE_WINDOWS:
        facts = _object(body.get(key))
        resets = _at(until(facts.get("resets_at"), now), now)
        yield window(label, _percent(facts.get("utilization")), now, resets_at=resets, bucket=bucket)


_CLAUDE_WINDOWS = (
    ("five_hour", "5h", ""),
    ("seven_day", "7d", ""),
    ("seven_day_opus", "7d_opus", "opus"),
    ("seven_day_sonnet", "7d_sonnet", "sonnet"),
)


def _chatgpt(body: Body, now: float) -> Iterator[Window | None]:
    """``{"rate_limit": {"allowed", "limit_reached", "primary_window": {"used_percent", "reset_at", …}, …}}``."""
    limit = _object(body.get("rate_limit"))
    shut = limit.get("allowed") is False or limit.get("limit_reached") is True
    for name in ("primary", "secondary"):
        facts = _object(limit.get(f"{name}_window"))
        used = _percent(facts.get("used_percent"))
        span = until(facts.get("reset_at"), now)
        if span is None:
            span = span_or_until(facts.get("reset_after_seconds"), now)
        closed = shut and used is not None and used >= 1
        yield window(name, used, now, resets_at=_at(span, now), closed=closed)


def _copilot(body: Body, now: float) -> Iterator[Window | None]:
    """``{"quota_snapshots": {"premium_interactions": {"percent_remaining", "unlimited", …}, …}, …}``."""
    resets = _at(until(body.get("quota_reset_date_utc", body.get("quota_reset_date")), now), now)
    for name, facts in _object(body.get("quota_snapshots")).items():
        told = _object(facts)
        if told.get("unlimited") is True:
            continue
        remaining = _percent(told.get("percent_remaining"))
        used = None if remaining is None else 1 - remaining
        if used is None:
            used = share_used(number(told.get("remaining")), number(told.get("entitlement")))
        yield window(str(name), used, now, resets_at=resets)


def _ctonew(body: Body, now: float) -> Iterator[Window | None]:
    """``{"dailyLimit": 300, "weeklyLimit": 900, "hasReachedLimit": false}``, with what was used beside it."""
    shut = body.get("hasReachedLimit") is True
    for name in ("daily", "weekly"):
        limit = number(body.get(f"{name}Limit"))
        used = _first(body, f"{name}Usage", f"{name}Used", f"{name}Count")
        remaining = _first(body, f"{name}Remaining")
        if remaining is None and limit is not None and used is not None:
            remaining = limit - used
        resets = _at(until(body.get(f"{name}ResetAt", body.get(f"{name}ResetsAt")), now), now)
        share = share_used(remaining, limit)
        yield window(name, share, now, resets_at=resets, closed=shut and share is not None and share >= 1)
    if shut:
        resets = _at(until(body.get("resetAt", body.get("resetsAt")), now), now)
        yield window("plan", 1.0, now, resets_at=resets, closed=True)


def _first(body: Body, *names: str) -> float | None:
    return next((found for name in names if (found := number(body.get(name))) is not None), None)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _percent(value: Any) -> float | None:
    found = number(value)
    return None if found is None else found / 100


def _at(span: float | None, now: float) -> float | None:
    return None if span is None else now + span


USAGE: Mapping[str, Usage] = MappingProxyType(
    {
        "claude-oauth": Usage(read=_claude, headers={"anthropic-beta": "oauth-2025-04-20"}),
        "chatgpt-oauth": Usage(read=_chatgpt, facts={"chatgpt-account-id": "account_id"}),
        "copilot": Usage(read=_copilot, scheme="token", takes="refresh"),
        "ctonew": Usage(read=_ctonew, headers={"origin": "https://cto.new", "referer": "https://cto.new/"}),
    }
)
"""Sign-ins whose facts name a ``usage_url``."""
