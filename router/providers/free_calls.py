"""Calls that cost nothing and show whether a credential counts: a list of models, a count of tokens, a plan's windows.

Pure: what to send for one account, and what its answer says. `router.providers.free_check` sends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from router.accounts.record import Access, Account
from router.accounts.usage import USAGE
from router.faults import Fault
from router.net.message import HttpRequest
from router.providers.config import Kind, ProviderConfig
from router.providers.executor import EXECUTORS, OPERATIONS, build, rules_of
from router.providers.protocol import Operation, Outgoing, said_in
from router.version import USER_AGENT
from router.wire import codec
from router.wire.dialects import DIALECTS

State = Literal["taken", "rejected", "refused", "empty", "limited", "silent", "unknown"]
"""taken: the provider takes the credential. rejected: it does not. refused: it knows it, and does not let it do this.
empty: it takes it, and there is no model that could be asked for. limited: a limit or a spent plan is in the way.
silent: no answer that says anything. unknown: there is nothing free that could be asked, or it said no about that."""
COUNTED: frozenset[Kind] = frozenset({"vertex", "gemini-cli", "antigravity"})
"""Kinds without a list of models: one word is counted."""
PLANNED: frozenset[Kind] = frozenset({"chatgpt-oauth", "ctonew"})
"""Kinds without either: the windows of the plan are asked for."""
_GENERATES = re.compile(r"/(?:chat/completions|responses|messages|[^/]+:[A-Za-z]+)$")
_LISTS_NOTHING = re.compile(r"missing scopes?|api\.model\.read", re.IGNORECASE)
"""A key of OpenAI that may generate and not list: https://platform.openai.com/docs/api-reference/api-keys."""
_STATES: Mapping[str, State] = {
    "upstream_auth": "rejected",
    "refused": "refused",
    "rate_limited": "limited",
    "quota_spent": "limited",
    "not_found": "unknown",
    "bad_request": "unknown",
    "forbidden": "refused",
}
_WORD = {"contents": [{"role": "user", "parts": [{"text": "ok"}]}]}
_MOST = 1000
"""Entries of a list that are asked for, where its protocol pages."""


class Verdict(Struct, frozen=True, kw_only=True):
    """text: in words, without secrets. models: how many are listed, None where no list was read. status: of the
    provider. retry_after: seconds, where it said. kind: of the fault, "" where there was none."""

    state: State
    text: str
    models: int | None = None
    status: int | None = None
    retry_after: float | None = None
    kind: str = ""


def free_call(
    provider: ProviderConfig, account: Account, access: Access, usage_url: str | None = None
) -> HttpRequest | None:
    """The request; None where this kind has nothing free to ask. usage_url: of the sign-in. Raises `Fault` where the
    account lacks what its protocol asks for."""
    if provider.kind in PLANNED:
        return _plan(provider, account, access, usage_url)
    if provider.kind not in EXECUTORS or provider.kind in ("aistudio", "webai") or not provider.base_urls:
        return None
    if provider.kind in COUNTED:
        names = (*provider.models, *provider.listed)
        model = next((name for name in names if account.serves(name) and not name.startswith("imagen")), None)
        if model is None or "count_tokens" not in OPERATIONS[provider.kind]:
            return None
        return build(provider, account, _outgoing(provider, access, account.upstream(model), "count_tokens"))
    request = build(provider, account, _outgoing(provider, access, "none", "generate"))
    headers = {name: value for name, value in request.headers.items() if name != "content-type"}
    url = _GENERATES.sub("", request.url)
    query = {"anthropic": f"?limit={_MOST}", "gemini": f"?pageSize={_MOST}"}.get(provider.kind, "")
    listed = url if url.endswith("/models") else f"{url}/models"
    return HttpRequest("GET", listed + query, headers, b"", request.proxy)


def _outgoing(provider: ProviderConfig, access: Access, model: str, operation: Operation) -> Outgoing:
    return Outgoing(
        operation=operation,
        dialect=provider.dialects[0],
        model=model,
        stream=False,
        body=codec.dumps(_WORD),
        base_url=provider.base_urls[0],
        credential=access.secret,
        facts=access.facts,
    )


def _plan(provider: ProviderConfig, account: Account, access: Access, usage_url: str | None) -> HttpRequest | None:
    usage = USAGE.get(provider.id)
    if usage is None or usage_url is None or usage.takes != "access":
        return None
    headers = {
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": USER_AGENT,
        "authorization": f"{usage.scheme} {access.secret.reveal()}",
        **usage.headers,
        **{header: access.facts[fact] for header, fact in usage.facts.items() if fact in access.facts},
    }
    return HttpRequest("GET", usage_url, headers, proxy=account.proxy or provider.proxy)


def answered(provider: ProviderConfig, account: Account, body: bytes) -> Verdict:
    """What a success says. body: of the answer, whole."""
    if provider.kind in PLANNED or provider.kind in COUNTED:
        return Verdict(state="taken", text=_TAKEN, status=200)
    names = _names(body)
    if names is None:
        return Verdict(state="unknown", text="what it answers is no list of models", status=200)
    if not names:
        return Verdict(state="empty", text="its list of models is empty", models=0, status=200)
    wanted = [account.upstream(name) for name in account.models or tuple(provider.models)]
    if wanted and not (set(wanted) & names):
        shown = ", ".join(wanted[:3]) + (", …" if len(wanted) > 3 else "")
        text = f"none of the models that the settings name ({shown}) is among the {len(names)} that it has"
        return Verdict(state="empty", text=text, models=len(names), status=200)
    return Verdict(state="taken", text=f"{_TAKEN}; {len(names)} models", models=len(names), status=200)


_TAKEN = "its provider takes it"
NOTHING_FREE = Verdict(state="unknown", text="there is nothing that it could be asked for free")


def fault_of(provider: ProviderConfig, status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """An answer that is no success, as the provider means it."""
    if 300 <= status < 400:
        text = "The provider answered with a redirect: its base URL is probably wrong."
        return Fault("upstream_broken", text, status=status)
    fault = DIALECTS[provider.dialects[0]].read_fault(status, headers, body)
    fault.status = status
    return rules_of(provider.kind).judge(fault, said_in(body))


def failed(fault: Fault) -> Verdict:
    """What a fault says. Its message is without secrets by now."""
    state: State = _STATES.get(fault.kind, "silent")
    if fault.status == 403 and _LISTS_NOTHING.search(fault.message):
        return Verdict(state="taken", text=f"{_TAKEN}, and does not let it list models", status=403)
    return Verdict(state=state, text=fault.message, status=fault.status, retry_after=fault.retry_after, kind=fault.kind)


def _names(body: bytes) -> set[str] | None:
    """Names of a list of models in any of the usual shapes, None where it is none."""
    try:
        said: Any = codec.loads(body)
    except codec.Malformed:
        return None
    listed = said
    if isinstance(said, dict):
        listed = next((said[key] for key in ("data", "models") if key in said), None)
        if listed is None and said == {}:
            listed = []  # Google leaves an empty list out
    if not isinstance(listed, list):
        return None
    return set(_each(listed))


def _each(listed: list[Any]) -> Iterator[str]:
    for one in listed:
        name = one if isinstance(one, str) else one.get("id") or one.get("name") if isinstance(one, dict) else None
        if isinstance(name, str) and name:
            yield name.removeprefix("models/")
