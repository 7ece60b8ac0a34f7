"""Which account serves: what settings bar, what other accounts' aliases mean, and whose quota is left."""

from __future__ import annotations

from typing import Any

import pytest

from router.accounts.quota import Window
from router.accounts.record import Account
from router.providers.config import ProviderConfig
from router.routing.choose import View, Waiting, look, servable
from router.routing.cooldown import Entry
from router.routing.scopes import held, ruling
from tests.router.routing.making import account

NOW = 1000.0


def view(turn: int = 0, **facts: Any) -> View:
    return View(**{"entries": {}, "busy": {}, "turns": {"p": turn}, "now": NOW, **facts})


def of(*accounts: Account, **facts: Any) -> ProviderConfig:
    return ProviderConfig(id="p", kind="openai-compatible", accounts=accounts, **facts)


def chosen(provider: ProviderConfig, model: str, seen: View | None = None) -> str | None:
    found = look(provider, model, seen or view()).account
    return None if found is None else found.label


def test_an_account_serves_no_model_that_its_settings_bar_and_says_why():
    provider = of(
        account("p", "a", models=("small",)),
        account("p", "b", excluded=("big*", "tiny")),
        account("p", "c", excluded=("small",)),
    )
    outlook = look(provider, "big-2", view())
    assert outlook.account is not None
    assert outlook.account.label == "c"
    assert outlook.waiting == (
        Waiting("p/a", "disabled", "its settings do not include this model", None),
        Waiting("p/b", "disabled", "its settings exclude this model", None),
    )
    assert [chosen(provider, "small", view(turn)) for turn in range(3)] == ["a", "b", "a"]
    assert chosen(provider, "BIG-2") == "c"
    assert chosen(provider, "tiny") == "c"


def test_a_text_that_is_no_pattern_excludes_the_name_that_it_is():
    assert account("p", "a", excluded=("[odd",)).serves("other")
    assert not account("p", "a", excluded=("[odd",)).serves("[ODD")


def test_a_name_that_only_some_accounts_have_is_served_by_those_alone():
    provider = of(account("p", "a", aliases={"fast": "big-1"}), account("p", "b"))
    assert [chosen(provider, "fast", view(turn)) for turn in range(2)] == ["a", "a"]
    assert look(provider, "fast", view()).waiting[0].cause == "this name is an alias that other accounts have"
    assert [chosen(provider, "big-1", view(turn)) for turn in range(2)] == ["a", "b"]


def test_a_model_of_the_provider_stays_everybodys_though_one_account_has_an_alias_of_that_name():
    accounts = account("p", "a", aliases={"fast": "big-1"}), account("p", "b")
    for provider in (of(*accounts, listed=("fast",)), of(*accounts, models={"fast": ()})):
        assert [chosen(provider, "fast", view(turn)) for turn in range(2)] == ["a", "b"]


def test_an_exclusion_of_what_an_alias_stands_for_bars_the_alias():
    barred = account("p", "a", aliases={"fast": "big-1"}, excluded=("big-1",))
    assert barred.bar("fast") == "its settings exclude this model"
    assert not servable(of(barred), "fast")
    assert account("p", "a", aliases={"fast": "big-1"}, models=("small",)).serves("fast")


def test_what_an_account_calls_a_model_is_what_its_limits_are_kept_under():
    provider = of(account("p", "a", aliases={"fast": "big-1"}))
    cooling = Entry(state="cooling", at=NOW, until=NOW + 60, hinted=True, cause="rate_limited: slow")
    seen = view(entries={("p/a", "model", "big-1"): cooling})
    assert chosen(provider, "fast", seen) is None
    assert chosen(provider, "other", seen) is not None


def test_an_account_that_is_held_waits_for_no_time_and_says_why():
    provider = of(account("p", "a"), account("p", "b"))
    seen = view(entries={held("p/a"): Entry(state="needs_login", at=NOW, cause="sign in again")})
    assert chosen(provider, "m", seen) == "b"
    assert look(provider, "m", seen).waiting == (Waiting("p/a", "needs_login", "sign in again", None),)


