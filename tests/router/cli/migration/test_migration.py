"""`switchyard import config`: what becomes of each program's settings, and that no secret is shown."""

from __future__ import annotations

import copy
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from router.accounts import audit_reader
from router.accounts.audit_reader import Wanted
from router.cli import config_commands, import_commands
from router.cli.audited import operator
from router.cli.migration.formats import FORMATS, converted, whose
from router.cli.migration.gathered import leaves
from router.cli.migration.reading import Unreadable, read
from router.cli.migration.written import as_yaml
from tests.router.cli.migration.examples import ALL, CANARY, LLMUX

Import = Callable[..., Result]


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Import:
    monkeypatch.delenv("SWITCHYARD_CONFIG", raising=False)
    monkeypatch.setenv("SWITCHYARD__SERVER__STATE_DIR", str(tmp_path / "state"))

    def run(text: str, *words: str) -> Result:
        (tmp_path / "theirs").write_text(text)
        return CliRunner().invoke(import_commands.app, ["config", str(tmp_path / "theirs"), *words])

    return run


def settings(text: str) -> Any:
    values = read(text).values
    return yaml.safe_load(as_yaml(converted(whose(values), values).settings, reveal=True))


def told(text: str) -> dict[str, tuple[str, str]]:
    values = read(text).values
    lines = converted(whose(values), values).lines
    return {".".join(map(str, line.path)): (line.verdict, line.told) for line in lines}


def test_every_program_has_an_example() -> None:
    assert set(ALL) == set(FORMATS)


