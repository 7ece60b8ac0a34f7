from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from router.access.keys import KeyRing
from router.access.stored import stored_keys
from router.accounts.audit_reader import Wanted, read
from router.cli import config_commands, keys_commands
from router.cli.audited import operator
from router.clock import FakeClock, SystemClock
from router.places import ROOT
from router.secret import Secret
from router.state.store import StateStore


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "config").mkdir()
    path = tmp_path / "config" / "config.yaml"
    path.write_text("server: {port: 9}\n")
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(path))
    monkeypatch.setenv("SWITCHYARD__SERVER__STATE_DIR", str(tmp_path / "state"))
    return path


def run(app: Typer, *arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def data(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_check_accepts_good_settings_and_lists_every_mistake_of_bad_ones(place: Path) -> None:
    good = run(config_commands.app, "check")
    assert good.exit_code == 0 and "in order" in good.stdout
    place.write_text("server: {prt: 1}\nobserve: {level: loud}\n")
    bad = run(config_commands.app, "check")
    assert bad.exit_code == 1 and bad.stdout == ""
    assert "line 1: server.prt is no setting. Did you mean 'port'?" in bad.stderr and "observe.level" in bad.stderr
    listing = run(config_commands.app, "check", "--json")
    assert listing.exit_code == 1
    found = json.loads(listing.stdout)
    first = found["mistakes"][0]
    assert (first["line"], first["path"], first["nearest"]) == (1, "server.prt", "port")


def test_a_file_that_is_not_there_or_no_text_is_told_in_both_forms(place: Path, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"a: \xff")
    for path, told in (
        ("nowhere", "there is no settings file "),
        ("binary", "is not UTF-8 at byte 3"),
        ("", "cannot be"),
    ):
        words = ("check", "--config", str(tmp_path / path))
        assert told in run(config_commands.app, *words).stderr
        listing = run(config_commands.app, *words, "--json")
        facts = json.loads(listing.stdout)
        assert listing.exit_code == 1 and told in facts["mistakes"][0]["problem"] and facts["ok"] is False


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("server: {workers: 2}", "server.workers must be 1: this version serves with one process. Leave the line out"),
        ("auth: {store: redis}", "auth.store must be `file`: sign-ins are kept as files in the folder auth.dir. Leave"),
    ],
)
def test_a_gateway_with_a_value_that_it_cannot_take_says_what_to_do(text: str, told: str, place: Path) -> None:
    """Nothing of it is taken in silence: the gateway does not start, and one that runs keeps its settings."""
    place.write_text(f"{text}\n")
    words = [sys.executable, "-m", "router", "serve"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and told in done.stdout + done.stderr
    assert told in run(config_commands.app, "check").stderr
    place.write_text("server: {workers: 1}\nauth: {store: file}\n")
    assert run(config_commands.app, "check").exit_code == 0


def test_check_finds_what_only_a_start_would_meet_and_lists_it_with_the_rest(place: Path, tmp_path: Path) -> None:
    place.write_text(
        f"""
server: {{host: 0.0.0.0, prt: 1, tls: {{cert: {tmp_path}/cert.pem, key: {tmp_path}/key.pem}}}}
models:
  aliases: {{a: b,
            b: a}}
"""
    )
    (tmp_path / "key.pem").write_text("-")
    listing = run(config_commands.app, "check", "--json")
    assert listing.exit_code == 1
    found = json.loads(listing.stdout)["mistakes"]
    assert [(one["line"], one["path"]) for one in found] == [
        (2, "server.prt"),
        (2, "server.host"),
        (2, "server.tls.cert"),
        (4, "models.aliases.a"),
        (5, "models.aliases.b"),
    ]


def test_show_masks_secrets_and_says_where_values_come_from(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHYARD__POLICIES__STRICT", "true")
    place.write_text(
        """
providers:
  openai:
    api_keys: [sk-canary-1, {key: sk-canary-2, proxy: "http://user:canary-3@p:1"}]
    headers: {authorization: canary-4}
    proxy: http://user:canary-5@p:1
  iflow: {client_secret: canary-6, proxy: "http://user:canary-7@p:1"}
auth: {keys: [{name: a, key: sk-canary-0123456789}], management: {key: canary-management}}
"""
    )
    for arguments in (("show",), ("show", "--json"), ("show", "--all")):
        result = run(config_commands.app, *arguments)
        assert result.exit_code == 0 and "canary" not in result.output
    rows = {row["path"]: row for row in data(run(config_commands.app, "show", "--json"))}
    assert rows["policies.strict"] == {"path": "policies.strict", "value": True, "from": "SWITCHYARD__POLICIES__STRICT"}
    assert rows["providers.openai.proxy"]["value"] == "http://***@p:1"
    assert rows["auth.management.key"]["value"] == "***"
    assert "server.port" not in rows
    everything = {row["path"]: row for row in data(run(config_commands.app, "show", "--json", "--all"))}
    assert everything["server.port"]["from"] == "default"


def test_path_prints_the_file_and_fails_without_one(place: Path) -> None:
    assert run(config_commands.app, "path").stdout.strip() == str(place)
    missing = run(config_commands.app, "path", "--config", "/nowhere/config.yaml")
    assert missing.exit_code == 1 and missing.stdout == ""
    unreadable = run(config_commands.app, "check", "--config", "/nowhere/config.yaml")
    assert unreadable.exit_code == 1 and "there is no settings file" in unreadable.stderr


def test_a_key_is_made_shown_once_listed_and_revoked(place: Path) -> None:
    made = run(keys_commands.app, "create", "laptop", "--expires", "30d")
    assert made.exit_code == 0, made.output
    raw = made.stdout.strip()
    assert raw.startswith("sk-sy-") and "shown once" in made.stderr
    listing = data(run(keys_commands.app, "list", "--json"))
    assert [(key["name"], key["state"], key["source"], key["scopes"]) for key in listing] == [
        ("laptop", "usable", "database", ["client"])
    ]
    assert raw not in run(keys_commands.app, "list").output
    assert run(keys_commands.app, "create", "laptop").exit_code == 1
    store = StateStore(place.parents[1] / "state" / "switchyard.sqlite")
    ring = KeyRing([], FakeClock(SystemClock().wall()), database=lambda: store.read_now(stored_keys))
    assert ring.verify_fresh(Secret(raw)) is not None
    store.close()
    assert run(keys_commands.app, "revoke", "laptop").exit_code == 0
    assert data(run(keys_commands.app, "list", "--json"))[0]["state"] == "revoked"
    again = run(keys_commands.app, "revoke", "laptop")
    assert again.exit_code == 1 and "no key in use" in again.stderr


def test_whatever_changes_a_key_stands_in_the_audit_log_and_its_text_does_not(place: Path) -> None:
    state = place.parents[1] / "state"
    app, texts = keys_commands.app, []
    texts.append(data(run(app, "create", "laptop", "--json"))["key"])
    assert run(app, "create", "laptop").exit_code == 1  # nothing was changed
    words = ("--concurrency", "2", "--system-prompt-append", "not for every ear", "--clear", "expires")
    assert run(app, "set", "laptop", *words).exit_code == 0
    assert run(app, "disable", "laptop").exit_code == run(app, "enable", "laptop").exit_code == 0
    texts.append(data(run(app, "rotate", "laptop", "--json"))["key"])
    assert run(app, "revoke", "laptop").exit_code == 0
    entries = read(state, Wanted(), 100).entries
    (key,) = data(run(app, "list", "--json"))
    assert [(entry.action, entry.which, entry.details) for entry in reversed(entries)] == [
        ("key_create", "laptop", "client"),
        ("key_change", "laptop", "concurrency, system_prompt_append, without expires"),
        ("key_change", "laptop", "disabled"),
        ("key_change", "laptop", "enabled"),
        ("key_rotate", "laptop", ""),
        ("key_revoke", "laptop", key["id"]),
    ]
    assert {entry.who for entry in entries} == {operator()} and entries[0].outcome == "done"
    written = (state / "audit.jsonl").read_text()
    assert all(text not in written for text in (*texts, "not for every ear"))


def test_a_log_that_cannot_be_written_is_told_and_the_change_stays(place: Path) -> None:
    (place.parents[1] / "state" / "audit.jsonl").mkdir(parents=True)
    made = run(keys_commands.app, "create", "laptop")
    assert made.exit_code == 0 and made.stdout.startswith("sk-sy-")
    assert "does not stand in the audit log" in made.stderr


def test_the_limits_of_a_key_are_kept_shown_and_counted(place: Path) -> None:
    arguments = ("night", "--concurrency", "2", "--queue", "5", "--priority", "batch")
    raw = run(keys_commands.app, "create", *arguments).stdout.strip()
    run(keys_commands.app, "create", "laptop")
    night, laptop = data(run(keys_commands.app, "list", "--json"))
    assert (night["concurrency"], night["queue"], night["priority"]) == (2, 5, "batch")
    assert (laptop["concurrency"], laptop["queue"], laptop["priority"]) == (None, 0, "interactive")
    shown = run(keys_commands.app, "list").stdout.splitlines()
    assert shown[0].endswith("usable, 2 at once, 5 may wait, batch")
    assert shown[1].endswith("usable")
    store = StateStore(place.parents[1] / "state" / "switchyard.sqlite")
    known = KeyRing([], FakeClock(SystemClock().wall()), database=lambda: store.read_now(stored_keys)).verify_fresh(
        Secret(raw)
    )
    store.close()
    assert known is not None
    assert (known.concurrency, known.queue, known.priority) == (2, 5, "batch")


def test_the_first_key_of_an_open_router_can_be_made(place: Path) -> None:
    place.write_text("server: {host: 0.0.0.0}\n")
    refused = run(config_commands.app, "check")
    assert refused.exit_code == 1 and "no client key" in refused.stderr
    assert run(keys_commands.app, "create", "first").exit_code == 0
    assert run(config_commands.app, "check").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("bad name",),
        ("a", "--scope", "root"),
        ("a", "--priority", "high"),
        ("a", "--concurrency", "0"),
        ("a", "--expires", "soon"),
        ("a", "--expires", "2001-01-01"),
        ("a", "--expires", "9999-12-31"),
        (),
    ],
)
def test_wrong_usage_is_told_apart_from_failure(place: Path, arguments: tuple[str, ...]) -> None:
    assert run(keys_commands.app, "create", *arguments).exit_code == 2
    assert not (place.parents[1] / "state").exists()
