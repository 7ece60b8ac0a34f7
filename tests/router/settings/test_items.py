"""Items of a list in a settings file are added, changed and removed, and every other character stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from router.settings.items import CannotEdit, added, changed, items, removed

PLACE = ("models", "custom")
NEW = {"provider": "openai", "name": "new", "aliases": ["a", "b"]}
LINE = "{provider: openai, name: new, aliases: [a, b]}"
BLOCK = """\
# On top.
server: {port: 8317}  # ours
models:
  # Added by hand.
  custom:
    # The first one.
    - provider: openai   # theirs
      name: one
      display_name: One
    - {provider: groq, name: two}  # short

  # Behind them.
  aliases: {fast: one}
retry:
  max_attempts: 3
"""


def read(text: str) -> Any:
    return yaml.safe_load(text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"models:\n  custom:\n    - {LINE}\n"),
        ("# nothing yet", f"# nothing yet\nmodels:\n  custom:\n    - {LINE}\n"),
        ("server: {port: 1}", f"server: {{port: 1}}\nmodels:\n  custom:\n    - {LINE}\n"),
        ("models:\n  aliases: {}\n# end\n", f"models:\n  aliases: {{}}\n  custom:\n    - {LINE}\n# end\n"),
        ("models:\n    x:\n      a: b\ny: 1\n", f"models:\n    x:\n      a: b\n    custom:\n      - {LINE}\ny: 1\n"),
        ("models: {}  # none\n", f'models: {{"custom": [{json.dumps(NEW)}]}}  # none\n'),
        ("models:\nserver: {}\n", f'models: {{"custom": [{json.dumps(NEW)}]}}\nserver: {{}}\n'),
        ("models:\n  custom: # soon\n", f"models:\n  custom: [{json.dumps(NEW)}] # soon\n"),
        ("models:\n  custom: []\n", f"models:\n  custom: [{json.dumps(NEW)}]\n"),
        ("models:\n  custom:\n  - {name: x}\nz: 1\n", f"models:\n  custom:\n  - {{name: x}}\n  - {LINE}\nz: 1\n"),
        ("models:\r\n  custom:\r\n  - {a: b}\r\n", f"models:\r\n  custom:\r\n  - {{a: b}}\r\n  - {LINE}\r\n"),
        ('{"a": 1}', f'{{"a": 1, "models": {{"custom": [{json.dumps(NEW)}]}}}}'),
        ('{"models": {"custom": [{"a": 1}]}}', f'{{"models": {{"custom": [{{"a": 1}}, {json.dumps(NEW)}]}}}}'),
    ],
)  # fmt: skip
def test_one_more(before: str, after: str) -> None:
    assert added(before, PLACE, NEW) == after
    assert items(after, PLACE)[-1] == NEW


def test_one_more_among_comments() -> None:
    short = "    - {provider: groq, name: two}  # short\n"
    assert added(BLOCK, PLACE, NEW) == BLOCK.replace(short, f"{short}    - {LINE}\n")


def test_another_one_keeps_the_comments_of_its_lines() -> None:
    item = {"provider": "openai", "name": "one", "display_name": "1: #", "kind": "chat"}
    wanted = BLOCK.replace("display_name: One\n", 'display_name: "1: #"\n      kind: "chat"\n')
    assert changed(BLOCK, PLACE, 0, item) == wanted
    assert changed(BLOCK, PLACE, 0, {"provider": "openai", "name": "one"}) == BLOCK.replace(
        "      display_name: One\n", ""
    )
    short = changed(BLOCK, PLACE, 1, {"provider": "groq", "name": "two", "kind": "image"})
    assert short == BLOCK.replace("{provider: groq, name: two}", "{provider: groq, name: two, kind: image}")


def test_the_first_line_of_an_item_can_go() -> None:
    text = "models:\n  custom:\n    - kind: chat\n      name: x\n# end\n"
    assert changed(text, PLACE, 0, {"name": "x"}) == "models:\n  custom:\n    - {name: x}\n# end\n"


def test_one_less() -> None:
    without = removed(BLOCK, PLACE, 1)
    assert without == BLOCK.replace("    - {provider: groq, name: two}  # short\n", "")
    none = removed(without, PLACE, 0)
    assert none.startswith("# On top.") and "  custom: []\n    # The first one.\n" in none and "# Behind them." in none
    assert read(none)["models"] == {"custom": [], "aliases": {"fast": "one"}}


@pytest.mark.parametrize("at", [0, 1, 2])
def test_one_less_on_one_line(at: int) -> None:
    text = '{"models": {"custom": [{"name": "a"}, {"name": "b"},  {"name": "c"}]}, "x": 1}'
    left = [name for number, name in enumerate("abc") if number != at]
    assert [each["name"] for each in items(removed(text, PLACE, at), PLACE)] == left


@pytest.mark.parametrize(
    "text",
    [
        "models: 7\n",
        "models: {custom: 7}\n",
        "- a list\n",
        "models: [\n",
        "other: &x [{name: a}]\nmodels: {custom: *x}\n",  # a change here would be one there
        "models: {custom: []}\n---\nmore: 1\n",
        "models: {custom: []}\n...\n# x\n---\nb: 1\n",
    ],
)
def test_what_would_touch_something_else_is_left_to_a_person(text: str) -> None:
    with pytest.raises(CannotEdit, match=r"file|list|mapping"):
        added(text, PLACE, NEW)


words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)
entries = st.dictionaries(
    words, words | st.integers() | st.booleans() | st.lists(words, max_size=3), min_size=1, max_size=4
)
documents = st.dictionaries(
    st.sampled_from(["server", "retry", "über", "x"]), entries | st.lists(entries, max_size=2) | st.none(), max_size=4
)


@given(
    documents, st.lists(entries, max_size=4), entries, st.sampled_from([None, False, True]), st.booleans(), st.data()
)
def test_whatever_is_written_the_outcome_is_what_was_meant(
    document: dict[str, Any], there: list[Any], new: dict[str, Any], flow: bool | None, more: bool, data: st.DataObject
) -> None:
    whole = {
        **document,
        "models": {**({"aliases": {"a": "b"}} if more else {}), **({"custom": there} if there else {})},
    }
    text = yaml.safe_dump(whole, default_flow_style=flow, allow_unicode=True, sort_keys=data.draw(st.booleans()))
    grown = added(text, PLACE, new)
    assert read(grown) == {**whole, "models": {**whole["models"], "custom": [*there, new]}}
    at = data.draw(st.integers(0, len(there)))
    other = data.draw(entries)
    swapped = items(changed(grown, PLACE, at, other), PLACE)
    assert (
        swapped == [*there[:at], other, *there[at + 1 :], new][: len(there) + 1]
        if at < len(there)
        else swapped[at] == other
    )
    less = [*there, new]
    del less[at]
    assert items(removed(grown, PLACE, at), PLACE) == less
