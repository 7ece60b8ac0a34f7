"""The models of the embedded demo: what each is for, and what the failing ones answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from router.faults import Fault, Kind
from router.providers.demo.chaos import CHAOS, placed

LABEL = "[Switchyard demo]"

ANSWERING: Mapping[str, str] = MappingProxyType(
    {
        "echo": "Demo: says what it was told",
        "lorem": "Demo: a long text of dummy words",
        "tools": "Demo: calls the declared tools, then reports their results",
        "think": "Demo: thinks before it answers",
        "json": "Demo: answers with JSON that fits the requested schema",
        "length": "Demo: stops in the middle for lack of tokens",
        "refuse": "Demo: declines to answer",
        **{name: f"Demo: {fault.does}" for name, fault in CHAOS.items()},
    }
)

ERRORS: Mapping[int, tuple[Kind, str]] = MappingProxyType(
    {
        400: ("bad_request", "This demo model refuses every request as malformed."),
        401: ("upstream_auth", "This demo model pretends that the provider rejected the account's key."),
        402: ("quota_spent", "This demo model pretends that the account has no credit left."),
        403: ("refused", "This demo model pretends that the provider does not allow this use."),
        404: ("not_found", "This demo model pretends that it does not exist."),
        413: ("too_large", "This demo model pretends that the request is too large."),
        422: ("bad_request", "This demo model pretends that the request cannot be processed."),
        429: ("rate_limited", "This demo model is always rate limited."),
        500: ("upstream_broken", "This demo model pretends that the provider failed."),
        502: ("upstream_broken", "This demo model pretends that a gateway before the provider failed."),
        503: ("overloaded", "This demo model is always overloaded."),
        504: ("timeout", "This demo model pretends that the provider did not answer in time."),
        529: ("overloaded", "This demo model is always overloaded."),
    }
)


def model_names() -> tuple[str, ...]:
    """Every model, without the provider's prefix."""
    return (*ANSWERING, "too-long", "embed", "image", *(f"error-{status}" for status in ERRORS))


def failure(model: str) -> Fault | None:
    """The fault of a model that only fails."""
    if model == "too-long":
        return Fault(
            "too_long", f"{LABEL} prompt is too long: 200001 tokens > 200000 maximum", code="context_length_exceeded"
        )
    name, _, status = model.partition("-")
    if model not in model_names() and placed(model) is None:
        return Fault("not_found", f"There is no model demo/{model}. The demo has {', '.join(model_names())}.")
    if name != "error" or not status.isdigit():
        return None
    kind, text = ERRORS[int(status)]
    wait = 7.0 if kind in ("rate_limited", "overloaded") else None
    return Fault(kind, f"{LABEL} {text}", retry_after=wait, status=int(status))
