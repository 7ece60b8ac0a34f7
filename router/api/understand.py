"""From an exchange to a `Call`: who asks, for which model, streamed or not. Reads no more of the body than it must."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import get_args

from msgspec import Struct

from router.access.credentials import presented_keys
from router.access.keys import ClientKey, KeyRing, Scope
from router.api.exchange import Exchange
from router.call import Call, Caller, Resume
from router.faults import Fault, bad_request
from router.providers.executor import FORWARDED
from router.providers.raw_body import carries_ours
from router.routing.limits import wishes
from router.routing.sessions import named_in, session_header
from router.wire import codec
from router.wire.conversation import Conversation, Dialect, JsonObject
from router.wire.dialect import DialectSpec

_RESUMES: tuple[Resume, ...] = get_args(Resume)
_TRUE = frozenset({"1", "true", "yes", "on"})
_MODEL_MISSING = "The request names no model. Set `model` to one of the names that GET /v1/models lists."
_CLIENT = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)?")


class Surface(Struct, frozen=True, kw_only=True):
    """One family of generation paths.

    spec: how the caller speaks. raw: whether the raw lane may be taken at all (legacy completions are never).
    """

    name: str
    spec: DialectSpec
    raw: bool = True


class Addressed(Struct, frozen=True):
    """What the path itself says: the model and the kind of answer (Gemini), the provider (pinned surfaces)."""

    model: str | None = None
    stream: bool | None = None
    provider: str | None = None
    array: bool = False  # Gemini's stream as a JSON array


def authenticate(exchange: Exchange, keys: KeyRing, scope: Scope = "client") -> ClientKey:
    """The key that the caller presents. Raises `Fault` unauthenticated or forbidden, in words that say what to do."""
    presented = presented_keys(exchange.headers, exchange.query_string)
    if not presented:
        raise Fault(
            "unauthenticated",
            "No key was sent. Send this gateway's client key as `Authorization: Bearer`, `x-api-key`, `x-goog-api-key` "
            "or `?key=`; `switchyard keys create NAME` makes one.",
        )
    key = next((key for key in map(keys.verify_fresh, presented) if key is not None), None)
    if key is None:
        raise Fault(
            "unauthenticated",
            "This key is not one of this gateway's keys (or it was revoked or disabled, or has expired). It takes its "
            "own keys, not a provider's: `switchyard keys list` shows them.",
        )
    if scope not in key.scopes:
        raise Fault("forbidden", f"The key {key.name!r} may not do this: it lacks the scope {scope!r}.")
    return key


def caller_of(exchange: Exchange, key: ClientKey, address: str) -> Caller:
    """The caller for the record. address: where the call counts as from."""
    found = _CLIENT.match(exchange.headers.get("user-agent", ""))
    return Caller(
        key_id=key.id,
        key_name=key.name,
        client=found.group()[:60] if found else "",
        address=address,
        priority=key.priority,
    )


def understand(
    exchange: Exchange,
    surface: Surface,
    addressed: Addressed,
    body: bytes,
    *,
    call_id: str,
    response_id: str,
    caller: Caller,
    began: float,
    created: int,
    strict: bool,
    thinking_output: str,
    tracked: bool,
) -> Call:
    """The call. tracked: whether to look into the body for the session where no header names one. Raises `Fault`
    bad_request for a body that is not a JSON object or names no model."""
    asked, stream = model_and_stream(body, addressed)
    headers = exchange.headers
    forwarded = {name: headers[name] for name in FORWARDED[surface.spec.name] if name in headers}
    return Call(
        id=call_id,
        dialect=surface.spec.name,
        asked=asked,
        stream=stream,
        body=body,
        caller=caller,
        headers=forwarded,
        pinned=addressed.provider or headers.get("x-switchyard-provider") or None,
        strict=strict or headers.get("x-switchyard-strict", "").strip().lower() in _TRUE,
        began=began,
        created=created,
        response_id=response_id,
        thinking_output=thinking_output,
        spec=surface.spec,
        session=session_header(headers) or (named_in(body, persons=False) if tracked else None),
        resume=_resume(headers.get("x-switchyard-resume")),
        limits=wishes(headers),
    )


def _resume(wish: str | None) -> Resume | None:
    """Raises `Fault` bad_request for a word that means nothing."""
    if wish is None or not wish.strip():
        return None
    word = wish.strip().lower()
    for known in _RESUMES:
        if word == known:
            return known
    raise bad_request(f"x-switchyard-resume must be one of {', '.join(_RESUMES)}, not '{wish[:40]}'.")


def model_and_stream(body: bytes, addressed: Addressed) -> tuple[str, bool]:
    """The two facts that a call is routed by. Raises `Fault` bad_request naming what is wrong with them."""
    try:
        seen = codec.peek(body)
        if not body.isascii():
            body.decode("utf-8")  # what a peek skips over would go on unread in the raw lane
    except codec.Malformed as error:
        raise bad_request(f"The body is not valid JSON: {error}.") from error
    except UnicodeDecodeError as error:
        raise bad_request(f"The body is not valid JSON: not valid UTF-8 at byte {error.start}.") from error
    if addressed.model is not None:
        return addressed.model, bool(addressed.stream)
    if seen.model is None:
        raise bad_request(_MODEL_MISSING, "model")
    if not isinstance(seen.model, str) or seen.model == "":
        raise bad_request("`model` must be a non-empty text.", "model")
    if seen.stream is not None and not isinstance(seen.stream, bool):
        raise bad_request("`stream` must be true or false.", "stream")
    return seen.model, seen.stream is True


def decoded(body: bytes) -> JsonObject:
    """The whole body. Raises `Fault` bad_request."""
    try:
        value = codec.loads(body)
    except codec.Malformed as error:
        raise bad_request(f"The body is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise bad_request("The body must be a JSON object.")
    return value


def must_read(call: Call) -> bool:
    """Whether a body that could go raw has something that only its reader can treat: our own opaque bytes and ids, or
    an Anthropic message thread, whose state would be at one account of one provider."""
    return carries_ours(call.dialect, call.body) or (call.dialect == "messages" and b'"thread"' in call.body)


def read(call: Call, read_request: Callable[..., Conversation]) -> Conversation:
    """The conversation of a call, for the typed lane. Raises `Fault` bad_request with the JSON path."""
    if call.dialect == "gemini":
        return read_request(decoded(call.body), model=call.asked, stream=call.stream)
    return read_request(decoded(call.body))


def dialect_of(headers: Mapping[str, str]) -> Dialect:
    """Which dialect an address-less caller (``GET /v1/models``, an unknown path) speaks, by its headers."""
    if "x-goog-api-key" in headers or "x-goog-api-client" in headers:
        return "gemini"
    if "anthropic-version" in headers:
        return "messages"
    return "chat"
