"""Every format: a place is set, the rest stays as it is, and the text goes back exactly."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from router.cli.setup.change import FileRecord, changed, restored, sha256
from router.cli.setup.json_spans import parsed
from router.cli.setup.splices import CannotEdit
from router.cli.setup.values import Keys, value_at
from router.cli.setup.wishes import FileWish, Wish

PATH = Path("/nowhere")


def wish(form: str, *wishes: tuple[Keys, Any], start: str = "") -> FileWish:
    return FileWish(path=PATH, format=form, wishes=tuple(Wish(keys, value) for keys, value in wishes), start=start)


def record(before: str | None, after: str, wanted: FileWish, edits: Any) -> FileRecord:
    return FileRecord(
        path=str(PATH),
        format=wanted.format,
        mode=0o600,
        before=sha256(before),
        after=sha256(after),
        edits=edits,
        start=wanted.start,
    )


def there_and_back(before: str | None, wanted: FileWish) -> str:
    after, edits = changed(before, wanted)
    assert restored(after, record(before, after, wanted, edits)) == (before, [])
    return after


COMMENTED = """{
  // what I like
  "theme": "dark", /* really */
  "env": {
    "EDITOR": "vi" // not nano
  },
  "list": [1, 2,],
}
"""


def test_json_keeps_comments_commas_and_layout() -> None:
    after = there_and_back(COMMENTED, wish("json", (("env", "BASE"), "http://x"), (("new", "deep"), True)))
    assert (
        after
        == """{
  // what I like
  "theme": "dark", /* really */
  "env": {
    "EDITOR": "vi", // not nano
    "BASE": "http://x"
  },
  "list": [1, 2,],
  "new": {
    "deep": true
  },
}
"""
    )


@pytest.mark.parametrize(
    "before",
    [
        None,
        "",
        "{}",
        "{}\n",
        "{\n}\n",
        '{"a":1}',
        '{ "a": {"b": 1} }',
        '{\r\n\t"a": 1\r\n}\r\n',
        "// only\n{ /* x */ }",
    ],
)
def test_json_of_any_layout_goes_there_and_back(before: str | None) -> None:
    after = there_and_back(before, wish("json", (("a", "c"), "é") if before and "b" in before else (("x", "y"), "é")))
    assert value_at(parsed(after).value, ("a", "c") if before and "b" in before else ("x", "y")) == "é"
    assert "\n" not in after.replace("\r\n", "") or "\r\n" not in after


def test_json_that_is_none_is_refused_with_its_place() -> None:
    with pytest.raises(CannotEdit, match=r"line 2, column 9: a comma or }"):
        changed('{"a": 1,\n "b": 2 "c": 3}', wish("json", (("x",), 1)))
    with pytest.raises(CannotEdit, match="env is no object"):
        changed('{"env": []}', wish("json", (("env", "x"), 1)))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=3), JSON_VALUES, max_size=4),
    st.sampled_from([None, 1, 2, "\t"]),
    st.lists(st.tuples(st.lists(st.sampled_from(["a", "b", 'c"d']), min_size=1, max_size=3), JSON_VALUES), max_size=3),
)
def test_any_json_object_goes_there_and_back(document: Any, indent: Any, wanted: Any) -> None:
    before = json.dumps(document, indent=indent, ensure_ascii=False)
    one = wish("json", *((tuple(keys), value) for keys, value in wanted))
    try:
        after = there_and_back(before, one)
    except CannotEdit as error:
        assert "is no object" in str(error)
        return
    for keys, value in wanted[-1:]:
        assert value_at(json.loads(after), tuple(keys)) == value


@given(
    st.dictionaries(st.text(max_size=3), JSON_VALUES, max_size=4),
    st.sampled_from([None, 2]),
    st.lists(st.sampled_from(["a", "b", "zz"]), min_size=1, max_size=3),
)
def test_a_place_is_taken_out_of_json_that_was_written_anew(document: Any, indent: Any, keys: list[str]) -> None:
    """The client itself wrote the file again in another layout: the values still go back."""
    before = json.dumps(document)
    one = wish("json", (tuple(keys), "set"))
    try:
        after, edits = changed(before, one)
    except CannotEdit:
        return
    again = json.dumps({**json.loads(after), "later": [1]}, indent=indent)
    text, conflicts = restored(again, record(before, after, one, edits))
    assert not conflicts and text is not None
    assert json.loads(text) == {**document, "later": [1]}


CODEX = """# mine
model = "gpt-5" # best
notify = [
  "a", # = not a key
]

[profiles.work]
text = \"\"\"
[not.a.header]
x = 1
\"\"\"

