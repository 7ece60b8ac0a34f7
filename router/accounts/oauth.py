"""OAuth requests and what their answers mean. Pure: facts and values in, requests and values out.

RFC 6749 (codes, refresh, errors), RFC 7636 (PKCE), RFC 8628 (device flow), RFC 9700 (rotation); `wire.md` 13.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias
from urllib.parse import urlencode

from msgspec import Struct

from router.accounts.asking import Reply
from router.net.message import HttpRequest
from router.secret import Secret
from router.settings.sign_ins import SignIn, TokenEndpoint
from router.version import USER_AGENT
from router.wire import codec, hints

SHORT_LIFE = 600.0
"""Seconds that a token is taken to live where nobody says how long."""
_LOST = (502, 504)
"""Statuses of an edge that had no answer, or no whole one, of the server behind it."""
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

Trouble: TypeAlias = Literal["dead", "misconfigured", "transient", "pending", "slow_down", "denied", "expired"]
"""dead: the grant is gone and a person must sign in. misconfigured: our client id or secret is wrong. transient: try
again later. The others are of the device flow."""
_TROUBLES: Mapping[str, Trouble] = {
    "invalid_grant": "dead",
    "refresh_token_expired": "dead",
    "refresh_token_reused": "dead",
    "refresh_token_invalidated": "dead",
    "refresh_token_revoked": "dead",
    "token_revoked": "dead",
    "invalid_client": "misconfigured",
    "unauthorized_client": "misconfigured",
    "unsupported_grant_type": "misconfigured",
    "invalid_scope": "misconfigured",
    "invalid_request": "misconfigured",
    "incorrect_client_credentials": "misconfigured",
    "bad_refresh_token": "dead",
    "authorization_pending": "pending",
    "slow_down": "slow_down",
    "access_denied": "denied",
    "expired_token": "expired",
}


class Tokens(Struct, frozen=True, kw_only=True):
    """What a token endpoint gave. refresh: None where it gave none (the old one stays). began: Unix time of the
    request, from which the life counts. answer: all of it, for hooks; holds secrets, so never shown."""

    access: Secret
    refresh: Secret | None = None
    began: float = 0.0
    expires_at: float
    answer: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        return f"Tokens(expires_at={self.expires_at:.0f})"


class TokenTrouble(Exception):
    """A token endpoint that gave no token. message: for a person, without secrets. retry_after: seconds, if told.
    unknown: whether the request may have been obeyed all the same, and its answer lost on the way."""

    def __init__(
        self, trouble: Trouble, message: str, retry_after: float | None = None, *, unknown: bool = False
    ) -> None:
        super().__init__(message)
        self.trouble: Trouble = trouble
        self.message = message
        self.retry_after = retry_after
        self.unknown = unknown


def exchange_code(
    sign_in: SignIn, *, code: str, redirect_uri: str, verifier: str | None, state: str | None = None
) -> HttpRequest:
    """RFC 6749, 4.1.3. redirect_uri: byte for byte the one of the authorisation request."""
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if verifier is not None:
        fields["code_verifier"] = verifier
    if state is not None and _endpoint(sign_in).state:
        fields["state"] = state
    return token_request(sign_in, fields)


def refresh(sign_in: SignIn, refresh_token: Secret) -> HttpRequest:
    """RFC 6749, 6."""
    endpoint = _endpoint(sign_in)
    fields = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
    if endpoint.refresh_scope:
        fields["scope"] = endpoint.refresh_scope
    return token_request(sign_in, fields)


def device_token(sign_in: SignIn, device_code: Secret, verifier: str | None = None) -> HttpRequest:
    """RFC 8628, 3.4."""
    fields = {"grant_type": DEVICE_GRANT, "device_code": device_code.reveal()}
    if verifier is not None:
        fields["code_verifier"] = verifier
    return token_request(sign_in, fields)


def token_request(sign_in: SignIn, fields: Mapping[str, str]) -> HttpRequest:
    """A request to the token endpoint with the client's identity and the encoding that this vendor takes."""
    endpoint = _endpoint(sign_in)
    values = dict(fields)
    headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": USER_AGENT}
    if endpoint.auth == "basic":
        headers["authorization"] = f"Basic {base64.b64encode(_pair(sign_in).encode()).decode()}"
    if sign_in.client_id:
        values["client_id"] = sign_in.client_id
    if endpoint.auth in ("body", "basic") and sign_in.client_secret:
        values["client_secret"] = sign_in.client_secret
    if endpoint.body == "json":
        headers["content-type"] = "application/json"
        body = codec.dumps(values)
    else:
        headers["content-type"] = "application/x-www-form-urlencoded"
        body = urlencode(values).encode()
    return HttpRequest("POST", endpoint.url, headers, body)


