"""`switchyard setup` as a person uses it, in a home folder of its own."""

from __future__ import annotations

import json
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from router.cli import main as verbs
from router.cli.setup.clients import CLIENTS
from router.cli.setup.json_spans import parsed

KEY = "sk-sy-0123456789abcdef"
ADDRESS = "http://127.0.0.1:9317"
Setup = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in (
        "CLAUDE_CONFIG_DIR",
        "CODEX_HOME",
        "XDG_CONFIG_HOME",
        "LLM_USER_PATH",
        "GEMINI_CLI_HOME",
        "CONTINUE_GLOBAL_DIR",
        "CLINE_DIR",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    return home


@pytest.fixture
def setup(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    config = tmp_path / "config.yaml"
    config.write_text("server: {port: 9317}\n")
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(config))
    monkeypatch.setenv("SWITCHYARD__SERVER__STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "state" / "keys").mkdir(parents=True)
    (tmp_path / "state" / "keys" / "client.key").write_text(f"{KEY}\n")

    def run(*words: str) -> Result:
        return CliRunner().invoke(verbs.app, ["setup", *words])

    return run


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def read(path: Path) -> Any:
    text = path.read_text()
    kinds = {".json": lambda: json.loads(text), ".toml": lambda: tomllib.loads(text)}
    return kinds.get(path.suffix, lambda: yaml.safe_load(text))()


MODEL = "claude-sonnet-4-5"
FILES: dict[str, tuple[str, ...]] = {
    "claude": (".claude/settings.json",),
    "codex": (".codex/config.toml",),
    "gemini": (".gemini/.env", ".gemini/settings.json"),
    "opencode": (".config/opencode/opencode.json",),
    "qwen": (".qwen/.env", ".qwen/settings.json"),
    "aider": (".aider.conf.yml",),
    "continue": (".continue/config.yaml",),
    "cline": (".cline/data/settings/providers.json",),
    "llm": (".config/io.datasette.llm/extra-openai-models.yaml", ".config/io.datasette.llm/keys.json"),
    "shell": (),
}


def test_every_client_is_in_the_table_of_this_test() -> None:
    assert set(FILES) == set(CLIENTS)


@pytest.mark.parametrize("client", [name for name in FILES if FILES[name]])
def test_new_files_hold_address_model_and_are_private_and_undo_takes_them_away(
    client: str, setup: Setup, home: Path
) -> None:
    if client == "cline":
        (home / ".cline").mkdir()
    folders = {path for path in home.rglob("*") if path.is_dir()}
    result = done(setup(client, "--model", MODEL))
    assert tuple(files(home)) == FILES[client]
    for name in FILES[client]:
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
        assert f"~/{name} (new, mode 0600):" in result.stdout
        if not name.endswith(".env"):
            assert read(home / name)
    everything = b"".join(files(home).values()).decode()
    assert ADDRESS in everything and MODEL in everything
    assert KEY not in result.output, "a key is shown"
    assert "is so already" in done(setup(client, "--model", MODEL)).stdout
    done(setup(client, "--undo"))
    assert files(home) == {} and {path for path in home.rglob("*") if path.is_dir()} == folders


BEFORE: dict[str, str] = {
    ".claude/settings.json": '{\n    "theme": "dark",\n    "env": {"EDITOR": "vi", "ANTHROPIC_MODEL": "opus"}\n}',
    ".codex/config.toml": '# mine\r\nmodel = "gpt-5"\r\n\r\n[tui]\r\nx = 1',
    ".gemini/.env": "# mine\nGEMINI_API_KEY='AIza'\n",
    ".gemini/settings.json": '{\n  // by hand\n  "security": {"auth": {"selectedType": "oauth-personal"}},\n}\n',
    ".config/opencode/opencode.json": '{"model": "a/b", "provider": {"a": {}}}',
    ".qwen/.env": "",
    ".qwen/settings.json": "{}",
    ".aider.conf.yml": "# mine\nmodel: gpt-5 # best\n",
    ".continue/config.yaml": "name: Mine\nmodels:\n  - name: A\n    provider: ollama # local\n",
    ".cline/data/settings/providers.json": '{"version": 1, "lastUsedProvider": "cline", "providers": {"cline": {}}}',
    ".config/io.datasette.llm/extra-openai-models.yaml": "- model_id: mine\n  model_name: x\n# end\n",
    ".config/io.datasette.llm/keys.json": '{"openai": "sk-mine"}\n',
}


@pytest.mark.parametrize("client", [name for name in FILES if FILES[name]])
def test_files_with_other_things_go_back_byte_for_byte(client: str, setup: Setup, home: Path) -> None:
    for name in FILES[client]:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(BEFORE[name].encode())
        (home / name).chmod(0o640)
    before = files(home)
    done(setup(client, "--model", "first"))
    done(setup(client, "--model", MODEL))  # again: the way back is still the one to the start
    assert all(text != before[name] for name, text in files(home).items())
    for name in FILES[client]:
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o640
        if name.endswith("settings.json"):
            assert parsed((home / name).read_text())
    everything = b"".join(files(home).values()).decode()
    assert ADDRESS in everything and MODEL in everything and "first" not in everything
    done(setup(client, "--undo"))
    assert files(home) == before
    again = setup(client, "--undo")
    assert again.exit_code == 1 and "nothing is recorded" in again.stderr


def test_the_settings_say_what_the_clients_want(setup: Setup, home: Path) -> None:
    for client in ("claude", "codex", "gemini", "opencode", "continue"):
        done(setup(client, "--model", MODEL))
    claude = read(home / ".claude/settings.json")
    assert claude["env"] == {"ANTHROPIC_BASE_URL": ADDRESS, "ANTHROPIC_AUTH_TOKEN": KEY, "ANTHROPIC_MODEL": MODEL}
    codex = read(home / ".codex/config.toml")
    assert (codex["model"], codex["model_provider"]) == (MODEL, "switchyard")
    assert codex["model_providers"]["switchyard"] == {
        "name": "Switchyard",
        "base_url": f"{ADDRESS}/v1",
        "env_key": "SWITCHYARD_KEY",
        "wire_api": "responses",
    }
    assert read(home / ".gemini/settings.json")["security"]["auth"]["selectedType"] == "gemini-api-key"
    assert f"GEMINI_API_KEY={KEY}\n" in (home / ".gemini/.env").read_text()
    opencode = read(home / ".config/opencode/opencode.json")
    assert opencode["model"] == f"switchyard/{MODEL}" and KEY not in json.dumps(opencode)
    assert opencode["provider"]["switchyard"]["options"]["apiKey"].startswith("{file:/")
    assert read(home / ".continue/config.yaml")["models"][0]["apiBase"] == f"{ADDRESS}/v1"


def test_a_dry_run_says_everything_and_writes_nothing(setup: Setup, home: Path, tmp_path: Path) -> None:
    result = done(setup("claude", "--dry-run"))
    assert f'env.ANTHROPIC_BASE_URL = "{ADDRESS}"' in result.stdout
    assert "env.ANTHROPIC_AUTH_TOKEN = the client key" in result.stdout and "--dry-run" in result.stderr
    assert files(home) == {} and not (tmp_path / "state" / "setup").exists()
    done(setup("claude"))
    before = files(home)
    assert "taken away" in done(setup("claude", "--undo", "--dry-run")).stdout
    assert files(home) == before


def test_undo_keeps_what_was_changed_elsewhere_since(setup: Setup, home: Path) -> None:
    done(setup("claude", "--model", MODEL))
    path = home / ".claude/settings.json"
    path.write_text(json.dumps(read(path) | {"theme": "light"}))
    done(setup("claude", "--undo"))
    assert read(path) == {"theme": "light"}


def test_undo_refuses_where_the_same_place_was_changed_and_shows_it(setup: Setup, home: Path) -> None:
    for client in ("claude", "codex"):
        done(setup(client, "--model", MODEL))
    path = home / ".claude/settings.json"
    changed = path.read_text().replace(ADDRESS, "http://elsewhere").replace(KEY, "sk-other-secret")
    path.write_text(changed)
    result = setup("claude", "--undo")
    assert result.exit_code == 1 and path.read_text() == changed
    assert "~/.claude/settings.json: env.ANTHROPIC_BASE_URL was changed since" in result.stderr
    assert f"setup wrote:  {ADDRESS}" in result.stderr and 'now:          "http://elsewhere"' in result.stderr
    assert "env.ANTHROPIC_AUTH_TOKEN was changed" in result.stderr
    assert KEY not in result.output and "sk-other-secret" not in result.output
    assert setup("claude", "--model", "x").exit_code == 1 and path.read_text() == changed, "nor is it set up over that"
    value = read(path)
    del value["env"]["ANTHROPIC_BASE_URL"], value["env"]["ANTHROPIC_AUTH_TOKEN"]
    path.write_text(json.dumps(value))  # the person takes both places out
    done(setup("claude", "--undo"))
    assert read(path) == {"env": {}}


def test_what_a_client_dates_itself_is_no_conflict(setup: Setup, home: Path) -> None:
    (home / ".cline").mkdir()
    done(setup("cline", "--model", MODEL))
    path = home / ".cline/data/settings/providers.json"
    path.write_text(path.read_text().replace("1970-01-01", "2026-11-27"))
    done(setup("cline", "--undo"))
    assert not path.exists()


def test_a_conflict_in_an_item_with_a_key_shows_neither_key(setup: Setup, home: Path) -> None:
    result = done(setup("continue", "--model", MODEL))
    assert '"apiKey": "the client key"' in result.stdout and KEY not in result.output
    path = home / ".continue/config.yaml"
    path.write_text(path.read_text().replace(KEY, "sk-other-secret"))
    refused = setup("continue", "--undo")
    assert refused.exit_code == 1 and "was changed since" in refused.stderr
    assert KEY not in refused.output and "sk-other-secret" not in refused.output


def test_a_link_stays_a_link(setup: Setup, home: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text('{"a": 1}\n')
    (home / ".claude").mkdir()
    (home / ".claude" / "settings.json").symlink_to(real)
    done(setup("claude"))
    assert (home / ".claude" / "settings.json").is_symlink() and ADDRESS in real.read_text()
    done(setup("claude", "--undo"))
    assert real.read_text() == '{"a": 1}\n' and (home / ".claude" / "settings.json").is_symlink()


def test_variables_are_printed_or_kept_in_a_marked_block(setup: Setup, home: Path, tmp_path: Path) -> None:
    key_file = tmp_path / "state/keys/client.key"
    line = f'export SWITCHYARD_KEY="$(cat {key_file})"\n'
    assert line in done(setup("codex")).stdout
    rc = home / ".bashrc"
    rc.write_text("alias a=b")
    done(setup("codex", "--shell-file", str(rc)))
    assert rc.read_text() == f"alias a=b\n# >>> switchyard codex >>>\n{line}# <<< switchyard codex <<<\n"
    done(setup("codex", "--model", "gpt-5"))
    assert line in rc.read_text(), "a second run keeps the block"
    done(setup("codex", "--undo"))
    assert rc.read_text() == "alias a=b"
    shell = done(setup("shell", "--shell-file", str(home / "x.fish")))
    assert "set -gx OPENAI_BASE_URL http://127.0.0.1:9317/v1\n" in (home / "x.fish").read_text()
    assert KEY not in shell.output and KEY not in (home / "x.fish").read_text()


def test_another_gateway_needs_its_own_key(setup: Setup, home: Path, tmp_path: Path) -> None:
    result = setup("claude", "--address", "https://gw.example/v1/")
    assert result.exit_code == 1 and "--key-file" in result.stderr and files(home) == {}
    (tmp_path / "other.key").write_text("sk-sy-other")
    done(setup("claude", "--address", "https://gw.example/v1/", "--key-file", str(tmp_path / "other.key")))
    env = read(home / ".claude/settings.json")["env"]
    assert (env["ANTHROPIC_BASE_URL"], env["ANTHROPIC_AUTH_TOKEN"]) == ("https://gw.example", "sk-sy-other")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("nano",), 2, "Known are: claude"),
        (("--undo",), 2, "name a client: claude"),
        (("aider",), 1, "--model NAME"),
        (("claude", "--address", "gw.example"), 2, "is no address"),
        (("claude", "--address", "http://u:p@gw.example"), 2, "is no address"),
        (("claude", "--model", "a b"), 1, "is no name of a model"),
        (("claude", "--key-file", "/nowhere/x"), 1, "there is no client key at /nowhere/x"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    words: tuple[str, ...], code: int, told: str, setup: Setup, home: Path
) -> None:
    result = setup(*words)
    assert result.exit_code == code and told in result.stderr and files(home) == {}


@pytest.mark.parametrize("words", [("claude",), ("claude", "--undo"), ("--json",)])
def test_broken_settings_of_the_gateway_are_told_and_nothing_is_guessed(
    words: tuple[str, ...], setup: Setup, home: Path, tmp_path: Path
) -> None:
    """Its address and the record of what was set up are where the settings say."""
    (tmp_path / "config.yaml").write_text("server: {prt: 9317}\n")
    result = setup(*words)
    assert result.exit_code == 1 and "server.prt is no setting" in result.stderr
    assert result.stdout == "" and files(home) == {}


def test_a_file_that_cannot_be_changed_leaves_all_as_it_is(setup: Setup, home: Path, tmp_path: Path) -> None:
    (home / ".gemini").mkdir()
    (home / ".gemini" / "settings.json").write_text('{"security": [')
    before = files(home)
    result = setup("gemini")
    assert result.exit_code == 1 and "settings.json: line 1" in result.stderr
    assert files(home) == before and not (tmp_path / "state" / "setup").exists()
    (home / ".continue").mkdir()
    (home / ".continue" / "config.json").write_text("{}")
    assert "would take its place" in setup("continue", "--model", "m").stderr


def test_the_journal_is_private_and_holds_no_key(setup: Setup, tmp_path: Path) -> None:
    done(setup("claude"))
    path = tmp_path / "state" / "setup" / "claude.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and KEY not in path.read_text()
    rows = json.loads(done(setup("--json")).stdout)
    assert {row["client"]: row["address"] for row in rows}["claude"] == ADDRESS
    assert "claude      http://127.0.0.1:9317" in done(setup()).stdout
    path.write_text("{")
    assert "damaged" in setup("claude", "--undo").stderr


def test_keys_that_others_may_read_and_variables_that_win_are_told(
    setup: Setup, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".claude").mkdir()
    (home / ".claude" / "settings.json").write_text("{}")
    (home / ".claude" / "settings.json").chmod(0o644)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-mine")
    told = done(setup("claude")).stderr
    assert "chmod 600 ~/.claude/settings.json" in told and "ANTHROPIC_API_KEY: set in this shell" in told


def test_a_second_run_that_broke_off_can_be_taken_back(setup: Setup, home: Path) -> None:
    """The journal is written first, so it may speak of a run whose files were never reached."""
    (home / ".claude").mkdir()
    path = home / ".claude/settings.json"
    path.write_text('{"theme": "dark"}')
    done(setup("claude", "--model", "first"))
    first = path.read_text()
    done(setup("claude", "--model", "second"))
    path.write_text(first)
    done(setup("claude", "--undo"))
    assert read(path) == {"theme": "dark"}


def test_a_shell_file_that_is_not_needed_stays_as_it_is(setup: Setup, home: Path) -> None:
    result = done(setup("claude", "--shell-file", str(home / ".bashrc")))
    assert "--shell-file is not used" in result.stderr and not (home / ".bashrc").exists()
