"""cto.new: Clerk's ``__client`` cookie makes a token of one minute; the vendor's own OAuth goes before it.

Clerk's front-end API: the client of a cookie has sessions, a session gives tokens, and any answer may replace the
cookie. A replaced cookie must be kept even where no token came of it, because the old one soon stops working.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from router.accounts import oauth
from router.accounts.asking import Ask, Reply
from router.accounts.credential import NOTHING, Credential
from router.accounts.oauth import TokenTrouble
from router.accounts.renewal import Renewed
from router.faults import Fault
from router.net.message import HttpRequest
from router.secret import Secret
from router.settings.sign_ins import SignIn
from router.version import USER_AGENT
from router.wire import hints

COOKIE = "__client"
SHORT_LIFE = 60.0
"""Seconds that a token lives where it does not say so itself."""
OAUTH = "oauth"
"""The fact ``way`` of an account whose refresh token is one of the vendor's own OAuth, and of its access."""
VENDOR_TOKEN = "oauth_refresh_token"  # noqa: S105  a name
"""The secret of an account that has such a token beside the cookie."""
_JWT_PARTS = 3
_LOST = (502, 504)
"""Statuses of an edge that had no answer of the server behind it, which may have obeyed all the same."""


async def renew(sign_in: SignIn, credential: Credential, ask: Ask) -> Renewed:
    """See `router.accounts.renewal.Renew`. Facts: ``user_id``, ``organisation``, ``session_id``, ``email``, ``way``."""
    beside = credential.secrets.get(VENDOR_TOKEN, NOTHING)
    if _is_vendors(credential):
        return await _by_vendor(sign_in, credential.refresh, ask, beside=False)
    if not beside:
        return await _by_clerk(sign_in, credential, ask)
    try:
        return await _by_vendor(sign_in, beside, ask, beside=True)
    except TokenTrouble as trouble:
        if trouble.trouble != "dead":
            raise
    made = await _by_clerk(sign_in, credential, ask)
    return Renewed(
        access=made.access,
        expires_at=made.expires_at,
        refresh=made.refresh,
        facts={**made.facts, "way": ""},
        secrets={VENDOR_TOKEN: NOTHING},  # so that it is not tried each minute
    )


def _is_vendors(credential: Credential) -> bool:
    """Whether the refresh token is the vendor's: it says so, or is plainly no cookie."""
    if credential.facts.get("way") == OAUTH and VENDOR_TOKEN not in credential.secrets:
        return True
    return len(credential.refresh.reveal().split(".")) != _JWT_PARTS


async def _by_vendor(sign_in: SignIn, token: Secret, ask: Ask, *, beside: bool) -> Renewed:
    """RFC 6749, 6, at the vendor's endpoint; its tokens rotate."""
    tokens = oauth.read_tokens(await ask(oauth.refresh(sign_in, token)))
    rotated = tokens.refresh
    return Renewed(
        access=tokens.access,
        expires_at=tokens.expires_at,
        refresh=None if beside else rotated,
        facts={"way": OAUTH},
        secrets={VENDOR_TOKEN: rotated} if beside and rotated is not None else {},
    )


async def _by_clerk(sign_in: SignIn, credential: Credential, ask: Ask) -> Renewed:
    client = _Client(sign_in, credential.refresh, ask)
    try:
        known = credential.facts.get("session_id")
        facts = {"session_id": known} if known else await client.session()
        reply = await client.token(facts["session_id"])
        if reply.status == 404 and known:  # the session ended, and the person has another one
            facts = await client.session()
            reply = await client.token(facts["session_id"])
        token = _token(sign_in, reply)
    except (TokenTrouble, Fault) as error:
        passing = isinstance(error, Fault) or error.trouble == "transient"
        if passing and client.replaced is not None:
            return Renewed(access=NOTHING, expires_at=None, refresh=client.replaced)
        raise
    return Renewed(
        access=token.secret,
        expires_at=token.expires_at,
        refresh=client.replaced,
        facts={**facts, **token.facts},
        persist=client.replaced is not None,
    )


class _Client:
    """The conversation with Clerk in the name of one cookie. replaced: the newest cookie, where Clerk gave another."""

    def __init__(self, sign_in: SignIn, cookie: Secret, ask: Ask) -> None:
        self._sign_in = sign_in
        self._cookie = cookie
        self._ask = ask
        self.replaced: Secret | None = None

    async def session(self) -> dict[str, str]:
        """The session of the cookie's client, with what is said of the person. Raises `TokenTrouble` and `Fault`."""
        reply = await self._send("GET", "/v1/client")
        answer = _answer(self._sign_in, reply)
        found = read_session(answer)
        if not found:
            raise TokenTrouble("dead", f"{clerk_of(self._sign_in)} knows no session of this cookie: it is signed out")
        return found

    async def token(self, session: str) -> Reply:
        """Ask for a token of a session."""
        return await self._send("POST", f"/v1/client/sessions/{quote(session, safe='')}/tokens")

    async def _send(self, method: str, path: str) -> Reply:
        facts, extra = self._sign_in.urls, self._sign_in.upstream.extra
        versions = {
            "__clerk_api_version": extra.get("clerk_api_version", ""),
            "_clerk_js_version": extra.get("clerk_js_version", ""),
        }
        query = urlencode({name: value for name, value in versions.items() if value})
        headers = {
            "accept": "application/json",
            "accept-encoding": "identity",
            "cookie": f"{COOKIE}={self._cookie.reveal()}",
            "origin": facts["origin"],
            "referer": f"{facts['origin']}/",
            "user-agent": USER_AGENT,
        }
        if method == "POST":
            headers["content-type"] = "application/x-www-form-urlencoded"
        url = f"{facts['clerk']}{path}{'?' if query else ''}{query}"
        try:
            reply = await self._ask(HttpRequest(method, url, headers))
        except Fault as fault:
            text = f"{clerk_of(self._sign_in)} cannot be reached: {fault.message}"
            raise Fault(fault.kind, text, retry_after=fault.retry_after) from fault
        cookie = replaced_cookie(reply.cookies, reply.began)
        if cookie is not None and cookie != self._cookie:
            self._cookie = self.replaced = cookie
        return reply


