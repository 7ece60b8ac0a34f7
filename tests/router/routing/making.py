"""Providers and tables for the tests of routing."""

from __future__ import annotations

from typing import Any

from router.accounts.record import Account
from router.clock import Clock
from router.models.capabilities import CapabilityTable, load
from router.patience import Patience
from router.providers.config import ProviderConfig
from router.routing.crowd import Crowd
from router.routing.gate import Reason, Scope
from router.routing.plan import Needs
from router.routing.table import Rule, Table, build
from router.secret import Secret

CAPABILITIES: CapabilityTable = load()
CHAT = Needs(dialect="chat")


def account(provider: str, label: str = "a", **facts: Any) -> Account:
    return Account(id=f"{provider}/{label}", provider=provider, label=label, secret=Secret("s"), **facts)


def provider(name: str, *, accounts: int = 1, kind: Any = "openai-compatible", **facts: Any) -> ProviderConfig:
    made = tuple(account(name, chr(ord("a") + index)) for index in range(accounts))
    return ProviderConfig(id=name, kind=kind, **{"accounts": made, **facts})


def table(*providers: ProviderConfig, rules: Any = (), **facts: Any) -> Table:
    made = [rule if isinstance(rule, Rule) else Rule(pattern=rule[0], providers=tuple(rule[1])) for rule in rules]
    return build(providers, made, capabilities=CAPABILITIES, **facts)


class Counts:
    """What was counted of waits."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.turned_away: list[Reason] = []

    def waited(self, scope: Scope, seconds: float) -> None:
        self.waits.append(seconds)

    def shed(self, scope: Scope, reason: Reason) -> None:
        self.turned_away.append(reason)


def crowd(clock: Clock, patience: Patience, counts: Counts | None = None) -> Crowd:
    return Crowd(clock, patience, counts or Counts())
