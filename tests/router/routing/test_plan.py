"""A name, the settings and the needs of a call become an ordered plan."""

from __future__ import annotations

from itertools import product

import pytest

from router.faults import Fault
from router.providers.config import ProviderConfig
from router.routing.plan import Needs, Plan, draft, plan
from router.routing.table import Rule
from router.wire.conversation import Reasoning
from tests.router.routing.making import CHAT, account, provider, table


def targets(found: Plan) -> list[str]:
    return [f"{each.provider}:{each.model}" for each in found.candidates]


def test_a_route_gives_its_providers_in_order():
    made = table(provider("openai"), provider("ctonew"), rules=[("^gpt-5", ["openai", "ctonew"])])
    assert targets(plan(made, "gpt-5-mini", needs=CHAT)) == ["openai:gpt-5-mini", "ctonew:gpt-5-mini"]


def test_a_provider_with_models_of_its_own_passes_other_names_on_only_where_it_is_open():
    for open_too in (False, True):
        made = table(provider("a", models={"x": ("fast",)}, open=open_too))
        assert targets(plan(made, "Fast", needs=CHAT)) == targets(plan(made, "a/x", needs=CHAT)) == ["a:x"]
        assert targets(draft(made, "a/other", needs=CHAT)) == (["a:other"] if open_too else [])


def test_routes_are_tried_by_priority_then_in_file_order():
    rules = [
        Rule(pattern="^gpt-", providers=("a",), priority=5),
        Rule(pattern="^gpt-5", providers=("b",), priority=1),
        Rule(pattern="^gpt-5", providers=("c",), priority=1),
    ]
    made = table(provider("a"), provider("b"), provider("c"), rules=rules)
    assert targets(plan(made, "gpt-5", needs=CHAT)) == ["b:gpt-5"]
    assert targets(plan(made, "gpt-4", needs=CHAT)) == ["a:gpt-4"]


def test_a_glob_matches_the_whole_name_and_a_regex_any_part_of_it():
    made = table(provider("a"), provider("b"), rules=[("gpt-*", ["a"]), ("flash.*-aistudio$", ["b"])])
    assert targets(plan(made, "gpt-5", needs=CHAT)) == ["a:gpt-5"]
    assert targets(plan(made, "gemini-2-flash-x-aistudio", needs=CHAT)) == ["b:gemini-2-flash-x-aistudio"]
    with pytest.raises(Fault) as caught:
        plan(made, "my-gpt-5", needs=CHAT)
    assert caught.value.kind == "not_found"


def test_a_route_of_plain_text_is_a_regular_expression_too():
    made = table(provider("a"), rules=[("gpt-5", ["a"])])
    assert targets(plan(made, "gpt-5-mini", needs=CHAT)) == ["a:gpt-5-mini"]


def test_a_provider_named_twice_counts_once():
    made = table(provider("a"), provider("b"), rules=[("^m", ["a", "b", "a", ("b", "a")])])
    assert targets(plan(made, "m", needs=CHAT)) == ["a:m", "b:m"]


def test_a_provider_without_account_is_skipped_with_a_reason():
    made = table(provider("a", accounts=0), provider("b"), rules=[("^m", ["a", "b"])])
    found = plan(made, "m", needs=CHAT)
    assert targets(found) == ["b:m"]
    assert [(skip.provider, skip.reason) for skip in found.skipped] == [("a", "it has no account")]


def test_a_reserved_provider_says_what_it_needs():
    made = table(provider("ctonew", accounts=0, kind="ctonew", reason="needs a sign-in"), rules=[("^m", ["ctonew"])])
    with pytest.raises(Fault) as caught:
        plan(made, "m", needs=CHAT)
    assert caught.value.kind == "unavailable"
    assert "ctonew: needs a sign-in" in caught.value.message


