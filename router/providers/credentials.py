"""The credential of an account for this moment: a key as it is, or a token exchanged for a Google service account.

Service accounts: https://developers.google.com/identity/protocols/oauth2/service-account (a signed JWT for one hour).
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol
from urllib.parse import urlencode

from router.accounts.record import Access, Account
from router.clock import Clock
from router.faults import Fault
from router.hidden import Hidden
from router.net.client import Net
from router.net.message import HttpRequest, Timeouts
from router.providers.config import ProviderConfig
from router.secret import Secret
from router.version import USER_AGENT
from router.wire import codec

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
LIFETIME = 3600.0
EARLY = 300.0
"""Seconds before its end at which a token is no longer used."""


class Stored(Protocol):
    """The accounts that people signed in to (`router.accounts.keeper`)."""

    async def access(self, account: str) -> Access:
        """Good for now. Waits for a renewal that is needed. Raises `Fault` upstream_auth (a person must sign in) or
        unavailable (whoever renews cannot be reached)."""
        ...

    async def renew(self, account: str, rejected: Secret) -> bool:
        """The provider did not take `rejected` though it had not ended. True where another secret is there now."""
        ...


class Credentials:
    """Resolves accounts. One exchange at a time for each account; tokens of Vertex live in memory only."""

    def __init__(self, net: Net, clock: Clock, stored: Stored | None = None) -> None:
        self._net = net
        self._clock = clock
        self._stored = stored
        self._tokens: dict[str, tuple[Secret, float]] = {}
        self._exchanges: dict[str, asyncio.Lock] = {}

    async def resolve(self, provider: ProviderConfig, account: Account) -> Access:
        """What to send for `account`. Raises `Fault` where an exchange fails."""
        if account.stored and self._stored is not None:
            return await self._stored.access(account.id)
        return Access(await self._secret(provider, account), account.facts)

    async def renew(self, account: Account, rejected: Secret) -> bool:
        """Another secret for an account whose own was not taken; False where there is none to be had."""
        return account.stored and self._stored is not None and await self._stored.renew(account.id, rejected)

    async def _secret(self, provider: ProviderConfig, account: Account) -> Secret:
        if provider.kind != "vertex":
            return account.secret
        token = self._fresh(account.id)
        if token is not None:
            return token
        async with self._exchanges.setdefault(account.id, asyncio.Lock()):
            token = self._fresh(account.id)
            if token is None:
                token, expires = await self._exchange(account)
                self._tokens[account.id] = (token, expires)
        return token

    def _fresh(self, account_id: str) -> Secret | None:
        token, expires = self._tokens.get(account_id, (None, 0.0))
        return token if token is not None and self._clock.wall() < expires - EARLY else None

    async def _exchange(self, account: Account) -> tuple[Secret, float]:
        began = self._clock.wall()
        facts = _service_account(account)
        claims = {
            "iss": facts["client_email"],
            "scope": SCOPE,
            "aud": facts["token_uri"],
            "iat": int(began),
            "exp": int(began + LIFETIME),
        }
        import jwt  # only Vertex needs it, and it brings a large library along

        try:
            assertion = jwt.encode(claims, facts["private_key"], "RS256", {"kid": facts.get("private_key_id", "")})
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise Fault("upstream_auth", f"The private key of {account.id} cannot be used for signing.") from error
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
        request = HttpRequest(
            "POST",
            facts["token_uri"],
            {
                "content-type": "application/x-www-form-urlencoded",
                "accept": "application/json",
                "user-agent": USER_AGENT,
            },
            urlencode(form).encode(),
            account.proxy,
        )
        async with await self._net.send(request, Timeouts(head=30.0, idle=30.0)) as response:
            body = await response.read_some()
        return _token(account, response.status, Hidden(assertion).data(body), began)


def _service_account(account: Account) -> dict[str, Any]:
    try:
        facts = codec.loads(account.secret.reveal())
    except codec.Malformed:
        facts = None
    needed = ("client_email", "private_key", "token_uri")
    if not isinstance(facts, dict) or not all(isinstance(facts.get(name), str) for name in needed):
        raise Fault("upstream_auth", f"The service account file of {account.id} lacks one of {', '.join(needed)}.")
    return facts


def _token(account: Account, status: int, body: bytes, began: float) -> tuple[Secret, float]:
    try:
        answer = codec.loads(body)
    except codec.Malformed:
        answer = None
    if status >= 500 or not isinstance(answer, dict):
        raise Fault("upstream_broken", f"Google's token endpoint answered {status} for {account.id}.", status=status)
    token = answer.get("access_token")
    if status != 200 or not isinstance(token, str):
        reason = str(answer.get("error_description") or answer.get("error") or f"status {status}")
        raise Fault("upstream_auth", f"Google refused the service account {account.id}: {reason[:200]}", status=status)
    life = answer.get("expires_in")
    return Secret(token), began + (float(life) if isinstance(life, int | float) else 600.0)
