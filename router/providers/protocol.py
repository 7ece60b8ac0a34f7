"""What an executor is made of: the call that it is given, and the rules of a protocol beside URL and headers. Pure.

Executors (`router.providers.executor.EXECUTORS`) say where a call goes and with which headers. Some back ends ask for
more: a body of their own shape, an envelope, streams alone. That is `ProtocolRules`, a second table beside the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from router import faults
from router.faults import Fault, bad_request
from router.providers.config import ProviderConfig
from router.secret import Secret
from router.wire import codec
from router.wire.conversation import Dialect, JsonObject
from router.wire.written import Action, Note, Written

Operation: TypeAlias = Literal["generate", "count_tokens", "embed", "batch_embed", "images", "predict"]


class Outgoing(Struct, frozen=True, kw_only=True):
    """One upstream call. headers: the caller's, lower-case names, already cut to `FORWARDED`. base_url: one of the
    provider's. credential: resolved for this moment (a key, or a fresh token). facts: what else is known of the account
    (``account_id``, ``project_id``)."""

    operation: Operation
    dialect: Dialect
    model: str
    stream: bool
    body: bytes
    base_url: str
    credential: Secret
    headers: Mapping[str, str] = {}
    facts: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Outgoing({self.operation}, {self.model})"  # the body is somebody's conversation


Executor: TypeAlias = Callable[[ProviderConfig, Outgoing], tuple[str, dict[str, str]]]
"""URL and headers for one call. Raises `Fault` unavailable where the account lacks what the protocol asks for."""


class Fit(Struct, frozen=True):
    """What a body must have otherwise than its dialect has it. changes: top-level members to set, or to take out
    (`codec.REMOVE`)."""

    changes: JsonObject = {}
    notes: tuple[Note, ...] = ()


class Ruling(Struct, frozen=True, kw_only=True):
    """A vendor's words, or its code, that mean something else than their status says.

    words: how its message begins (servers quote a request inside their messages, but never there). codes: its code or
    reason. Either suffices. statuses: the only ones that it is about; empty: all, and errors inside streams. scope:
    what a limit is about (`router.routing.scopes`). for_good: no later success is to be expected. message: what to say
    instead, with ``{said}`` for what the provider said.
    """

    kind: faults.Kind
    words: re.Pattern[str] | None = None
    codes: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()
    scope: str | None = None
    for_good: bool = False
    message: str | None = None


class ProtocolRules(Struct, frozen=True, kw_only=True):
    """What one kind's protocol needs beside URL and headers.

    streams_only: there is no unstreamed answer; who asked for one gets the fold. fit: of the top level of a generation
    request; raises `Fault` bad_request for what this back end cannot be told at all. wrap: the whole body into the
    envelope of the protocol. unwrap: one JSON payload (of an event, or a whole answer) out of its envelope. told:
    headers of an answer (lower case) that say something for the caller, and as what kind of note.
    """

    streams_only: bool = False
    fit: Callable[[Mapping[str, Any]], Fit] | None = None
    wrap: Callable[[Outgoing], bytes] | None = None
    unwrap: Callable[[bytes], bytes] | None = None
    rulings: tuple[Ruling, ...] = ()
    told: Mapping[str, Action] = MappingProxyType({})

    def judge(self, fault: Fault, said: str | None = None) -> Fault:
        """The fault as this vendor means it. said: its own words where the fault has others."""
        text = fault.message if said is None else said
        for ruling in self.rulings:
            if _applies(ruling, fault, text):
                return _ruled(fault, ruling, text)
        return fault


PLAIN = ProtocolRules()
WEBAI = ProtocolRules(told=MappingProxyType({"x-webai-served-by": "served_by", "x-webai-notes": "service"}))
_LONGEST = 500


def told_by(rules: ProtocolRules, headers: Mapping[str, str]) -> tuple[Note, ...]:
    """What the head of an answer says for the caller; several things stand between semicolons."""
    return tuple(
        Note(action, each.strip())
        for header, action in rules.told.items()
        for each in headers.get(header, "").split(";")
        if each.strip()
    )


def fitted(written: Written, rules: ProtocolRules) -> Written:
    """A body of ours as the protocol wants it, with what it lost by that. Raises `Fault` bad_request."""
    if rules.fit is None:
        return written
    fit = rules.fit(written.body)
    body = {**written.body, **fit.changes}
    kept = {key: value for key, value in body.items() if value is not codec.REMOVE}
    return replace(written, body=kept, notes=tuple(dict.fromkeys((*written.notes, *fit.notes))))


def fitted_bytes(body: bytes, rules: ProtocolRules) -> tuple[bytes, tuple[Note, ...]]:
    """The same for a caller's own body, of which everything else keeps its bytes. Raises `Fault` bad_request."""
    if rules.fit is None:
        return body, ()
    try:
        read = codec.loads(body)
        fit = rules.fit(read if isinstance(read, dict) else {})
        return codec.replace_top_level(body, fit.changes), fit.notes
    except codec.Malformed as error:
        raise bad_request(f"The body is not valid JSON: {error}.") from error


def _applies(ruling: Ruling, fault: Fault, said: str) -> bool:
    if ruling.statuses and fault.status not in ruling.statuses:
        return False
    if fault.code in ruling.codes or fault.details.get("reason") in ruling.codes:
        return True
    return ruling.words is not None and ruling.words.match(said) is not None


def _ruled(fault: Fault, ruling: Ruling, said: str) -> Fault:
    fault.kind = ruling.kind
    said = said[:_LONGEST] or "no reason given"
    fault.message = said if ruling.message is None else ruling.message.format(said=said)
    fault.passthrough = fault.passthrough if ruling.message is None and fault.meaning.whose == "caller" else None
    if ruling.scope is not None:
        fault.details["scope"] = ruling.scope
    if ruling.for_good:
        fault.details["for_good"] = True
    return fault


def refused(words: str) -> Ruling:
    """The account may not be used like this, now or later: words as of `Ruling`, in any case."""
    return Ruling(kind="refused", words=re.compile(words, re.IGNORECASE), scope="account", for_good=True)


def said_in(body: bytes) -> str:
    """The message of an error answer in any of the usual shapes, else its text."""
    try:
        value = codec.loads(body)
    except codec.Malformed:
        return body[:_LONGEST].decode("utf-8", "replace").strip()
    if isinstance(value, list) and value:
        value = value[0]
    for _ in range(2):
        if not isinstance(value, dict):
            break
        value = next((value[key] for key in ("error", "detail", "message") if value.get(key)), "")
    return value if isinstance(value, str) else ""
