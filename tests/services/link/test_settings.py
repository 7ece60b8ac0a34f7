from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import Struct

from services.link.settings import RelaySettings, ServiceKey, SettingsMistake, checked, load_block

PLACE = ("providers", "aistudio")


class Browser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    engine: str = "auto"
    max_instances: int = 3


class Block(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    browser: Browser = Browser()
    relay: RelaySettings = RelaySettings()


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_the_own_file_lies_over_the_routers_and_variables_over_both(tmp_path: Path) -> None:
    router = written(
        tmp_path,
        "config.yaml",
        "providers: {aistudio: {browser: {engine: chromium, max_instances: 2}, relay: {name: a}}}",
    )
    own = written(tmp_path, "aistudio.yaml", "browser: {max_instances: 5}\nrelay: {name: b}\n")
    environ = {
        "SWITCHYARD__PROVIDERS__AISTUDIO__RELAY__URLS": '["wss://x/v1/ws"]',
        "SWITCHYARD__PROVIDERS__AISTUDIO__BROWSER__MAX_INSTANCES": "7",
        "SWITCHYARD__SERVER__PORT": "1",
    }
    values = load_block(PLACE, environ, router_file=router, own_file=own)
    assert checked(values, Block, "aistudio") == Block(
        browser=Browser(engine="chromium", max_instances=7), relay=RelaySettings(name="b", urls=("wss://x/v1/ws",))
    )


def test_files_may_be_missing_and_blocks_too(tmp_path: Path) -> None:
    nowhere = tmp_path / "nothing.yaml"
    assert load_block(PLACE, {}, router_file=nowhere, own_file=None) == {}
    for text in ("", "providers:\n", "providers: {openai: {}}", "- a list"):
        assert load_block(PLACE, {}, router_file=written(tmp_path, "c.yaml", text), own_file=nowhere) == {}
    assert checked({}, Block, "aistudio").relay.urls == ("ws://127.0.0.1:8317/v1/ws",)


def test_a_mistake_names_its_place(tmp_path: Path) -> None:
    with pytest.raises(SettingsMistake, match=r"aistudio: .*`relay\.urls`"):
        checked({"relay": {"urls": 7}}, Block, "aistudio")
    with pytest.raises(SettingsMistake, match=r"aistudio: .*unknown field `max` - at `browser`"):
        checked({"browser": {"max": 1}}, Block, "aistudio")
    with pytest.raises(SettingsMistake, match=r"c\.yaml, line 2 is no valid YAML"):
        load_block(PLACE, {}, router_file=written(tmp_path, "c.yaml", "a: 1\nb: ]\n"), own_file=None)
    with pytest.raises(SettingsMistake, match="cannot be read"):
        load_block(PLACE, {}, router_file=tmp_path, own_file=None)


def test_a_variable_that_is_no_json_is_a_text(tmp_path: Path) -> None:
    environ = {"SWITCHYARD__PROVIDERS__AISTUDIO__RELAY__NAME": "{odd"}
    assert load_block(PLACE, environ, router_file=None, own_file=None) == {"relay": {"name": "{odd"}}


def test_the_key_is_read_anew_and_the_variable_wins(tmp_path: Path) -> None:
    file = tmp_path / "service.key"
    key = ServiceKey(file, {})
    assert key() == ""
    assert key.missing is not None
    assert str(file) in key.missing
    file.write_text("sk-sy-one\n")
    assert (key(), key.missing) == ("sk-sy-one", None)
    file.write_text("sk-sy-two\n")
    assert key() == "sk-sy-two"
    assert ServiceKey(file, {"SWITCHYARD_SERVICE_KEY": " sk-sy-env "})() == "sk-sy-env"
    assert "sk-sy" not in repr(key)


def test_a_variable_in_a_file_is_its_value_and_one_that_is_not_set_is_named(tmp_path: Path) -> None:
    router = written(
        tmp_path,
        "config.yaml",
        "providers: {openai: {api_keys: ['${OF_ANOTHER_BLOCK}']},"
        " aistudio: {browser: {engine: '${ENGINE:-firefox}'}, relay: {name: '${NAME}', key_file: '$${NAME}'}}}",
    )
    held = load_block(PLACE, {"NAME": "bench"}, router_file=router, own_file=None)
    assert held == {"browser": {"engine": "firefox"}, "relay": {"name": "bench", "key_file": "${NAME}"}}
    own = written(tmp_path, "aistudio.yaml", "relay: {name: mine, urls: ['ws://${HOST}/v1/ws']}\n")
    with pytest.raises(SettingsMistake, match=r"^providers\.aistudio\.relay\.urls\.0 refers to .* HOST, which is not"):
        load_block(PLACE, {}, router_file=router, own_file=own)
    assert load_block(PLACE, {"HOST": "x"}, router_file=router, own_file=own)["relay"]["urls"] == ["ws://x/v1/ws"]
