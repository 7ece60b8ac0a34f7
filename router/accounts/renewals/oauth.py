"""The ordinary way: a refresh token at the token endpoint (RFC 6749, 6), with all that differs told by the facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from router.accounts import oauth
from router.accounts.asking import Ask
from router.accounts.credential import Credential
from router.accounts.login import device
from router.accounts.oauth import Tokens, TokenTrouble
from router.accounts.renewal import Renewed
from router.secret import Secret
from router.settings.sign_ins import SignIn

_OPENAI_CLAIM = "https://api.openai.com/auth"


async def renew(sign_in: SignIn, credential: Credential, ask: Ask) -> Renewed:
    """See `router.accounts.renewal.Renew`."""
    tokens = await exchange(sign_in, credential, ask)
    return Renewed(
        access=tokens.access,
        expires_at=tokens.expires_at,
        refresh=tokens.refresh,
        facts=_facts(tokens.answer),
        secrets=_secrets(tokens.answer),
    )


async def exchange(sign_in: SignIn, credential: Credential, ask: Ask) -> Tokens:
    """The exchange itself. Raises as `Renew` does."""
    facts = await _with_endpoint(sign_in, ask)
    return oauth.read_tokens(await ask(oauth.refresh(facts, credential.refresh)))


async def _with_endpoint(sign_in: SignIn, ask: Ask) -> SignIn:
    """The facts with a token endpoint, discovered each time where they name none: what a file says is not trusted."""
    if sign_in.token is not None:
        return sign_in
    request = device.discovery_request(sign_in.device) if sign_in.device is not None else None
    if sign_in.device is None or request is None:
        raise TokenTrouble("misconfigured", f"the facts of {sign_in.title} name no token endpoint")
    endpoints = device.read_discovery(await ask(request), sign_in.device)
    return device.with_token_url(sign_in, endpoints.token_url)


def _facts(answer: Mapping[str, Any]) -> dict[str, str]:
    """What a renewal may change of what is known: the plan, and the address that serves the account."""
    return {name: value for name, value in _told(answer) if isinstance(value, str) and value}


def _told(answer: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "resource_url", answer.get("resource_url")
    token = answer.get("id_token")
    openai = oauth.claims(token).get(_OPENAI_CLAIM) if isinstance(token, str) else None
    if isinstance(openai, dict):
        yield "account_id", openai.get("chatgpt_account_id")
        yield "plan", openai.get("chatgpt_plan_type")


def _secrets(answer: Mapping[str, Any]) -> dict[str, Secret]:
    token = answer.get("id_token")
    return {"id_token": Secret(token)} if isinstance(token, str) and token else {}
