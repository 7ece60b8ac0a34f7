from __future__ import annotations

import json

import msgspec
import pytest

from router.providers.config import ProviderConfig
from router.providers.registry import GROUPS, catalogue, provider_names
from router.providers.resolve import resolve
from router.settings.load import load
from router.settings.presets import shipped_presets
from router.wire.capabilities import Capabilities

SERVICE_ACCOUNT = json.dumps({"type": "service_account", "project_id": "proj", "client_email": "a@b"})


def providers(text: str = "", environ: dict[str, str] | None = None) -> dict[str, ProviderConfig]:
    environ = environ or {}
    settings = load(text, environ, lambda path: SERVICE_ACCOUNT).settings
    return {provider.id: provider for provider in resolve(settings, environ)}


def secrets(provider: ProviderConfig) -> list[tuple[str, str]]:
    return [(account.id, account.secret.reveal()) for account in provider.accounts]


def test_with_nothing_configured_only_the_demo_can_serve_and_the_others_say_why() -> None:
    found = providers()
    assert [name for name, provider in found.items() if provider.accounts] == ["demo"]
    assert all(provider.reason for name, provider in found.items() if name != "demo")
    assert "OPENAI_API_KEY" in (found["openai"].reason or "")
    assert "echo" in found["demo"].listed


@pytest.mark.parametrize(
    ("variable", "provider"),
    [
        ("OPENAI_API_KEY", "openai"),
        ("ANTHROPIC_API_KEY", "anthropic"),
        ("GEMINI_API_KEY", "gemini"),
        ("GOOGLE_API_KEY", "gemini"),
        *((variable, name) for name, preset in shipped_presets().items() for variable in preset.env),
    ],
)
def test_a_key_in_its_usual_variable_is_picked_up(variable: str, provider: str) -> None:
    found = providers("", {variable: " sk-1 "})
    assert secrets(found[provider]) == [(f"{provider}/env", "sk-1")]
    assert found[provider].reason is None and found[provider].base_urls[0].startswith("https://")


def test_keys_of_the_file_are_used_in_place_of_the_variable() -> None:
    found = providers(
        "providers: {openai: {api_keys: [a, {key: b, label: two, priority: 2}]}}", {"OPENAI_API_KEY": "c"}
    )
    assert secrets(found["openai"]) == [("openai/1", "a"), ("openai/two", "b")]
    assert found["openai"].accounts[1].priority == 2


def test_a_base_url_of_the_environment_counts_only_beside_its_key_and_never_for_this_gateway() -> None:
    base = {"OPENAI_BASE_URL": "http://proxy:9/v1/"}
    assert providers("", base)["openai"].base_urls == ("https://api.openai.com/v1",)
    with_key = providers("", base | {"OPENAI_API_KEY": "k"})["openai"]
    assert with_key.base_urls == ("http://proxy:9/v1",)
    assert with_key.dialects == ("chat", "responses") and with_key.listed == ()
    environ = {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "http://127.0.0.1:8317"}
    assert providers("", environ)["anthropic"].base_urls == ("https://api.anthropic.com",)
    assert providers("", {"ANTHROPIC_API_KEY": "sk-sy-x"})["anthropic"].accounts == ()


def test_presets_take_what_the_block_says_and_fill_in_the_rest() -> None:
    groq = providers("providers: {groq: {api_keys: [k], quirks: {images: false}, models: {llama: fast}}}")["groq"]
    assert groq.kind == "openai-compatible" and groq.base_urls == ("https://api.groq.com/openai/v1",)
    assert groq.quirks["images"] is False and groq.quirks["reasoning_field"] == "reasoning"
    assert groq.models == {"llama": ("fast",)}


def test_a_keyless_local_server_is_used_as_soon_as_its_block_is_there() -> None:
    assert providers()["ollama"].accounts == ()
    assert secrets(providers("providers: {ollama: }")["ollama"]) == [("ollama/1", "")]


