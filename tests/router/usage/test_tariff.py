"""Whose prices a provider has, and the cost of a whole call."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from router.call import Record, Try
from router.providers.config import ProviderConfig
from router.usage.prices import Price, PriceTable, Rates
from router.usage.tariff import Tariff
from router.wire.charges import Charges, Item
from router.wire.events import Usage

KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")


def price(vendor: str, dollars: int) -> Price:
    return Price(vendor=vendor, model="m", rates=Rates(**dict.fromkeys(KINDS, Decimal(dollars))))


TABLE = PriceTable(
    version="2026-01-01",
    vendors={
        "openai": {"m": price("openai", 2)},
        "anthropic": {"c": price("anthropic", 5)},
        "acme": {"m": price("acme", 7)},
    },
    like={"backup": "openai"},
    hosts={"api.acme.example": "acme"},
)
USED = Usage(input=10, output=5)


def provider(name: str, kind: Any = "openai", url: str = "http://127.0.0.1:1/v1") -> ProviderConfig:
    return ProviderConfig(id=name, kind=kind, base_urls=(url,))


def settled(*tries: Try, providers: tuple[ProviderConfig, ...] = (provider("openai"),), **facts: Any) -> Record:
    record = Record(call_id="r", dialect="chat", surface="chat", asked="m", tries=list(tries), **facts)
    Tariff(TABLE, providers).settle(record)
    return record


def attempt(name: str = "openai", model: str = "m", outcome: str = "ok", usage: Usage | None = USED) -> Try:
    return Try(provider=name, model=model, account=f"{name}/1", outcome=outcome, usage=usage)


@pytest.mark.parametrize(
    ("one", "micro"),
    [
        (provider("openai"), 30),
        (provider("office", "openai"), 30),  # by its kind
        (provider("office", "openai-compatible"), None),
        (provider("backup", "openai-compatible"), 30),  # the table says so
        (provider("acme", "openai-compatible"), 105),  # by its name
        (provider("mine", "openai-compatible", "https://api.acme.example/v1"), 105),  # by its address
        (provider("anthropic", "anthropic"), None),  # has no such model
    ],
)
def test_whose_prices_a_provider_has(one: ProviderConfig, micro: int | None) -> None:
    record = settled(attempt(one.id), providers=(one,))
    assert (record.cost, record.worth, record.prices) == (micro, micro, "2026-01-01")


def test_a_subscription_costs_nothing_more_and_is_worth_the_list_price() -> None:
    record = settled(attempt("plan"), providers=(provider("plan", "chatgpt-oauth"),))
    assert (record.cost, record.worth) == (0, 30)
    record = settled(attempt("plan", "unheard-of"), providers=(provider("plan", "chatgpt-oauth"),))
    assert (record.cost, record.worth) == (0, None)


def test_the_demo_costs_nothing() -> None:
    record = settled(attempt("demo", "echo"), providers=(provider("demo", "demo"),))
    assert (record.cost, record.worth) == (0, 0)


def test_each_attempt_is_paid_for_at_its_own_price_and_one_unknown_makes_the_sum_unknown() -> None:
    both = (provider("openai"), provider("anthropic", "anthropic"))
    record = settled(attempt(outcome="upstream_broken"), attempt("anthropic", "c"), providers=both)
    assert [one.cost for one in record.tries] == [30, 75]
    assert record.cost == 105
    record = settled(attempt(), attempt("anthropic", "unheard-of"), providers=both)
    assert [one.cost for one in record.tries] == [30, None]
    assert record.cost is None


def test_what_was_refused_costs_nothing_and_what_nobody_counted_is_unknown() -> None:
    assert settled(attempt(outcome="rate_limited", usage=None)).cost == 0
    assert settled().cost == 0
    assert settled(attempt(usage=None)).cost is None
    record = Record(call_id="r", dialect="chat", surface="count_tokens", asked="m", tries=[attempt(usage=None)])
    Tariff(TABLE, (provider("openai"),)).settle(record)
    assert record.cost == 0


def test_usage_that_is_known_of_the_call_alone_is_the_good_attempts() -> None:
    tries = (attempt(outcome="timeout", usage=None), attempt(usage=None))
    record = settled(*tries, provider="openai", model="m", account="openai/1", usage=USED, outcome="ok")
    assert [one.cost for one in record.tries] == [0, 30]
    record = settled(provider="openai", model="m", usage=USED, outcome="ok")
    assert [one.usage for one in record.tries] == [USED]


def test_a_provider_that_the_settings_have_no_more_is_unknown() -> None:
    assert settled(attempt("gone")).cost is None


def test_a_call_that_outlives_its_provider_is_paid_for_as_it_was() -> None:
    after = Tariff(TABLE, ())
    after.remember(Tariff(TABLE, (provider("openai"), provider("demo", "demo"))))
    record = Record(call_id="r", dialect="chat", surface="chat", asked="m", tries=[attempt(), attempt("demo")])
    after.settle(record)
    assert [one.cost for one in record.tries] == [30, 0]


@pytest.mark.parametrize("count", [10**13, 2**63, 10**40])
def test_counts_that_are_out_of_this_world_are_cut_and_told(count: int) -> None:
    record = settled(attempt(usage=Usage(input=count, output=5, cache_read=count, reasoning=count)))
    assert record.cost is not None
    assert 0 < record.cost < 2**53
    assert record.usage is not None
    assert (record.usage.estimated, record.usage.output) == (True, 5)


SEARCHED = Usage(input=10, output=5, charges=Charges(items=(Item("web_search", 2), Item("x_search", 1))))


def test_what_of_an_attempt_has_no_price_is_told_of_the_call_too() -> None:
    record = settled(attempt(outcome="upstream_broken"), attempt(usage=SEARCHED), attempt("gone"))
    assert [one.unpriced for one in record.tries] == [(), ("web_search", "x_search"), ("everything",)]
    assert record.unpriced == ("web_search", "x_search", "everything")
    assert settled(attempt(usage=SEARCHED)).unpriced == ("web_search", "x_search")
    assert settled(attempt(usage=SEARCHED)).cost == 30


def test_a_subscription_has_nothing_without_a_price() -> None:
    record = settled(attempt("plan", usage=SEARCHED), providers=(provider("plan", "chatgpt-oauth"),))
    assert (record.cost, record.worth, record.unpriced) == (0, 30, ())


def test_a_model_that_is_paid_for_by_the_picture_is_not_the_cheapest_by_the_token() -> None:
    painter = replace(price("openai", 0), by_token=False, pieces={"picture": {"*": Decimal(1)}})
    tariff = Tariff(PriceTable(version="2026-01-01", vendors={"openai": {"m": painter}}), (provider("openai"),))
    assert tariff.per_token("openai", "m") is None
