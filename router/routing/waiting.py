"""What to tell a client when every account of a provider has to wait. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from router.faults import Fault, Kind
from router.routing.choose import Waiting

_LIMITS = ("rate_limited", "quota_spent")


def nothing_left(provider: str, model: str, reasons: Sequence[Waiting], retry_after: float | None) -> Fault:
    """429 where a limit is what keeps the accounts, 403 where all of them are refused for good, else 503; names
    accounts and causes.

    A refusal that may end (`until` is known) stays a 503: waiting helps there, and a 403 would say that it does not."""
    kind: Kind = "unavailable"
    if reasons and all(reason.state == "refused" and reason.until is None for reason in reasons):
        kind = "refused"
    elif any(reason.cause.startswith(_LIMITS) for reason in reasons):
        kind = "rate_limited"
    elif any(reason.account == "" for reason in reasons):
        kind = "overloaded"
    told = "; ".join(f"{reason.account or 'all accounts'}: {reason.state}, {reason.cause}" for reason in reasons)
    return Fault(
        kind,
        f"No account of {provider} can serve '{model}' now ({told or 'it has none'}).",
        retry_after=retry_after,
        details={
            "accounts": [
                {"account": reason.account, "state": reason.state, "cause": reason.cause, "until": reason.until}
                for reason in reasons
            ]
        },
    )
