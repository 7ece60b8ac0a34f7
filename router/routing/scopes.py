"""What part of an account a limit is about, per kind of provider. Data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from router import faults
from router.faults import Fault
from router.providers.config import Kind, ProviderConfig
from router.routing.cooldown import ACCOUNT_FAULTS, TARGET_FAULTS, Entry, Key, Scope

LIMITS: Mapping[Kind, Mapping[faults.Kind, Scope]] = MappingProxyType(
    {
        # platform.openai.com/docs/guides/rate-limits: limits per model, money per organisation
        "openai": {"rate_limited": "model", "quota_spent": "account"},
        # docs.claude.com/en/api/rate-limits: limits per class of models, shared by the versions of a class
        "anthropic": {"rate_limited": "bucket", "quota_spent": "account"},
        # ai.google.dev/gemini-api/docs/rate-limits: quotas per project and model, the daily one too
        "gemini": {"rate_limited": "model", "quota_spent": "model"},
        "vertex": {"rate_limited": "model", "quota_spent": "model"},
        # Whoever is behind the address: a limit is held against the model that met it, so that the account's other
        # models go on serving; where the limit was the account's after all, each of them meets it once.
        "openai-compatible": {"rate_limited": "model", "quota_spent": "account"},
        "anthropic-compatible": {"rate_limited": "model", "quota_spent": "account"},
        # Windows of a plan are shared by all models of the account; what is said of one model says so in its fault.
        "claude-oauth": {"rate_limited": "account", "quota_spent": "account"},
        "chatgpt-oauth": {"rate_limited": "account", "quota_spent": "account"},
        "gemini-cli": {"rate_limited": "model", "quota_spent": "model"},
        "antigravity": {"rate_limited": "model", "quota_spent": "model"},
        "qwen-oauth": {"rate_limited": "account", "quota_spent": "account"},
        "kimi-oauth": {"rate_limited": "account", "quota_spent": "account"},
        "xai-oauth": {"rate_limited": "model", "quota_spent": "account"},
        "iflow": {"rate_limited": "model", "quota_spent": "account"},
        "copilot": {"rate_limited": "model", "quota_spent": "account"},
        "ctonew": {"rate_limited": "account", "quota_spent": "account"},
        # quotas of the page are per model; a service that means its whole account says so
        "aistudio": {"rate_limited": "model", "quota_spent": "model"},
        "webai": {"rate_limited": "model", "quota_spent": "model"},
    }
)
_CLASSES = re.compile(r"(opus|sonnet|haiku|fable|mythos)", re.IGNORECASE)
_SCOPES: Mapping[str, Scope] = MappingProxyType({"account": "account", "bucket": "bucket", "model": "model"})


def bucket(model: str) -> str:
    """The quota bucket of a model: its class where its name has one, else the model itself."""
    found = _CLASSES.search(model)
    return found[1].lower() if found is not None else model


def keys(account: str, model: str) -> tuple[Key, ...]:
    """Every key that may keep one account from serving one model."""
    return (held(account), (account, "account", ""), (account, "bucket", bucket(model)), (account, "model", model))


def held(account: str) -> Key:
    """The key of what is known of an account without any call: switched off, or without a usable sign-in. It has a
    place of its own, so that what calls have met stays known meanwhile."""
    return (account, "account", "held")


def ruling(entries: Mapping[Key, Entry], account: str, now: float) -> Entry | None:
    """What keeps an account as a whole from serving; None where nothing does, were it resting for some models."""
    whole: Key = (account, "account", "")
    for key in (held(account), whole):
        entry = entries.get(key)
        if entry is not None and entry.state != "ready" and (entry.until is None or entry.until > now):
            return entry
    return None


def target(provider: str, model: str) -> Key:
    """The key of a target's circuit."""
    return ("", "target", f"{provider}/{model}")


def blamed(
    provider: ProviderConfig, account: str, model: str, fault: Fault, *, upstream: str | None = None
) -> Key | None:
    """What a fault is held against; None for faults of the request, of the caller and of this gateway.

    A provider that knows better says so in the fault's ``details["scope"]`` (account, bucket, model). A refusal with
    ``details["for_good"]`` is about the credential, so about the whole account. upstream: the account's own name of the
    model.
    """
    if fault.kind in TARGET_FAULTS:
        return target(provider.id, model)
    if fault.kind not in ACCOUNT_FAULTS:
        return None
    if fault.kind == "refused" and fault.details.get("for_good") is True:
        return (account, "account", "")
    told = _SCOPES.get(str(fault.details.get("scope")))
    scope = told or ACCOUNT_FAULTS[fault.kind] or LIMITS.get(provider.kind, {}).get(fault.kind, "account")
    return next(key for key in keys(account, upstream or model)[1:] if key[1] == scope)
