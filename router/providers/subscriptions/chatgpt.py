"""``chatgpt-oauth``: the Responses back end of Codex, with a ChatGPT plan.

It is stricter than the API: nothing is stored, everything is streamed, ``instructions`` must be there, ``input`` must
be a list, and a part of the parameters is refused (``{"detail": "Unsupported parameter: max_output_tokens"}``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from router.faults import bad_request
from router.providers.config import ProviderConfig
from router.providers.protocol import Fit, Outgoing, ProtocolRules, Ruling, refused
from router.providers.subscriptions.bearer import bearer, fact
from router.wire import codec
from router.wire.conversation import JsonObject
from router.wire.written import Note

ENCRYPTED = "reasoning.encrypted_content"
UNSUPPORTED = (
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "moderation",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "stream_options",
    "temperature",
    "top_p",
    "truncation",
    "user",
)
"""Parameters of the API that only tune or tell, and that this back end refuses: left out, with a note."""
IMPOSSIBLE: Mapping[str, str] = MappingProxyType(
    {
        "previous_response_id": "nothing is stored there. Send the whole conversation.",
        "conversation": "nothing is stored there. Send the whole conversation.",
        "background": "nothing is stored there. Leave it out.",
        "prompt": "it has no prompt templates. Write the prompt out.",
        "top_logprobs": "it reports none. Leave it out, or choose another model.",
    }
)
"""Parameters that the caller's program would miss, and why this back end has none."""


def execute(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    """See `Executor`."""
    headers = bearer(outgoing)
    headers["chatgpt-account-id"] = fact(outgoing, "account_id", "ChatGPT account id")
    headers["openai-beta"] = "responses=experimental"
    session = codec.top_level(outgoing.body, "prompt_cache_key")
    if isinstance(session, str) and session.isascii() and session.isprintable():
        headers["session_id"] = session
    return f"{outgoing.base_url}/responses", headers


def fit(body: Mapping[str, Any]) -> Fit:
    """See `ProtocolRules.fit`."""
    for name, why in IMPOSSIBLE.items():
        if body.get(name):
            raise bad_request(f"{name}: the ChatGPT back end cannot take it: {why}", name)
    changes: JsonObject = {name: codec.REMOVE for name in (*UNSUPPORTED, *IMPOSSIBLE) if name in body}
    notes = [Note("dropped", name) for name in UNSUPPORTED if body.get(name) is not None]
    if body.get("store"):
        notes.append(Note("dropped", "store"))
    given = _input(body.get("input"))
    if given is not None:
        changes["input"] = given
    if not isinstance(body.get("instructions"), str):
        changes["instructions"] = ""
    include = body.get("include") or []
    if isinstance(include, list) and ENCRYPTED not in include:
        changes["include"] = [*include, ENCRYPTED]
    changes |= {"store": False, "stream": True}
    if not body.get("prompt_cache_key"):
        changes["prompt_cache_key"] = _session(body, given)
    return Fit(changes, tuple(notes))


def _input(given: Any) -> list[Any] | None:
    """The input as this back end takes it: a list, whose system messages are the developer's. None: as it is."""
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": given}]}]
    if not isinstance(given, list) or not any(_is_system(item) for item in given):
        return None
    return [{**item, "role": "developer"} if _is_system(item) else item for item in given]


def _is_system(item: Any) -> bool:
    return isinstance(item, dict) and item.get("role") == "system"


def _session(body: Mapping[str, Any], given: list[Any] | None) -> str:
    """The same for every turn of one conversation: it begins with the same instructions and the same first words of
    the user. It only chooses a cache."""
    items = given if given is not None else body.get("input")
    listed = items if isinstance(items, list) else []
    first = next((item for item in listed if isinstance(item, dict) and item.get("role") == "user"), None)
    content = None if first is None else first.get("content")
    told = codec.dumps([body.get("model"), body.get("instructions"), content])
    return hashlib.sha256(told).hexdigest()[:32]


RULES = ProtocolRules(
    streams_only=True,
    fit=fit,
    rulings=(
        Ruling(
            kind="refused",
            codes=frozenset({"account_deactivated", "deactivated_workspace"}),
            scope="account",
            for_good=True,
        ),
        refused("your (openai )?account has been (deactivated|disabled|suspended)"),
        refused("(this credential|this token|this client) is not (authorized|allowed|permitted)"),
        Ruling(kind="not_found", words=re.compile(r"the '[^']*' model is not supported when using codex with", re.I)),
    ),
)
