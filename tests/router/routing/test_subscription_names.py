"""Names that pick a subscription: ``-oauth``, brands, groups, the makers' own plans, and the shipped example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.accounts.record import Account
from router.faults import Fault
from router.models import capabilities
from router.providers.config import ProviderConfig
from router.providers.resolve import SignedIn, resolve
from router.routing.makers import BRANDS, SUBSCRIPTIONS, VENDORS
from router.routing.plan import Plan, draft, plan
from router.routing.table import Rule, Table, build
from router.secret import Secret
from router.settings.load import load
from router.settings.provider_names import BUILT_IN, GROUPS, SIGN_INS
from tests.router.routing.making import CHAT, account, provider, table

EXAMPLE = Path(__file__).resolve().parents[3] / "config" / "config.example.yaml"


def targets(made: Plan) -> list[str]:
    return [f"{each.provider}:{each.model}" for each in made.candidates]


def stored(*ids: str) -> SignedIn:
    return SignedIn(
        accounts={
            each: (Account(id=f"{each}/me", provider=each, label="me", secret=Secret(""), stored=True),) for each in ids
        },
        accepted=frozenset(ids),
    )


def shipped(*sign_ins: str, environ: dict[str, str] | None = None) -> Table:
    """The table of the annotated example, with an account for each of these sign-ins."""
    settings = load(EXAMPLE.read_text(), environ or {}, Path.read_text, client_keys_exist=True).settings  # type: ignore[arg-type]
    rules = [
        Rule(pattern=route.pattern, providers=tuple(route.providers), priority=route.priority)
        for route in settings.models.routing
    ]
    providers = resolve(settings, environ or {}, signed_in=stored(*sign_ins))
    return build(providers, rules, settings.models.aliases, capabilities=capabilities.load())


def plans(*kinds: str) -> Table:
    return table(*(provider(kind, kind=kind) for kind in kinds))


ALL = tuple(SUBSCRIPTIONS)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("claude-sonnet-4-5-oauth", ["claude-oauth:claude-sonnet-4-5"]),
        ("Claude-Sonnet-4-5-OAuth", ["claude-oauth:Claude-Sonnet-4-5"]),
        ("gpt-5-oauth", ["chatgpt-oauth:gpt-5"]),
        ("codex-mini-latest-oauth", ["chatgpt-oauth:codex-mini-latest"]),
        ("gemini-2.5-pro-oauth", ["gemini-cli:gemini-2.5-pro", "antigravity:gemini-2.5-pro"]),
        ("grok-4.5-oauth", ["xai-oauth:grok-4.5"]),
        ("qwen3-coder-plus-oauth", ["qwen-oauth:qwen3-coder-plus"]),
        ("kimi-k2.5-oauth", ["kimi-oauth:kimi-k2.5"]),
    ],
)
def test_the_ending_oauth_means_the_subscription_of_the_maker(asked, expected):
    keys = [provider(kind, kind=kind) for kind in ("openai", "anthropic", "gemini")]
    made = table(*keys, *(provider(kind, kind=kind) for kind in ALL), rules=[("claude", ["anthropic"])])
    assert targets(plan(made, asked, needs=CHAT)) == expected


@pytest.mark.parametrize(
    ("asked", "effort", "budget"),
    [
        ("claude-sonnet-4-5-oauth(high)", "high", None),
        ("claude-sonnet-4-5(high)-oauth", "high", None),
        ("claude-sonnet-4-5-oauth(8192)", None, 8192),
        ("claude-sonnet-4-5-oauth-reasoning-low", "low", 8000),
        ("claude-sonnet-4-5-reasoning-low-oauth", "low", 8000),
    ],
)
def test_the_ending_goes_with_what_a_name_says_of_thinking(asked, effort, budget):
    made = plan(plans("anthropic", "claude-oauth"), asked, needs=CHAT)
    assert targets(made) == ["claude-oauth:claude-sonnet-4-5"]
    assert made.reasoning is not None
    assert (made.reasoning.effort, made.reasoning.budget) == (effort, budget)


def test_the_ending_goes_with_aliases_and_leaves_real_names_alone():
    both = provider("anthropic", kind="anthropic"), provider("claude-oauth", kind="claude-oauth")
    own = provider("own", models={"gpt-oauth": ()})
    made = table(*both, own, aliases={"sonnet": "claude-sonnet-4-5(low)"})
    assert targets(plan(made, "gpt-oauth", needs=CHAT)) == ["own:gpt-oauth"]
    found = plan(made, "sonnet-oauth", needs=CHAT)
    assert targets(found) == ["claude-oauth:claude-sonnet-4-5"]
    assert found.reasoning is not None
    assert found.reasoning.effort == "low"


def test_a_subscription_that_is_off_is_told_with_its_reason_and_nothing_else_answers():
    off = provider("claude-oauth", kind="claude-oauth", accounts=0, reason="off: turn it on with `switchyard login`")
    made = table(provider("anthropic", kind="anthropic"), off, rules=[("claude", ["anthropic"])])
    with pytest.raises(Fault, match="off: turn it on") as caught:
        plan(made, "claude-sonnet-4-5-oauth", needs=CHAT)
    assert caught.value.kind == "unavailable"


def test_who_pins_another_provider_does_not_get_the_subscription():
    found = draft(plans("anthropic", "claude-oauth"), "claude-x-oauth", needs=CHAT, pinned="anthropic")
    assert targets(found) == ["anthropic:claude-x-oauth"]
    pinned = plan(plans("anthropic", "claude-oauth"), "claude-x-oauth", needs=CHAT, pinned="claude-oauth")
    assert targets(pinned) == ["claude-oauth:claude-x"]


def test_names_of_cto_new_lead_there_before_any_route():
    made = table(provider("ctonew", kind="ctonew"), provider("openai", kind="openai"), rules=[("gpt-5", ["openai"])])
    assert targets(plan(made, "ctonew-gpt-5", needs=CHAT)) == ["ctonew:ctonew-gpt-5"]
    assert targets(plan(made, "ctonew/gpt-5", needs=CHAT)) == ["ctonew:gpt-5"]


@pytest.mark.parametrize("name", ["qwen", "kimi", "xai", "grok", "claude"])
def test_a_login_name_means_keys_and_sign_in_as_one_rank(name):
    keys, plan_of = GROUPS[name]
    made = table(provider(keys), provider(plan_of), rules=[("^m", [name])])
    for asked in ("m", f"{name}/m"):
        found = plan(made, asked, needs=CHAT)
        assert [(each.provider, each.rank) for each in found.candidates] == [(keys, 0), (plan_of, 0)]
    turned = plan(made, "m", needs=CHAT, rotation=1)
    assert [each.provider for each in turned.candidates] == [plan_of, keys]


@pytest.mark.parametrize("name", ["qwen", "kimi", "xai", "grok"])
def test_of_a_group_the_one_without_an_account_is_skipped_with_its_reason(name):
    keys, plan_of = GROUPS[name]
    made = plan(shipped(plan_of), f"{name}/m", needs=CHAT)
    assert targets(made) == [f"{plan_of}:m"]
    assert [skip.provider for skip in made.skipped] == [keys]
    assert "no API key" in made.skipped[0].reason


def test_a_plan_of_the_maker_comes_after_its_api_keys():
    made = table(
        provider("claude-oauth", kind="claude-oauth", priority=-1),
        provider("xai-oauth", kind="xai-oauth"),
        provider("anthropic", kind="anthropic", priority=5),
        provider("xai"),
    )
    assert targets(plan(made, "claude-opus-9", needs=CHAT)) == [
        "anthropic:claude-opus-9",
        "claude-oauth:claude-opus-9",
    ]
    assert targets(plan(made, "grok-9", needs=CHAT)) == ["xai:grok-9", "xai-oauth:grok-9"]


def test_a_plan_that_is_off_or_without_an_account_makes_no_offer_by_itself():
    off = provider("claude-oauth", kind="claude-oauth", reason="off", accounts=0)
    with pytest.raises(Fault) as caught:
        plan(table(off), "claude-opus-9", needs=CHAT)
    assert caught.value.kind == "not_found"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("claude-sonnet", ["claude-oauth:claude-sonnet-4-5-20250929"]),
        ("claude-sonnet-reasoning", ["claude-oauth:claude-sonnet-4-5-20250929"]),
        ("claude-sonnet-oauth", ["claude-oauth:claude-sonnet-4-5-20250929"]),
        ("gpt-5", ["chatgpt-oauth:gpt-5"]),
        ("gpt-5-1", ["chatgpt-oauth:gpt-5.1"]),
        ("gpt-5-1-oauth", ["chatgpt-oauth:gpt-5.1"]),
        ("gpt-5-codex", ["chatgpt-oauth:gpt-5-codex"]),
        ("ctonew-gpt-5", []),
    ],
)
def test_the_shipped_names_work_with_a_subscription_alone(asked, expected):
    made = draft(shipped("claude-oauth", "chatgpt-oauth"), asked, needs=CHAT)
    assert targets(made) == expected
    if not expected:
        assert made.fault is not None
        assert "off: turn it on" in made.fault.message


def test_the_shipped_reasoning_alias_thinks():
    made = plan(shipped("claude-oauth"), "claude-sonnet-reasoning", needs=CHAT)
    assert made.reasoning is not None
    assert made.reasoning.effort == "low"


def test_with_a_key_too_the_subscription_of_the_shipped_routes_comes_first():
    made = shipped("claude-oauth", environ={"ANTHROPIC_API_KEY": "sk-ant-sim"})
    assert [each.split(":")[0] for each in targets(plan(made, "claude-sonnet", needs=CHAT))] == [
        "claude-oauth",
        "anthropic",
    ]


def test_the_data_names_providers_that_exist():
    assert set(SUBSCRIPTIONS) | set(BRANDS) <= {*SIGN_INS, *BUILT_IN}
    assert set(VENDORS) <= {provider.id for provider in shipped().providers.values()}


def aliased(**facts: Any) -> Table:
    accounts = (
        account("p", "a", aliases={"Fast": "big-1"}),
        account("p", "b", excluded=("big-2*",)),
        account("p", "c", models=("big-3",)),
    )
    return table(ProviderConfig(id="p", kind="openai-compatible", accounts=accounts, **facts))


def test_a_name_that_accounts_have_as_an_alias_leads_to_their_provider():
    assert targets(plan(aliased(), "fast", needs=CHAT)) == ["p:Fast"]
    assert targets(plan(aliased(models={"big-9": ()}), "fast", needs=CHAT)) == ["p:Fast"]


def test_a_model_that_no_account_may_serve_is_skipped():
    accounts = (account("p", "b", excluded=("big-2*",)),)
    alone = table(ProviderConfig(id="p", kind="openai-compatible", accounts=accounts))
    made = draft(alone, "p/big-2-mini", needs=CHAT)
    assert targets(made) == []
    assert made.skipped[0].reason == "none of its accounts may use this model"
    assert targets(plan(alone, "p/big-3", needs=CHAT)) == ["p:big-3"]
