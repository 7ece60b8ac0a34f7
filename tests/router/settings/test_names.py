"""Mistakes in names of models, in routes and in named files: all in one list, each with its whole path and line."""

from __future__ import annotations

import json
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.models import capabilities
from router.models.capabilities import CapabilityTable
from router.providers.resolve import resolve
from router.routing.table import build
from router.settings.load import load
from router.settings.mistakes import SettingsError
from router.snapshot import Rule
from tests.router.settings.test_load import loaded, mistakes, only, read_file

MANY = """
server:
  host: 0.0.0.0
  tls: {cert: /gone/cert.pem,
        key: /gone/key.pem}
providers:
  openai:
    api_keys: ["a\\nb"]
    models:
      - {name: gpt-5, alias: best}
      - {name: best}
  groq: {base_url: "http://me:pw@h"}
models:
  aliases:
    a: b
    b: [c, A]
    "(": x
    fast: gpt-5
    Fast: gpt-5
    none: []
  routing:
    - {pattern: "+x", providers: [[openai], []]}
    - {pattern: y, providers: [opnai]}
  capabilities:
    "[": {immages: true}
"""


def test_all_mistakes_of_all_kinds_are_in_one_list_with_path_and_line() -> None:
    with pytest.raises(SettingsError) as raised:
        load(MANY, {}, read_file, missing=lambda path: "No such file" if path.startswith("/gone") else None)
    assert [(mistake.line, mistake.path) for mistake in raised.value.mistakes] == [
        (3, "server.host"),
        (4, "server.tls.cert"),
        (5, "server.tls.key"),
        (8, "providers.openai.api_keys[0]"),
        (10, "providers.openai.models[0]"),
        (12, "providers.groq.base_url[0]"),
        (15, "models.aliases.a"),
        (16, "models.aliases.b"),
        (17, "models.aliases.("),
        (19, "models.aliases.Fast"),
        (20, "models.aliases.none"),
        (22, "models.routing[0].pattern"),
        (22, "models.routing[0].providers[1]"),
        (23, "models.routing[1].providers[0]"),
        (25, "models.capabilities.["),
        (25, "models.capabilities.[.immages"),
    ]


@pytest.mark.parametrize("block", ["models: {a: 5}", "base_url: x", "models: {a: [b, 5]}", "excluded_models: {a: b}"])
def test_a_mistake_in_a_shorthand_hides_no_other(block: str) -> None:
    found = mistakes(f"{{providers: {{openai: {{{block}}}}}, server: {{host: 0.0.0.0}}}}")
    assert len(found) == 2
    assert "server.host" in {mistake.path for mistake in found}


def test_an_alias_that_leads_back_to_itself_is_a_mistake_with_the_way() -> None:
    found = mistakes("models:\n  aliases:\n    a: [gpt-5, b]\n    b: c\n    c: A\n    d: a\n")
    assert [(mistake.line, mistake.path) for mistake in found] == [
        (3, "models.aliases.a"),
        (4, "models.aliases.b"),
        (5, "models.aliases.c"),
    ]
    assert "a -> b -> c -> a" in found[0].problem
    assert only("models: {aliases: {x: X}}").path == "models.aliases.x"


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        (
            "{providers: {openai: {models: {gpt-5: fast}}}, models: {aliases: {FAST: claude-x}}}",
            "providers.openai.models[0]",
            "models.aliases.FAST says claude-x",
        ),
        (
            "providers: {openai: {models: [{name: a, alias: b}, b]}}",
            "providers.openai.models[0]",
            "the name of another model",
        ),
        ("providers: {openai: {models: [{name: a, alias: x}, A]}}", "providers.openai.models[1]", "a second time"),
        ("providers: {openai: {models: [{name: a, alias: ' '}]}}", "providers.openai.models[0]", "empty alias"),
        *(
            (f"{{providers: {{openai: {{models: [{{name: a, alias: b}}]}}}}, models: {{custom: {text}}}}}", path, says)
            for text, path, says in (
                ("[{provider: openai, name: A}]", "models.custom[0]", "a second time"),
                ("[{provider: openai, name: b}]", "models.custom[0]", "at openai it stands for a"),
                ("[{provider: openai, name: c, aliases: [A]}]", "models.custom[0]", "at openai it stands for a"),
                ("[{provider: gemini, name: c, aliases: [b]}]", "models.custom[0]", "stands for gemini/c, but"),
                ("[{provider: openai, name: c}, {provider: openai, name: C}]", "models.custom[1]", "a second time"),
                ("[{provider: opnai, name: c}]", "models.custom[0].provider", "not known"),
                (
                    "[{provider: qwen, name: c}, {provider: claude, name: c}]",
                    "models.custom[1].provider",
                    "claude-oauth",
                ),
                ("[{provider: demo, name: c}]", "models.custom[0].provider", "models of its own"),
                ("[{provider: openai, name: a//c}]", "models.custom[0].name", "empty path segment"),
                ("[{provider: openai, name: ' c'}]", "models.custom[0].name", "outer blanks"),
                (
                    "[{provider: openai, name: c, capabilities: {imges: 1}}]",
                    "models.custom[0].capabilities.imges",
                    "no fact",
                ),
            )
        ),
        ("models: {aliases: {' ': a}}", "models.aliases. ", "empty name"),
        ("models: {aliases: {a: [b, '']}}", "models.aliases.a", "at least one model"),
        ("models: {aliases: {a: b, A: b}}", "models.aliases.A", "without case"),
        ("models: {aliases: {'^(': b}}", "models.aliases.^(", "regular expression"),
        ("models: {routing: [{pattern: '+', providers: openai}]}", "models.routing[0].pattern", "nothing to repeat"),
        ("models: {routing: [{pattern: a, providers: [[]]}]}", "models.routing[0].providers[0]", "no providers"),
        ("models: {capabilities: {'(': {}}}", "models.capabilities.(", "regular expression"),
    ],
)
def test_a_mistake_in_names_says_what_is_wrong_and_where(text: str, path: str, says: str) -> None:
    mistake = only(text)
    assert mistake.path == path
    assert says in mistake.problem


