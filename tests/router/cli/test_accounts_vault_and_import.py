from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from router.cli import import_commands, vault_commands
from router.cli.audited import operator
from router.cli.main import main
from tests.router.accounts.samples import SAMPLES, STORAGE_STATE, VERTEX, text


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    config = tmp_path / "config.yaml"
    config.write_text("server: {port: 9}\n")
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(config))
    monkeypatch.setenv("SWITCHYARD__SERVER__STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("SWITCHYARD_MASTER_KEY", "SWITCHYARD_OLD_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def folder(home: Path) -> Path:
    folder = home / ".cli-proxy-api"
    folder.mkdir()
    for which in ("claude", "kimi"):
        (folder / SAMPLES[which][0]).write_bytes(text(which))
    (folder / "aistudio-default.json").write_text(json.dumps(STORAGE_STATE))
    (folder / "vertex-proj-1.json").write_text(json.dumps(VERTEX))
    return folder


def run(app: Typer, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    assert "canary" not in result.output
    return result


def data(app: Typer, *arguments: str, code: int = 0) -> Any:
    return json.loads(run(app, *arguments, "--json", code=code).stdout)


def audit(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / "state" / "audit.jsonl").read_text().splitlines()]


def test_import_lists_each_file_and_what_it_became(home: Path, folder: Path) -> None:
    dry = run(import_commands.app, "cliproxyapi", "--dry-run")
    assert "nothing was changed" in dry.stderr and len(list(folder.iterdir())) == 4
    result = run(import_commands.app, "cliproxyapi")
    assert "Two programs must not refresh one token" in result.stderr
    assert "claude-oauth/ann@example.com" in result.stdout and "service_account_files" in result.stdout
    assert "kept for the AI Studio service" in result.stdout
    listing = data(import_commands.app, "cliproxyapi")
    assert {Path(one["file"]).name: one["became"] for one in listing["files"]} == {
        "aistudio-default.json": "known",
        "claude-ann@example.com.json": "known",
        "claude-oauth-ann@example.com.json": "known",
        "kimi-1730000000000.json": "known",
        "kimi-oauth-1730000000000.json": "known",
        "vertex-proj-1.json": "setting",
    }
    assert [(line["who"], line["what"], line["account"]) for line in audit(home)] == [
        (operator(), "imported", account)
        for account in ("default", "claude-oauth/ann@example.com", "kimi-oauth/1730000000000")
    ]


def test_import_takes_single_files_and_fails_for_a_damaged_one(home: Path, tmp_path: Path) -> None:
    good, bad = tmp_path / "tokens.json", tmp_path / "claude-x.json"
    good.write_bytes(text("llmux-claude"))
    bad.write_text('{"type": "claude", "access_token": "canary')
    listing = data(import_commands.app, "file", str(good), str(bad), code=1)
    assert [one["became"] for one in listing["files"]] == ["account", "wrong"]


def test_import_knows_whose_a_file_is_that_does_not_say(home: Path) -> None:
    (home / ".cto").mkdir()
    (home / ".cto" / "credentials").write_text('{"access_token": "a", "refresh_token": "b"}')
    listing = data(import_commands.app, "ctonew")
    assert [(one["became"], one["account"]) for one in listing["files"]] == [("account", "ctonew/default")]


def test_import_says_where_it_looked_when_there_is_nothing(home: Path) -> None:
    missing = run(import_commands.app, "llmux", code=1)
    assert str(home / ".llmux") in missing.stderr and missing.stdout == ""
    run(import_commands.app, "file", code=2)


def test_vault_encrypts_decrypts_and_exchanges_the_key(home: Path, folder: Path) -> None:
    run(import_commands.app, "cliproxyapi")
    ids = ["claude-oauth/ann@example.com", "kimi-oauth/1730000000000"]
    ids.append("profile default")
    assert data(vault_commands.app, "status")["sealed"] == ids
    assert data(vault_commands.app, "decrypt")["changed"] == ids
    status = data(vault_commands.app, "status")
    assert (status["plain"], status["sealing"]) == (ids, False)
    assert "plain" in run(vault_commands.app, "status").stdout
    assert data(vault_commands.app, "encrypt")["changed"] == ids
    assert "nothing to do" in run(vault_commands.app, "encrypt").stderr
    assert data(vault_commands.app, "rotate")["changed"] == ids
    assert data(vault_commands.app, "status")["locked"] == []
    assert [line["what"] for line in audit(home)][-9:] == ["changed"] * 9


def test_vault_fails_for_what_it_cannot_write_and_names_it(home: Path, folder: Path) -> None:
    run(import_commands.app, "cliproxyapi")
    (folder / ".switchyard-vault.key").write_bytes(b"o" * 32)
    status = run(vault_commands.app, "status")
    assert "locked     claude-oauth/ann@example.com, kimi-oauth/1730000000000, profile default" in status.stdout
    assert "restore it, or sign in again" in status.stderr
    assert "cannot be decrypted" in run(vault_commands.app, "rotate", code=1).stderr
    (folder / ".switchyard-vault.key").write_bytes(b"short")
    assert "holds no vault key" in run(vault_commands.app, "rotate", code=1).stderr


def test_a_wrong_master_key_is_answered_with_the_command_for_a_good_one(
    home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHYARD_MASTER_KEY", "canary")
    for app, verb in ((vault_commands.app, "status"), (import_commands.app, "cliproxyapi")):
        assert "openssl rand -hex 32" in run(app, verb, code=1).stderr
    monkeypatch.setenv("SWITCHYARD_MASTER_KEY", "0f" * 32)
    run(import_commands.app, "cliproxyapi")
    assert not (folder / ".switchyard-vault.key").exists()
    assert data(vault_commands.app, "status")["key"] == "SWITCHYARD_MASTER_KEY"
    assert "SWITCHYARD_OLD_MASTER_KEY" in run(vault_commands.app, "rotate").stderr


def test_both_groups_are_verbs_of_the_program(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vault", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["key"] == "none yet"
    assert main(["import", "llmux"]) == 1
