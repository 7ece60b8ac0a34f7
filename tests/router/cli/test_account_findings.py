"""What `doctor` says of accounts, over a stand-in for the gateway."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from router.cli.account_findings import accounts
from router.cli.findings import CHECKS
from router.cli.talk import Place
from tests.ports import free_port
from tests.router.cli.test_verbs import READY, Answers, gateway, place

__all__ = ["gateway", "place"]


def one(account: str, state: str, reason: str | None = None) -> dict[str, Any]:
    return {"account": account, "provider": account.partition("/")[0], "state": state, "reason": reason}


def test_who_wants_a_person_is_named_with_the_exact_fix(
    place: Callable[..., Place], gateway: Callable[[Answers], int]
) -> None:
    shown = {
        "accounts": [
            one("openai/1", "ready"),
            one("openai/2", "cooling", "slow down"),
            one("openai/3", "needs_login", "the key is wrong"),
            {**one("groq/default", "needs_login", "the key is wrong"), "owner": "ours"},
            one("claude-oauth/a", "needs_login", "sign in\x1b[2J again"),
            one("claude-oauth/b", "refused", "refused (HTTP 403): not for you"),
        ],
        "files": [{"file": "x.json", "account": None, "state": "locked", "reason": "another key"}],
    }
    port = gateway({**READY, "/v0/management/accounts": (200, shown)})
    assert accounts in CHECKS
    found = list(accounts(place(port), os.environ))
    assert [(each.level, each.what) for each in found] == [
        ("ok", "1 of 6 are ready; see: switchyard accounts"),
        ("warning", "openai/3 is needs_login: the key is wrong"),
        ("warning", "groq/default is needs_login: the key is wrong"),
        ("warning", "claude-oauth/a is needs_login: sign in\\x1b[2J again"),
        ("warning", "claude-oauth/b is refused (HTTP 403): not for you"),
        ("warning", "x.json is locked: another key"),
    ]
    assert [each.fix for each in found[1:5]] == [
        "Give openai another key in the settings",
        "Give groq another key on the dashboard",
        "switchyard login claude",
        "Use an API key, or switch it off: switchyard accounts disable 'claude-oauth/b'",
    ]


def test_without_a_gateway_or_an_account_nothing_is_said(
    place: Callable[..., Place], gateway: Callable[[Answers], int]
) -> None:
    assert list(accounts(place(free_port()), os.environ)) == []
    empty = gateway({**READY, "/v0/management/accounts": (200, {"accounts": [], "files": []})})
    assert list(accounts(place(empty), os.environ)) == []