def test_a_nested_list_is_one_rank_that_rotates():
    made = table(provider("a"), provider("b"), provider("c"), rules=[("^m", [("a", "b"), "c"])])
    assert [targets(plan(made, "m", needs=CHAT, rotation=turn)) for turn in range(3)] == [
        ["a:m", "b:m", "c:m"],
        ["b:m", "a:m", "c:m"],
        ["a:m", "b:m", "c:m"],
    ]
    assert [each.rank for each in plan(made, "m", needs=CHAT).candidates] == [0, 0, 1]


def test_claude_means_every_claude_provider_of_one_rank():
    made = table(provider("anthropic"), provider("claude-oauth"), rules=[("^claude", ["claude"])])
    found = plan(made, "claude-opus-5", needs=CHAT)
    assert [(each.provider, each.rank) for each in found.candidates] == [("anthropic", 0), ("claude-oauth", 0)]


def test_any_name_of_a_provider_works_in_routes_and_prefixes():
    made = table(provider("claude-oauth", names=("llmux-claude", "llmux.claude_pro")), rules=[("^x", ["llmux_claude"])])
    assert targets(plan(made, "x", needs=CHAT)) == ["claude-oauth:x"]
    assert targets(plan(made, "llmux.claude-pro/y", needs=CHAT)) == ["claude-oauth:y"]


def test_a_prefix_names_its_provider_and_the_rest_may_hold_slashes():
    made = table(provider("openrouter", prefix="or"), provider("anthropic"))
    assert targets(plan(made, "openrouter/anthropic/claude-x", needs=CHAT)) == ["openrouter:anthropic/claude-x"]
    assert targets(plan(made, "or/anthropic/claude-x", needs=CHAT)) == ["openrouter:anthropic/claude-x"]
    assert targets(plan(made, "anthropic/claude-x", needs=CHAT)) == ["anthropic:claude-x"]


def test_a_name_in_a_catalogue_goes_before_prefix_and_routes():
    own = provider("own", models={"deep-1": ("fast",), "anthropic/x": ()})
    made = table(own, provider("anthropic"), rules=[("^fast", ["anthropic"])])
    assert targets(plan(made, "fast", needs=CHAT)) == ["own:deep-1"]
    assert targets(plan(made, "FAST", needs=CHAT)) == ["own:deep-1"]
    assert targets(plan(made, "anthropic/x", needs=CHAT)) == ["own:anthropic/x"]


def test_a_route_goes_before_names_that_a_provider_merely_lists():
    made = table(provider("a", listed=("gpt-5",)), provider("b"), rules=[("^gpt-5", ["b", "a"])])
    assert targets(plan(made, "gpt-5", needs=CHAT)) == ["b:gpt-5", "a:gpt-5"]


def test_a_listed_name_serves_where_no_provider_of_the_route_can():
    made = table(provider("a", listed=("gpt-5",)), provider("b", accounts=0), rules=[("^gpt-5", ["b"])])
    found = plan(made, "gpt-5", needs=CHAT)
    assert targets(found) == ["a:gpt-5"]
    assert "route 1 (^gpt-5) matches 'gpt-5', but none of them can serve" in found.how


@pytest.mark.parametrize(
    ("name", "vendor"),
    [
        ("gpt-4.1-2025-04-14", "openai"),
        ("o3-2025-04-16", "openai"),
        ("claude-haiku-4-5-20251001", "anthropic"),
        ("gemini-2.5-flash-preview", "gemini"),
    ],
)
def test_a_name_on_no_list_goes_to_the_vendor_that_it_is_plainly_of(name, vendor):
    made = table(*(provider(kind, kind=kind) for kind in ("openai", "anthropic", "gemini")), provider("own"))
    assert targets(plan(made, name, needs=CHAT)) == [f"{vendor}:{name}"]
    with pytest.raises(Fault) as caught:
        plan(table(provider(vendor, kind=vendor, accounts=0)), name, needs=CHAT)
    assert caught.value.kind == "not_found"


