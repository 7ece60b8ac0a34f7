"""Settings that are in order and do nothing, or not what they seem to: found from the settings alone."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from msgspec import Struct
from pydantic import BaseModel

from router.settings.auth import Key
from router.settings.checks import names_in, upstreams
from router.settings.mistakes import dotted
from router.settings.policy_blocks import Thinking
from router.settings.provider_names import ProviderNames
from router.settings.schema import Settings
from router.settings.sign_in_blocks import sign_ins
from router.wire.conversation import EFFORTS

_MINUTES = 1440


class Idle(Struct, frozen=True):
    """what: with its place. why: what it misleads to. fix: what to write in its place."""

    what: str
    why: str
    fix: str


def idle(settings: Settings, now: float, accepted: Collection[str] = ()) -> Iterator[Idle]:
    """Each of them. now: Unix seconds. accepted: providers whose caveat somebody has accepted, which turns them on."""
    yield from _sections(settings, accepted)
    off = dict(_off(settings))
    for at, key in enumerate(settings.auth.keys):
        yield from _key(settings, key, f"auth.keys[{at}] ({key.name})", off, now)
    yield from _references(settings, off)
    yield from _thoughts(settings)
    yield from _numbers(settings)


def _sections(settings: Settings, accepted: Collection[str]) -> Iterator[Idle]:
    """Blocks that are off by default, and that somebody filled in without turning them on."""
    provider_of = {dotted(path): name for name, path, _ in upstreams(settings) if name in sign_ins(settings.providers)}
    by_rule = any(route.cache for route in settings.models.routing)
    for path, block in _blocks(settings, ""):
        if "enabled" not in type(block).model_fields or block.enabled or "enabled" in block.model_fields_set:  # type: ignore[attr-defined]
            continue
        if provider_of.get(path) in accepted or (path == "policies.cache" and by_rule) or not block.model_fields_set:
            continue
        names = ", ".join(sorted(block.model_fields_set))
        why = "It is off where nothing is said, so that nothing of this counts."
        yield Idle(f"{path} has {names}, and is not turned on", why, f"Write `enabled: true` into {path}")


def _blocks(block: BaseModel, at: str) -> Iterator[tuple[str, BaseModel]]:
    """Blocks within blocks, with their places."""
    for name in block.model_fields_set:
        value: Any = getattr(block, name)
        if isinstance(value, BaseModel):
            here = f"{at}.{name}" if at else name
            yield here, value
            yield from _blocks(value, here)


def _off(settings: Settings) -> Iterator[tuple[str, str]]:
    """Providers that the settings switch off in so many words, and where."""
    for name, path, block in upstreams(settings):
        if "enabled" in block.model_fields_set and not block.enabled:
            yield name, dotted(path)
    if not settings.providers.demo.enabled:
        yield "demo", "providers.demo"


def _place(names: ProviderNames, name: str, off: dict[str, str]) -> str | None:
    """Where it is switched off; None where it is not, or one of those that it stands for is not."""
    places = [off.get(each) for each in names.resolve(name)]
    return places[0] if places and all(places) else None


def _key(settings: Settings, key: Key, at: str, off: dict[str, str], now: float) -> Iterator[Idle]:
    if key.expires is not None and key.expires.timestamp() <= now:
        why = "It is refused like a key that nobody knows."
        yield Idle(f"{at} has expired: {key.expires.date()}", why, f"Give {at} another `expires`, or take the key out")
    if key.queue and key.concurrency is None:
        why = "Only calls beyond `concurrency` wait; without it there are none."
        yield Idle(f"{at} has a queue and no concurrency", why, f"Give {at} a `concurrency`, or take `queue` out")
    streams = settings.server.limits.streams
    if key.concurrency is not None and key.concurrency > streams:
        what = f"{at} may have {key.concurrency} calls at once, and the whole gateway {streams}"
        yield Idle(what, "The limit of the key is never met.", "Lower it, or raise server.limits.streams")
    yield from _caps(key, at)
    names = names_in(settings)
    places = [_place(names, name, off) for name in key.providers]
    if places and all(places):
        which = ", ".join(key.providers)
        yield Idle(
            f"{at} may use {which} alone, which {'are' if len(places) > 1 else 'is'} switched off",
            "Every call of the key is refused.",
            f"Turn on {places[0]}, or name another provider",
        )
    allowed = settings.policies.ips.allow
    if key.ips and allowed and not any(_meet(one, other) for one in key.ips for other in allowed):
        yield Idle(
            f"{at} may call from {', '.join(key.ips)}, and policies.ips.allow has nothing of that",
            "Both count, so that the key can be used from nowhere.",
            f"Add its addresses to policies.ips.allow, or take `ips` of {at} out",
        )


def _caps(key: Key, at: str) -> Iterator[Idle]:
    """Limits that another one of the same key always meets first."""
    limits = key.limits
    most = {name: getattr(limits, name) for name in type(limits).model_fields if name != "soft"}
    if "soft" in limits.model_fields_set and not any(most.values()):
        fix = f"Give {at} a limit, or take `limits.soft` out"
        yield Idle(f"{at} has limits.soft and no limit", "There is nothing of which it could be a share.", fix)
    for small, large, times in (
        ("tokens_per_minute", "tokens_per_day", _MINUTES),
        ("tokens_per_day", "tokens_per_month", 31),
        ("usd_per_day", "usd_per_month", 31),
    ):
        if most[small] and most[large] and most[small] * times <= most[large]:
            what = f"{at}: {small} {most[small]:g} allows at most {most[small] * times:g}, {large} {most[large]:g}"
            yield Idle(what, f"{large} is never met.", f"Lower {large} of {at}, or take it out")
    for small, large in (("tokens_per_minute", "tokens_per_day"), ("tokens_per_day", "tokens_per_month"),
                         ("usd_per_day", "usd_per_month")):  # fmt: skip
        if most[small] and most[large] and most[small] > most[large]:
            what = f"{at}: {small} {most[small]:g} is more than {large} {most[large]:g}"
            yield Idle(what, f"{small} is never met.", f"Lower {small} of {at}, or take it out")


def _references(settings: Settings, off: dict[str, str]) -> Iterator[Idle]:
    """What leads to providers that are switched off, and to nobody else."""
    names = names_in(settings)

    def gone(provider: str) -> str | None:
        return _place(names, provider, off)

    def dead(models: Iterable[str]) -> str | None:
        places = [gone(head) if slash else None for head, slash, _ in (each.partition("/") for each in models)]
        return places[0] if places and all(places) else None

    for name, targets in settings.models.aliases.items():
        if (place := dead(targets)) is not None:
            yield _to_nobody(f"models.aliases.{name} stands for {', '.join(targets)}", place)
    for name, combo in settings.models.combos.items():
        if (place := dead(combo.names)) is not None:
            yield _to_nobody(f"models.combos.{name} has {', '.join(combo.names)}", place)
    for at, model in enumerate(settings.models.custom):
        if (place := gone(model.provider)) is not None:
            yield _to_nobody(f"models.custom[{at}] ({model.name}) is of {model.provider}", place)
    for at, rule in enumerate(settings.policies.payload):
        places = [gone(name) for name in rule.when.providers]
        if places and all(places):
            told = f"policies.payload[{at}] is for calls to {', '.join(rule.when.providers)}"
            yield _to_nobody(told, str(places[0]))


def _to_nobody(what: str, place: str) -> Idle:
    why = "Nobody answers what it stands for."
    return Idle(f"{what}, and nothing else, while {place} is switched off", why, f"Turn on {place}, or take this out")


def _thoughts(settings: Settings) -> Iterator[Idle]:
    """A default of thinking above the most: callers who say nothing get more than those who ask."""
    found: list[tuple[str, Thinking | None]] = [("policies.thinking", settings.policies.thinking)]
    found += [(f"auth.keys[{at}] ({key.name}).thinking", key.thinking) for at, key in enumerate(settings.auth.keys)]
    found += [(f"models.routing[{at}].thinking", rule.thinking) for at, rule in enumerate(settings.models.routing)]
    for at, thinking in found:
        if thinking is None or type(thinking.default) is not type(thinking.max) or thinking.max is None:
            continue
        scale = EFFORTS.index if isinstance(thinking.max, str) else int
        if scale(thinking.default) > scale(thinking.max):  # type: ignore[arg-type]
            what = f"{at} has the default {thinking.default} and at most {thinking.max}"
            why = "The most is for what callers ask; who says nothing gets more than anybody may ask for."
            yield Idle(what, why, f"Lower `default` of {at}, or raise `max`")


def _numbers(settings: Settings) -> Iterator[Idle]:
    observe = settings.observe
    for name, path, block in upstreams(settings):
        if "max_queue" in block.model_fields_set and block.max_concurrency is None:
            why = "Only calls beyond `max_concurrency` wait; without it there are none."
            fix = f"Give {dotted(path)} a `max_concurrency`, or take `max_queue` out"
            yield Idle(f"{dotted(path)} ({name}) has max_queue and no max_concurrency", why, fix)
    names = (f"request_log_{name}" for name in ("encrypted", "days", "bytes"))
    recorded = [name for name in names if name in observe.model_fields_set]
    asked = observe.request_log != "off" or observe.request_log_by_header
    if recorded and not asked and not any(key.request_log for key in settings.auth.keys):
        what = f"observe has {', '.join(recorded)}, and request_log is off"
        why = "Calls are recorded only where an admin asks for one; keys that were made may say otherwise."
        yield Idle(what, why, "Write `request_log: errors` into observe, or take this out")
    ips = settings.policies.ips
    if ips.allow and all(any(_within(one, other) for other in ips.deny) for one in ips.allow):
        why = "`deny` counts whatever `allow` says: every call is refused."
        yield Idle("policies.ips.deny has all that policies.ips.allow has", why, "Take it out of policies.ips.deny")


def _meet(one: str, other: str) -> bool:
    first, second = (ipaddress.ip_network(text.strip(), strict=False) for text in (one, other))
    return first.version == second.version and first.overlaps(second)


def _within(one: str, other: str) -> bool:
    first, second = (ipaddress.ip_network(text.strip(), strict=False) for text in (one, other))
    return first.version == second.version and first.subnet_of(second)  # type: ignore[arg-type]
