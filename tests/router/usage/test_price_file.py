"""Price tables are read with every mistake at once, and the shipped one has none."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from router.usage.price_file import NAME, PriceMistakes, load, read, read_file, shipped
from router.wire.charges import Item

GOOD = """
version: 2026-02-03
vendors:
  acme:
    source: Acme, Prices
    as_of: 2026-01
    hosts: [api.acme.example]
    multiples: {cache_read: 0.1, cache_write_5m: 1.25}
    models:
      small: {input: 0.3, output: 2, also: [tiny]}
      large: {input: 3, output: 15, cache_read: 1, reasoning: 20, above: {tokens: 1000, input: 6, output: 30}}
like: {office: acme}
"""


def test_what_is_not_said_of_a_cache_is_a_multiple_or_as_dear_as_any_token() -> None:
    table = read(GOOD, "x")
    small, large = table.find("acme", "small"), table.find("acme", "large")
    assert small is not None
    assert large is not None
    assert table.find("acme", "tiny") == small
    assert (small.rates.input, small.rates.cache_read) == (Decimal("0.3"), Decimal("0.03"))
    assert (small.rates.cache_write_5m, small.rates.cache_write_1h) == (Decimal("0.375"), Decimal("0.3"))
    assert (large.rates.cache_read, large.rates.reasoning, small.rates.reasoning) == (1, 20, 2)
    assert large.rates_for(1001).cache_read == Decimal("0.6")
    assert (small.source, small.as_of) == ("Acme, Prices", "2026-01")
    assert (table.version, table.like, table.hosts) == (
        "2026-02-03",
        {"office": "acme"},
        {"api.acme.example": "acme"},
    )


def test_json_is_read_too() -> None:
    text = '{"version": "2026-02-03", "vendors": {"a": {"source": "s", "as_of": "2026-01", "models": {}}}}'
    assert read(text, "x").vendors == {"a": {}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", "not valid YAML"),
        ("- 1", "the file: must be a mapping"),
        ("vendors: {}", "version: must be the date"),
        (GOOD.replace("2026-02-03", "soon"), "version: must be the date"),
        (GOOD + "currency: EUR", "currency: must be USD"),
        (GOOD + "color: red", "the file.color: is not known here"),
        (GOOD.replace("input: 0.3", "input: -1"), "vendors.acme.models.small.input: must be a number of US dollars"),
        (GOOD.replace("input: 0.3", "input: .nan"), "vendors.acme.models.small.input: must be a number"),
        (GOOD.replace("input: 0.3", "input: true"), "vendors.acme.models.small.input: must be a number"),
        (GOOD.replace("input: 0.3", "inputs: 1"), "vendors.acme.models.small.inputs: is not known here"),
        (GOOD.replace("input: 0.3", "inputs: 1"), "vendors.acme.models.small.input: is missing"),
        (GOOD.replace("[tiny]", "[large]"), "there is a price for"),
        (GOOD.replace("[tiny]", "tiny"), "vendors.acme.models.small.also: must be a list"),
        (GOOD.replace("tokens: 1000", "tokens: many"), "above.tokens: must be a number of tokens"),
        (GOOD.replace("    source: Acme, Prices\n", ""), "needs `as_of` and `source`"),
        (GOOD.replace("cache_read: 0.1", "cache_read: x"), "vendors.acme.multiples.cache_read: must be"),
        (GOOD.replace("{office: acme}", "[office]"), "like: must be a mapping"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(PriceMistakes) as caught:
        read(text, "mine.yaml")
    assert any(told in mistake for mistake in caught.value.mistakes), caught.value.mistakes
    assert "mine.yaml" in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    text = GOOD.replace("input: 0.3", "input: x").replace("output: 15", "output: x").replace("2026-02-03", "x")
    with pytest.raises(PriceMistakes) as caught:
        read(text, "x")
    assert len(caught.value.mistakes) == 3


PIECES = """
version: 2026-02-03
vendors:
  acme:
    source: Acme, Prices
    as_of: 2026-01
    multiples: {cache_read: 0.1}
    tools: {web_search: 0.01, drawing: {1024x1024 high: 0.2, default: 0.1}}
    service_tiers: {batch: 0.5}
    models:
      talker: {input: 1, output: 2, audio_input: 10, image_output: 30, tools: {web_search: 0.02}}
      hasty: {input: 1, output: 2, service_tiers: {priority: {input: 3, output: 4}, batch: 0.4}}
      painter: {pictures: {default: 0.04, 1024x1024 hd: 0.08, "*": 0.1}}
      sketcher: {pictures: 0.02, input: 1, output: 2}
