"""GitHub Copilot: GitHub's token, which does not end, makes one for half an hour, together with the address to call.

Nothing rotates, so what is made is kept in memory alone. The errors of this endpoint are those of GitHub's REST API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from router.accounts import oauth
from router.accounts.asking import Ask, Reply
from router.accounts.credential import Credential
from router.accounts.oauth import TokenTrouble
from router.accounts.renewal import Renewed
from router.net.message import HttpRequest
from router.secret import Secret
from router.settings.sign_ins import SignIn
from router.version import USER_AGENT
from router.wire import hints

EARLY = 300.0
"""Seconds that GitHub's ``refresh_in`` lies before the end."""


async def renew(sign_in: SignIn, credential: Credential, ask: Ask) -> Renewed:
    """See `router.accounts.renewal.Renew`."""
    headers = {
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": f"token {credential.refresh.reveal()}",
        "user-agent": USER_AGENT,
    }
    reply = await ask(HttpRequest("GET", sign_in.urls["copilot_token"], headers))
    answer = oauth.read_object(reply)
    token = answer.get("token") if answer is not None else None
    if reply.status != 200 or answer is None or not isinstance(token, str) or not token:
        raise _trouble(reply, answer)
    return Renewed(access=Secret(token), expires_at=_end(reply, answer), facts=_facts(sign_in, answer), persist=False)


def _end(reply: Reply, answer: Mapping[str, Any]) -> float:
    """By our clock: a span where GitHub tells one, else its moment less what its clock differs."""
    span, moment = _number(answer.get("refresh_in")), _number(answer.get("expires_at"))
    if span is not None:
        return reply.began + span + EARLY
    if moment is not None:
        theirs = hints.http_date(reply.headers.get("date", ""))
        return moment - (theirs - reply.began if theirs is not None else 0.0)
    return reply.began + oauth.SHORT_LIFE


def _facts(sign_in: SignIn, answer: Mapping[str, Any]) -> dict[str, str]:
    """The address of the person's plan, taken only where it is within the domain of the known one."""
    endpoints = answer.get("endpoints")
    address = endpoints.get("api") if isinstance(endpoints, dict) else None
    return {"base_url": address} if isinstance(address, str) and _trusted(address, sign_in) else {}


def _trusted(address: str, sign_in: SignIn) -> bool:
    try:
        told, asked = urlsplit(address), urlsplit(sign_in.urls["copilot_token"])
        known = {urlsplit(base).hostname for base in sign_in.upstream.base_urls}
    except ValueError:
        return False
    if (told.scheme, told.netloc) == (asked.scheme, asked.netloc):
        return True  # whoever has the token already
    domains = {".".join(host.split(".")[-2:]) for host in known if host}
    host = told.hostname or ""
    return told.scheme == "https" and "@" not in told.netloc and ".".join(host.split(".")[-2:]) in domains


def _trouble(reply: Reply, answer: Mapping[str, Any] | None) -> TokenTrouble:
    """401: GitHub's token is no longer good. 403 and 404 without a limit: no Copilot for this person."""
    told = answer.get("message") if answer is not None else None
    words = f": {oauth.shortened(told)}" if isinstance(told, str) else ""
    retry_after = hints.retry_after(reply.headers, None, reply.began)
    limited = retry_after is not None or reply.headers.get("x-ratelimit-remaining") == "0"
    if answer is not None and reply.status == 401:
        return TokenTrouble("dead", f"GitHub no longer takes its token (401{words})")
    if answer is not None and reply.status in (403, 404) and not limited:
        return TokenTrouble("denied", f"GitHub gives this account no access to Copilot ({reply.status}{words})")
    return TokenTrouble("transient", f"GitHub answered {reply.status}{words}", retry_after)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None
