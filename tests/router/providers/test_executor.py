"""URL and headers for each kind of provider."""

from __future__ import annotations

from typing import Any

import pytest

from router.accounts.record import Account
from router.providers.config import ProviderConfig
from router.providers.executor import EXECUTORS, OPERATIONS, Outgoing, build
from router.secret import Secret
from router.version import USER_AGENT

KEY = "the-key"
GOOGLE = "https://generativelanguage.googleapis.com"


def request(kind: Any, operation: Any, dialect: Any, base_url: str, **facts: Any) -> Any:
    """What is sent; facts: of the provider, or `stream`, `model`, `headers`, `proxy` of the call."""
    stream, model = facts.pop("stream", False), facts.pop("model", "m")
    headers, proxy = facts.pop("sent", {}), facts.pop("account_proxy", None)
    account = Account(id="p/1", provider="p", label="1", secret=Secret(KEY), proxy=proxy)
    provider = ProviderConfig(id="p", kind=kind, accounts=(account,), base_urls=(base_url,), **facts)
    outgoing = Outgoing(
        operation=operation,
        dialect=dialect,
        model=model,
        stream=stream,
        body=b"{}",
        base_url=base_url,
        credential=Secret(facts.get("credential", KEY)),
        headers=headers,
    )
    return build(provider, account, outgoing)


@pytest.mark.parametrize(
    ("kind", "operation", "dialect", "base_url", "url"),
    [
        ("openai", "generate", "chat", "https://a/v1", "https://a/v1/chat/completions"),
        ("openai", "generate", "responses", "https://a/v1", "https://a/v1/responses"),
        ("openai", "count_tokens", "responses", "https://a/v1", "https://a/v1/responses/input_tokens"),
        ("openai-compatible", "embed", "chat", "https://a/v1", "https://a/v1/embeddings"),
        ("openai-compatible", "images", "chat", "https://a/v1", "https://a/v1/images/generations"),
        ("anthropic", "generate", "messages", "https://a", "https://a/v1/messages"),
        ("anthropic-compatible", "generate", "messages", "https://a/v1", "https://a/v1/messages"),
        ("anthropic", "count_tokens", "messages", "https://a", "https://a/v1/messages/count_tokens"),
        ("gemini", "generate", "gemini", GOOGLE, f"{GOOGLE}/v1beta/models/m:generateContent"),
        ("gemini", "generate", "gemini", f"{GOOGLE}/v1", f"{GOOGLE}/v1/models/m:generateContent"),
        ("gemini", "embed", "gemini", GOOGLE, f"{GOOGLE}/v1beta/models/m:embedContent"),
        ("gemini", "batch_embed", "gemini", GOOGLE, f"{GOOGLE}/v1beta/models/m:batchEmbedContents"),
        ("gemini", "predict", "gemini", GOOGLE, f"{GOOGLE}/v1beta/models/m:predict"),
        ("gemini", "count_tokens", "gemini", GOOGLE, f"{GOOGLE}/v1beta/models/m:countTokens"),
    ],
)
def test_each_operation_has_its_address(kind: str, operation: str, dialect: str, base_url: str, url: str) -> None:
    made = request(kind, operation, dialect, base_url)
    assert (made.method, made.url) == ("POST", url)


def test_streams_are_asked_for_in_the_path_of_gemini_alone() -> None:
    assert request("gemini", "generate", "gemini", GOOGLE, stream=True).url.endswith(":streamGenerateContent?alt=sse")
    made = request("openai", "generate", "chat", "https://a/v1", stream=True)
    assert made.headers["accept"] == "text/event-stream"


def test_vertex_names_project_and_location() -> None:
    facts = {"settings": {"project": "my project", "location": "europe-west4"}}
    made = request("vertex", "generate", "gemini", "https://v", **facts)
    assert made.url == (
        "https://v/v1/projects/my%20project/locations/europe-west4/publishers/google/models/m:generateContent"
    )
    assert made.headers["authorization"] == f"Bearer {KEY}"


def test_a_models_name_cannot_leave_its_place_in_the_path() -> None:
    made = request("gemini", "generate", "gemini", GOOGLE, model="../../x?y#z/ä")
    assert made.url == f"{GOOGLE}/v1beta/models/..%2F..%2Fx%3Fy%23z%2F%C3%A4:generateContent"


def test_each_kind_has_its_place_for_the_key() -> None:
    assert request("openai", "generate", "chat", "https://a/v1").headers["authorization"] == f"Bearer {KEY}"
    assert request("anthropic", "generate", "messages", "https://a").headers["x-api-key"] == KEY
    assert request("gemini", "generate", "gemini", GOOGLE).headers["x-goog-api-key"] == KEY
    for made in (
        request("anthropic", "generate", "messages", "https://a"),
        request("gemini", "embed", "gemini", GOOGLE),
    ):
        assert "authorization" not in made.headers
        assert KEY not in made.url


def test_the_callers_version_wins_over_ours_and_the_settings_over_both() -> None:
    assert request("anthropic", "generate", "messages", "https://a").headers["anthropic-version"] == "2023-06-01"
    sent = {"anthropic-version": "2026-10-21"}
    made = request("anthropic", "generate", "messages", "https://a", sent=sent)
    assert made.headers["anthropic-version"] == "2026-10-21"
    made = request("openai", "generate", "chat", "https://a/v1", headers={"User-Agent": "mine", "X-Title": "t"})
    assert made.headers["user-agent"] == "mine"
    assert made.headers["x-title"] == "t"
    assert request("openai", "generate", "chat", "https://a/v1").headers["user-agent"] == USER_AGENT


def test_an_accounts_own_proxy_goes_before_the_providers() -> None:
    assert request("openai", "generate", "chat", "https://a", proxy="http://p:1").proxy == "http://p:1"
    made = request("openai", "generate", "chat", "https://a", proxy="http://p:1", account_proxy="http://q:2")
    assert made.proxy == "http://q:2"


def test_every_kind_that_is_asked_has_an_executor() -> None:
    asked = {kind for kind, operations in OPERATIONS.items() if operations and kind not in ("demo", "ctonew")}
    assert asked == set(EXECUTORS)
