"""The authorize endpoint (RFC 6749, 4.1.1; RFC 7636, 4.3): checks everything, then the person consents or does not."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping
from urllib.parse import urlencode

from tests.simulators.authorisation.grants import CODE_LIFE, Code, Grants
from tests.simulators.authorisation.people import Person
from tests.simulators.authorisation.vendors import Vendor
from tests.simulators.refusal import Refusal

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def check(vendor: Vendor, query: Mapping[str, str], redirects: Collection[str]) -> None:
    """Raises `Refusal` for a request that must not be redirected, as for an unknown client or address."""
    wrong = _wrong(vendor, query, redirects)
    if wrong is not None:
        raise Refusal(400, {"error": "invalid_request", "error_description": wrong})


def _wrong(vendor: Vendor, query: Mapping[str, str], redirects: Collection[str]) -> str | None:
    redirect = query.get(vendor.redirect_parameter)
    method = query.get("code_challenge_method")
    challenge = query.get("code_challenge")
    if query.get("client_id") != vendor.client_id:
        return "unknown client_id"
    if redirect not in redirects:
        return f"redirect address is not registered: {redirect}"
    if query.get("response_type", "code" if not vendor.response_type else "") != "code":
        return "response_type must be code"
    if len(query.get("state", "")) < 16:
        return "state is missing or can be guessed"
    if (vendor.pkce or challenge or method) and (method != "S256" or not CHALLENGE.match(challenge or "")):
        return "code_challenge must be S256 in base64url without padding"
    missing = [name for name, value in vendor.required.items() if query.get(name) != value]
    if missing:
        return f"missing: {', '.join(missing)}"
    lacking = set(vendor.scopes) - set(query.get("scope", "").split(" "))
    if lacking:
        return f"scope lacks: {' '.join(sorted(lacking))}"
    if "client_secret" in query or "code_verifier" in query:
        return "a secret in an address"
    return None


def consent(grants: Grants, sign_in: str, vendor: Vendor, query: Mapping[str, str], person: Person, now: float) -> str:
    """The person says yes: the address that the browser is sent to, with a code."""
    code = Code(
        value=secrets.token_urlsafe(24),
        sign_in=sign_in,
        person=person,
        redirect_uri=query[vendor.redirect_parameter],
        challenge=query.get("code_challenge"),
        state=query.get("state"),
        scope=query.get("scope", ""),
        offline=not sign_in.startswith(("gemini", "anti")) or query.get("access_type") == "offline",
        expires_at=now + CODE_LIFE,
    )
    grants.codes[code.value] = code
    return _redirected(code.redirect_uri, {"code": code.value, "state": code.state or ""})


def denial(vendor: Vendor, query: Mapping[str, str]) -> str:
    """The person says no (RFC 6749, 4.1.2.1)."""
    told = {"error": "access_denied", "error_description": "The person said no.", "state": query.get("state", "")}
    return _redirected(query[vendor.redirect_parameter], told)


def _redirected(address: str, told: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(told)}"
