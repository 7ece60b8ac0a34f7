"""Who signed in: what each provider says after it gave tokens, by one hook per provider.

Claims of an id token are read without checking its signature: it came from the token endpoint itself over TLS (OpenID
Connect Core 3.1.3.7), and what it says is only what an account is called.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import quote

from router.accounts import oauth
from router.accounts.asking import Ask, Reply
from router.accounts.login.arrivals import Identity
from router.accounts.login.projects import find_project
from router.accounts.oauth import Tokens
from router.faults import Fault
from router.net.message import HttpRequest
from router.secret import Secret
from router.settings.sign_ins import SignIn
from router.version import USER_AGENT

Wait: TypeAlias = Callable[[float], Awaitable[None]]
Identify: TypeAlias = Callable[[SignIn, Tokens, Ask, Wait], Awaitable[Identity]]
"""Raises `Nameless` where the account is of no use without what could not be learnt; `Fault` where nobody answers."""
_LONGEST = 254
_OPENAI_CLAIM = "https://api.openai.com/auth"


class Nameless(Exception):
    """The provider gave tokens and then not what goes with them. The message is for the person."""


async def identify(provider: str, sign_in: SignIn, tokens: Tokens, ask: Ask, wait: Wait) -> Identity:
    """Who signed in. Raises as `Identify` does."""
    return await IDENTIFY.get(provider, _claimed)(sign_in, tokens, ask, wait)


async def _claimed(sign_in: SignIn, tokens: Tokens, ask: Ask, wait: Wait) -> Identity:
    """By the claims of an id token, where one came."""
    claims = oauth.claims(_text(tokens.answer, "id_token") or "")
    return Identity(
        email=_text(claims, "email"),
        name=_text(claims, "preferred_username"),
        facts=_facts(sub=_text(claims, "sub")),
        secrets=_id_token(tokens),
    )


async def _claude(sign_in: SignIn, tokens: Tokens, ask: Ask, wait: Wait) -> Identity:
    """The answer itself names account and organisation; where it does not, the profile does."""
    known: Mapping[str, Any] = tokens.answer
    if _text(known, "account", "email_address") is None:
        known = await _optional(ask, sign_in.urls.get("profile"), tokens.access) or known
    organisation = _text(known, "organization", "name")
    return Identity(
        email=_text(known, "account", "email_address") or _text(known, "account", "email"),
        more=organisation,
        facts=_facts(
            account_uuid=_text(known, "account", "uuid"),
            organization_uuid=_text(known, "organization", "uuid"),
            organization_name=organisation,
            plan=_text(known, "organization", "organization_type"),
        ),
    )


async def _chatgpt(sign_in: SignIn, tokens: Tokens, ask: Ask, wait: Wait) -> Identity:
    """Account, plan and address are claims; without the account nothing can be asked upstream."""
    claims = oauth.claims(_text(tokens.answer, "id_token") or "")
    account = _text(claims, _OPENAI_CLAIM, "chatgpt_account_id")
    if account is None:
        claims = {**oauth.claims(tokens.access.reveal()), **claims}
        account = _text(oauth.claims(tokens.access.reveal()), _OPENAI_CLAIM, "chatgpt_account_id")
    if account is None:
        raise Nameless("The provider named no account in its answer: this user has no ChatGPT plan that Codex may use.")
    plan = _text(claims, _OPENAI_CLAIM, "chatgpt_plan_type")
    return Identity(
        email=_text(claims, "email"),
        more=plan,
        facts=_facts(account_id=account, plan=plan, user_id=_text(claims, _OPENAI_CLAIM, "chatgpt_user_id")),
        secrets=_id_token(tokens),
    )


async def _google(sign_in: SignIn, tokens: Tokens, ask: Ask, wait: Wait) -> Identity:
    """The address from the user information, then the project that Code Assist bills, set up where there is none."""
    user = await _optional(ask, sign_in.urls.get("user_info"), tokens.access) or {}
    found = await find_project(sign_in, tokens.access, ask, wait)
    if found.project is None:
        raise Nameless(f"Google gave no project for this account: {found.problem}.")
    return Identity(
        email=_text(user, "email"),
        facts=_facts(project_id=found.project, tier=found.tier),
    )


async def _qwen(sign_in: SignIn, tokens: Tokens, ask: Ask, wait: Wait) -> Identity:
    claimed = await _claimed(sign_in, tokens, ask, wait)
    return Identity(
        email=claimed.email,
        facts={**claimed.facts, **_facts(resource_url=_text(tokens.answer, "resource_url"))},
        secrets=claimed.secrets,
    )


async def _iflow(sign_in: SignIn, tokens: Tokens, ask: Ask, wait: Wait) -> Identity:
    """The user information holds the API key that calls are made with. The vendor wants the token in the address."""
    address = f"{sign_in.urls['user_info']}?accessToken={quote(tokens.access.reveal(), safe='')}"
    answer = oauth.read_object(await ask(HttpRequest("GET", address, _headers())))
    key = _text(answer, "data", "apiKey")
    if key is None:
        raise Nameless("iFlow gave no API key for this account.")
    return Identity(
        email=_text(answer, "data", "email"),
        name=_text(answer, "data", "phone"),
        secrets={"api_key": Secret(key)},
        access=Secret(key),
    )


async def _copilot(sign_in: SignIn, tokens: Tokens, ask: Ask, wait: Wait) -> Identity:
    user = await _optional(ask, sign_in.urls.get("user_info"), tokens.access) or {}
    login = _text(user, "login")
    return Identity(email=None, name=login, facts=_facts(login=login))


IDENTIFY: Mapping[str, Identify] = {
    "claude-oauth": _claude,
    "chatgpt-oauth": _chatgpt,
    "gemini-cli": _google,
    "antigravity": _google,
    "qwen-oauth": _qwen,
    "iflow": _iflow,
    "copilot": _copilot,
}
"""The others are known by the claims of their id token alone."""


async def _optional(ask: Ask, url: str | None, access: Secret) -> Mapping[str, Any] | None:
    """An object that is good to have: without it the account is only called less well."""
    if url is None:
        return None
    try:
        reply: Reply = await ask(HttpRequest("GET", url, {**_headers(), "authorization": f"Bearer {access.reveal()}"}))
    except Fault:
        return None
    return oauth.read_object(reply) if reply.status == 200 else None


def _headers() -> dict[str, str]:
    return {"accept": "application/json", "accept-encoding": "identity", "user-agent": USER_AGENT}


def _text(value: Mapping[str, Any] | None, *path: str) -> str | None:
    """A short printable text at `path`."""
    at: Any = value
    for step in path:
        at = at.get(step) if isinstance(at, Mapping) else None
    if not isinstance(at, str) or not at.strip():
        return None
    longest = 64 * 1024 if path == ("id_token",) else _LONGEST
    return at.strip() if len(at) <= longest and at.isprintable() else None


def _facts(**facts: str | None) -> dict[str, str]:
    return {name: value for name, value in facts.items() if value is not None}


def _id_token(tokens: Tokens) -> dict[str, Secret]:
    token = _text(tokens.answer, "id_token")
    return {"id_token": Secret(token)} if token is not None else {}
