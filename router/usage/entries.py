"""What the journal holds: a call that began, and a call that is over. One JSON object a line, values only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from router.call import Record, Try
from router.wire.charges import MODALITIES
from router.wire.events import Usage
from router.wire.notes import header_value

_NAME, _REASON = 200, 300  # characters; names of models come from clients
LOST = "lost"
"""The outcome of a call whose process died before the call was over."""


class Tokens(Struct, frozen=True, omit_defaults=True):
    """Disjoint kinds: they add up, and reasoning is not in output."""

    fresh_input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0


NONE = Tokens()


class Attempt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One upstream attempt. cost, worth: micro-USD, None for unknown. service_tier: "" for the usual one. items: what
    was paid for by the piece, and tokens that were no text. unpriced: what of it nobody knows the price of. seconds,
    why, chosen: as of `router.call.Try`."""

    provider: str
    model: str
    account: str
    outcome: str
    status: int | None = None
    reason: str = ""
    seconds: float = 0.0
    tokens: Tokens = NONE
    estimated: bool = False
    cost: int | None = None
    worth: int | None = None
    service_tier: str = ""
    items: str = ""
    unpriced: str = ""
    why: str = ""
    chosen: str = ""


class Opened(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="open", tag_field="is"):
    """A call whose first attempt is about to be made. at: Unix time. provider, model: the first of its plan."""

    id: str
    at: float
    key_id: str = ""
    key_name: str = ""
    client: str = ""
    surface: str = ""
    dialect: str = ""
    stream: bool = False
    asked: str = ""
    provider: str = ""
    model: str = ""
    session: str = ""


class Closed(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="close", tag_field="is"):
    """A call that is over. Times in seconds from its start; the rest as of `router.call.Record`."""

    id: str
    at: float
    key_id: str = ""
    key_name: str = ""
    client: str = ""
    surface: str = ""
    dialect: str = ""
    upstream_dialect: str = ""
    stream: bool = False
    lane: str = ""
    asked: str = ""
    model: str = ""
    provider: str = ""
    account: str = ""
    attempts: tuple[Attempt, ...] = ()
    tokens: Tokens = NONE
    estimated: bool = False
    cost: int | None = None
    worth: int | None = None
    service_tier: str = ""
    items: str = ""
    unpriced: str = ""
    prices: str = ""
    first_byte: float | None = None
    first_token: float | None = None
    total: float = 0.0
    overhead: float | None = None
    status: int = 0
    outcome: str = ""
    reason: str = ""
    finish: str = ""
    notes: str = ""
    session: str = ""


Entry: TypeAlias = Opened | Closed

_encode = msgspec.json.Encoder().encode
_decode: Callable[[bytes], Entry] = msgspec.json.Decoder(Opened | Closed).decode


def encode(entry: Entry) -> bytes:
    """One line, its end included. Text that is no Unicode is mended."""
    try:
        return _encode(entry) + b"\n"
    except UnicodeError:
        return _encode(_mended(msgspec.to_builtins(entry))) + b"\n"


def decode(line: bytes) -> Entry:
    """Raises `ValueError` for what is no entry, a part of one included."""
    return _decode(line)


def opened(record: Record, provider: str, model: str) -> Opened:
    """The entry of a call that begins. provider, model: whom it is about to ask first."""
    caller = record.caller
    return Opened(
        id=record.call_id,
        at=record.began,
        key_id=caller.key_id if caller else "",
        key_name=caller.key_name if caller else "",
        client=caller.client[:_NAME] if caller else "",
        surface=record.surface,
        dialect=record.dialect,
        stream=record.stream,
        asked=record.asked[:_NAME],
        provider=provider,
        model=model[:_NAME],
        session=record.session,
    )


def closed(record: Record) -> Closed:
    """The entry of a call that is over and priced. Where nobody answered, who was asked last stands for who did."""
    caller, usage = record.caller, record.usage
    last = record.tries[-1] if record.tries and not record.provider else record
    return Closed(
        id=record.call_id,
        at=record.began,
        key_id=caller.key_id if caller else "",
        key_name=caller.key_name if caller else "",
        client=caller.client[:_NAME] if caller else "",
        surface=record.surface,
        dialect=record.dialect,
        upstream_dialect=record.upstream_dialect,
        stream=record.stream,
        lane=record.lane,
        asked=record.asked[:_NAME],
        model=last.model[:_NAME],
        provider=last.provider,
        account=last.account,
        attempts=tuple([_attempt(made) for made in record.tries]),
        tokens=NONE if usage is None else _tokens(usage),
        estimated=usage is not None and usage.estimated,
        cost=record.cost,
        worth=record.worth,
        service_tier=_tier(usage),
        items=_items(usage),
        unpriced=_names(record.unpriced),
        prices=record.prices,
        first_byte=record.first_byte,
        first_token=record.first_token,
        total=record.total,
        overhead=record.overhead,
        status=record.status,
        outcome=record.outcome,
        reason=record.reason[:_REASON],
        finish=record.finish or "",
        notes=header_value(record.notes) if record.notes else "",
        session=record.session,
    )


def lost(entry: Opened) -> Closed:
    """What is known of a call whose process died: who asked whom, and neither what it used nor what it cost."""
    facts = {name: getattr(entry, name) for name in entry.__struct_fields__}
    made = Attempt(provider=entry.provider, model=entry.model, account="", outcome=LOST)
    return Closed(**facts, attempts=(made,), outcome=LOST, reason="the router ended before the call was over")


def _attempt(made: Try) -> Attempt:
    usage = made.usage
    return Attempt(
        provider=made.provider,
        model=made.model[:_NAME],
        account=made.account,
        outcome=made.outcome,
        status=made.status,
        reason=made.reason[:_REASON],
        seconds=made.seconds,
        tokens=NONE if usage is None else _tokens(usage),
        estimated=usage is not None and usage.estimated,
        cost=made.cost,
        worth=made.worth,
        service_tier=_tier(usage),
        items=_items(usage),
        unpriced=_names(made.unpriced),
        why=made.why[:_REASON],
        chosen=made.chosen,
    )


def _tier(usage: Usage | None) -> str:
    return "" if usage is None or usage.charges is None else usage.charges.tier


def _items(usage: Usage | None) -> str:
    """``web_search=2, audio_input_tokens=30``"""
    charges = None if usage is None else usage.charges
    if charges is None:
        return ""
    tokens = [(f"{name}_tokens", getattr(charges, name)) for name in MODALITIES]
    counts = [*((item.name, item.count) for item in charges.items), *tokens]
    return ", ".join(f"{name}={count}" for name, count in counts if count)[:_REASON]


def _names(unpriced: Sequence[str]) -> str:
    return ", ".join(unpriced)[:_REASON]


def _tokens(usage: Usage) -> Tokens:
    reasoning = min(usage.reasoning, usage.output)
    return Tokens(
        usage.fresh_input,
        usage.cache_read,
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.output - reasoning,
        reasoning,
    )


def _mended(value: Any) -> Any:
    """Lone surrogates, of which the names that clients send are not free, become question marks."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _mended(each) for key, each in value.items()}
    return [_mended(each) for each in value] if isinstance(value, list | tuple) else value
