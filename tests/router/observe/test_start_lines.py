"""What the router says of itself at its start."""

from __future__ import annotations

from router.access.keys import ClientKey, Scope, double_roles
from router.accounts.record import Account
from router.observe.start_lines import start_lines
from router.providers.config import ProviderConfig
from router.secret import Secret
from router.version import VERSION

NOW = 1000.0


def key(digest: str, scope: Scope = "client", **facts: object) -> ClientKey:
    return ClientKey(id=f"key_{digest}", name=f"name-{digest}", digest=digest, scopes=(scope,), **facts)  # type: ignore[arg-type]


def provider(name: str, accounts: int) -> ProviderConfig:
    made = tuple(
        Account(id=f"{name}/{at}", provider=name, label=str(at), secret=Secret("sk-canary")) for at in range(accounts)
    )
    return ProviderConfig(id=name, kind="openai-compatible", accounts=made)


def lines(**changes: object) -> list[str]:
    facts: dict[str, object] = {
        "source": "/etc/switchyard.yaml",
        "digest": "0123456789abcdef" * 4,
        "providers": [provider("openai", 2), provider("groq", 0), provider("office", 1), provider("kimi", 0)],
        "keys": [key("a"), key("b", source="file"), key("c", "management")],
        "remote_management": False,
        "now": NOW,
    }
    return list(start_lines(**{**facts, **changes}))  # type: ignore[arg-type]


def test_version_settings_access_and_providers_are_told_in_three_lines() -> None:
    assert lines() == [
        f"switchyard {VERSION}, settings: /etc/switchyard.yaml (sha256 0123456789ab)",
        "access: 2 client keys (settings 1, file 1); 1 management key (settings 1), from this machine only",
        "providers: 2 with accounts (openai 2, office 1); 2 without (groq, kimi)",
    ]


def test_what_is_not_there_is_told_as_such() -> None:
    assert lines(digest=None, keys=[], providers=[], remote_management=True) == [
        f"switchyard {VERSION}, settings: defaults, there is no /etc/switchyard.yaml",
        "access: no client key, so that every such request is refused; "
        "no management key, so that every such request is refused, from anywhere",
        "providers: none with accounts; none without",
    ]


def test_keys_that_open_nothing_are_not_counted_and_one_given_twice_is_one() -> None:
    keys = [key("a"), key("a", source="file"), key("b", expires_at=NOW), key("c", revoked_at=NOW - 1)]
    assert lines(keys=keys)[1].startswith("access: 1 client key (file 1); no management key")


def test_one_key_in_both_roles_is_told_with_both_its_names() -> None:
    (text,) = double_roles([key("a"), key("b"), key("a", "management", source="file"), key("c", "management")])
    assert "'name-a' (settings)" in text and "'name-a' (file)" in text and "key of its own" in text
    assert list(double_roles([key("a"), key("b", "management"), key("a", "service")])) == []