def test_an_alias_goes_first_and_may_lead_through_others():
    made = table(
        provider("a", models={"x": ()}),
        provider("b"),
        aliases={"best": ["good", "b/y"], "good": "a/x", "x": "b/z"},
    )
    assert targets(plan(made, "best", needs=CHAT)) == ["a:x", "b:y"]
    assert targets(plan(made, "x", needs=CHAT)) == ["b:z"]
    assert [each.rank for each in plan(made, "best", needs=CHAT).candidates] == [0, 1]


def test_an_alias_with_a_wildcard_carries_the_rest_over():
    made = table(provider("openrouter"), aliases={"gpt-*": "openrouter/openai/gpt-*"})
    assert targets(plan(made, "gpt-5-mini", needs=CHAT)) == ["openrouter:openai/gpt-5-mini"]


def test_a_pinned_provider_is_the_only_one():
    made = table(provider("a"), provider("b", names=("bee",)), rules=[("^m", ["a"])])
    assert targets(plan(made, "m", needs=CHAT, pinned="bee")) == ["b:m"]
    assert targets(plan(made, "b/m", needs=CHAT, pinned="b")) == ["b:m"]
    with pytest.raises(Fault) as caught:
        plan(made, "m", needs=CHAT, pinned="be")
    assert caught.value.kind == "not_found"
    assert "'bee'" in caught.value.message


def test_an_alias_keeps_its_meaning_at_a_pinned_provider():
    made = table(provider("a"), provider("b"), aliases={"quick": "b/mini"})
    assert targets(plan(made, "quick", needs=CHAT, pinned="b")) == ["b:mini"]


@pytest.mark.parametrize(
    ("asked", "wish"),
    [
        ("m(high)", Reasoning(effort="high", adaptive=True)),
        ("m (LOW)", Reasoning(effort="low", adaptive=True)),
        ("m(none)", Reasoning(effort="none")),
        ("m(8192)", Reasoning(budget=8192)),
        ("m(0)", Reasoning(budget=0)),
        ("m(-1)", Reasoning(budget=-1)),
        ("m(auto)", Reasoning(budget=-1)),
    ],
)
def test_a_suffix_says_how_much_to_think(asked, wish):
    found = plan(table(provider("a"), rules=[("^m$", ["a"])]), asked, needs=CHAT)
    assert (targets(found), found.reasoning) == (["a:m"], wish)


def test_words_in_parentheses_that_are_no_effort_belong_to_the_name():
    found = plan(table(provider("a"), rules=[("^m", ["a"])]), "m(q4)", needs=CHAT)
    assert (targets(found), found.reasoning) == (["a:m(q4)"], None)


def test_a_known_name_keeps_its_parentheses():
    found = plan(table(provider("a", models={"m(high)": ()})), "m(high)", needs=CHAT)
    assert (targets(found), found.reasoning) == (["a:m(high)"], None)


def test_an_alias_may_carry_a_suffix_and_the_callers_own_wins():
    made = table(provider("a"), aliases={"think": "a/m(high)"})
    assert plan(made, "think", needs=CHAT).reasoning == Reasoning(effort="high", adaptive=True)
    assert plan(made, "think(low)", needs=CHAT).reasoning == Reasoning(effort="low", adaptive=True)


def test_reasoning_words_behind_claude_names_are_a_budget_and_an_effort():
    made = table(provider("a"), rules=[("^claude-", ["a"])])
    found = plan(made, "claude-opus-4-5-reasoning-high", needs=CHAT)
    assert (targets(found), found.reasoning) == (["a:claude-opus-4-5"], Reasoning(effort="high", budget=32_000))
    with pytest.raises(Fault):
        plan(table(provider("a")), "claude-opus-4-5-reasoning-high", needs=CHAT)


def test_reasoning_words_stay_where_somebody_lists_the_full_name():
    made = table(provider("a", models={"claude-x-reasoning-low": (), "claude-x": ()}))
    found = plan(made, "claude-x-reasoning-low", needs=CHAT)
    assert (targets(found), found.reasoning) == (["a:claude-x-reasoning-low"], None)


