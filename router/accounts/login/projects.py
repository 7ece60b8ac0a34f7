"""Which Google project Code Assist works in for one account: looked up, and set up where there is none yet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct

from router.accounts import oauth
from router.accounts.asking import Ask, Reply
from router.net.message import HttpRequest
from router.secret import Secret
from router.settings.sign_ins import SignIn
from router.version import USER_AGENT
from router.wire import codec

TRIES = 5
BETWEEN = 2.0
"""Seconds between two looks at whether the project is set up."""
FREE_TIER = "free-tier"
_METADATA = {"ideType": "IDE_UNSPECIFIED", "platform": "PLATFORM_UNSPECIFIED", "pluginType": "GEMINI"}


class Project(Struct, frozen=True, kw_only=True):
    """project: its id, None where there is none; then problem says why."""

    project: str | None = None
    tier: str | None = None
    problem: str = ""


async def find_project(sign_in: SignIn, access: Secret, ask: Ask, wait: Callable[[float], Awaitable[None]]) -> Project:
    """The project. One that the operator names in ``upstream.extra.project`` is taken as it is."""
    named = sign_in.upstream.extra.get("project")
    if named:
        return Project(project=named)
    base = sign_in.urls.get("load") or sign_in.urls["onboard"]
    reply = await ask(_request(f"{base}/v1internal:loadCodeAssist", access, {"metadata": _METADATA}))
    answer = oauth.read_object(reply)
    if reply.status != 200 or answer is None:
        return Project(problem=_refusal(reply, answer))
    project, tier = _project(answer), _tier(answer)
    if project is not None:
        return Project(project=project, tier=_named(answer.get("currentTier")) or tier)
    return await _onboard(sign_in, access, ask, wait, tier)


async def _onboard(
    sign_in: SignIn, access: Secret, ask: Ask, wait: Callable[[float], Awaitable[None]], tier: str
) -> Project:
    url = f"{sign_in.urls['onboard']}/v1internal:onboardUser"
    problem = "it was not set up in time; sign in again in a minute"
    for number in range(TRIES):
        if number:
            await wait(BETWEEN)
        reply = await ask(_request(url, access, {"tierId": tier, "metadata": _METADATA}))
        answer = oauth.read_object(reply)
        if reply.status != 200 or answer is None:
            problem = _refusal(reply, answer)
            if reply.status < 500 and reply.status != 429:
                break
        elif answer.get("done") is True:
            response = answer.get("response")
            project = _project(response) if isinstance(response, Mapping) else None
            return Project(project=project, tier=tier, problem="" if project else "it was set up without a name")
    return Project(tier=tier, problem=problem)


def _request(url: str, access: Secret, body: Mapping[str, Any]) -> HttpRequest:
    headers = {
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": f"Bearer {access.reveal()}",
        "content-type": "application/json",
        "user-agent": USER_AGENT,
    }
    return HttpRequest("POST", url, headers, codec.dumps(dict(body)))


def _project(answer: Mapping[str, Any]) -> str | None:
    """A text, or an object with an id: both are in use."""
    return _named(answer.get("cloudaicompanionProject"))


def _tier(answer: Mapping[str, Any]) -> str:
    """The default one of those that are allowed."""
    tiers = answer.get("allowedTiers")
    for tier in tiers if isinstance(tiers, list) else ():
        if isinstance(tier, Mapping) and tier.get("isDefault") is True and (name := _named(tier)) is not None:
            return name
    return FREE_TIER


def _named(value: Any) -> str | None:
    name = value.get("id") if isinstance(value, Mapping) else value
    return name if isinstance(name, str) and 0 < len(name) <= 254 and name.isprintable() else None


def _refusal(reply: Reply, answer: Mapping[str, Any] | None) -> str:
    error = answer.get("error") if answer is not None else None
    words = error.get("message") if isinstance(error, Mapping) else None
    told = f": {oauth.shortened(words)}" if isinstance(words, str) else ""
    return f"Code Assist answered {reply.status}{told}"
