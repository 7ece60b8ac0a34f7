"""How each vendor's endpoints say no."""

from __future__ import annotations

from tests.simulators.authorisation.vendors import Vendor
from tests.simulators.refusal import Refusal

OPENAI_CODES = {
    "reused": ("refresh_token_reused", "Your refresh token has already been used to generate a new access token."),
    "expired": ("refresh_token_expired", "Your refresh token has expired."),
    "revoked": ("refresh_token_invalidated", "Your session has ended."),
}
GITHUB_CODES = {
    "invalid_client": "incorrect_client_credentials",
    "invalid_grant": "bad_verification_code",
    "unsupported_grant_type": "unsupported_grant_type",
}


def refused(vendor: Vendor, error: str, description: str, *, status: int = 400) -> Refusal:
    """An error of the token or device endpoint (RFC 6749, 5.2). GitHub sends every one with 200."""
    if vendor.style == "github":
        body = {
            "error": GITHUB_CODES.get(error, error),
            "error_description": description,
            "error_uri": "https://docs.github.com/",
        }
        return Refusal(200, body)
    return Refusal(401 if error == "invalid_client" else status, {"error": error, "error_description": description})


def dead_refresh_token(vendor: Vendor, why: str) -> Refusal:
    """A refresh token that is not good. why: ``reused``, ``expired``, ``revoked``, ``unknown``."""
    if vendor.style == "openai":
        code, message = OPENAI_CODES.get(why, ("refresh_token_invalidated", "Could not validate your token."))
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        return Refusal(401, {"error": error})
    return refused(vendor, "invalid_grant", "Refresh token not found or invalid")
