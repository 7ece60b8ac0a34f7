"""The one error type that a client can be told about, and what each kind of it means.

A fault says *what* went wrong in the product's own words; every dialect renders it in its own envelope
(`router.wire.<dialect>.faults`), and `routing.attempt` decides from its kind whether another try can succeed.
Programming errors stay ordinary exceptions and become an `internal` fault at the edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

Kind = Literal[
    "bad_request",  # the caller sent something that cannot work, here or anywhere
    "too_long",  # the prompt exceeds the model's window
    "unauthenticated",  # the caller's key for *this gateway* is missing or wrong
    "forbidden",  # the caller's key may not do this
    "refused",  # the provider does not let our credential do this
    "not_found",  # no such model or path
    "too_large",  # the body is larger than allowed
    "conflict",
    "unsupported_upgrade",  # a WebSocket attempt where none is served
    "rate_limited",  # somebody's limit, recovers by itself
    "quota_spent",  # somebody's money or plan is used up, does not recover soon
    "overloaded",  # the provider or this gateway has no capacity now
    "unavailable",  # nothing can serve this now (no account, broker unreachable, draining)
    "timeout",  # silence
    "upstream_auth",  # the provider rejects our credential (never shown as a 401)
    "upstream_broken",  # the provider failed or answered nonsense, cut its stream, reset the connection
    "cancelled",  # the client went away
    "internal",  # our own mistake
]

Scope = Literal["request", "account", "model", "provider", "target", "gateway"]


@dataclass(frozen=True)
class Meaning:
    """What a kind implies. `status` is the HTTP status of most dialects; a dialect may differ (Anthropic's 529)."""

    status: int
    moves_on: bool  # another account or candidate may still succeed
    retryable: bool  # the client may try the same call again later
    whose: Literal["caller", "gateway", "upstream"]


MEANINGS: Mapping[Kind, Meaning] = MappingProxyType(
    {
        "bad_request": Meaning(400, False, False, "caller"),
        "too_long": Meaning(400, True, False, "caller"),  # only to a candidate with a larger window
        "unauthenticated": Meaning(401, False, False, "caller"),
        "forbidden": Meaning(403, False, False, "caller"),
        "refused": Meaning(403, True, False, "upstream"),
        "not_found": Meaning(404, True, False, "caller"),  # next provider of the plan; nothing cools
        "too_large": Meaning(413, False, False, "caller"),
        "conflict": Meaning(409, False, True, "upstream"),
        "unsupported_upgrade": Meaning(426, False, False, "caller"),
        "rate_limited": Meaning(429, True, True, "upstream"),
        "quota_spent": Meaning(429, True, False, "upstream"),
        "overloaded": Meaning(503, True, True, "upstream"),
        "unavailable": Meaning(503, True, True, "gateway"),
        "timeout": Meaning(504, True, True, "upstream"),
        "upstream_auth": Meaning(502, True, False, "upstream"),
        "upstream_broken": Meaning(502, True, True, "upstream"),
        "cancelled": Meaning(499, False, False, "caller"),
        "internal": Meaning(500, False, True, "gateway"),
    }
)
KINDS: tuple[Kind, ...] = get_args(Kind)


class Fault(Exception):
    """Something that went wrong and that a client may be told.

    kind: what it is; decides the status, the dialect's error type and whether to move on.
    message: one or more sentences for a person: what, where, what to do. Never a secret.
    param: where in the caller's body, as a JSON path such as ``messages[3].content[1].type``.
    code: the provider's own machine-readable code, if it gave one (``context_length_exceeded``).
    retry_after: seconds after which trying again makes sense, if somebody said so.
    status: the upstream's own HTTP status, for records; `http_status` is what a client sees.
    details: machine-readable facts that a dialect may render (``{"error_code": …}``); never a secret.
    passthrough: upstream error body to hand on verbatim to a client of the same dialect.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        status: int | None = None,
        details: Mapping[str, Any] | None = None,
        passthrough: bytes | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after
        self.status = status
        self.details: dict[str, Any] = dict(details or {})
        self.passthrough = passthrough

    @property
    def meaning(self) -> Meaning:
        """What the kind of this fault implies."""
        return MEANINGS[self.kind]

    @property
    def http_status(self) -> int:
        """The status for a client, in [400, 599]: the provider's own for a request fault, else the kind's."""
        if self.status is not None and self.meaning.whose == "caller" and 400 <= self.status < 500:
            return self.status if self.status != 401 else self.meaning.status
        return self.meaning.status

    def __repr__(self) -> str:
        at = f" at {self.param}" if self.param else ""
        return f"Fault({self.kind}: {self.message}{at})"


def bad_request(message: str, param: str | None = None, **facts: Any) -> Fault:
    """A `bad_request` fault that names the JSON path of the mistake."""
    return Fault("bad_request", message, param=param, **facts)
