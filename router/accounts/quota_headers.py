"""The windows that stand in the headers of an answer, of every provider that tells them (`wire.md` 10.3). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import parse_qsl

from router.accounts.quota import Window, share_used, window
from router.wire.hints import number, span_or_until, until

Headers = Mapping[str, str]
_UNIFIED = "anthropic-ratelimit-unified"
_PLAN = re.compile(rf"{_UNIFIED}-(\d{{1,4}}[hdm](?:_([a-z]{{1,20}}))?)-utilization")
_COPILOT = re.compile(r"x-quota-snapshot-([a-z_]{1,32})")
_ANTHROPIC = ("requests", "tokens", "input-tokens", "output-tokens")
_MOST = 12
"""Windows of one answer; more than any provider has."""


def read(headers: Headers, now: float) -> tuple[Window, ...]:
    """What an answer says of its account's windows; nothing where it says nothing. headers: lower-case names."""
    for mark, reader in _READERS:
        if mark in headers:
            return tuple(reader(headers, now))[:_MOST]
    return tuple(_copilot(headers, now))[:_MOST] if any(name.startswith("x-quota-") for name in headers) else ()


def _claude_plan(headers: Headers, now: float) -> Iterator[Window]:
    """Windows of a Claude plan: shares from 0 to 1, epoch seconds. The plan as a whole says whether it lets calls
    through: a rejected window alone does not close it where extra usage is paid for."""
    shut = headers.get(f"{_UNIFIED}-status") == "rejected"
    told = False
    for name, text in headers.items():
        found = _PLAN.fullmatch(name)
        if found is None:
            continue
        closed = shut and headers.get(f"{_UNIFIED}-{found[1]}-status") == "rejected"
        resets = _at(until(headers.get(f"{_UNIFIED}-{found[1]}-reset"), now), now)
        made = window(found[1], number(text), now, resets_at=resets, bucket=found[2] or "", closed=closed)
        if made is not None:
            told = told or closed
            yield made
    if shut and not told:
        resets = _at(until(headers.get(f"{_UNIFIED}-reset"), now), now)
        made = window("unified", 1.0, now, resets_at=resets, closed=True)
        if made is not None:
            yield made


def _anthropic(headers: Headers, now: float) -> Iterator[Window]:
    """Limits of an API key per minute: remaining and limit, RFC 3339."""
    for name in _ANTHROPIC:
        stem = f"anthropic-ratelimit-{name}"
        used = share_used(number(headers.get(f"{stem}-remaining")), number(headers.get(f"{stem}-limit")))
        made = window(name, used, now, resets_at=_at(until(headers.get(f"{stem}-reset"), now), now))
        if made is not None:
            yield made


def _codex(headers: Headers, now: float) -> Iterator[Window]:
    """Windows of a ChatGPT plan: percent, epoch seconds or a span."""
    for name in ("primary", "secondary"):
        used = number(headers.get(f"x-codex-{name}-used-percent"))
        span = until(headers.get(f"x-codex-{name}-reset-at"), now)
        if span is None:
            span = number(headers.get(f"x-codex-{name}-reset-after-seconds"))
        made = window(name, None if used is None else used / 100, now, resets_at=_at(span, now))
        if made is not None:
            yield made


def _openai(headers: Headers, now: float) -> Iterator[Window]:
    """Limits of an API key of OpenAI and of servers like it: remaining and limit, durations."""
    for suffix in ("-requests", "-tokens", ""):
        used = share_used(
            number(headers.get(f"x-ratelimit-remaining{suffix}")), number(headers.get(f"x-ratelimit-limit{suffix}"))
        )
        resets = _at(span_or_until(headers.get(f"x-ratelimit-reset{suffix}"), now), now)
        made = window(suffix[1:] or "requests", used, now, resets_at=resets)
        if made is not None:
            yield made


def _copilot(headers: Headers, now: float) -> Iterator[Window]:
    """``x-quota-snapshot-premium_interactions: ent=300&ov=0.0&ovPerm=false&rem=88.7&rst=2026-10-01T00%3A00%3A00Z``:
    what is left is told in percent; an entitlement of -1 has no bound."""
    for name, text in headers.items():
        found = _COPILOT.fullmatch(name)
        if found is None:
            continue
        try:
            facts = dict(parse_qsl(text, max_num_fields=20))
        except ValueError:
            continue
        remaining, entitled = number(facts.get("rem")), number(facts.get("ent"))
        used = None if remaining is None or entitled == -1 else 1 - remaining / 100
        made = window(found[1], used, now, resets_at=_at(until(facts.get("rst"), now), now))
        if made is not None:
            yield made


def _at(span: float | None, now: float) -> float | None:
    return None if span is None else now + span


_READERS: tuple[tuple[str, Callable[[Headers, float], Iterator[Window]]], ...] = (
    (f"{_UNIFIED}-status", _claude_plan),
    ("x-codex-primary-used-percent", _codex),
    ("anthropic-ratelimit-requests-limit", _anthropic),
    ("x-ratelimit-limit-requests", _openai),
    ("x-ratelimit-limit", _openai),
    ("anthropic-ratelimit-tokens-limit", _anthropic),
    ("x-ratelimit-limit-tokens", _openai),
)
"""A header that tells by its presence which form the others have."""
