"""Settings become a table, or all their mistakes at once."""

from __future__ import annotations

import pytest

from router.routing.table import RoutingMistakes, Rule, build
from tests.router.routing.making import CAPABILITIES, provider, table


def test_every_mistake_is_told_at_once_with_its_place():
    rules = [
        Rule(pattern="^(gpt", providers=("openai",)),
        Rule(pattern="^m", providers=("opnai", ("openai", "nobody"))),
        Rule(pattern="", providers=()),
    ]
    with pytest.raises(RoutingMistakes) as caught:
        build(
            [provider("openai", quirks={"imagess": True, "tools": "maybe"}, excluded=("[a(",))],
            rules,
            {"Fast": "a", "fast": "b", "loop": "pool", "pool": ["x", "loop"], "none": []},
            ["(x"],
            capabilities=CAPABILITIES,
        )
    told = {mistake.where: mistake.message for mistake in caught.value.mistakes}
    assert "not a valid regular expression" in told["routing[0].pattern"]
    assert told["routing[1].providers[0]"] == "no provider is named 'opnai'. Did you mean 'openai'?"
    assert told["routing[1].providers[1]"].startswith("no provider is named 'nobody'.")
    assert told["routing[2].pattern"] == "a pattern must not be empty"
    assert told["routing[2].providers"] == "must name at least one provider"
    assert told["aliases['fast']"] == "two aliases for one name: names are compared without case"
    assert told["aliases['loop']"] == "stands for itself: loop -> pool -> loop"
    assert told["aliases['none']"] == "must name at least one model"
    assert "exclusions" in told
    assert "providers.openai.excluded" in told
    assert told["providers.openai.quirks.imagess"] == "no such capability"
    assert "providers.openai.quirks.tools" in told


def test_one_provider_cannot_show_two_models_under_one_name():
    with pytest.raises(RoutingMistakes) as caught:
        table(provider("a", models={"x": ("fast",), "y": ("Fast",)}))
    assert caught.value.mistakes[0].message == "the alias 'Fast' stands for both 'x' and 'y'"


def test_two_providers_may_show_models_under_one_name():
    made = table(provider("a", models={"x": ("fast",)}), provider("b", models={"y": ("fast",)}))
    assert made.exact("FAST")


def test_two_providers_cannot_have_one_name():
    with pytest.raises(RoutingMistakes, match="two providers have this name"):
        table(provider("my_server"), provider("my-server"))


def test_an_alias_may_have_the_name_of_the_model_that_it_prefixes():
    made = table(provider("a"), aliases={"m": "a/m"})
    assert made.alias("M") is not None
