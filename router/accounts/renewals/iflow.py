"""iFlow: its calls take an API key that the user information gives for an OAuth token.

The refresh token has rotated when the user information is asked for, so a failure there must not lose it: the key that
is known goes on serving, and the renewal is due again soon.
"""

from __future__ import annotations

from urllib.parse import quote

from router.accounts import oauth
from router.accounts.asking import Ask
from router.accounts.credential import Credential
from router.accounts.renewal import Renewed
from router.accounts.renewals.oauth import exchange
from router.faults import Fault
from router.net.message import HttpRequest
from router.secret import Secret
from router.settings.sign_ins import SignIn
from router.version import USER_AGENT

AGAIN = 600.0
"""Seconds for which the old key is taken to be good where the new one could not be read."""


async def renew(sign_in: SignIn, credential: Credential, ask: Ask) -> Renewed:
    """See `router.accounts.renewal.Renew`."""
    tokens = await exchange(sign_in, credential, ask)
    key = await _key(sign_in, tokens.access, ask)
    if key is None:
        known = credential.secrets.get("api_key", credential.access)
        return Renewed(access=known, expires_at=tokens.began + AGAIN, refresh=tokens.refresh)
    return Renewed(access=key, expires_at=tokens.expires_at, refresh=tokens.refresh, secrets={"api_key": key})


async def _key(sign_in: SignIn, access: Secret, ask: Ask) -> Secret | None:
    """The API key; None where it cannot be had now. The vendor wants the token in the address."""
    address = f"{sign_in.urls['user_info']}?accessToken={quote(access.reveal(), safe='')}"
    headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": USER_AGENT}
    try:
        answer = oauth.read_object(await ask(HttpRequest("GET", address, headers)))
    except Fault:
        return None
    data = answer.get("data") if answer is not None else None
    key = data.get("apiKey") if isinstance(data, dict) else None
    return Secret(key) if isinstance(key, str) and key else None