def test_an_unknown_name_is_a_404_with_the_nearest_names():
    made = table(provider("a", models={"claude-sonnet-4-5": (), "gpt-5-mini": ()}))
    with pytest.raises(Fault) as caught:
        plan(made, "claude-sonet-4-5", needs=CHAT)
    assert (caught.value.kind, caught.value.param, caught.value.code) == ("not_found", "model", "model_not_found")
    assert "Did you mean 'claude-sonnet-4-5'?" in caught.value.message


@pytest.mark.parametrize(
    "name", ["", "  ", "a\nb", "a\x00", "a\x7f", "a/../b", "..", "x" * 257, "/m", "a//b", "a\\b", "a\u2028b", "\ud800"]
)
def test_a_name_that_cannot_be_one_is_a_400(name):
    with pytest.raises(Fault) as caught:
        plan(table(provider("a"), rules=[(".*", ["a"])]), name, needs=CHAT)
    assert (caught.value.kind, caught.value.param) == ("bad_request", "model")


def test_excluded_names_are_not_found_however_they_are_asked_for():
    made = table(provider("a"), rules=[("^gpt", ["a"])], aliases={"sly": "gpt-4"}, exclusions=["gpt-4*"])
    for name in ("gpt-4", "gpt-4o", "sly", "a/gpt-4o"):
        with pytest.raises(Fault) as caught:
            plan(made, name, needs=CHAT)
        assert caught.value.kind == "not_found"
    assert targets(plan(made, "gpt-5", needs=CHAT)) == ["a:gpt-5"]


def test_a_provider_that_excludes_or_does_not_list_a_model_is_passed_over():
    made = table(
        provider("a", excluded=("m-*",)),
        provider("b", models={"x": ()}),
        provider("c"),
        rules=[("^m", ["a", "b", "c"])],
    )
    found = plan(made, "m-1", needs=CHAT)
    assert targets(found) == ["c:m-1"]
    assert {skip.provider: skip.reason for skip in found.skipped} == {
        "a": "its settings exclude this model",
        "b": "its models do not include this one",
    }


def test_accounts_that_may_not_use_a_model_do_not_count():
    limited = ProviderConfig(id="a", kind="openai", accounts=(account("a", models=("other",)),))
    with pytest.raises(Fault) as caught:
        plan(table(limited, rules=[("^m", ["a"])]), "m", needs=CHAT)
    assert "none of its accounts may use this model" in caught.value.message


def test_the_callers_dialect_is_spoken_where_the_provider_knows_it():
    made = table(provider("openai", kind="openai", dialects=("responses", "chat")), rules=[("^gpt", ["openai"])])
    lanes = {d: plan(made, "gpt-5", needs=Needs(dialect=d)).candidates[0] for d in ("chat", "responses", "gemini")}
    assert {d: (each.dialect, each.lane) for d, each in lanes.items()} == {
        "chat": ("chat", "raw"),
        "responses": ("responses", "raw"),
        "gemini": ("responses", "translated"),
    }


def test_a_model_that_one_dialect_alone_reaches_is_translated_to_it():
    made = table(provider("openai", kind="openai", dialects=("chat", "responses")), rules=[("^gpt", ["openai"])])
    found = plan(made, "gpt-5-pro", needs=CHAT).candidates[0]
    assert (found.dialect, found.lane) == ("responses", "translated")


def test_a_server_without_that_dialect_is_spoken_to_in_its_own():
    made = table(provider("openrouter"))
    assert plan(made, "openrouter/openai/gpt-5-pro", needs=CHAT).candidates[0].dialect == "chat"


def test_targets_that_cannot_see_are_left_out_while_another_can():
    made = table(provider("a", quirks={"images": False}), provider("b"), rules=[("^m", ["a", "b"])])
    needs = Needs(dialect="chat", images=True)
    found = plan(made, "m", needs=needs)
    assert targets(found) == ["b:m"]
    assert [(skip.provider, skip.reason) for skip in found.skipped] == [("a", "the model does not take images")]


