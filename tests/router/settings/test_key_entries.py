"""What is said beside a key of the settings is changed in their file, and every other character stays."""

from __future__ import annotations

from typing import Any

import pytest

from router.settings.items import CannotEdit
from router.settings.key_entries import DEFAULTS, Place, with_changes, written_keys
from router.settings.load import load

TEXT = """\
# Mine.
providers:
  OpenAI:
    base_url: https://llm.example/v1   # ours
    api_keys:
      - sk-one      # the first
      - key: ${SECOND}
        label: work   # of the office
        priority: 2
      # nothing behind it
  groq: {api_keys: ["sk-groq", {key: sk-other, label: spare}]}
  openai-compatible:
    - name: local
      base_url: http://127.0.0.1:1/v1
      api_keys: [sk-local]
retry: {max_attempts: 3}
"""
ENVIRON = {"SECOND": "sk-two"}
WHOLE = load(TEXT, ENVIRON, str).settings
PLACES = written_keys(WHOLE)


def test_every_key_has_its_place() -> None:
    assert set(PLACES) == {"openai/1", "openai/work", "groq/1", "groq/spare", "local/1"}
    assert PLACES["local/1"] == Place(("providers", "openai_compatible", 0, "api_keys"), 0, "1")


@pytest.mark.parametrize(
    ("account", "changes", "before", "after"),
    [
        ("openai/1", {"disabled": True}, "- sk-one      #", "- {key: sk-one, disabled: true}      #"),
        ("openai/work", {"excluded": ["o*"]}, "priority: 2\n", "priority: 2\n        excluded: [o*]\n"),
        ("openai/work", {"priority": 0}, "        priority: 2\n", ""),
        ("groq/1", {"weight": 2}, '"sk-groq"', '{"key": "sk-groq", "weight": 2}'),
        ("groq/spare", {"aliases": {"a": "b"}}, "label: spare}", "label: spare, aliases: {a: b}}"),
        ("local/1", {"thinking": {"mode": "off"}}, "[sk-local]", "[{key: sk-local, thinking: {mode: 'off'}}]"),
        ("openai/1", {"disabled": False, "models": []}, "", ""),
    ],
)
def test_one_entry_is_another_one(account: str, changes: dict[str, Any], before: str, after: str) -> None:
    assert with_changes(TEXT, PLACES[account], changes) == TEXT.replace(before, after, 1)


@pytest.mark.parametrize("account", sorted(PLACES))
def test_it_is_taken_back_to_what_it_meant(account: str) -> None:
    """Of a bare text a mapping is left, which means the same."""
    said = {"disabled": True, "excluded": ["a*"], "aliases": {"b: c": "d"}, "models": ["e"], "proxy": "http://f:1"}
    there = with_changes(TEXT, PLACES[account], said)
    back = with_changes(there, PLACES[account], {name: DEFAULTS[name] for name in said})
    assert load(there, ENVIRON, str).settings != WHOLE
    assert load(back, ENVIRON, str).settings == WHOLE


def test_what_is_not_there_any_more_is_said() -> None:
    with pytest.raises(CannotEdit, match="changed meanwhile"):
        with_changes("providers: {openai: {api_keys: []}}", PLACES["openai/1"], {"disabled": True})
    moved = TEXT.replace("      - sk-one      # the first\n", "")
    with pytest.raises(CannotEdit, match="changed meanwhile"):
        with_changes(moved, PLACES["openai/1"], {"disabled": True})