def test_compatible_servers_have_their_name_prefix_and_address() -> None:
    found = providers(
        """
providers:
  openai-compatible:
    - {name: office_1, base_url: "https://h/v1/", prefix: of, api_keys: [k], proxy: "http://p:1", headers: {x-a: b}}
    - {name: second-router, preset: openrouter, api_keys: [k]}
  anthropic-compatible:
    - {name: claude-proxy, base_urls: ["https://a", "https://b"], api_keys: [k]}
"""
    )
    office = found["office-1"]
    assert office.base_urls == ("https://h/v1",) and office.prefix == "of" and "of" in office.names
    assert (office.proxy, office.headers, office.dialects) == ("http://p:1", {"x-a": "b"}, ("chat",))
    assert found["second-router"].base_urls == ("https://openrouter.ai/api/v1",)
    assert found["claude-proxy"].dialects == ("messages",) and len(found["claude-proxy"].base_urls) == 2
    assert list(found)[:3] == ["office-1", "second-router", "claude-proxy"]


def test_vertex_takes_project_from_the_service_account_and_host_from_the_location() -> None:
    vertex = providers("providers: {vertex: {service_account_file: ~/sa.json, location: europe-west4}}")["vertex"]
    assert vertex.settings == {"project": "proj", "location": "europe-west4"}
    assert vertex.base_urls == ("https://europe-west4-aiplatform.googleapis.com",)
    assert secrets(vertex) == [("vertex/1", SERVICE_ACCOUNT)]
    everywhere = providers("providers: {vertex: {service_account_files: [a, {key_file: b, label: two}], project: q}}")[
        "vertex"
    ]
    assert everywhere.base_urls == ("https://aiplatform.googleapis.com",)
    assert everywhere.settings["project"] == "q"
    assert [account.id for account in everywhere.accounts] == ["vertex/1", "vertex/two"]


def test_what_is_switched_off_keeps_its_names_and_loses_its_accounts() -> None:
    text = "providers: {openai: {enabled: false}, demo: {enabled: false}, webai: {enabled: false}}"
    found = providers(text, {"OPENAI_API_KEY": "k"})
    for name in ("openai", "demo", "webai"):
        assert found[name].accounts == () and "switched off" in (found[name].reason or "")


def test_subscriptions_are_off_until_they_are_turned_on() -> None:
    found = providers("providers: {llmux: {claude_pro: {...}}, ctonew: {...}, aistudio: {}}")
    assert found["claude-oauth"].kind == "claude-oauth" and "off: turn it on" in (found["claude-oauth"].reason or "")


@pytest.mark.parametrize(
    ("written", "ids"),
    [
        ("llmux-claude", ("claude-oauth",)),
        ("llmux.claude_pro", ("claude-oauth",)),
        ("LLMUX-chatgpt", ("chatgpt-oauth",)),
        ("llmux.chatgpt_plus", ("chatgpt-oauth",)),
        ("codex", ("chatgpt-oauth",)),
        ("claude_oauth", ("claude-oauth",)),
        ("gemini-web", ("webai",)),
        ("claude", ("anthropic", "claude-oauth")),
        ("lmstudio", ("lm-studio",)),
        ("my-server", ("my-server",)),
        ("nobody", ()),
    ],
)
def test_every_name_of_a_provider_leads_to_one_id(written: str, ids: tuple[str, ...]) -> None:
    assert provider_names(shipped_presets(), ("my-server",)).resolve(written) == ids


def test_every_id_of_the_design_is_known() -> None:
    known = set(providers())
    assert known >= {"openai", "anthropic", "gemini", "vertex", "demo", "claude-oauth", "chatgpt-oauth", "gemini-cli"}
    assert known >= {"antigravity", "qwen", "iflow", "kimi", "xai", "copilot", "ctonew", "aistudio", "webai"}
    assert known >= {member for members in GROUPS.values() for member in members}


def test_presets_and_catalogue_fit_the_program() -> None:
    for name, preset in shipped_presets().items():
        assert preset.base_url.startswith("http://127.0.0.1" if preset.keyless else "https://"), name
        msgspec.convert(preset.quirks, Capabilities)
        assert set(preset.quirks) <= set(Capabilities.__struct_fields__), name
    assert set(catalogue()) <= {"openai", "anthropic", "gemini", "vertex", "aistudio"}
