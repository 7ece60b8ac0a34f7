"""Mistakes in the operator's policies are told with their place."""

from __future__ import annotations

import pytest

from tests.router.settings.test_load import only

KEY = "name: a, key: 0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ("policies: {ips: {allow: ['10.0.0.0/40']}}", "policies.ips.allow", "no address and no network"),
        ("policies: {ips: {trusted_proxies: proxy.example}}", "policies.ips.trusted_proxies", "no address"),
        (f"auth: {{keys: [{{{KEY}, ips: [here]}}]}}", "auth.keys[0].ips", "no address"),
        (f"auth: {{keys: [{{{KEY}, models: ['(']}}]}}", "auth.keys[0].models", "regular expression"),
        (f"auth: {{keys: [{{{KEY}, providers: [antropic]}}]}}", "auth.keys[0].providers", "is not known"),
    ],
)
def test_a_mistake_says_what_is_wrong_and_where(text: str, path: str, says: str) -> None:
    mistake = only(text)
    assert mistake.path == path
    assert says in mistake.problem