def _pair(sign_in: SignIn) -> str:
    """The user information of RFC 7617."""
    return f"{sign_in.client_id}:{sign_in.client_secret}"


def client_secrets(sign_in: SignIn) -> tuple[Secret, ...]:
    """What a token endpoint is sent of our OAuth client and may quote."""
    return (Secret(sign_in.client_secret), Secret(_pair(sign_in))) if sign_in.client_secret else ()


def read_tokens(reply: Reply) -> Tokens:
    """RFC 6749, 5.1 and 5.2. Raises `TokenTrouble`. A few vendors send errors with 200, and edges send HTML."""
    answer = read_object(reply)
    access = answer.get("access_token") if answer is not None else None
    if answer is None or not isinstance(access, str) or access == "" or reply.status >= 400:
        raise trouble(reply, answer)
    renewed = answer.get("refresh_token")
    return Tokens(
        access=Secret(access),
        refresh=Secret(renewed) if isinstance(renewed, str) and renewed else None,
        began=reply.began,
        expires_at=reply.began + _life(answer.get("expires_in")),
        answer=answer,
    )


def _life(told: Any) -> float:
    """Seconds, some vendors as text; a life that is none is taken as one that nobody told."""
    try:
        seconds = 0.0 if isinstance(told, bool) else float(told)
    except (TypeError, ValueError, OverflowError):
        return SHORT_LIFE
    return seconds if math.isfinite(seconds) and seconds > 0 else SHORT_LIFE


def trouble(reply: Reply, answer: Mapping[str, Any] | None) -> TokenTrouble:
    """What an answer without a token means; nothing of it is quoted but its error code and description."""
    code, description = _error(answer)
    known = _TROUBLES.get(code or "")
    retry_after = hints.retry_after(reply.headers, dict(answer) if answer is not None else None, reply.began)
    if known is None or (reply.status >= 500 or reply.status == 429):
        known = "transient" if known not in ("pending", "slow_down") else known
    told = " ".join(part for part in (code and shortened(code), description and f"({shortened(description)})") if part)
    message = f"the token endpoint answered {reply.status}{': ' + told if told else ''}"
    lost = code is None and (reply.status < 400 or reply.status in _LOST)
    return TokenTrouble(known, message, retry_after, unknown=lost)


def shortened(words: str, most: int = 200) -> str:
    """The beginning of what a provider says, on one line. It ends between two words: a part of a token that is quoted
    there could no longer be told from other text, and would be shown (`router.hidden`)."""
    kept = words if len(words) <= most else words[: most + 1].rpartition(" ")[0]
    return "".join(letter if letter.isprintable() else " " for letter in kept)


def read_object(reply: Reply) -> dict[str, Any] | None:
    """The answer as a JSON object; None where it is something else, such as an edge's HTML page."""
    try:
        answer = codec.loads(reply.body)
    except codec.Malformed:
        return None
    return answer if isinstance(answer, dict) else None


def claims(token: str) -> dict[str, Any]:
    """The claims of a JWT without checking its signature (RFC 7519): a hint only. Empty where it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = codec.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, codec.Malformed):
        return {}
    return payload if isinstance(payload, dict) else {}


def _endpoint(sign_in: SignIn) -> TokenEndpoint:
    if sign_in.token is None:
        raise ValueError(f"{sign_in.title} has no token endpoint")
    return sign_in.token


def _error(answer: Mapping[str, Any] | None) -> tuple[str | None, str | None]:
    """Code and description; some vendors nest them: ``{"error": {"code", "message"}}``."""
    if answer is None:
        return None, None
    error = answer.get("error")
    if isinstance(error, dict):
        code = error.get("code") or error.get("type")
        words = error.get("message")
    else:
        code, words = error or answer.get("code"), answer.get("error_description") or answer.get("message")
    return (code if isinstance(code, str) else None), (words if isinstance(words, str) else None)