[[things]]
name = "one"
"""


def test_toml_keeps_everything_else() -> None:
    wanted = wish(
        "toml",
        (("model",), "sonnet"),
        (("model_provider",), "sy"),
        (("model_providers", "sy", "name"), "Switchyard"),
        (("model_providers", "sy", "base_url"), "http://x/v1"),
    )
    after = there_and_back(CODEX, wanted)
    assert after == CODEX.replace('"gpt-5"', '"sonnet"').replace(
        '",  # = not'.replace("  ", " "), '", # = not'
    ).replace("]\n\n[profiles", ']\nmodel_provider = "sy"\n\n[profiles') + (
        '\n[model_providers.sy]\nname = "Switchyard"\nbase_url = "http://x/v1"\n'
    )
    assert tomllib.loads(after)["profiles"]["work"]["text"] == "[not.a.header]\nx = 1\n"


@pytest.mark.parametrize(
    "before",
    [
        None,
        "",
        "# only a comment",
        "[a]\nx = 1",
        "a.b = 1\r\n[c]\r\n",
        "model = 'x'",
        '[model_providers."sy"]\nname = ""',
    ],
)
def test_toml_of_any_layout_goes_there_and_back(before: str | None) -> None:
    after = there_and_back(before, wish("toml", (("model",), "m"), (("model_providers", "sy", "name"), "n")))
    assert tomllib.loads(after)["model_providers"]["sy"]["name"] == "n" and tomllib.loads(after)["model"] == "m"


def test_toml_that_cannot_take_a_table_is_refused() -> None:
    with pytest.raises(CannotEdit, match=r"written on one line"):
        changed("model_providers = {x = {}}\n", wish("toml", (("model_providers", "sy", "name"), "n")))
    with pytest.raises(CannotEdit, match="set it by hand"):
        changed("model_providers.x.a = 1\n", wish("toml", (("model_providers", "x", "name"), "n")))
    with pytest.raises(CannotEdit, match="not TOML"):
        changed("model = \n", wish("toml", (("model",), "n")))


def test_toml_that_was_changed_elsewhere_loses_only_our_table() -> None:
    wanted = wish("toml", (("model_providers", "sy", "name"), "n"), (("model_providers", "sy", "url"), "u"))
    after, edits = changed("a = 1\n", wanted)
    text, conflicts = restored(after + "\n[mine]\nx = 1\n", record("a = 1\n", after, wanted, edits))
    assert (text, conflicts) == ("a = 1\n\n[mine]\nx = 1\n", [])


CONTINUE = """name: Mine
models:
  # local
  - name: Local
    provider: ollama
    model: llama
    # the end of it
context:
  - provider: code
