"""The two addresses of an authorisation code: where the person is sent, and what comes back. Pure.

RFC 6749 4.1, RFC 8252 (loopback), RFC 9207 (issuer). What comes back arrives at the listener or is pasted by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from msgspec import Struct

from router.accounts import oauth
from router.accounts.login.pkce import challenge
from router.secret import Secret
from router.settings.sign_ins import CodeFlow, SignIn

LONGEST = 8192
"""Characters of an address or a code that anybody sends back."""
_MOST_FIELDS = 32
_QUERY = re.compile(r"(?:^|&)(?:code|error|state)=")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ERRORS: Mapping[str, str] = {
    "access_denied": "the sign-in was declined",
    "server_error": "the provider failed",
    "temporarily_unavailable": "the provider is not available now",
    "invalid_scope": "the provider does not know one of the scopes of this sign-in",
    "unauthorized_client": "the provider does not let this OAuth client sign anybody in",
    "invalid_request": "the provider does not accept the request of this sign-in",
    "unsupported_response_type": "the provider does not accept the request of this sign-in",
}


class Unreadable(ValueError):
    """What came back says nothing about this login; the login goes on. The message is for the person."""


class Declined(Exception):
    """The provider ends this login. The message is for the person."""


class Place(Struct, frozen=True):
    """Where a browser on this machine hands the answer over."""

    port: int
    path: str


class Returned(Struct, frozen=True, kw_only=True):
    """What came back. error, description: in place of a code. issuer: ``iss``."""

    code: Secret | None = None
    state: Secret | None = None
    issuer: str | None = None
    error: str | None = None
    description: str = ""


def authorisation_url(sign_in: SignIn, *, redirect_uri: str, state: Secret, verifier: Secret | None) -> str:
    """Where the person signs in (RFC 6749, 4.1.1; RFC 7636, 4.3)."""
    flow = code_flow(sign_in)
    fields = dict(flow.extra)
    fields |= {"response_type": "code", "client_id": sign_in.client_id, flow.redirect_parameter: redirect_uri}
    if flow.scopes:
        fields["scope"] = " ".join(flow.scopes)
    fields["state"] = state.reveal()
    if verifier is not None:
        fields |= {"code_challenge": challenge(verifier), "code_challenge_method": "S256"}
    joint = "&" if "?" in flow.authorize_url else "?"
    return f"{flow.authorize_url}{joint}{urlencode(fields, quote_via=quote)}"


def code_flow(sign_in: SignIn) -> CodeFlow:
    """The facts of the flow. Raises `ValueError` where there is none."""
    if sign_in.code is None:
        raise ValueError(f"{sign_in.title} has no sign-in in a browser")
    return sign_in.code


def issuer_of(flow: CodeFlow) -> str:
    """What ``iss`` must say: the issuer of the facts, else the origin of the address."""
    parts = urlsplit(flow.authorize_url)
    return flow.issuer or f"{parts.scheme}://{parts.netloc}"


def loopback_place(redirect_uri: str) -> Place | None:
    """Port and path of a redirect to this machine; None for any other."""
    parts = urlsplit(redirect_uri)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK or parts.port is None:
        return None
    return Place(parts.port, parts.path or "/")


def read_query(query: str) -> Returned:
    """The query of a redirect. Raises `Unreadable`; a field given twice is a mistake (RFC 6749, 3.1)."""
    if len(query) > LONGEST:
        raise Unreadable("The answer is longer than any that a provider gives.")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Unreadable("The answer has more fields than any that a provider gives.") from None
    fields = dict(pairs)
    wanted = ("code", "state", "iss", "error")
    if sum(name in wanted for name, _ in pairs) > sum(name in fields for name in wanted):
        raise Unreadable("The answer names a field twice, which no provider does.")
    return Returned(
        code=_secret(fields.get("code")),
        state=_secret(fields.get("state")),
        issuer=fields.get("iss") or None,
        error=fields.get("error") or None,
        description=fields.get("error_description", ""),
    )


def read_pasted(text: str, redirect_uri: str) -> Returned:
    """What a person pasted: the redirected address, its query, ``code#state``, or the bare code. Raises `Unreadable`.

    Line breaks and blanks that a terminal put in are taken out. An address must be the one that the provider redirects
    to: the commonest mistake is to paste the page where one signs in, whose query has a ``code`` too.
    """
    pasted = "".join(text.split())
    if not pasted:
        raise Unreadable("Nothing was pasted.")
    if len(pasted) > LONGEST:
        raise Unreadable("That is longer than any answer of a provider.")
    if not (pasted.isascii() and pasted.isprintable()):
        raise Unreadable("That has characters in it that no address and no code has.")
    head, mark, query = pasted.partition("?")
    if mark and head:
        if _bare(head) != _bare(redirect_uri):
            raise Unreadable(
                "That is another address. Sign in first, and then paste the address that the browser shows "
                f"afterwards; it begins with {redirect_uri} and the page itself may be an error."
            )
        return read_query(query.partition("#")[0])
    if mark or _QUERY.search(pasted):
        return read_query((query or pasted).partition("#")[0])
    if "://" in pasted:
        raise Unreadable("That address has no code in it. Paste the whole address that the browser shows at the end.")
    code, _, state = pasted.partition("#")
    return Returned(code=_secret(unquote(code)), state=_secret(state))


def accepted(returned: Returned, *, state: Secret, issuer: str, stateless: bool) -> Secret:
    """The code, after every check. stateless: whether a code without a state will do (pasted by hand, and PKCE binds
    it). Raises `Unreadable` where it is not this login's, and `Declined`."""
    if returned.state is not None and returned.state != state:
        raise Unreadable("That belongs to another sign-in, or to an earlier try. Use the address of this one.")
    if returned.state is None and not stateless and returned.error is None:
        raise Unreadable("That has no `state` in it. Paste the whole address that the browser shows at the end.")
    if returned.issuer is not None and returned.issuer.rstrip("/") != issuer.rstrip("/"):
        raise Declined("The answer names another issuer than the provider that was asked (RFC 9207), so it is refused.")
    if returned.error is not None:
        raise Declined(error_words(returned.error, returned.description))
    if returned.code is None:
        raise Unreadable("That has no code in it. Paste the whole address that the browser shows at the end.")
    return returned.code


def error_words(error: str, description: str = "") -> str:
    """An error of the authorisation endpoint (RFC 6749, 4.1.2.1) as a sentence."""
    known = _ERRORS.get(error, "the provider gave no code")
    told = ": ".join(part for part in (_shown(error), _shown(description)) if part)
    return f"{known[0].upper()}{known[1:]} ({told})."


def _shown(text: str) -> str:
    return oauth.shortened(text).strip()


def _secret(value: str | None) -> Secret | None:
    return Secret(value) if value else None


def _bare(address: str) -> str:
    """An address without its scheme, with one name for this machine, and in lower case."""
    rest = address.partition("://")[2] or address
    host, slash, path = rest.partition("/")
    for name in ("127.0.0.1", "[::1]"):
        if host == name or host.startswith(f"{name}:"):
            host = "localhost" + host.removeprefix(name)
    return f"{host}{slash}{path}".lower().rstrip("/")
