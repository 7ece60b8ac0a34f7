"""Settings that do nothing, or not what they seem to: a table with one of each kind, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.places import ROOT
from router.settings.idle import Idle, idle
from router.settings.load import load

NOW = 1_800_000_000.0  # 2027-01-15
KEY = "name: a, key: sk-0123456789abcdef"


def found(text: str, *accepted: str) -> list[Idle]:
    settings = load(text, {}, lambda name: "", client_keys_exist=True).settings
    return list(idle(settings, NOW, accepted))


def key(more: str, rest: str = "") -> str:
    return f"{{auth: {{keys: [{{{KEY}, {more}}}]}}{rest}}}"


@pytest.mark.parametrize(
    ("text", "what", "same_but_counts"),
    [
        (
            "policies: {cache: {ttl: 60}}",
            "policies.cache has ttl, and is not turned on",
            "policies: {cache: {ttl: 60, enabled: true}}",
        ),
        (
            "providers: {claude-oauth: {proxy: 'http://10.0.0.1:3128'}}",
            "providers.claude_oauth has proxy, and is not turned on",
            "providers: {claude-oauth: {proxy: 'http://10.0.0.1:3128', enabled: true}}",
        ),
        (key("expires: 2026-01-01"), "auth.keys[0] (a) has expired: 2026-01-01", key("expires: 2028-01-01")),
        (key("queue: 5"), "has a queue and no concurrency", key("queue: 5, concurrency: 2")),
        (
            key("concurrency: 9", ", server: {limits: {streams: 8}}"),
            "may have 9 calls at once, and the whole gateway 8",
            key("concurrency: 8", ", server: {limits: {streams: 8}}"),
        ),
        (
            key("providers: [openai]", ", providers: {openai: {enabled: false}}"),
            "may use openai alone, which is switched off",
            key("providers: [openai, anthropic]", ", providers: {openai: {enabled: false}}"),
        ),
        (
            key("ips: [192.0.2.1]", ", policies: {ips: {allow: [10.0.0.0/8]}}"),
            "may call from 192.0.2.1, and policies.ips.allow has nothing of that",
            key("ips: [10.0.0.1]", ", policies: {ips: {allow: [10.0.0.0/8]}}"),
        ),
        (key("limits: {soft: 0.5}"), "has limits.soft and no limit", key("limits: {soft: 0.5, usd_per_day: 1}")),
        (
            key("limits: {tokens_per_minute: 10, tokens_per_day: 20000}"),
            "tokens_per_minute 10 allows at most 14400, tokens_per_day 20000",
            key("limits: {tokens_per_minute: 10, tokens_per_day: 14000}"),
        ),
        (
            key("limits: {usd_per_day: 9, usd_per_month: 5}"),
            "usd_per_day 9 is more than usd_per_month 5",
            key("limits: {usd_per_day: 1, usd_per_month: 5}"),
        ),
        (
            "{models: {aliases: {fast: groq/x}}, providers: {groq: {enabled: false}}}",
            "models.aliases.fast stands for groq/x, and nothing else, while providers.groq is switched off",
            "{models: {aliases: {fast: [groq/x, gpt-5]}}, providers: {groq: {enabled: false}}}",
        ),
        (
            "{models: {combos: {fast: {targets: [groq/x]}}}, providers: {groq: {enabled: false}}}",
            "models.combos.fast has groq/x, and nothing else",
            "{models: {combos: {fast: {targets: [groq/x]}}}, providers: {groq: {api_keys: [k]}}}",
        ),
        (
            "{models: {custom: [{provider: groq, name: x}]}, providers: {groq: {enabled: false}}}",
            "models.custom[0] (x) is of groq",
            "models: {custom: [{provider: groq, name: x}]}",
        ),
        (
            "{policies: {payload: [{when: {providers: [groq]}, remove: [a]}]}, providers: {groq: {enabled: false}}}",
            "policies.payload[0] is for calls to groq, and nothing else",
            "policies: {payload: [{when: {providers: [openai]}, remove: [user]}]}",
        ),
        (
            "policies: {thinking: {default: high, max: low}}",
            "policies.thinking has the default high and at most low",
            "policies: {thinking: {default: low, max: 8192}}",
        ),
        (
            "providers: {openai: {max_queue: 5}}",
            "providers.openai (openai) has max_queue and no max_concurrency",
            "providers: {openai: {max_queue: 5, max_concurrency: 2}}",
        ),
        (
            "observe: {request_log_days: 3}",
            "observe has request_log_days, and request_log is off",
            "observe: {request_log_days: 3, request_log_by_header: true}",
        ),
        (
            "policies: {ips: {allow: [10.1.0.0/16], deny: [10.0.0.0/8]}}",
            "policies.ips.deny has all that policies.ips.allow has",
            "policies: {ips: {allow: [10.1.0.0/16, 192.0.2.1], deny: [10.0.0.0/8]}}",
        ),
    ],
)
def test_each_kind_is_found_with_its_place_and_its_counterpart_is_none(
    text: str, what: str, same_but_counts: str
) -> None:
    (one,) = found(text)
    assert what in one.what
    assert one.why.endswith(".") and one.fix
    assert found(same_but_counts) == []


def test_what_an_acceptance_turns_on_counts() -> None:
    text = "providers: {claude-oauth: {proxy: 'http://10.0.0.1:3128'}}"
    assert found(text, "claude-oauth") == [] and len(found(text, "qwen-oauth")) == 1


def test_a_rule_that_caches_makes_the_block_count() -> None:
    rule = "models: {routing: [{pattern: gpt, providers: [openai], cache: true}]}"
    assert found(f"{{policies: {{cache: {{ttl: 60}}}}, {rule}}}") == []


@pytest.mark.parametrize("name", ["", "config/config.example.yaml"])
def test_neither_the_defaults_nor_the_example_have_any(name: str) -> None:
    assert found(Path(ROOT / name).read_text() if name else "") == []
