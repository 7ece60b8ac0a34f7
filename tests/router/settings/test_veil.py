"""The settings file without its secrets, and with them again."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from router.settings.change_plan import out_of_reach
from router.settings.schema import Settings
from router.settings.veil import Unknown, secrets_in, secrets_of, unveiled, veiled

TEXT = """\
# my gateway
providers:
  openai:
    api_keys: [sk-one, {key: 'sk-two', label: second}]   # two of them
    headers: {x-team: private-team}
    proxy: http://me:pass@proxy.example:8080
  anthropic: &a
    api_keys:
      - "sk-one"
"""
SECRETS = frozenset({"sk-one", "sk-two", "private-team", "http://me:pass@proxy.example:8080"})


def test_comments_stay_and_secrets_go() -> None:
    shown = veiled(TEXT, SECRETS)
    assert "# two of them" in shown and "# my gateway" in shown
    assert not any(secret in shown for secret in SECRETS)
    assert yaml.safe_load(unveiled(shown, TEXT, SECRETS)) == yaml.safe_load(TEXT)


def test_marks_may_move_and_be_replaced() -> None:
    shown = veiled("a: one\nb: two\n", frozenset({"one", "two"}))
    assert shown == 'a: "kept:0"\nb: "kept:1"\n'
    moved = 'c: "kept:1"\na: new\n'
    assert yaml.safe_load(unveiled(moved, "a: one\nb: two\n", frozenset({"one", "two"}))) == {"c": "two", "a": "new"}
    with pytest.raises(Unknown, match="kept:7"):
        unveiled("a: kept:7\n", "a: one\n", frozenset({"one"}))


values = st.recursive(
    st.one_of(
        st.integers(), st.booleans(), st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=9)
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdef", min_size=1, max_size=3), inner, max_size=3)
    ),
)


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=4), values, max_size=5), st.booleans(), st.randoms())
def test_whatever_is_hidden_comes_back(document: dict[str, object], flow: bool, random) -> None:  # type: ignore[no-untyped-def]
    text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True)
    words = [node.value for node in _scalars(text)]
    secrets = frozenset(random.sample(words, len(words) // 2))
    shown = veiled(text, secrets)
    assert yaml.safe_load(unveiled(shown, text, secrets)) is not None or not document


def _scalars(text: str) -> list[yaml.ScalarNode]:
    from router.settings.veil import _scalars as found

    return [node for node in found(text) if node.tag == "tag:yaml.org,2002:str" and node.value]


def test_every_secret_of_the_settings_is_found() -> None:
    made = Settings.model_validate(
        {
            "auth": {"keys": [{"name": "a", "key": "k1"}], "management": {"key": "k2"}},
            "providers": {"openai": {"api_keys": [{"key": "k3"}], "headers": {"x": "k4"}, "proxy": "http://u:p@h:1"}},
        }
    )
    assert secrets_of(made) == {"k1", "k2", "k3", "k4", "http://u:p@h:1"}


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        ("a: 1", "a: 2", []),
        (
            "services: []",
            "services: [{name: x, command: [sh]}]",
            ["services", "services[0].command[0]", "services[0].name"],
        ),
        ("", "auth: {dir: /etc}", ["auth.dir"]),
        ("auth: {dir: /etc}", "", ["auth.dir"]),
        ("", "providers: {openai: {api_keys: [{key_file: /etc/shadow}]}}", ["providers.openai.api_keys[0].key_file"]),
        ("server: {tls: {cert: a}}", "server: {tls: {cert: b}}", ["server.tls.cert"]),
    ],
)
def test_what_is_out_of_reach(before: str, after: str, paths: list[str]) -> None:
    assert out_of_reach(before, after) == paths


def test_what_looks_like_a_secret_is_found_where_nothing_is_in_force() -> None:
    text = """
auth: {keys: [sk-bare, {name: laptop, key: sk-named, digest: abc}], management: {key: sk-m, key_file: /run/x}}
providers:
  openai: {api_keys: [sk-1, {key: sk-2, label: two, env: NAME}, "${FROM_THE_ENVIRONMENT}"], headers: {x-team: team}}
  webai: {gemini: {accounts: {me: {secure_1psid: psid}}}}
  groq: {proxy: "http://u:p@proxy.example", prot: 1}
"""
    expected = {"sk-bare", "sk-named", "sk-m", "sk-1", "sk-2", "team", "psid", "http://u:p@proxy.example"}
    assert secrets_in(text) == expected
    assert secrets_in("a: [") == frozenset()
