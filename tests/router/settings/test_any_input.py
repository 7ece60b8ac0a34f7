from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router.settings.load import Loaded, load
from router.settings.mistakes import SettingsError

NAMES = st.sampled_from(
    [
        *(
            "server",
            "auth",
            "providers",
            "models",
            "routing",
            "retry",
            "policies",
            "observe",
            "host",
            "port",
            "tls",
            "cert",
        ),
        *("keys", "key", "key_file", "digest", "name", "expires", "management", "openai", "gemini", "vertex", "groq"),
        *("openai-compatible", "openai_compatible", "anthropic_compatible", "llmux", "claude_pro", "codex", "ctonew"),
        *(
            "api_keys",
            "base_url",
            "headers",
            "prefix",
            "quirks",
            "alias",
            "aliases",
            "pattern",
            "providers",
            "capabilities",
        ),
        *("service_account_file", "service_account_files", "demo", "enabled", "aistudio", "browser", "x", "...", ""),
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 99999),
    st.floats(),
    st.sampled_from(["", "a", "^(", "${X}", "auto", "http://h"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=25,
)


def outcome(text: str, environ: dict[str, str]) -> Loaded | SettingsError:
    try:
        return load(text, environ, lambda path: "content")
    except SettingsError as error:
        return error


@given(st.dictionaries(NAMES, VALUES, max_size=5))
@settings(max_examples=100, deadline=None)
def test_any_structure_gives_settings_or_mistakes_with_a_place(values: dict[str, Any]) -> None:
    found = outcome(json.dumps(values), {})
    if isinstance(found, SettingsError):
        assert found.mistakes
        assert all(mistake.problem for mistake in found.mistakes)


@given(st.dictionaries(NAMES, VALUES, max_size=3), st.lists(NAMES, min_size=1, max_size=4), VALUES)
@settings(max_examples=80, deadline=None)
def test_any_variable_over_any_structure_gives_settings_or_mistakes(
    values: dict[str, Any], path: list[str], value: Any
) -> None:
    found = outcome(json.dumps(values), {"SWITCHYARD__" + "__".join(path).upper(): json.dumps(value)})
    assert isinstance(found, (Loaded, SettingsError))


@given(st.text(max_size=60))
@settings(max_examples=80, deadline=None)
def test_any_text_gives_settings_or_mistakes(text: str) -> None:
    assert isinstance(outcome(text, {}), (Loaded, SettingsError))
