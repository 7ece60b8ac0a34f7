"""What an HTTP status of a provider means where its body does not say it better. The same in every dialect."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from router.faults import Kind

_KINDS: Mapping[int, Kind] = MappingProxyType(
    {
        401: "upstream_auth",
        402: "quota_spent",
        403: "refused",
        404: "not_found",
        405: "not_found",  # an address that serves something else: the base URL is wrong
        408: "timeout",
        409: "conflict",
        413: "too_large",
        425: "overloaded",
        429: "rate_limited",
        503: "overloaded",
        504: "timeout",
        524: "timeout",  # Cloudflare: the origin was silent
        529: "overloaded",
    }
)


def kind_of(status: int) -> Kind:
    """The kind of an error answer: others of the 400s are the caller's, whatever else the provider's."""
    return _KINDS.get(status, "bad_request" if 400 <= status < 500 else "upstream_broken")