@pytest.mark.parametrize("name", ALL)
def test_it_is_recognised_valid_complete_and_shows_no_secret(
    name: str, imported: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = imported(ALL[name])
    assert shown.exit_code == 0, shown.output
    assert f"A configuration of {FORMATS[name].title}:" in shown.stderr
    assert CANARY not in shown.output and "masked" in shown.stderr
    values = read(ALL[name]).values
    paths = {line.path for line in converted(name, values).lines}
    for leaf in leaves(values):
        assert any(leaf[:end] in paths for end in range(1, len(leaf) + 1)), f"nothing is said of {leaf}"
    facts = imported(ALL[name], "--json")
    assert CANARY not in facts.output and json.loads(facts.stdout)["format"] == name
    file = tmp_path / "ours" / "config.yaml"
    written = imported(ALL[name], "--write", str(file))
    assert written.exit_code == 0 and stat.S_IMODE(file.stat().st_mode) == 0o600 and CANARY in file.read_text()
    assert CANARY not in written.output
    for variable in ("MY_OPENAI", "DEEPSEEK_KEY"):
        monkeypatch.setenv(variable, "sk-of-a-test-0123456789")
    checked = CliRunner().invoke(config_commands.app, ["check", "--config", str(file)])
    assert checked.exit_code == 0, checked.output
    again = imported(ALL[name], "--write", str(file))
    assert again.exit_code == 1 and "is not overwritten" in again.stderr


def test_settings_that_become_those_of_this_gateway_stand_in_the_audit_log(
    imported: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = tmp_path / "config.yaml"
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(ours))
    assert imported(LLMUX, "--write", str(tmp_path / "elsewhere.yaml")).exit_code == 0
    assert audit_reader.read(tmp_path / "state", Wanted(), 10).entries == []
    assert imported(LLMUX, "--write", str(ours)).exit_code == 0
    (entry,) = audit_reader.read(tmp_path / "state", Wanted(), 10).entries
    assert (entry.who, entry.action, entry.which) == (operator(), "config_import", str(ours))
    assert CANARY not in (tmp_path / "state" / "audit.jsonl").read_text()


def test_cliproxyapi() -> None:
    ours, lines = settings(ALL["cliproxyapi"]), told(ALL["cliproxyapi"])
    assert ours["server"] == {"host": "127.0.0.1", "port": 8400}
    assert [key["key"] for key in ours["auth"]["keys"]] == [f"client-{CANARY}-1", f"client-{CANARY}-2"]
    assert ours["routing"]["strategy"] == "weighted" and ours["routing"]["sticky"] == {"enabled": True, "ttl": 1800.0}
    assert ours["retry"]["max_attempts"] == 4
    providers, proxy = ours["providers"], f"http://user:{CANARY}@10.0.0.1:3128"
    assert providers["anthropic"]["api_keys"] == [{"key": f"sk-ant-{CANARY}", "proxy": proxy, "weight": 5}]
    other = providers["anthropic_compatible"][0]
    assert (other["base_url"], other["api_keys"]) == ("https://claude.example", [f"sk-other-{CANARY}"])
    assert other["models"] == [{"name": "claude-sonnet-4-5", "alias": "sonnet"}] and other["headers"] == {
        "X-Team": CANARY
    }
    assert providers["openrouter"]["api_keys"][0]["key"] == f"sk-or-{CANARY}"
    codex, office = providers["openai_compatible"]
    assert codex["dialects"] == ["responses"] and codex["base_url"] == "https://codex.example/v1"
    assert (office["name"], office["prefix"], office["models"]) == (
        "office",
        "work",
        [{"name": "big", "alias": ["large", "huge"]}],
    )
    assert ours["models"]["aliases"] == {"cs": ["claude-oauth/claude-sonnet-4-5-20250929"]}
    assert providers["chatgpt_oauth"] == {"excluded_models": ["gpt-5-codex-mini"]}
    assert lines["remote-management.secret-key"][0] == "left" and "hash" in lines["remote-management.secret-key"][1]
    assert lines["claude-api-key.1.proxy-url"] == ("left", "only HTTP and SOCKS5 proxies are supported here")
    assert lines["claude-api-key.1.cloak.mode"][0] == "left" and lines["something-new"][1] == "has no counterpart here"
    assert lines["claude-api-key.1.headers.X-Copied"][0] == "left"


def test_litellm() -> None:
    ours, lines = settings(ALL["litellm"]), told(ALL["litellm"])
    providers = ours["providers"]
    assert providers["openai"]["api_keys"] == ["${MY_OPENAI}"]
    assert ours["models"]["aliases"] == {
        "gpt-4o": ["openai/gpt-4o", "openrouter/openai/gpt-4o", "anthropic/claude-sonnet-4-5"],
        "claude": ["anthropic/claude-sonnet-4-5"],
        "local": ["openai-server/llama-3"],
        "gpt-4": ["gpt-4o"],
    }
    assert providers["openai_compatible"][0]["base_url"] == "http://10.1.1.1:8000/v1"
    assert ours["models"]["routing"] == [{"pattern": "mine-*", "providers": ["deepseek"]}]
    assert (ours["retry"]["max_attempts"], ours["routing"]["strategy"]) == (3, "least_busy")
    assert lines["model_list.4"] == (
        "left",
        "there is no provider azure here; a server that speaks OpenAI's dialect needs an api_base",
    )
    assert lines["litellm_settings.fallbacks.1.nobody"][0] == "left"
    assert lines["environment_variables.LANGFUSE_SECRET"][0] == "left"
    assert lines["model_list.0.litellm_params.rpm"][0] == "left"


def test_claude_code_router() -> None:
    ours, lines = settings(ALL["claude-code-router"]), told(ALL["claude-code-router"])
    assert ours["models"]["aliases"] == {
        "claude-*haiku*": ["ollama/qwen2.5-coder:latest"],
        "claude-*": ["deepseek/deepseek-chat", "gemini/gemini-2.5-pro"],
    }
    assert next(iter(ours["models"]["aliases"])) == "claude-*haiku*", "the first pattern that matches counts"
    assert ours["providers"]["deepseek"]["api_keys"] == ["${DEEPSEEK_KEY}"]
    assert ours["providers"]["gemini"]["models"] == [{"name": "gemini-2.5-pro"}]
    assert ours["providers"]["openai_compatible"][0]["base_url"] == "https://hub.example/v1"
    assert ours["server"] == {"host": "127.0.0.1", "port": 3456, "timeouts": {"total": 600.0}}
    assert lines["Router.think"][0] == "left" and lines["Providers.0.transformer.use.0"][0] == "left"


def test_omniroute() -> None:
    ours, lines = settings(ALL["omniroute"]), told(ALL["omniroute"])
    assert ours["providers"]["openai"]["api_keys"] == [{"key": f"sk-{CANARY}", "priority": 1}]
    assert ours["providers"]["openai_compatible"][0]["name"] == "office"
    assert ours["models"]["aliases"] == {
        "best": ["claude-oauth/claude-opus-4-5", "office/big"],
        "fast": ["office/small"],
    }
    assert "switchyard login claude-oauth" in lines["providerConnections.1"][1]
    assert "encrypted" in lines["providerConnections.3"][1] and "off" in lines["providerConnections.4"][1]
    assert lines["providerConnections.5"][0] == "left"
    assert ours["models"]["combos"] == {"mixed": {"strategy": "weighted", "targets": ["best", "openai/gpt-5"]}}
    assert lines["combos.0.models.1.weight"][0] == "left", "an order has no weights"


def test_a_key_that_is_off_or_narrowed_in_omniroute_is_so_here() -> None:
    keys = [
        {"key": "sk-off-0123456789abcdef", "isActive": False},
        {"key": "sk-few-0123456789abcdef", "isActive": True, "allowedModels": ["cc/claude-opus-4-5", "gpt-*"]},
    ]
    text = json.dumps({"providerConnections": [], "apiKeys": keys})
    off, few = settings(text)["auth"]["keys"]
    assert off["disabled"] is True and "models" not in off
    assert few["models"] == ["claude-oauth/claude-opus-4-5", "gpt-*"] and "disabled" not in few
    assert told(text)["apiKeys.1.allowedModels.0"][0] == "changed"


def test_a_weighted_combo_keeps_its_weights(imported: Import) -> None:
    steps = [{"model": "openai/gpt-5", "weight": 70}, {"model": "groq/llama", "weight": 30}]
    connections = [{"provider": name, "apiKey": f"sk-{name}"} for name in ("openai", "groq")]
    combos = [{"name": "split", "strategy": "weighted", "models": steps}]
    text = json.dumps({"providerConnections": connections, "combos": combos})
    assert settings(text)["models"]["combos"]["split"] == {"strategy": "weighted", "targets": steps}
    assert imported(text).exit_code == 0


def test_the_address_of_a_server_is_taken_under_either_name() -> None:
    params = {"model": "openai/a", "api_key": "sk-1", "base_url": "https://a.example/v1"}
    lines = told(json.dumps({"model_list": [{"model_name": "a", "litellm_params": params}]}))
    assert lines["model_list.0.litellm_params.base_url"] == ("taken", "providers.openai_compatible[0]")


def test_llmux() -> None:
    assert settings(ALL["llmux"])["providers"] == {
        "glm": {"api_keys": [f"z-{CANARY}"], "models": [{"name": "glm"}]},
    }
    ours, lines = settings(LLMUX), told(LLMUX)
    assert ours["server"] == {"port": 8081, "host": "127.0.0.1", "timeouts": {"total": 120.0}}
    assert ours["observe"] == {"level": "debug"} and "import llmux" in lines["TOKEN_FILE"][1]


def test_webai() -> None:
    ours = settings(ALL["webai"])["providers"]["webai"]
    assert ours["enabled"] is True and ours["gemini"]["proxy"] == "http://127.0.0.1:2334"
    cookies = {"secure_1psid": f"g.a000-{CANARY}", "secure_1psidts": f"sidts-{CANARY}"}
    assert ours["gemini"]["accounts"] == {"default": cookies}
    assert told(ALL["webai"])["Browser.name"][0] == "left"
    without = ALL["webai"].replace(f"g.a000-{CANARY}", "").replace(f"sidts-{CANARY}", "")
    assert settings(without)["providers"]["webai"]["gemini"]["browser"] == "firefox"


def test_lines_are_numbered_as_in_the_file() -> None:
    found = read(ALL["cliproxyapi"])
    assert ALL["cliproxyapi"].splitlines()[(found.line(("claude-api-key", 1, "base-url")) or 0) - 1].strip() == (
        "base-url: https://claude.example"
    )
    ini = read(ALL["webai"])
    assert ini.line(("EnabledAI", "gemini")) == 1 + ALL["webai"].splitlines().index("gemini = true")


@pytest.mark.parametrize(
    ("text", "words", "code", "reason"),
    [
        ("a: 1\n", (), 1, "looks like none that is known; say which with --format: cliproxyapi"),
        ("", (), 1, "none that is known"),
        ("model_list: []\nauth-dir: x\n", (), 1, "could be one of cliproxyapi, litellm"),
        ("a: [1\n", (), 1, "line"),
        ('{"Providers": [}', (), 1, "line 1, column 16"),
        ("port: 1\n", ("--format", "nginx"), 2, "there is no format 'nginx'"),
        ("- 1\n", ("--format", "litellm"), 1, "mapping"),
        ("model_list: []\nrouter_settings: {model_group_alias: {a: b, b: a}}\n", (), 1, "mistake: "),
        ("auth-dir: x\nport: http\n", (), 1, "mistake: server.port"),
    ],
)
def test_what_cannot_be_used_is_refused(
    text: str, words: tuple[str, ...], code: int, reason: str, imported: Import, tmp_path: Path
) -> None:
    result = imported(text, *words, "--write", str(tmp_path / "ours.yaml"))
    assert result.exit_code == code and reason in result.stderr and not (tmp_path / "ours.yaml").exists()


KEYS_WITH_AN_ADDRESS_OF_THEIR_OWN = [
    "auth-dir: x\nclaude-api-key: [{api-key: sk-1, base-url: 'ftp://a.example'}]\n",
    "auth-dir: x\ngemini-api-key: [{api-key: sk-1, base-url: 'https://a.example'}]\n",
    "model_list: [{model_name: a, litellm_params: {model: openai/a, api_key: sk-1, api_base: 'a.example/v1'}}]\n",
    "model_list: [{model_name: a, litellm_params: {model: openai/a, api_key: sk-1, api_base: os.environ/BASE}}]\n",
    "model_list: [{model_name: a, litellm_params: {model: gemini/a, api_key: sk-1, api_base: 'https://a.example'}}]\n",
    '{"Providers": [{"name": "openai", "api_base_url": "$BASE/chat/completions", "api_key": "sk-1", "models": []}]}',
    '{"providerConnections": [{"provider": "openai", "apiKey": "sk-1", "providerSpecificData": {"baseUrl": "a"}}]}',
]


@pytest.mark.parametrize("text", KEYS_WITH_AN_ADDRESS_OF_THEIR_OWN)
def test_a_key_goes_to_no_other_address_than_it_had(text: str) -> None:
    providers = settings(text).get("providers", {})
    assert not {"openai", "anthropic", "gemini"} & set(providers)
    if "os.environ" in text:
        assert providers["openai_compatible"][0]["base_url"] == "${BASE}"
    else:
        assert "sk-1" not in json.dumps(providers)


def test_a_variable_that_is_not_set_here_is_told(imported: Import) -> None:
    result = imported(KEYS_WITH_AN_ADDRESS_OF_THEIR_OWN[3])
    assert result.exit_code == 0, result.output
    assert "the variable BASE is not set here" in result.stderr


def test_a_key_that_looks_like_a_variable_stays_a_key(imported: Import, tmp_path: Path) -> None:
    text = "auth-dir: x\nclaude-api-key:\n  - api-key: 'sk-${NOT_A_VARIABLE}-0123456789'\n"
    assert imported(text, "--write", str(tmp_path / "ours.yaml")).exit_code == 0
    assert "sk-$${NOT_A_VARIABLE}-0123456789" in (tmp_path / "ours.yaml").read_text()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document, itself first."""
    yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in steps:
        yield from places(item, (*path, step))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


def bent(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with another value at one place."""
    new = copy.deepcopy(document)
    at(new, path[:-1])[path[-1]] = value
    return new


WRONG: list[Any] = [None, 1, -0.5, "x", "²", "", [], {}, [1], ["x"], [[]], {"x": 1}, {7: [None]}, [{"x": [1]}], True]
SHAPES = {**ALL, "llmux .env": LLMUX}


@pytest.mark.parametrize("name", SHAPES)
def test_an_unknown_shape_of_a_known_place_never_breaks(name: str) -> None:
    """Lists for mappings, numbers for texts, at any depth: whatever stands there, something is said of it."""
    values, form = read(SHAPES[name]).values, name.split()[0]
    for path in list(places(values))[1:]:
        for wrong in WRONG:
            document = bent(values, path, wrong)
            out = converted(form, document)
            said = {line.path for line in out.lines}
            for leaf in leaves(document):
                assert any(leaf[:end] in said for end in range(1, len(leaf) + 1)), (path, wrong, leaf)
            as_yaml(out.settings, reveal=True)


@pytest.mark.parametrize("name", SHAPES)
def test_whatever_nobody_knows_is_told_wherever_it_stands(name: str) -> None:
    """Nothing that a place holds besides hides behind "taken": it is said to be left, or named itself."""
    values, form = read(SHAPES[name]).values, name.split()[0]
    for path in places(values):
        if isinstance(at(values, path), dict):
            new = (*path, "zz-unknown")
            lines = converted(form, bent(values, new, 7)).lines
            assert any(
                line.path == new or (line.verdict == "left" and line.path == new[: len(line.path)]) for line in lines
            ), new


def test_unreadable_is_raised_for_an_empty_one() -> None:
    with pytest.raises(Unreadable, match="nothing in it"):
        converted("litellm", {})
