"""The list of models to show."""

from __future__ import annotations

from router.models.capabilities import load
from router.models.catalogue import build
from router.providers.config import Custom, ProviderConfig
from tests.router.routing.making import account, provider

TABLE = load()


def shown(*providers, **facts) -> list[str]:
    return [model.id for model in build(providers, TABLE, **facts).models]


def test_models_show_their_aliases_prefixes_and_listed_names():
    own = provider("own", models={"deep-1": ("fast", "quick"), "deep-2": ()}, listed=("deep-2", "fast", "extra"))
    assert shown(own) == ["fast", "quick", "deep-2", "extra"]
    assert shown(provider("own", prefix="o", models={"m": ()}, listed=("o/n", "k"))) == ["o/m", "o/n", "o/k"]


def test_providers_that_cannot_serve_show_nothing():
    idle = provider("idle", accounts=0, listed=("x",))
    reserved = provider("ctonew", listed=("y",), reason="needs a sign-in")
    assert shown(idle, reserved, provider("a", listed=("z",))) == ["z"]


def test_the_preferred_provider_keeps_a_name_that_two_have():
    models = build([provider("b", priority=1, listed=("m",)), provider("a", listed=("M",))], TABLE).models
    assert [(model.id, model.provider) for model in models] == [("M", "a")]


def test_entries_carry_what_is_known_of_the_model():
    found = build([provider("anthropic", kind="anthropic", dialects=("messages",), listed=("claude-opus-5",))], TABLE)
    model = found.find("models/CLAUDE-opus-5")
    assert model is not None
    assert (model.context_window, model.max_output, model.label) == (1_000_000, 128_000, None)
    assert found.find("opus") is None


def test_a_model_that_was_added_is_shown_as_the_settings_say_beside_the_listed_ones():
    said = Custom("House", {"context_window": 7})
    own = provider("own", models={"m": ("one",)}, open=True, custom={"m": said}, listed=("n",))
    found = build([own, provider("b", models={"x": ()})], TABLE, aliases={"y": "x"}).models
    assert [(each.id, each.origin) for each in found] == [
        ("one", "custom"), ("n", "listed"), ("x", "settings"), ("y", "alias"),
    ]  # fmt: skip
    assert (found[0].display_name, found[0].context_window) == ("House", 7)


def test_demo_models_are_labelled():
    found = build([provider("demo", kind="demo", prefix="demo", listed=("demo/echo",))], TABLE)
    assert [(model.id, model.label) for model in found.models] == [("demo/echo", "demo")]


def test_aliases_are_shown_with_what_they_stand_for_and_patterns_are_not():
    found = build(
        [provider("openai", kind="openai", listed=("gpt-5",))], TABLE, aliases={"best": ["gpt-5", "x"], "g-*": "gpt-*"}
    )
    best = found.find("best")
    assert best is not None
    assert (best.model, best.display_name, best.context_window) == ("gpt-5", "best (gpt-5)", 400_000)
    assert [model.id for model in found.models] == ["gpt-5", "best"]


def test_excluded_models_are_not_shown():
    a = provider("a", models={"m-1": ("one",), "m-2": ()}, excluded=("m-1",))
    assert shown(a) == ["m-2"]
    assert shown(a, exclusions=["m-*"]) == []


def test_names_that_accounts_have_for_models_are_shown_once():
    accounts = tuple(account("p", label, aliases={"fast": "deep-1", "deep-2": "deep-1"}) for label in "ab")
    one = ProviderConfig(id="p", kind="openai-compatible", accounts=accounts, listed=("deep-1", "deep-2"))
    assert shown(one) == ["deep-1", "deep-2", "fast"]
    assert build([one], load()).models[2].model == "deep-1"
