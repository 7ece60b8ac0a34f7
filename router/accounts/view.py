"""What people are shown of an account: in ``switchyard accounts``, ``GET /v1/auth`` and the management routes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from router.accounts.credential import Credential
from router.accounts.quota import Window
from router.accounts.record import OFF, Account
from router.accounts.stores.base import Trouble
from router.accounts.tally import Tally
from router.policies.thinking import ThinkingRule
from router.routing.cooldown import Entry, Key
from router.routing.scopes import ruling


class Seen(Struct, frozen=True, kw_only=True):
    """Everything that is known of one account now. off: why its provider does not serve at all, "" where it does.
    written: it is a key that stands in the settings file."""

    account: Account
    credential: Credential | None = None
    entries: Mapping[Key, Entry] = {}
    tally: Tally | None = None
    windows: tuple[Window, ...] = ()
    renews_at: float | None = None
    busy: int = 0
    off: str = ""
    written: bool = False


def account_view(seen: Seen, now: float) -> dict[str, Any]:
    """One account as JSON; never a secret. Times are RFC 3339, None where there is none."""
    account, credential = seen.account, seen.credential
    state, cause, until = state_of(seen, now)
    tally = seen.tally or Tally(account=account.id)
    return {
        "account": account.id,
        "provider": account.provider,
        "label": account.label,
        "kind": "sign-in" if account.stored and not (credential is not None and credential.is_key) else "key",
        "owner": credential.owner if credential is not None else "settings",
        "changeable": seen.written if credential is None else credential.owner == "ours",
        "email": credential.email if credential is not None else None,
        "plan": credential.facts.get("plan") if credential is not None else None,
        "state": state,
        "reason": cause or None,
        "until": moment(until),
        "resting": _resting(seen, now),
        "busy": seen.busy,
        "last_error": tally.last_error or None,
        "last_error_at": moment(tally.last_error_at),
        "last_used_at": moment(tally.last_used_at),
        "requests": tally.calls,
        "failures": tally.failures,
        "input_tokens": tally.input_tokens,
        "output_tokens": tally.output_tokens,
        "token_expires_at": moment(credential.expires_at) if credential is not None else None,
        "token_renews_at": moment(seen.renews_at),
        "quota": [_window(window) for window in seen.windows],
        "priority": account.priority,
        "weight": account.weight,
        "proxy": account.proxy is not None,
        "models": list(account.models),
        "excluded": list(account.excluded),
        "aliases": dict(account.aliases),
        "thinking": _thinking(account.thinking),
    }


def _thinking(rule: ThinkingRule | None) -> dict[str, Any] | None:
    return None if rule is None else {"mode": rule.mode, "default": rule.default, "max": rule.most}


def trouble_view(trouble: Trouble) -> dict[str, Any]:
    """A file that holds no usable account."""
    return {
        "file": trouble.name,
        "account": trouble.account or None,
        "state": trouble.problem,
        "reason": trouble.reason,
    }


def state_of(seen: Seen, now: float) -> tuple[str, str, float | None]:
    """State, reason and end of the account as a whole; what rests of it in part is told apart."""
    if seen.account.disabled:
        return "disabled", OFF, None
    if seen.off:
        return "disabled", f"its provider is {seen.off}" if seen.off.startswith("off") else seen.off, None
    entry = ruling(seen.entries, seen.account.id, now)
    return ("ready", "", None) if entry is None else (entry.state, entry.cause, entry.until)


def _resting(seen: Seen, now: float) -> list[dict[str, Any]]:
    """Buckets and models that rest while the account as a whole may serve."""
    found: list[dict[str, Any]] = []
    for (account, scope, name), entry in seen.entries.items():
        waits = entry.state != "ready" and (entry.until is None or entry.until > now)
        if account == seen.account.id and scope != "account" and waits:
            found.append(
                {
                    "scope": scope,
                    "name": name,
                    "state": entry.state,
                    "reason": entry.cause,
                    "until": moment(entry.until),
                }
            )
    return sorted(found, key=lambda each: (each["scope"], each["name"]))


def _window(window: Window) -> dict[str, Any]:
    return {"name": window.name, "used_percent": round(100 * window.used, 1), "resets_at": moment(window.resets_at)}


def moment(at: float | None) -> str | None:
    """RFC 3339 in UTC."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def entries_by_account(entries: Mapping[Key, Entry]) -> Mapping[str, Mapping[Key, Entry]]:
    """The same, sorted by account once."""
    found: dict[str, dict[Key, Entry]] = {}
    for key, entry in entries.items():
        found.setdefault(key[0], {})[key] = entry
    return found


def sorted_views(views: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """By provider, then priority, then label: as they are chosen."""
    return sorted(views, key=lambda view: (view["provider"], view["priority"], view["label"]))
