"""What an answer is charged for beside its plain tokens, as it says itself. Pure values and their readers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

PICTURE = "picture"
_USUAL = frozenset({"", "auto", "default", "standard", "standard_only", "on_demand", "unspecified"})
"""Words for the service that everybody gets."""
_TRAFFIC = {"on_demand_priority": "priority", "on_demand_flex": "flex", "provisioned_throughput": "provisioned"}
"""Vertex's words for the others."""
_MOST = 10**6
_FREE = frozenset({"", "auto", "standard"})
"""Sizes and qualities that say nothing."""
_ODD = re.compile(r"[^a-z0-9_.-]+")
_LONGEST = 40
_KINDS = 50
"""Tools that one answer is charged for: what is counted is kept in memory for a while."""


class Item(Struct, frozen=True):
    """What is paid for by the piece. kind: ``picture``, or a tool that the provider runs (``web_search``). detail: what
    its price depends on (``1024x1024 high``)."""

    kind: str
    count: int
    detail: str = ""

    @property
    def name(self) -> str:
        return f"{self.kind} {self.detail}" if self.detail else self.kind


class Charges(Struct, frozen=True):
    """tier: of service, "" for the usual one. audio_input … image_output: tokens of input and output that were no text;
    parts of these two."""

    tier: str = ""
    items: tuple[Item, ...] = ()
    audio_input: int = 0
    audio_output: int = 0
    image_input: int = 0
    image_output: int = 0


NOTHING = Charges()
MODALITIES = Charges.__struct_fields__[2:]


def some(
    tier: str,
    items: tuple[Item, ...],
    audio_input: int = 0,
    audio_output: int = 0,
    image_input: int = 0,
    image_output: int = 0,
) -> Charges | None:
    """None for nothing, as it is nearly always."""
    if tier or items or audio_input or audio_output or image_input or image_output:
        return Charges(tier, items, audio_input, audio_output, image_input, image_output)
    return None


def tier(value: Any) -> str:
    """A service tier as an answer states it, in one spelling; "" for the usual one, and for none."""
    if value is None or (type(value) is str and value in _USUAL):  # nearly always
        return ""
    word = _word(value).removesuffix("_unspecified")
    return "" if word in _USUAL or word in ("service_tier", "traffic_type") else _TRAFFIC.get(word, word)


def count(value: Any) -> int:
    """A number of pieces as it stands on the wire; null, absent and nonsense are 0."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _MOST
    return int(value) if number else 0


def tools(counts: Any, suffix: str) -> tuple[Item, ...]:
    """Calls by the name of the tool and a suffix: ``{"web_search_requests": 2}``."""
    if not isinstance(counts, dict):
        return ()
    named = ((_word(key.removesuffix(suffix)), count(value)) for key, value in counts.items() if key.endswith(suffix))
    return tuple(islice((Item(kind, many) for kind, many in named if kind and many), _KINDS))


def pictures(many: int, size: Any = None, quality: Any = None, kind: str = PICTURE) -> Item:
    """So many pictures of one size (``1024x1024``) and quality, where somebody says them."""
    words = [word for word in (_word(size), _word(quality)) if word not in _FREE]
    return Item(kind, many, " ".join(words))


def joined(one: Charges | None, other: Charges | None) -> Charges | None:
    """Of two attempts together. The tier is that of the later one that has any."""
    if one is None or other is None:
        return one or other
    sums = {name: getattr(one, name) + getattr(other, name) for name in MODALITIES}
    return Charges(tier=other.tier or one.tier, items=counted((*one.items, *other.items)), **sums)


def counted(items: Iterable[Item]) -> tuple[Item, ...]:
    """The same with each name once."""
    sums: dict[tuple[str, str], Item] = {}
    for item in items:
        key = (item.kind, item.detail)
        known = sums.get(key)
        sums[key] = item if known is None else replace(known, count=known.count + item.count)
    return tuple(sums.values())


def _word(value: Any) -> str:
    """Text of a provider as a name of this table: no blanks, no capitals, not long."""
    return _ODD.sub("_", value.strip().lower())[:_LONGEST] if isinstance(value, str) else ""
