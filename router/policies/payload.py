"""Rules that change the body of an upstream request: the operator's values at places of it. Pure.

The last step before a body is sent, in either lane. Credentials are in no body; the model, the kind of answer and the
wish for usage are out of reach, since the settings refuse such paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from msgspec import Struct

from router.models.patterns import Pattern, compile_pattern
from router.settings.policy_blocks import PayloadRule
from router.wire import codec, json_paths
from router.wire.conversation import Json, JsonObject
from router.wire.json_paths import Steps
from router.wire.written import Note

NOTE = Note("policy", "payload")


class Change(Struct, frozen=True):
    """One change: what to do, where, and with which value."""

    kind: Literal["default", "override", "remove"]
    steps: Steps
    value: Json = None

    def applied(self, body: JsonObject) -> JsonObject:
        """The changed body; the very same object where nothing changes."""
        steps = json_paths.spelled(body, self.steps)
        if self.kind == "remove":
            return json_paths.without(body, steps)
        return json_paths.with_value(body, steps, self.value, only_absent=self.kind == "default")


class Payload(Struct, frozen=True, kw_only=True):
    """One rule. dialects: of the upstream. keys: by name. Of these and of models, empty is all. providers: ids, None is
    all. stream: None is both."""

    models: tuple[Pattern, ...] = ()
    providers: frozenset[str] | None = None
    dialects: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    stream: bool | None = None
    changes: tuple[Change, ...] = ()

    def concerns(self, *, asked: str, key: str, stream: bool, provider: str, model: str, dialect: str) -> bool:
        """Whether the rule is for such an attempt. asked: the caller's name of the model; key: of the key."""
        if self.stream is not None and self.stream != stream:
            return False
        if (self.keys and key not in self.keys) or (self.dialects and dialect not in self.dialects):
            return False
        if self.providers is not None and provider not in self.providers:
            return False
        return not self.models or any(each.matches(model) or each.matches(asked) for each in self.models)


def payload_of(rules: Iterable[PayloadRule], ids: Callable[[str], tuple[str, ...]]) -> tuple[Payload, ...]:
    """What the settings say. ids: the providers that a name means."""
    return tuple(_rule(rule, ids) for rule in rules)


def _rule(rule: PayloadRule, ids: Callable[[str], tuple[str, ...]]) -> Payload:
    when = rule.when
    changes = [Change("remove", json_paths.parse(path)) for path in rule.remove]
    changes += [Change("override", json_paths.parse(path), value) for path, value in rule.override.items()]
    changes += [Change("default", json_paths.parse(path), value) for path, value in rule.default.items()]
    named = frozenset(provider for name in when.providers for provider in ids(name))
    return Payload(
        models=tuple(compile_pattern(text) for text in rule.models),
        providers=named if when.providers else None,
        dialects=frozenset(when.dialects),
        keys=frozenset(when.keys),
        stream=when.stream,
        changes=tuple(changes),
    )


def changed(body: JsonObject, rules: Iterable[Payload]) -> JsonObject:
    """A body after these rules, in their order; the very same object where nothing changes."""
    for rule in rules:
        for change in rule.changes:
            body = change.applied(body)
    return body


def changed_bytes(body: bytes, rules: Iterable[Payload]) -> bytes:
    """The same for the raw lane: top-level values that no rule names keep their bytes. Raises `codec.Malformed`."""
    rules = tuple(rules)
    firsts = [str(change.steps[0]) for rule in rules for change in rule.changes]
    names = dict.fromkeys(name for first in firsts for name in (first, *json_paths.other_spellings(first)))
    before: JsonObject = {}
    for name in names:
        value = codec.top_level(body, name)
        if value is not None:
            before[name] = value
    after = changed(before, rules)
    if after is before:
        return body
    replaced = {name: after.get(name, codec.REMOVE) for name in names if after.get(name) is not before.get(name)}
    return codec.replace_top_level(body, replaced)
