"""What the shipped data says of real models, and how layers of it are merged."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from router.accounts.record import Account
from router.models.capabilities import CapabilityMistakes, CapabilityTable, load, quirk_mistakes
from router.providers.config import ProviderConfig
from router.secret import Secret
from router.wire.capabilities import Capabilities
from router.wire.conversation import Dialect

TABLE: CapabilityTable = load()


def of(model: str, dialect: str = "chat", kind: str = "openai-compatible", **facts) -> Capabilities:
    return TABLE.capabilities(ProviderConfig(id="p", kind=kind, **facts), model, dialect)


def claude(model: str) -> Capabilities:
    return of(model, "messages", "anthropic")


def gemini(model: str) -> Capabilities:
    return of(model, "gemini", "gemini")


@pytest.mark.parametrize(
    ("model", "thinking", "sampling", "prefill", "in_middle", "off", "forced"),
    [
        ("claude-3-5-sonnet-20241022", "none", True, True, False, True, True),
        ("claude-3-7-sonnet-latest", "budget", True, True, False, True, True),
        ("claude-sonnet-4-20250514", "budget", True, True, False, True, True),
        ("claude-opus-4-1-20250805", "budget", True, True, False, True, True),
        ("claude-sonnet-4-5", "budget", True, True, False, True, True),
        ("claude-haiku-4-5-20251001", "budget", True, True, False, True, True),
        ("claude-opus-4-6", "adaptive", True, False, False, True, True),
        ("claude-opus-4-7", "adaptive", False, False, False, True, True),
        ("claude-opus-4-8", "adaptive", False, False, True, True, True),
        ("claude-sonnet-5", "adaptive", False, False, False, True, True),
        ("claude-opus-5", "adaptive", False, False, True, True, True),
        ("claude-opus-5-5", "adaptive", False, False, True, False, False),
        ("claude-fable-5", "adaptive", False, False, True, False, True),
        ("claude-of-next-year", "adaptive", False, False, False, False, True),
    ],
)
def test_each_claude_generation_has_its_rules(model, thinking, sampling, prefill, in_middle, off, forced):
    found = claude(model)
    assert (found.thinking, found.sampling, found.prefill, found.system_in_middle) == (
        thinking, sampling, prefill, in_middle,
    )  # fmt: skip
    assert (found.thinking_off, found.forced_tool, found.temperature_max) == (off, forced, 1)
    assert (found.n, found.logprobs, found.audio, found.forced_tool_with_thinking) == (False, False, False, False)


def test_claude_from_4_refuses_temperature_with_top_p_and_earlier_ones_do_not():
    assert claude("claude-3-5-haiku-latest").temperature_with_top_p
    assert not claude("claude-sonnet-4-20250514").temperature_with_top_p
    assert not claude("claude-opus-4-5").temperature_with_top_p


def test_structured_output_of_claude_begins_with_opus_4_1_and_4_5():
    assert not claude("claude-opus-4-20250514").json_schema
    assert claude("claude-sonnet-4-5").json_schema
    assert claude("claude-opus-5").json_schema


@pytest.mark.parametrize(
    "name",
    [
        "anthropic/claude-opus-4.5",
        "claude-opus-4-5@20251101",
        "us.anthropic.claude-opus-4-5-20251101-v1:0",
        "CLAUDE-OPUS-4-5",
    ],
)
def test_one_model_is_known_by_every_vendors_spelling(name):
    assert claude(name) == claude("claude-opus-4-5")


def test_newer_claudes_think_by_default_and_4_7_and_4_8_do_not():
    names = ("opus-4-7", "opus-4-8", "sonnet-5", "opus-5")
    assert [claude(f"claude-{name}").thinking_by_default for name in names] == [False, False, True, True]


@pytest.mark.parametrize(
    ("model", "efforts", "sampling", "off"),
    [
        ("o3", ("low", "medium", "high"), False, False),
        ("o4-mini", ("low", "medium", "high"), False, False),
        ("gpt-5", ("minimal", "low", "medium", "high"), False, False),
        ("gpt-5-mini-2025-08-07", ("minimal", "low", "medium", "high"), False, False),
        ("gpt-5.1", ("none", "low", "medium", "high"), True, True),
        ("gpt-5.2", ("none", "low", "medium", "high", "xhigh"), True, True),
        ("gpt-5.5", ("none", "low", "medium", "high", "xhigh"), True, True),
        ("gpt-6.1-sol", ("none", "low", "medium", "high", "xhigh", "max"), True, True),
    ],
)
def test_openai_reasoning_models_have_their_efforts_and_refuse_stop(model, efforts, sampling, off):
    found = of(model, "chat", "openai")
    assert (found.thinking, found.efforts, found.sampling, found.thinking_off) == ("effort", efforts, sampling, off)
    assert (found.stop, found.penalties, found.sampling_with_thinking) == (False, False, not sampling)
    assert found.max_tokens_key == "max_completion_tokens"


def test_openai_chat_models_do_not_think_and_take_every_knob():
    found = of("gpt-4o-mini", "chat", "openai")
    assert (found.thinking, found.sampling, found.stop, found.penalties, found.max_stops) == (
        "none",
        True,
        True,
        True,
        4,
    )


@pytest.mark.parametrize("model", ["gpt-5-pro", "gpt-5-codex", "o3-pro", "o3-deep-research"])
def test_models_of_the_responses_api_alone_say_so(model):
    assert of(model, "chat", "openai").dialects == ("responses",)


def test_responses_has_no_stop_penalties_seed_and_n_whatever_the_model():
    found = of("gpt-4o", "responses", "openai")
    assert (found.stop, found.penalties, found.seed, found.n) == (False, False, False, False)


@pytest.mark.parametrize(
    ("model", "thinking", "off", "signature", "least", "most"),
    [
        ("gemini-2.0-flash", "none", True, False, 1024, 32000),
        ("gemini-2.5-pro", "budget", False, False, 128, 32768),
        ("gemini-2.5-flash", "budget", True, False, 1, 24576),
        ("gemini-2.5-flash-lite", "budget", True, False, 512, 24576),
        ("gemini-3-pro-preview", "level", False, True, 1024, 32000),
        ("gemini-3.5-flash-lite", "level", False, True, 1024, 32000),
        ("gemini-flash-latest", "level", False, True, 1024, 32000),
    ],
)
def test_each_gemini_generation_has_its_control(model, thinking, off, signature, least, most):
    found = gemini(model)
    assert (found.thinking, found.thinking_off, found.needs_signature) == (thinking, off, signature)
    assert (found.min_budget, found.max_budget) == (least, most)
    assert (found.prefill, found.max_stops, found.audio, found.video) == (False, 5, True, True)
    assert "image/gif" not in found.image_types


def test_gemini_before_3_cannot_mix_built_in_tools_with_functions():
    assert not gemini("gemini-2.5-pro").server_tools_with_functions
    assert gemini("gemini-3-pro-preview").server_tools_with_functions


def test_deepseek_sends_and_wants_its_reasoning_back():
    found = of("deepseek-reasoner")
    assert (found.reasoning_field, found.echo_reasoning, found.max_tokens_key) == (
        "reasoning_content",
        True,
        "max_tokens",
    )
    assert (found.images, found.json_schema, found.json_object) == (False, False, True)


def test_grok_counts_reasoning_beside_the_output():
    found = of("grok-4-0709")
    assert (found.reasoning_outside_output, found.stop, found.penalties) == (True, False, False)


def test_a_models_thinking_is_said_in_the_words_of_the_dialect():
    assert of("anthropic/claude-opus-5").thinking == "effort"
    assert of("gemini-2.5-pro").thinking == "effort"
    assert of("glm-4.6", "messages", "anthropic-compatible").thinking == "none"
    assert of("gpt-5", "messages", "anthropic-compatible").thinking == "adaptive"


def test_an_unknown_model_is_taken_for_a_capable_one():
    found = of("somebodys-model")
    assert (found.tools, found.images, found.json_schema, found.sampling, found.context_window) == (
        True, True, True, True, None,
    )  # fmt: skip


def test_compatible_servers_know_the_older_names():
    found = of("somebodys-model")
    assert (found.max_tokens_key, found.developer_role) == ("max_tokens", False)
    assert of("somebodys-model", kind="openai").max_tokens_key == "max_completion_tokens"


def test_quirks_of_the_provider_win_over_data_and_the_users_settings_over_both():
    table = load(
        {"gpt-5*": {"images": True, "context_window": 7}, "p/gpt-5": {"audio": True}, "^o\\d": {"tools": False}}
    )
    config = ProviderConfig(id="p", kind="openai", quirks={"images": False, "documents": False})
    found = table.capabilities(config, "gpt-5", "chat")
    assert (found.images, found.documents, found.context_window, found.audio) == (True, False, 7, True)
    assert not table.capabilities(config, "o3", "chat").tools


def test_a_reloaded_provider_is_looked_up_anew():
    table = load()
    first = ProviderConfig(id="p", kind="openai", quirks={"images": False})
    assert not table.capabilities(first, "gpt-5", "chat").images
    assert table.capabilities(ProviderConfig(id="p", kind="openai"), "gpt-5", "chat").images


def test_what_is_remembered_is_bounded():
    table = load()
    config = ProviderConfig(id="p", kind="openai")
    for number in range(5000):
        table.capabilities(config, f"name-{number}", "chat")
    assert len(table._found) <= 4096


@pytest.mark.parametrize("dialect", get_args(Dialect))
@pytest.mark.parametrize("model", ["gpt-5", "claude-opus-5", "gemini-3-pro", "deepseek-chat", "grok-4", "?", ""])
def test_every_pair_of_model_and_dialect_gives_valid_capabilities(model, dialect):
    found = of(model, dialect)
    assert msgspec.convert(msgspec.structs.asdict(found), Capabilities) == found
    assert found.efforts


def test_all_mistakes_in_the_data_are_told_with_file_and_key(tmp_path):
    (tmp_path / "defaults.yaml").write_text("dialects: {chat: {tols: true}}\nkinds: {openai: {tools: 5}}\n")
    (tmp_path / "a.yaml").write_text(
        "profiles: {x: {like: y, imagess: true}, y: {like: x}}\nmodels:\n"
        "  - {match: '^(a', like: x}\n  - {match: b, like: nobody, context_window: many}\n  - {tools: true}\nextra: 1\n"
    )
    (tmp_path / "b.yaml").write_text("- a list\n")
    (tmp_path / "c.yaml").write_text("a: [\n")
    with pytest.raises(CapabilityMistakes) as caught:
        load({"(x": {"tools": True}, "y": {"tool": True}}, tmp_path)
    told = "\n".join(caught.value.mistakes)
    for expected in (
        "defaults.yaml: dialects.chat.tols: no such capability",
        "defaults.yaml: kinds.openai.tools: Expected `bool`, got `int`",
        "a.yaml: profiles.x.imagess: no such capability",
        "a.yaml: models[0].like: profile 'x' inherits from itself",
        "a.yaml: models[0].match: '^(a' is not a valid regular expression",
        "a.yaml: models[1].like: no profile named 'nobody'",
        "a.yaml: models[1].context_window: Expected `int | null`, got `str`",
        "a.yaml: models[2].match: must be a pattern or a list of patterns",
        "a.yaml: extra: unknown section",
        "b.yaml: must be a mapping",
        "c.yaml: not valid YAML",
        "models.capabilities['(x']: '(x' is not a valid regular expression",
        "models.capabilities['y'].tool: no such capability",
    ):
        assert expected in told


def test_a_folder_without_data_is_a_mistake(tmp_path):
    with pytest.raises(CapabilityMistakes, match="no capability data found"):
        load(folder=tmp_path)


def test_wrong_quirks_are_told_and_never_break_a_lookup():
    config = ProviderConfig(id="p", kind="openai", quirks={"images": "yes", "nope": 1})
    assert [text.partition(": ")[0] for text in sorted(quirk_mistakes(config))] == [
        "providers.p.quirks.images", "providers.p.quirks.nope",
    ]  # fmt: skip
    assert TABLE.capabilities(config, "gpt-4o", "chat").images


def test_an_accounts_own_name_of_a_model_is_taken_for_that_model() -> None:
    account = Account(id="o/a", provider="o", label="a", secret=Secret("s"), aliases={"mine": "gpt-5-codex"})
    provider = ProviderConfig(id="o", kind="openai", accounts=(account,))
    table = load({"o/gpt-5-codex": {"max_output": 7}})
    assert table.capabilities(provider, "mine", "responses") == table.capabilities(provider, "gpt-5-codex", "responses")
    assert table.capabilities(provider, "mine", "responses").max_output == 7
    assert table.capabilities(provider, "other", "responses").max_output is None


@pytest.mark.parametrize(
    ("kind", "model", "dialect", "facts"),
    [
        ("chatgpt-oauth", "gpt-5-codex", "responses", {"efforts": ("low", "medium", "high"), "sampling": False}),
        ("chatgpt-oauth", "gpt-5.1-codex-mini", "responses", {"efforts": ("medium", "high"), "logprobs": False}),
        ("chatgpt-oauth", "gpt-5.1", "responses", {"efforts": ("none", "low", "medium", "high"), "sampling": False}),
        ("kimi-oauth", "kimi-for-coding", "chat", {"thinking_off": False, "echo_reasoning": True, "max_output": 32768}),
        ("kimi-oauth", "kimi-for-coding", "messages", {"thinking": "none", "max_output": 32768}),
        ("qwen-oauth", "qwen3-coder-plus", "chat", {"images": False, "context_window": 1000000}),
        ("qwen-oauth", "vision-model", "chat", {"images": True, "max_tokens_key": "max_tokens"}),
        ("xai-oauth", "grok-code-fast-1", "responses", {"thinking": "none", "custom_tools": False}),
        ("iflow", "glm-4.6", "chat", {"family": "glm", "developer_role": False}),
        ("copilot", "claude-sonnet-4.5", "chat", {"family": "claude", "thinking": "effort"}),
        ("gemini-cli", "gemini-3.1-pro-preview", "gemini", {"schema_form": "openapi", "needs_signature": True}),
        ("antigravity", "claude-sonnet-4-5", "gemini", {"schema_form": "openapi", "thinking": "budget"}),
    ],
)
def test_the_models_of_subscriptions_are_known(kind: str, model: str, dialect: str, facts: dict[str, object]) -> None:
    found = of(model, dialect, kind)
    assert {name: getattr(found, name) for name in facts} == facts
    assert TABLE.known(model)