class _Token(Struct, frozen=True):
    secret: Secret
    expires_at: float
    facts: Mapping[str, str]


def _token(sign_in: SignIn, reply: Reply) -> _Token:
    answer = _answer(sign_in, reply)
    text = answer.get("jwt")
    if not isinstance(text, str) or not text:
        raise TokenTrouble("transient", f"{clerk_of(sign_in)} answered without a token")
    claims = oauth.claims(text)
    told = {"user_id": claims.get("sub"), "session_id": claims.get("sid"), "organisation": _organisation(claims)}
    facts = {name: value for name, value in told.items() if isinstance(value, str) and value}
    return _Token(Secret(text), _end(claims, reply.began), facts)


def _end(claims: Mapping[str, Any], began: float) -> float:
    """By our clock where the token tells its life, because Clerk's clock may differ."""
    end, start = _number(claims.get("exp")), _number(claims.get("iat"))
    if end is None:
        return began + SHORT_LIFE
    return end if start is None or start >= end else began + (end - start)


def _organisation(claims: Mapping[str, Any]) -> Any:
    """Version 1 of Clerk's claims has ``org_id``, version 2 ``o.id``."""
    nested = claims.get("o")
    return claims.get("org_id") or (nested.get("id") if isinstance(nested, dict) else None)


def read_session(answer: Mapping[str, Any]) -> dict[str, str]:
    """The session that a client would go on with: ``session_id`` and what is known besides; empty where it has none.

    The last active one, else the first. ``client`` stands for ``response`` in some answers.
    """
    client = answer.get("response") or answer.get("client")
    if not isinstance(client, dict):
        return {}
    listed = client.get("sessions")
    sessions = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    active = client.get("last_active_session_id")
    session = next((one for one in sessions if one.get("id") == active), sessions[0] if sessions else {})
    user = session.get("user")
    told = {
        "session_id": active or session.get("id"),
        "organisation": session.get("last_active_organization_id"),
        "user_id": user.get("id") if isinstance(user, dict) else None,
        "email": _email(user),
    }
    found = {name: value for name, value in told.items() if isinstance(value, str) and value}
    return found if "session_id" in found else {}


def _email(user: Any) -> Any:
    """The primary address, else the first."""
    listed = user.get("email_addresses") if isinstance(user, dict) else None
    addresses = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    primary = user.get("primary_email_address_id") if addresses else None
    chosen = next((one for one in addresses if one.get("id") == primary), addresses[0] if addresses else {})
    return chosen.get("email_address")


def replaced_cookie(headers: tuple[str, ...], now: float) -> Secret | None:
    """The cookie named ``__client`` that the ``Set-Cookie`` headers set; None where they set none, or take it away.

    RFC 6265, 5.2, by hand: ``http.cookies`` drops a whole cookie for an attribute that it does not know, and one that
    is dropped here is an account that is lost.
    """
    found: Secret | None = None
    for header in headers:
        pair, *attributes = header.split(";")
        name, _, value = (text.strip() for text in pair.partition("="))
        told = {key.strip().lower(): text.strip() for key, _, text in (each.partition("=") for each in attributes)}
        if name == COOKIE and value.strip('"') and not _ended(told, now):
            found = Secret(value.strip('"'))
    return found


def _ended(attributes: Mapping[str, str], now: float) -> bool:
    """Whether the cookie is set in order to be taken away; ``Max-Age`` counts more than ``Expires``."""
    age = attributes.get("max-age", "")
    if age.lstrip("-").isdecimal():
        return int(age) <= 0
    moment = hints.http_date(attributes.get("expires", ""))
    return moment is not None and moment <= now


def clerk_of(sign_in: SignIn) -> str:
    """Who is meant, in messages."""
    return f"Clerk ({urlsplit(sign_in.urls['clerk']).netloc})"


def _answer(sign_in: SignIn, reply: Reply) -> dict[str, Any]:
    """The object of a good answer. Raises `TokenTrouble`: only Clerk's own words end an account, not an edge's page."""
    answer = oauth.read_object(reply)
    name = clerk_of(sign_in)
    retry_after = hints.retry_after(reply.headers, None, reply.began)
    if answer is None:
        text = f"{name} answered {reply.status} with something that is not JSON"
        raise TokenTrouble("transient", text, retry_after, unknown=reply.status < 400 or reply.status in _LOST)
    if reply.status < 400:
        return answer
    text = f"{name} answered {reply.status}{_words(answer)}"
    if not isinstance(answer.get("errors"), list) or reply.status >= 500 or reply.status in (408, 425, 429):
        raise TokenTrouble("transient", text, retry_after)
    if reply.status == 401:
        raise TokenTrouble("dead", f"{text}: the cookie is signed out")
    if reply.status == 404:
        raise TokenTrouble("dead", f"{text}: the session belongs to another client, or has ended")
    raise TokenTrouble("misconfigured", text)


def _words(answer: Mapping[str, Any]) -> str:
    """Clerk's code and sentence for the first error."""
    errors = answer.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    told = [oauth.shortened(first[name], 120) for name in ("code", "message") if isinstance(first.get(name), str)]
    return f" ({', '.join(told)})" if told else ""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