def test_what_is_held_rules_over_what_calls_have_met():
    cooling = Entry(state="cooling", at=NOW, until=NOW + 60, cause="rate_limited")
    stopped = Entry(state="disabled", at=NOW, cause="switched off")
    assert ruling({("p/a", "account", ""): cooling, held("p/a"): stopped}, "p/a", NOW) is stopped
    assert ruling({("p/a", "account", ""): cooling}, "p/a", NOW) is cooling
    assert ruling({("p/a", "account", ""): cooling}, "p/a", NOW + 60) is None
    assert ruling({("p/a", "model", "m"): cooling}, "p/a", NOW) is None


def windows(**used: float) -> dict[str, dict[str, Window]]:
    return {f"p/{label}": {"5h": Window(name="5h", used=share, seen_at=NOW)} for label, share in used.items()}


def test_the_account_with_most_quota_left_serves_and_unknown_counts_as_full():
    provider = of(account("p", "a"), account("p", "b"), account("p", "c"))
    seen = view(strategy="most-quota-left", windows=windows(a=0.5, b=0.1))
    assert chosen(provider, "m", seen) == "c"
    known = windows(a=0.5, b=0.1, c=0.9)
    assert [chosen(provider, "m", view(turn, strategy="most-quota-left", windows=known)) for turn in range(3)] == [
        "b",
        "b",
        "b",
    ]


def test_of_equal_quotas_accounts_take_turns():
    provider = of(*(account("p", label) for label in "abcd"))
    known = windows(a=0.9, b=0.204, c=0.201, d=0.3)
    labels = [chosen(provider, "m", view(turn, strategy="most-quota-left", windows=known)) for turn in range(4)]
    assert labels == ["b", "c", "b", "c"]


def test_quota_decides_within_a_priority_only():
    provider = of(account("p", "a", priority=0), account("p", "b", priority=1))
    assert chosen(provider, "m", view(strategy="most-quota-left", windows=windows(a=0.99))) == "a"


@pytest.mark.parametrize(("model", "expected"), [("claude-opus-5", "b"), ("claude-sonnet-4-5", "a")])
def test_a_quota_of_one_class_of_models_counts_for_that_class(model, expected):
    provider = of(account("p", "a"), account("p", "b"))
    known = windows(b=0.5)
    known["p/a"] = {"7d_opus": Window(name="7d_opus", used=0.8, seen_at=NOW, bucket="opus")}
    assert chosen(provider, model, view(strategy="most-quota-left", windows=known)) == expected


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "it is its turn (round_robin)"),
        ({"strategy": "fill-first"}, "it is the first one that is free (fill_first)"),
        ({"strategy": "weighted"}, "it is its turn by weight (weighted)"),
        ({"strategy": "least-busy"}, "it has the fewest calls (least_busy)"),
        ({"strategy": "most-quota-left"}, "it has the most quota left (most_quota_left)"),
    ],
)
def test_a_choice_says_by_which_strategy_it_was_made(facts: dict[str, Any], words: str) -> None:
    assert look(of(account("p", "a"), account("p", "b")), "m", view(**facts)).why == words
    assert look(of(account("p", "a")), "m", view(**facts)).why == ""


def test_a_choice_says_what_left_no_other() -> None:
    two = of(account("p", "a"), account("p", "b"))
    assert look(two, "m", view(), avoid={"p/a"}).why == "no other account can serve now"
    assert look(two, "m", view(), prefer="p/b").why == "it is wanted for this call"
    tiers = of(account("p", "a", priority=1), account("p", "b", priority=2), account("p", "c", priority=2))
    assert look(tiers, "m", view()).why == "no other account of its priority is free"
    loaded = ProviderConfig(id="p", kind="webai", accounts=(account("p", "a"), account("p", "b")))
    seen = look(loaded, "m", view(load={"p/a": 0.9, "p/b": 0.1}.get))
    assert (seen.account and seen.account.label, seen.why) == ("b", "its service says that it is the least busy")


def test_a_choice_says_that_it_is_a_probe() -> None:
    two = of(account("p", "a"), account("p", "b"))
    key = ("p/a", "account", "")
    over = {key: Entry(state="cooling", at=NOW - 10, until=NOW - 1)}
    assert (
        look(two, "m", view(entries=over)).why
        == "its rest is over, and only an attempt can tell whether it works again"
    )
    half = Entry(state="cooling", at=NOW - 10, until=NOW + 5)
    both = {key: half, ("p/b", "account", ""): half}
    assert look(two, "m", view(entries=both)).why == "all accounts rest, and this one may have recovered"