"""


def test_pieces_and_service_tiers_of_a_model_stand_above_those_of_its_vendor() -> None:
    table = read(PIECES, "x")
    talker, hasty, painter, sketcher = (table.find("acme", name) for name in ("talker", "hasty", "painter", "sketcher"))
    assert talker is not None and hasty is not None and painter is not None and sketcher is not None
    assert (talker.piece(Item("web_search", 1)), hasty.piece(Item("web_search", 1))) == (
        Decimal("0.02"),
        Decimal("0.01"),
    )
    assert (talker.rates.audio_input, talker.rates.audio_output, talker.rates.image_output) == (10, None, 30)
    assert (talker.services, hasty.services["batch"]) == ({"batch": Decimal("0.5")}, Decimal("0.4"))
    dear = hasty.rates_in("priority", 10)
    assert dear is not None and (dear.input, dear.cache_read, dear.output) == (3, Decimal("0.3"), 4)
    assert hasty.rates_in("scale", 10) is None
    details = ("", "1024x1024 hd", "512x512")
    assert [painter.piece(Item("picture", 1, detail)) for detail in details] == [
        Decimal("0.04"),
        Decimal("0.08"),
        Decimal("0.1"),
    ]
    assert [talker.piece(Item("drawing", 1, detail)) for detail in details] == [Decimal("0.1"), None, None]
    assert (painter.by_token, sketcher.by_token) == (False, True)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("pictures: 0.02", "pictures: -1", "models.sketcher.pictures: must be a number of US dollars"),
        ("pictures: 0.02", "pictures: 20000", "models.sketcher.pictures: must be a number of US dollars"),
        ("1024x1024 hd: 0.08", "a b c: 1", "models.painter.pictures.a b c: must be a size and a quality"),
        ("web_search: 0.01", "Web Search: 0.01", "acme.tools.Web Search: must be a name like web_search"),
        ("{web_search: 0.01, drawing: {1024x1024 high: 0.2, default: 0.1}}", "[1]", "acme.tools: must be a mapping"),
        ("{batch: 0.5}", "{standard: 1}", "acme.service_tiers.standard: is no name of a service tier"),
        ("{batch: 0.5}", "{batch: half}", "acme.service_tiers.batch: must be a multiple of the price"),
        ("{input: 3, output: 4}", "{input: 3}", "models.hasty.service_tiers.priority.output: is missing"),
        ("{input: 3, output: 4}", "{input: 3, output: 4, x: 1}", "service_tiers.priority.x: is not known here"),
    ],
)
def test_a_mistake_in_what_is_paid_for_each_is_told_with_its_place(old: str, new: str, told: str) -> None:
    assert old in PIECES
    with pytest.raises(PriceMistakes) as caught:
        read(PIECES.replace(old, new), "x")
    assert any(told in mistake for mistake in caught.value.mistakes), caught.value.mistakes


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(PriceMistakes, match="cannot be read"):
        read_file(tmp_path / "none.yaml")
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(PriceMistakes, match="not UTF-8"):
        read_file(tmp_path / "odd.yaml")


def test_the_newer_table_of_the_state_folder_counts_and_the_operators_own_above_it(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(GOOD.replace("2026-02-03", "2099-01-01"))
    assert load(tmp_path, None).version == "2099-01-01"
    own = tmp_path / "own.yaml"
    own.write_text(GOOD.replace("input: 0.3", "input: 7"))
    table = load(tmp_path, own)
    small = table.find("acme", "small")
    assert small is not None
    assert (small.rates.input, table.version) == (7, "2099-01-01+2026-02-03")


def test_who_is_like_nobody_is_a_mistake(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(GOOD.replace("{office: acme}", "{office: openai}"))
    assert load(tmp_path, own).like == {"office": "openai"}  # a vendor of the shipped table
    own.write_text(GOOD.replace("{office: acme}", "{office: openia}"))
    with pytest.raises(PriceMistakes, match="no vendor is called 'openia'"):
        load(tmp_path, own)


def test_an_older_or_broken_table_of_the_state_folder_does_not_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours = read_file(shipped()).version
    (tmp_path / NAME).write_text(GOOD.replace("2026-02-03", "2020-01-01"))
    assert load(tmp_path, None).version == ours
    (tmp_path / NAME).write_text("[")
    assert load(tmp_path, None).version == ours
    assert "the shipped prices are used" in caplog.text


def test_the_shipped_table_knows_the_models_that_are_listed() -> None:
    catalogue = yaml.safe_load(shipped().with_name("catalogue.yaml").read_text())
    table = read_file(shipped())
    unknown = [
        f"{vendor}/{model}"
        for vendor in ("openai", "anthropic", "gemini")
        for model in catalogue[vendor]
        if table.find(vendor, model) is None
    ]
    assert unknown == []


def test_every_shipped_price_has_a_month_and_a_page_and_a_cache_is_never_dearer_than_a_write() -> None:
    table = read_file(shipped())
    for prices in table.vendors.values():
        for price in prices.values():
            assert re.fullmatch(r"202\d-[01]\d", price.as_of), price
            assert price.source
            for rates in (price.rates, *(rates for _, rates in price.tiers)):
                assert rates.cache_read <= rates.input <= rates.cache_write_1h, price
            assert all(rates.input >= price.rates.input for _, rates in price.tiers)
