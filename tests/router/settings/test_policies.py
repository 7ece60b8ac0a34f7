"""Mistakes in the operator's policies are told with their place."""

from __future__ import annotations

import pytest

from tests.router.settings.test_load import loaded, only

KEY = "name: a, key: 0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ("policies: {ips: {allow: ['10.0.0.0/40']}}", "policies.ips.allow", "no address and no network"),
        ("policies: {ips: {trusted_proxies: proxy.example}}", "policies.ips.trusted_proxies", "no address"),
        (f"auth: {{keys: [{{{KEY}, ips: [here]}}]}}", "auth.keys[0].ips", "no address"),
        (f"auth: {{keys: [{{{KEY}, models: ['(']}}]}}", "auth.keys[0].models", "regular expression"),
        (f"auth: {{keys: [{{{KEY}, providers: [antropic]}}]}}", "auth.keys[0].providers", "is not known"),
        ("policies: {thinking: {mode: fixed}}", "policies.thinking", "needs default"),
        ("policies: {thinking: {mode: adaptive, max: low}}", "policies.thinking", "takes neither"),
        ("policies: {thinking: {default: much}}", "policies.thinking.default", "effort"),
        (
            "models: {routing: [{pattern: a, providers: [openai], thinking: {max: -1}}]}",
            "models.routing[0].thinking.max",
            "0",
        ),
        ("policies: {payload: [{override: {model: x}}]}", "policies.payload[0].override", "routing"),
        ("policies: {payload: [{remove: [stream_options.include_usage]}]}", "policies.payload[0].remove", "accounting"),
        ("policies: {payload: [{default: {'a[': x}}]}", "policies.payload[0].default", "no path"),
        ("policies: {payload: [{default: {a: 2026-01-01}}]}", "policies.payload[0].default", "no JSON"),
        ("policies: {payload: [{models: [a]}]}", "policies.payload[0]", "changes nothing"),
        ("policies: {payload: [{models: ['('], remove: [a]}]}", "policies.payload[0].models", "regular expression"),
        (
            "policies: {payload: [{when: {providers: [antropic]}, remove: [a]}]}",
            "policies.payload[0].when.providers",
            "is not known",
        ),
        (
            "policies: {payload: [{when: {dialects: [soap]}, remove: [a]}]}",
            "policies.payload[0].when.dialects",
            "no dialect",
        ),
        ("models: {combos: {a: {targets: []}}}", "models.combos.a", "has no targets"),
        ("models: {combos: {'a*': {targets: b}}}", "models.combos.a*", "plain name"),
        ("models: {combos: {a: {targets: [a, b]}}}", "models.combos.a", "stands for itself"),
        ("models: {aliases: {b: a}, combos: {a: {targets: [b]}}}", "models.combos.a", "stands for itself"),
        ("models: {aliases: {A: b}, combos: {a: {targets: c}}}", "models.combos.a", "is the alias 'A' too"),
        ("models: {combos: {a: {targets: [' ']}}}", "models.combos.a.targets", "empty model"),
        (
            "models: {combos: {a: {strategy: weighted, targets: [{model: b, weight: 0}]}}}",
            "models.combos.a.targets",
            "all 0",
        ),
        ("models: {combos: {a: {targets: b, strategy: random}}}", "models.combos.a.strategy", "must be one of"),
        (
            f"auth: {{keys: [{{{KEY}}}, {{name: b, key: 0123456789abcdef, models: [a]}}]}}",
            "auth.keys[1]",
            "is the key of 'a' once more",
        ),
        (
            f"auth: {{keys: [{{{KEY}}}, {{name: b, key: 0123456789abcdef, scope: viewer}}]}}",
            "auth.keys[1]",
            "is narrowed or of another scope",
        ),
        (f"auth: {{keys: [{{{KEY}, scope: admin}}]}}", "auth.keys[0].scope", "must be one of"),
        (
            f"auth: {{keys: [{{{KEY}, scope: viewer, models: [a], limits: {{usd_per_day: 1}}}}]}}",
            "auth.keys[0]",
            "has models, limits, which are for keys with the scope `client`: one with the scope `viewer` calls no",
        ),
    ],
)
def test_a_mistake_says_what_is_wrong_and_where(text: str, path: str, says: str) -> None:
    mistake = only(text)
    assert mistake.path == path
    assert says in mistake.problem


def test_a_bare_off_is_a_mode() -> None:
    thinking = loaded("policies: {thinking: {mode: off}}").settings.policies.thinking
    assert thinking is not None and thinking.mode == "off"