def test_where_nobody_can_see_the_refusal_is_left_to_the_one_who_knows_the_place():
    made = table(provider("a", quirks={"images": False}), rules=[("^m", ["a"])])
    assert targets(plan(made, "m", needs=Needs(dialect="chat", images=True))) == ["a:m"]


def test_a_window_that_is_too_small_comes_last():
    made = table(provider("a", quirks={"context_window": 1000}), provider("b"), rules=[("^m", ["a", "b"])])
    assert targets(plan(made, "m", needs=Needs(dialect="chat", input_tokens=2000))) == ["b:m", "a:m"]
    assert targets(plan(made, "m", needs=Needs(dialect="chat", input_tokens=900))) == ["a:m", "b:m"]
    assert targets(plan(made, "m", needs=CHAT)) == ["a:m", "b:m"]
    assert targets(plan(made, "m", needs=Needs(dialect="chat", input_tokens=2000))) == ["b:m", "a:m"]


def test_a_surface_that_nobody_has_is_refused_before_any_call():
    made = table(provider("anthropic", kind="anthropic", dialects=("messages",)), rules=[("^m", ["anthropic"])])
    with pytest.raises(Fault) as caught:
        plan(made, "m", needs=Needs(dialect="chat", surface="embeddings"))
    assert caught.value.kind == "bad_request"
    assert "anthropic: it has no embeddings" in caught.value.message


def test_a_remembered_plan_is_the_same_plan_and_still_rotates_and_fits():
    made = table(
        provider("a", quirks={"images": False}), provider("b"), provider("c"), rules=[("^m", [("a", "b"), "c"])]
    )
    first = plan(made, "m", needs=CHAT)
    assert plan(made, "m", needs=CHAT) is first
    assert targets(plan(made, "m", needs=CHAT, rotation=1)) == ["b:m", "a:m", "c:m"]
    assert plan(made, "m", needs=CHAT, rotation=2) is first
    assert targets(plan(made, "m", needs=CHAT, pinned="c")) == ["c:m"]
    seeing = plan(made, "m", needs=Needs(dialect="chat", images=True))
    assert (targets(seeing), len(seeing.skipped)) == (["b:m", "c:m"], 1)
    assert plan(made, "m", needs=CHAT).skipped == ()


def test_what_is_remembered_of_names_is_bounded_and_nothing_of_unknown_ones():
    made = table(provider("a"), rules=[("^m", ["a"])])
    for number in range(1500):
        plan(made, f"m{number}", needs=CHAT)
        draft(made, f"x{number}", needs=CHAT)
    assert 0 < len(made.remembered) <= 1024
    assert not any(key[0].startswith("x") for key in made.remembered)


def test_what_is_remembered_of_one_name_is_bounded():
    made = table(*map(provider, "abcdefgh"), rules=[("^m", [tuple("abcdefgh")])])
    for tools, images, documents, audio, turn in product(*[(False, True)] * 4, range(8)):
        needs = Needs(dialect="chat", tools=tools, images=images, documents=documents, audio=audio)
        assert len(targets(plan(made, "m", needs=needs, rotation=turn))) == 8
    (known,) = made.remembered.values()
    assert 0 < len(known.plans) <= 48


def test_draft_reports_what_plan_raises():
    made = table(provider("a"))
    found = draft(made, "nobody", needs=CHAT)
    assert found.candidates == ()
    assert found.fault is not None and found.fault.kind == "not_found"


def test_a_prefix_that_begins_like_a_model_leads_to_nobody_else():
    off = provider("claude-oauth", kind="claude-oauth", accounts=0, reason="no account")
    made = table(provider("anthropic", kind="anthropic"), off)
    with pytest.raises(Fault) as caught:
        plan(made, "claude-oauth/claude-sonnet-4-5", needs=CHAT)
    assert caught.value.kind == "unavailable" and "no account" in caught.value.message
