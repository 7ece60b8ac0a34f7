"""The facts of a sign-in, pointed at the simulator: what goes into ``providers.<block>.sign_in``."""

from __future__ import annotations

from typing import Any

from router.settings.sign_ins import shipped_sign_ins
from tests.simulators.authorisation.vendors import SECRET, VENDORS

PLACES = {
    "authorize": ("code", "authorize_url"),
    "token": ("token", "url"),
    "device": ("device", "device_url"),
    "poll": ("device", "poll_url"),
    "discovery": ("device", "discovery_url"),
    "profile": ("urls", "profile"),
    "user_info": ("urls", "user_info"),
    "copilot_token": ("urls", "copilot_token"),
}
VERIFIED = ("chatgpt-oauth",)
"""Sign-ins whose facts hold the page on which codes are typed; the others are told it."""


def overrides(address: str, sign_in: str, redirect_uri: str | None = None) -> dict[str, Any]:
    """Changes of the facts by which every address of `sign_in` is the simulator's. redirect_uri: another callback
    address than the registered one, as a free port; the server must be told of it too."""
    vendor = VENDORS[sign_in]
    base = f"{address}/{sign_in}"
    changes: dict[str, Any] = {}
    for endpoint, path in vendor.paths.items():
        # the token endpoint of a vendor with a discovery document is found there
        if endpoint in PLACES and not (endpoint in ("token", "device") and "discovery" in vendor.paths):
            place, name = PLACES[endpoint]
            changes.setdefault(place, {})[name] = base + path
    if "load_code_assist" in vendor.paths:
        changes["urls"] |= {"onboard": base, "load": base}
    if "discovery" in vendor.paths:
        changes["device"]["discovery_domain"] = "127.0.0.1"
    if sign_in in VERIFIED:
        changes["device"]["verification_uri"] = base + vendor.paths["verify"]
    if shipped_sign_ins()[sign_in].upstream.usage_url is not None:
        changes["upstream"] = {"usage_url": f"{base}/usage"}  # which is not there: quotas are nobody's business here
    if vendor.auth != "none":
        changes["client_secret"] = SECRET
    if redirect_uri is not None:
        changes["code"]["redirect_uri"] = redirect_uri
    return changes
