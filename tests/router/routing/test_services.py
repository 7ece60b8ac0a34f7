"""Providers behind services: how their models are named, and which of several services is asked."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from router.accounts.health import Health, Lease
from router.accounts.record import Account
from router.clock import FakeClock
from router.faults import Fault
from router.models import capabilities
from router.providers.config import ProviderConfig
from router.routing.makers import bare
from router.routing.plan import Needs, plan
from router.routing.table import Rule, Table, build
from router.secret import Secret

NEEDS = Needs(dialect="chat")


def account(provider: str, label: str) -> Account:
    return Account(id=f"{provider}/{label}", provider=provider, label=label, secret=Secret(""))


def provider(name: str, kind: str, *labels: str, **more: object) -> ProviderConfig:
    accounts = tuple(account(name, label) for label in labels)
    return ProviderConfig(id=name, kind=kind, dialects=("gemini",), accounts=accounts, **more)  # type: ignore[arg-type]


AISTUDIO = provider("aistudio", "aistudio", "desk", listed=("gemini-2.5-flash-aistudio",), names=("ai-studio",))
GEMINI = provider("gemini", "gemini", "1", listed=("gemini-2.5-flash",))


def table(*providers: ProviderConfig, rules: tuple[Rule, ...] = ()) -> Table:
    return build(providers, rules, capabilities=capabilities.load())


def targets(made: Table, name: str) -> list[str]:
    return [f"{each.provider}:{each.model}" for each in plan(made, name, needs=NEEDS).candidates]


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("gemini-2.5-flash-aistudio", "gemini-2.5-flash"),
        ("Gemini-2.5-Flash-AIStudio", "Gemini-2.5-Flash"),
        ("ai-studio-gemini-2.5-pro", "gemini-2.5-pro"),
        ("aistudio/gemini-2.5-pro", "gemini-2.5-pro"),
        ("ai-studio/gemini-2.5-pro-aistudio", "gemini-2.5-pro"),
        ("gemini-2.5-flash-aistudio(high)", "gemini-2.5-flash"),
        ("something-new-aistudio", "something-new"),
    ],
)
@pytest.mark.parametrize("rules", [(), (Rule(pattern="gemini-.*-aistudio$", providers=("aistudio",)),)])
def test_a_name_that_says_so_means_the_service_and_its_own_name_of_the_model(
    name: str, model: str, rules: tuple[Rule, ...]
) -> None:
    assert targets(table(GEMINI, AISTUDIO, rules=rules), name) == [f"aistudio:{model}"]


def test_a_plain_name_is_not_its() -> None:
    assert targets(table(GEMINI, AISTUDIO), "gemini-2.5-flash") == ["gemini:gemini-2.5-flash"]


def test_without_a_service_its_names_go_to_nobody_else() -> None:
    gone = replace(AISTUDIO, accounts=(), reason="no service is connected")
    with pytest.raises(Fault, match="aistudio: no service is connected") as caught:
        plan(table(GEMINI, gone), "gemini-2.5-flash-aistudio", needs=NEEDS)
    assert caught.value.kind == "unavailable"


def test_a_route_that_the_user_wrote_comes_first() -> None:
    rules = (Rule(pattern="gemini-.*-aistudio$", providers=("other", "aistudio")),)
    other = provider("other", "openai-compatible", "1")
    assert targets(table(other, AISTUDIO, rules=rules), "gemini-2.5-flash-aistudio") == [
        "other:gemini-2.5-flash-aistudio",
        "aistudio:gemini-2.5-flash",
    ]


def test_a_name_that_the_settings_give_a_model_counts_behind_the_ending_too() -> None:
    named = replace(AISTUDIO, listed=(), models={"gemini-2.5-flash": ("quick",)})
    for name in ("quick", "quick-aistudio", "gemini-2.5-flash-aistudio"):
        assert targets(table(GEMINI, named), name) == ["aistudio:gemini-2.5-flash"]


def test_nothing_is_taken_off_names_of_other_providers() -> None:
    assert bare("gemini", "x-aistudio") == "x-aistudio"
    assert bare("aistudio", "-aistudio") == "-aistudio"
    assert bare("aistudio", "ai-studio-") == "ai-studio-"


def asked(health: Health, made: ProviderConfig, times: int) -> list[str]:
    found = []
    for _ in range(times):
        lease = health.lease(made, "m")
        assert isinstance(lease, Lease)
        found.append(lease.account.label)
    return found


def test_the_least_busy_service_is_asked_whatever_the_strategy() -> None:
    health = Health(FakeClock(), random.Random(1), "fill-first")
    load = {"aistudio/a": 0.5, "aistudio/b": 0.25, "aistudio/c": 1.0}
    health.load_of = load.get
    made = provider("aistudio", "aistudio", "a", "b", "c")
    assert asked(health, made, 1) == ["b"]
    load["aistudio/b"] = 0.75
    assert asked(health, made, 1) == ["a"]
    assert health.snapshot().load("aistudio/c") == 1.0


def test_equally_busy_services_take_turns() -> None:
    health = Health(FakeClock(), random.Random(1), "fill-first")
    assert sorted(asked(health, provider("aistudio", "aistudio", "a", "b"), 4)) == ["a", "a", "b", "b"]


def test_other_providers_keep_their_strategy() -> None:
    health = Health(FakeClock(), random.Random(1), "fill-first")
    health.load_of = {"openai/a": 1.0, "openai/b": 0.0}.get
    assert asked(health, provider("openai", "openai", "a", "b"), 2) == ["a", "a"]