def test_an_alias_out_of_the_environment_is_told_with_its_variable() -> None:
    mistake = only("", {"SWITCHYARD__MODELS__ALIASES__A": "a"})
    assert (mistake.path, mistake.source, mistake.line) == ("models.aliases.a", "SWITCHYARD__MODELS__ALIASES__A", None)


def test_a_public_address_is_asked_about_keys_once_and_a_loopback_one_never() -> None:
    asked: list[str] = []

    def exist(found: object) -> bool:
        asked.append(type(found).__name__)
        return True

    load("server: {host: 127.0.0.1}", {}, read_file, client_keys_exist=exist)
    assert asked == []
    load("server: {host: 0.0.0.0}", {}, read_file, client_keys_exist=exist)
    assert asked == ["Settings"]


def test_a_certificate_that_can_be_read_is_no_mistake() -> None:
    text = "server: {tls: {cert: a.pem, key: b.pem}}"
    asked: list[str] = []
    load(text, {}, read_file, missing=asked.append)
    assert asked == ["a.pem", "b.pem"]


@cache
def facts() -> CapabilityTable:
    return capabilities.load()


NAMES = st.sampled_from(["a", "A", "b", "best", "openai/a", "gpt-*", "^a", "(", "+", "", " ", "a(high)", "x/y", "*"])
PROVIDERS = st.sampled_from(
    ["openai", "Anthropic", "claude", "groq", "office", "off", "nobody", "demo", "llmux-claude"]
)
MODELS = st.one_of(
    st.lists(
        st.one_of(NAMES, st.fixed_dictionaries({"name": NAMES, "alias": st.lists(NAMES, max_size=2)})), max_size=3
    ),
    st.dictionaries(NAMES, NAMES, max_size=3),
)
FACTS = st.dictionaries(st.sampled_from(["images", "immages", "tools"]), st.sampled_from([True, 7, "x"]), max_size=2)
BLOCK = st.fixed_dictionaries(
    {},
    optional={
        "models": MODELS,
        "prefix": st.sampled_from(["p", "q", "openai"]),
        "quirks": FACTS,
        "excluded_models": st.lists(NAMES, max_size=2),
    },
)
SETTINGS = st.fixed_dictionaries(
    {
        "providers": st.fixed_dictionaries(
            {},
            optional={
                "openai": BLOCK,
                "groq": BLOCK,
                "openai_compatible": st.lists(
                    st.tuples(st.sampled_from(["office", "off", "demo", "vertex", "claude"]), BLOCK).map(
                        lambda pair: {"name": pair[0], "base_url": "http://h", **pair[1]}
                    ),
                    max_size=2,
                ),
            },
        ),
        "models": st.fixed_dictionaries(
            {},
            optional={
                "aliases": st.dictionaries(NAMES, st.one_of(NAMES, st.lists(NAMES, max_size=2)), max_size=4),
                "exclusions": st.lists(NAMES, max_size=2),
                "routing": st.lists(
                    st.fixed_dictionaries(
                        {
                            "pattern": NAMES,
                            "providers": st.lists(st.one_of(PROVIDERS, st.lists(PROVIDERS, max_size=2)), max_size=2),
                        }
                    ),
                    max_size=2,
                ),
            },
        ),
    }
)


@settings(max_examples=300)
@given(SETTINGS)
def test_whatever_loads_can_be_served(values: object) -> None:
    """The tables find nothing wrong that the reader of the file has not told with the rest."""
    try:
        found = loaded(json.dumps(values)).settings
    except SettingsError:
        return
    rules = [
        Rule(
            pattern=route.pattern,
            providers=tuple(group[0] if len(group) == 1 else group for group in route.providers),
            priority=route.priority,
        )
        for route in found.models.routing
    ]
    table = build(resolve(found, {}), rules, found.models.aliases, found.models.exclusions, capabilities=facts())
    assert len(table.routes) == len(rules)
