"""What tokens cost: every kind once, exactly, rounded once."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.usage.prices import Charged, Common, Price, PriceTable, Rates, charge, cost, plain, spelled
from router.wire.charges import Charges, Item
from router.wire.events import Usage
from router.wire.splice import together

RATES = Rates(
    input=Decimal(3),
    output=Decimal(15),
    cache_read=Decimal("0.3"),
    cache_write_5m=Decimal("3.75"),
    cache_write_1h=Decimal(6),
    reasoning=Decimal(15),
)
PRICE = Price(vendor="v", model="m", rates=RATES)
KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")
dollars = st.decimals(min_value=0, max_value=1000, places=4)
counts = st.integers(0, 10**7)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    fresh, read, short, long = (draw(counts) for _ in range(4))
    output = draw(counts)
    return Usage(
        input=fresh + read + short + long,
        output=output,
        cache_read=read,
        cache_write_5m=short,
        cache_write_1h=long,
        reasoning=draw(st.integers(0, output)),
    )


@st.composite
def prices(draw: st.DrawFn) -> Price:
    rates = Rates(**{kind: draw(dollars) for kind in KINDS})
    return Price(vendor="v", model="m", rates=rates)


def exact(usage: Usage, rates: Rates) -> Fraction:
    """The same in another arithmetic, from the counts as a provider reports them."""
    parts = {
        "cache_read": usage.cache_read,
        "cache_write_5m": usage.cache_write_5m,
        "cache_write_1h": usage.cache_write_1h,
        "reasoning": usage.reasoning,
    }
    parts["input"] = usage.input - usage.cache_read - usage.cache_write_5m - usage.cache_write_1h
    parts["output"] = usage.output - usage.reasoning
    return sum((Fraction(getattr(rates, kind)) * count for kind, count in parts.items()), Fraction(0))


def test_a_worked_example() -> None:
    usage = Usage(input=1000, cache_read=600, cache_write_5m=100, cache_write_1h=50, output=200, reasoning=80)
    assert cost(usage, PRICE) == 250 * 3 + 180 + 375 + 300 + 3000  # micro-dollars


@given(usages(), prices())
def test_it_is_exact_but_for_one_rounding_at_the_end(usage: Usage, price: Price) -> None:
    assert abs(cost(usage, price) - exact(usage, price.rates)) <= Fraction(1, 2)


@given(usages(), prices(), st.sampled_from(["cache_read", "cache_write_5m", "cache_write_1h", "reasoning"]))
def test_no_token_is_paid_for_twice(usage: Usage, price: Price, kind: str) -> None:
    """Where every kind costs the same, it does not matter of which kind a token is."""
    one = price.rates.input
    flat = Price(vendor="v", model="m", rates=Rates(**dict.fromkeys(KINDS, one)))
    assert abs(cost(usage, flat) - Fraction(one) * usage.total) <= Fraction(1, 2)
    assert cost(replace(usage, **{kind: 0}), flat) == cost(usage, flat)


@given(usages(), usages(), prices())
def test_more_tokens_never_cost_less(one: Usage, other: Usage, price: Price) -> None:
    both = together(one, other)
    assert cost(both, price) >= max(cost(one, price), cost(other, price))
    assert abs(cost(both, price) - cost(one, price) - cost(other, price)) <= 1


@given(prices())
def test_nothing_costs_nothing(price: Price) -> None:
    assert cost(Usage(), price) == 0


@pytest.mark.parametrize(("tokens", "micro"), [(1, 0), (3, 2), (5, 2), (7, 4)])
def test_halves_are_rounded_to_the_even_neighbour(tokens: int, micro: int) -> None:
    rates = Rates(**dict.fromkeys(KINDS, Decimal("0.5")))
    assert cost(Usage(input=tokens), replace(PRICE, rates=rates)) == micro


def test_odd_counts_of_a_provider_never_make_a_negative_cost() -> None:
    assert cost(Usage(input=1, cache_read=100), PRICE) == 30
    assert cost(Usage(output=5, reasoning=900), PRICE) == 75


def test_a_long_prompt_is_charged_at_its_tier_as_a_whole() -> None:
    double = Rates(**{kind: 2 * getattr(RATES, kind) for kind in KINDS})
    triple = Rates(**{kind: 3 * getattr(RATES, kind) for kind in KINDS})
    price = replace(PRICE, tiers=((1000, triple), (200, double)))
    for prompt, factor in ((200, 1), (201, 2), (1000, 2), (1001, 3)):
        usage = Usage(input=prompt, cache_read=100, output=10)
        assert cost(usage, price) == factor * cost(usage, PRICE)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4.1-2025-04-14", "gpt-4-1"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("Claude-Sonnet-4.5", "claude-sonnet-4-5"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("gemini-2.5-flash-preview-09-2025", "gemini-2-5-flash"),
        ("gemini-2.5-pro-preview-06-05", "gemini-2-5-pro"),
        ("gemini-2.0-flash-001", "gemini-2-0-flash"),
        ("models/gemini-2.5-pro", "gemini-2-5-pro"),
        ("gpt-4.1-mini", "gpt-4-1-mini"),
        ("gemini-embedding-001", "gemini-embedding"),
    ],
)
def test_versions_and_spellings_of_a_model_are_one(model: str, name: str) -> None:
    assert plain(model) == name


def table(**models: Price) -> PriceTable:
    return PriceTable(version="2026-01-01", vendors={"v": {spelled(name): price for name, price in models.items()}})


def test_an_exact_name_wins_over_the_model_it_is_a_version_of_and_a_pattern_comes_last() -> None:
    made = {name: replace(PRICE, model=name) for name in ("gpt-4o", "gpt-4o-2024-05-13", "gpt-*", "gpt-9")}
    prices = table(**made)
    for asked, found in (
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-9", "gpt-9"),
        ("gpt-7-huge", "gpt-*"),
    ):
        price = prices.find("v", asked)
        assert price is not None
        assert price.model == found
    assert prices.find("v", "claude-1") is None
    assert prices.find("w", "gpt-4o") is None
    assert prices.find_anywhere("gpt-4o") == made["gpt-4o"]


def test_a_table_over_another_one_wins_and_the_other_fills_in() -> None:
    dear, cheap = replace(PRICE, as_of="dear"), replace(PRICE, as_of="cheap")
    own = PriceTable(version="2026-02-02", vendors={"v": {"a": dear}}, like={"x": "v"})
    both = own.over(PriceTable(version="2026-01-01", vendors={"v": {"a": cheap, "b": cheap}, "w": {"c": cheap}}))
    assert (both.find("v", "a"), both.find("v", "b"), both.find("w", "c")) == (dear, cheap, cheap)
    assert both.version == "2026-01-01+2026-02-02"
    assert both.like == {"x": "v"}


PIECES = {
    "web_search": {"*": Decimal("0.01")},
    "picture": {"": Decimal("0.04"), "1024x1024 hd": Decimal("0.08")},
}
RICH = replace(
    PRICE, pieces=PIECES, services={"flex": Decimal("0.5"), "priority": Rates(**dict.fromkeys(KINDS, Decimal(7)))}
)
TOKENS = Usage(input=100, output=10)


def charged(**facts: object) -> Charged:
    """What `TOKENS` with these charges cost by `RICH`."""
    return charge(replace(TOKENS, charges=Charges(**facts)), RICH)  # type: ignore[arg-type]


def test_pieces_are_paid_for_beside_the_tokens() -> None:
    assert charged(items=(Item("web_search", 3),)) == Charged(450 + 30_000)
    assert charged(items=(Item("picture", 2, "1024x1024 hd"), Item("picture", 1))) == Charged(450 + 160_000 + 40_000)


def test_a_service_tier_multiplies_the_tokens_or_has_rates_of_its_own_and_leaves_the_pieces() -> None:
    assert charged(tier="flex") == Charged(225)
    assert charged(tier="priority") == Charged(770)
    assert charged(tier="flex", items=(Item("web_search", 1),)) == Charged(225 + 10_000)


def test_half_a_micro_dollar_of_a_tier_and_of_a_piece_is_rounded_once() -> None:
    price = replace(RICH, pieces={"web_search": {"*": Decimal("0.0000005")}})
    usage = Usage(input=1, charges=Charges(tier="flex", items=(Item("web_search", 1),)))
    assert charge(usage, price) == Charged(2)  # 1.5 and 0.5, which would be 2 and 0, or 1 and 1


def test_what_has_no_price_is_named_and_the_rest_is_counted() -> None:
    assert charged(items=(Item("file_search", 1), Item("web_search", 1))) == Charged(10_450, ("file_search",))
    assert charged(tier="scale") == Charged(None, ("service tier scale",))
    assert charged(tier="scale", items=(Item("file_search", 1),)).unpriced == ("service tier scale", "file_search")


def test_a_picture_is_paid_for_by_its_price_or_by_its_tokens() -> None:
    by_tokens = replace(PRICE, rates=replace(RATES, image_output=Decimal(40)))
    item = (Item("picture", 1, "1024x1024 high"),)
    assert charge(Usage(input=10, output=100, charges=Charges(items=item, image_output=100)), by_tokens).cost == 4030
    assert charge(Usage(charges=Charges(items=item)), by_tokens) == Charged(None, ("picture 1024x1024 high",))
    by_piece = replace(RICH, by_token=False)
    assert charge(Usage(charges=Charges(items=(Item("picture", 2),))), by_piece) == Charged(80_000)
    assert charge(Usage(charges=Charges(items=item)), by_piece) == Charged(None, ("picture 1024x1024 high",))
    assert charge(TOKENS, by_piece) == Charged(None, ("everything",)), "its rates are no prices"


@given(usages(), st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**7))
def test_audio_and_pictures_cost_their_own_rate_and_no_token_twice(
    usage: Usage, heard: int, shown: int, spoken: int, drawn: int
) -> None:
    also = Charges(audio_input=heard, image_input=shown, audio_output=spoken, image_output=drawn)
    everything = replace(usage, charges=also)
    same = replace(
        PRICE, rates=replace(RATES, audio_input=RATES.input, image_input=RATES.input, image_output=RATES.output)
    )
    assert charge(everything, same) == charge(everything, PRICE) == Charged(cost(usage, PRICE))
    free = replace(PRICE, rates=Rates(**{**dict.fromkeys(KINDS, Decimal(1)), "audio_input": Decimal(0)}))
    assert charge(everything, free).cost == usage.total - min(heard, usage.fresh_input)


def test_what_a_vendor_says_for_all_its_models_reaches_the_rows_of_the_table_below() -> None:
    shipped = PriceTable(
        version="2026-01-01",
        vendors={"v": {"m": RICH}},
        common={"v": Common({"flex": Decimal("0.5")}, {"file_search": {"*": Decimal(1)}})},
    )
    own = PriceTable(
        version="2026-02-02",
        vendors={"v": {"n": replace(PRICE, model="n")}},
        common={"v": Common({"batch": Decimal("0.4")}, {"web_search": {"*": Decimal(2)}})},
    )
    both = own.over(shipped)
    below, above = both.find("v", "m"), both.find("v", "n")
    assert below is not None and above is not None
    assert below.piece(Item("web_search", 1)) == 2, "the own table wins"
    assert below.piece(Item("picture", 1)) == Decimal("0.04")
    assert set(below.services) == {"flex", "priority", "batch"}
    assert above.piece(Item("file_search", 1)) == 1, "and the shipped one fills in"
    assert above.services["flex"] == Decimal("0.5")