"""
ITEM = {"name": "S", "apiBase": "http://x/v1", "roles": ["chat"]}


def test_yaml_lists_get_an_item_and_keep_comments() -> None:
    after = there_and_back(CONTINUE, wish("yaml", (("models", "[name=S]"), ITEM)))
    lines = '  - name: "S"\n    apiBase: "http://x/v1"\n    roles: ["chat"]\n'
    assert after == CONTINUE.replace("    model: llama\n", f"    model: llama\n{lines}")


@pytest.mark.parametrize(
    "before",
    [
        None,
        "",
        "name: x\n",
        "models:\nname: x\n",
        "models: []\n",
        "models:\n- name: a\n- name: S\n  old: 1\nz: 1",
        "#c\r\n",
    ],
)
def test_yaml_of_any_layout_goes_there_and_back(before: str | None) -> None:
    after = there_and_back(before, wish("yaml", (("models", "[name=S]"), ITEM)))
    assert value_at(yaml.safe_load(after), ("models", "[name=S]")) == ITEM


def test_yaml_lists_at_the_top_and_plain_keys() -> None:
    after = there_and_back("- model_id: a\n  x: |\n    text\n", wish("yaml", (("[model_id=b]",), {"model_id": "b"})))
    assert yaml.safe_load(after) == [{"model_id": "a", "x": "text\n"}, {"model_id": "b"}]
    after = there_and_back("# mine\nmodel: old # why\nx: 1\n", wish("yaml", (("model",), "new"), (("key",), "k: v")))
    assert after == '# mine\nmodel: "new" # why\nx: 1\nkey: "k: v"\n'
    with pytest.raises(CannotEdit):
        changed("{a: 1}\n", wish("yaml", (("model",), "new")))


def test_yaml_that_was_changed_elsewhere_loses_only_our_item() -> None:
    wanted = wish("yaml", (("models", "[name=S]"), ITEM))
    after, edits = changed(CONTINUE, wanted)
    text, conflicts = restored(after + "later: 1\n", record(CONTINUE, after, wanted, edits))
    assert (text, conflicts) == (CONTINUE + "later: 1\n", [])


def test_env_files_and_shell_blocks() -> None:
    after = there_and_back("export A='1' \nB=2", wish("env", (("A",), "http://x"), (("C",), "k")))
    assert after == "export A=http://x\nB=2\nC=k\n"
    block = wish("shell", (("codex",), "export K=1\n"))
    after = there_and_back("alias x=y", block)
    assert after == "alias x=y\n# >>> switchyard codex >>>\nexport K=1\n# <<< switchyard codex <<<\n"
    assert "K=2" in there_and_back(after, wish("shell", (("codex",), "export K=2\n")))
    with pytest.raises(CannotEdit, match="marks"):
        changed("# >>> switchyard codex >>>\n", block)


def test_a_changed_place_is_a_conflict_with_all_three_values() -> None:
    wanted = wish("json", (("a",), "ours"))
    after, edits = changed('{"a": 1}', wanted)
    text, conflicts = restored('{"a": "theirs"}', record('{"a": 1}', after, wanted, edits))
    assert text == '{"a": "theirs"}'
    assert [(one.place, one.wrote, one.now, one.before) for one in conflicts] == [("a", "ours", '"theirs"', "1")]


TOML_PIECES = [
    "# about nothing",
    "",
    'plain = "x" # [no.header]',
    "model = 'single # no comment'",
    '"quoted.key" = 1',
    "dotted . inner = [ # many\n  1,\n  2, ]\n",
    'text = """\n[model_providers.sy]\nname = \'x\'\\"""""',
    "raw = '''\nmodel = 1 #\n'''",
    "when = 1979-05-27T07:32:00Z",
    "inline = { a = 1, b = { c = '}' } }",
    "[tool]",
    '[ model_providers . "other one" ]',
    "[model_providers]",
    "[model_providers.sy] # mine",
    "name = 'old'",
    "[[list]]",
    "[list.of]",
]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(TOML_PIECES), max_size=9), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_any_toml_goes_there_and_back_or_is_refused(pieces: list[str], end: str, ended: bool) -> None:
    before = "\n".join(pieces).replace("\n", end) + (end if ended else "")
    try:
        document = tomllib.loads(before)
    except tomllib.TOMLDecodeError:
        return
    wanted = wish(
        "toml", (("model",), "m"), (("model_providers", "sy", "name"), "n"), (("model_providers", "sy", "u"), 1)
    )
    try:
        after = there_and_back(before, wanted)
    except CannotEdit as error:
        assert "by hand" in str(error) or "on one line" in str(error)
        return
    assert tomllib.loads(after)["model_providers"]["sy"] == {
        **document.get("model_providers", {}).get("sy", {}),
        "name": "n",
        "u": 1,
    }
    grown = after + f"{end}[later]{end}x = 1{end}"
    one = wish("toml", (("model",), "m"), (("model_providers", "sy", "name"), "n"), (("model_providers", "sy", "u"), 1))
    edits = changed(before, one)[1]
    text, conflicts = restored(grown, record(before, after, one, edits))
    assert not conflicts and text is not None
    gone = tomllib.loads(text)
    assert gone.pop("later") == {"x": 1} and without_empty(gone) == without_empty(document)


def without_empty(document: Any) -> Any:
    """Without tables that hold nothing: the header of one may stay or go."""
    if not isinstance(document, dict):
        return document
    inner = {name: without_empty(value) for name, value in document.items()}
    return {name: value for name, value in inner.items() if value != {}}


YAML_PIECES = [
    "# about nothing",
    "",
    "name: x # why",
    "model: 'old'",
    "model: >-\n  folded\n  text",
    "key: |\n  - no: item\n",
    "models:",
    "models: []",
    "models:\n- name: a\n  roles: [x]\n# behind",
    "models:\n    - name: S\n      old: 1\n\n    - name: b\n",
    "models: [{name: a}]",
    "other: {a: [1, 2]}",
    "list:\n  - 1\n  - 2",
]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(YAML_PIECES), max_size=6), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_any_yaml_goes_there_and_back_or_is_refused(pieces: list[str], end: str, ended: bool) -> None:
    before = "\n".join(pieces).replace("\n", end) + (end if ended else "")
    document = yaml.safe_load(before) or {}
    wanted = wish("yaml", (("model",), "m"), (("models", "[name=S]"), ITEM))
    try:
        after = there_and_back(before, wanted)
    except CannotEdit as error:
        assert "by hand" in str(error) or "one line" in str(error)
        return
    value = yaml.safe_load(after)
    assert value["model"] == "m" and value_at(value, ("models", "[name=S]")) == ITEM
    assert {name for name in value if name not in ("model", "models")} == {
        name for name in document if name not in ("model", "models")
    }
    edits = changed(before, wanted)[1]
    text, conflicts = restored(after + f"{end}later: 1{end}", record(before, after, wanted, edits))
    assert not conflicts and text is not None
    gone = yaml.safe_load(text)
    assert gone.pop("later") == 1 and {k: v or None for k, v in gone.items()} == {
        k: v or None for k, v in document.items()
    }
