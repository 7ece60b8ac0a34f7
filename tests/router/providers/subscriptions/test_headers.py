"""The executors of subscriptions: where each call goes, with exactly which headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from router.accounts.record import Account
from router.faults import Fault
from router.net.message import HttpRequest
from router.providers.config import ProviderConfig
from router.providers.executor import build
from router.providers.protocol import Outgoing
from router.secret import Secret
from router.settings.sign_ins import shipped_sign_ins
from router.version import USER_AGENT, VERSION

TOKEN = "oat-canary-token"
FACTS = {
    "account_id": "acc-1",
    "project_id": "project-1",
    "device_id": "device-1",
    "plan": "pro",
    "organization": "somebody's",
}
EVERY = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": USER_AGENT}
BEARER = {"authorization": f"Bearer {TOKEN}"}


def request(
    kind: Any,
    dialect: Any,
    *,
    operation: Any = "generate",
    stream: bool = True,
    body: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
    facts: Mapping[str, str] = FACTS,
    base_url: str | None = None,
) -> HttpRequest:
    upstream = shipped_sign_ins()[kind].upstream
    account = Account(id=f"{kind}/a", provider=kind, label="a", secret=Secret(""), stored=True)
    provider = ProviderConfig(id=kind, kind=kind, base_urls=upstream.base_urls, settings=upstream.extra)
    outgoing = Outgoing(
        operation=operation,
        dialect=dialect,
        model="m",
        stream=stream,
        body=body,
        base_url=base_url or upstream.base_urls[0],
        credential=Secret(TOKEN),
        headers=headers or {},
        facts=facts,
    )
    return build(provider, account, outgoing)


ASSIST = "https://cloudcode-pa.googleapis.com/v1internal"
DAILY = "https://daily-cloudcode-pa.googleapis.com/v1internal"
CLAUDE = {"anthropic-version": "2023-06-01", "anthropic-beta": "oauth-2025-04-20"}
MSH = {"x-msh-platform": "switchyard", "x-msh-version": VERSION, "x-msh-device-id": "device-1"}
EDITOR = {"editor-version": f"Switchyard/{VERSION}"}


@pytest.mark.parametrize(
    ("kind", "dialect", "url", "own"),
    [
        ("claude-oauth", "messages", "https://api.anthropic.com/v1/messages", CLAUDE),
        (
            "chatgpt-oauth",
            "responses",
            "https://chatgpt.com/backend-api/codex/responses",
            {"chatgpt-account-id": "acc-1", "openai-beta": "responses=experimental"},
        ),
        ("gemini-cli", "gemini", f"{ASSIST}:streamGenerateContent?alt=sse", {}),
        ("antigravity", "gemini", f"{DAILY}:streamGenerateContent?alt=sse", {}),
        ("qwen-oauth", "chat", "https://portal.qwen.ai/v1/chat/completions", {}),
        ("kimi-oauth", "chat", "https://api.kimi.com/coding/v1/chat/completions", MSH),
        (
            "kimi-oauth",
            "messages",
            "https://api.kimi.com/coding/v1/messages",
            {**MSH, "anthropic-version": "2023-06-01"},
        ),
        ("xai-oauth", "responses", "https://api.x.ai/v1/responses", {}),
        ("xai-oauth", "chat", "https://api.x.ai/v1/chat/completions", {}),
        ("iflow", "chat", "https://apis.iflow.cn/v1/chat/completions", {}),
        ("copilot", "chat", "https://api.githubcopilot.com/chat/completions", EDITOR),
        ("copilot", "responses", "https://api.githubcopilot.com/responses", EDITOR),
    ],
)
def test_each_asks_at_its_address_with_these_headers_and_no_others(
    kind: str, dialect: str, url: str, own: dict[str, str]
) -> None:
    made = request(kind, dialect)
    assert (made.method, made.url) == ("POST", url)
    assert made.headers == {**EVERY, **BEARER, "accept": "text/event-stream", **own}
    assert TOKEN not in made.url


@pytest.mark.parametrize(
    ("kind", "dialect", "operation", "url"),
    [
        ("claude-oauth", "messages", "count_tokens", "https://api.anthropic.com/v1/messages/count_tokens"),
        ("gemini-cli", "gemini", "count_tokens", f"{ASSIST}:countTokens"),
        ("gemini-cli", "gemini", "generate", f"{ASSIST}:generateContent"),
        ("copilot", "chat", "embed", "https://api.githubcopilot.com/embeddings"),
    ],
)
def test_what_is_not_streamed_has_its_address_too(kind: str, dialect: str, operation: str, url: str) -> None:
    made = request(kind, dialect, operation=operation, stream=False, body=b'{"contents":[]}')
    assert made.url == url
    assert made.headers["accept"] == "application/json"


def test_claude_keeps_the_betas_that_the_caller_names_and_its_version() -> None:
    headers = {"anthropic-beta": "a-1, oauth-2025-04-20 ,b-2", "anthropic-version": "2026-10-21"}
    made = request("claude-oauth", "messages", headers=headers)
    assert made.headers["anthropic-beta"] == "a-1,oauth-2025-04-20,b-2"
    assert made.headers["anthropic-version"] == "2026-10-21"
    assert request("claude-oauth", "messages", base_url="https://x/v1").url == "https://x/v1/messages"


def test_chatgpt_gets_the_cache_key_of_the_body_as_its_session_where_a_header_can_hold_it() -> None:
    assert request("chatgpt-oauth", "responses", body=b'{"prompt_cache_key":"k-1"}').headers["session_id"] == "k-1"
    for odd in (b'{"prompt_cache_key":"\\r\\nx: y"}', b'{"prompt_cache_key":"\xc3\xa9"}', b'{"prompt_cache_key":7}'):
        assert "session_id" not in request("chatgpt-oauth", "responses", body=odd).headers


@pytest.mark.parametrize(
    ("kind", "dialect", "name"), [("chatgpt-oauth", "responses", "account_id"), ("gemini-cli", "gemini", "project_id")]
)
def test_an_account_that_lacks_a_fact_is_to_sign_in_again(kind: str, dialect: str, name: str) -> None:
    for value in ("", "a\r\nx: y"):
        with pytest.raises(Fault, match="sign in once more") as raised:
            request(kind, dialect, facts={**FACTS, name: value})
        assert raised.value.kind == "upstream_auth"


@pytest.mark.parametrize(
    ("told", "url"),
    [
        ("portal.qwen.ai", "https://portal.qwen.ai/v1/chat/completions"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "https://dashscope.aliyuncs.com/compatible-mode/v1"),
        ("http://portal.qwen.ai", "https://portal.qwen.ai/v1/chat/completions"),
        ("evil.example", "https://portal.qwen.ai/v1/chat/completions"),
        ("portal.qwen.ai.evil.example", "https://portal.qwen.ai/v1/chat/completions"),
        ("my-bucket.aliyuncs.com", "https://portal.qwen.ai/v1/chat/completions"),
    ],
)
def test_qwen_is_asked_where_its_sign_in_says_if_that_is_at_the_vendor(told: str, url: str) -> None:
    assert request("qwen-oauth", "chat", facts={"resource_url": told}).url.startswith(url)


def test_copilot_is_asked_where_its_token_says_if_that_is_at_the_vendor() -> None:
    facts = {"base_url": "https://api.individual.githubcopilot.com"}
    assert request("copilot", "chat", facts=facts).url == f"{facts['base_url']}/chat/completions"
    facts = {"base_url": "https://githubcopilot.com.evil.example"}
    assert request("copilot", "chat", facts=facts).url == "https://api.githubcopilot.com/chat/completions"


def test_copilot_is_told_of_pictures_and_of_nothing_else() -> None:
    seen = b'{"messages":[{"role":"user","content":[{"type": "image_url","image_url":{"url":"data:"}}]}]}'
    assert request("copilot", "chat", body=seen).headers["copilot-vision-request"] == "true"
    assert "copilot-vision-request" not in request("copilot", "chat", body=b'{"text":"an image_url"}').headers


def test_kimi_is_told_no_device_that_is_not_known() -> None:
    assert "x-msh-device-id" not in request("kimi-oauth", "chat", facts={}).headers
