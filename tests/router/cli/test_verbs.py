"""The command line over a stand-in gateway and over none: what is printed where, and the exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from router.cli import main
from router.cli.findings import configuration, folders, keys, process, providers
from router.cli.process_table import Row, duration
from router.cli.processes import _ask, causes, for_people
from router.cli.talk import Place, callable_host, find_place, url
from router.places import ROOT
from router.version import NAME, VERSION
from tests.ports import free_port

Answers = dict[str, tuple[int, Any]]
IDENTITY = {"name": NAME, "version": VERSION, "state": "ready"}
READY: Answers = {"/": (200, IDENTITY), "/healthz": (200, {}), "/readyz": (200, {"ready": True, "causes": []})}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Place]:
    """An installation of our own: settings, state and keys in a folder of the test."""
    for name in list(os.environ):
        if name.endswith("_API_KEY") or name.startswith("SWITCHYARD"):
            monkeypatch.delenv(name)
    state = tmp_path / "state"
    (state / "keys").mkdir(parents=True, mode=0o700)
    for name in ("client", "management", "service"):
        (state / "keys" / f"{name}.key").write_text(f"sk-sy-{name}\n")
        (state / "keys" / f"{name}.key").chmod(0o600)

    def make(port: int, more: str = "") -> Place:
        config = tmp_path / "config.yaml"
        config.write_text(f"server: {{port: {port}, state_dir: '{state}'}}\n{more}")
        monkeypatch.setenv("SWITCHYARD_CONFIG", str(config))
        return find_place()

    return make


@pytest.fixture
def gateway() -> Iterator[Callable[[Answers], int]]:
    """A server that gives fixed answers to those who show the management key; returns its port."""
    servers: list[ThreadingHTTPServer] = []

    def start(answers: Answers) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.do_GET()

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                status, body = answers.get(path, (404, {"error": {"message": "no such path"}}))
                if path.startswith("/v0/") and self.headers["authorization"] != "Bearer sk-sy-management":
                    status, body = 401, {"error": {"message": "Send the management key."}}
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *words: Any) -> None:
                """Tests are quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return int(server.server_address[1])

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("waiting", "told"), [({"key": 1, "process": 2}, "ready, 3 waiting"), ({"key": 0}, "ready"), (None, "ready")]
)
def test_status_says_how_many_calls_wait(
    place: Callable[..., Place], gateway: Callable[[Answers], int], waiting: Any, told: str
) -> None:
    port = gateway({**READY, "/v0/management/status": (200, {"waiting": waiting})})
    row = Row("router", "running", 1, 1.0, "-", None)
    _ask(place(port), row)
    assert (row.health, row.wrong) == (told, "")


def test_version_is_data_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["version"]) == 0
    assert capsys.readouterr().out == f"{NAME} {VERSION}\n"
    assert main.main(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == VERSION


def test_an_unknown_verb_or_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["fly"]) == 2
    assert main.main(["models", "--fast"]) == 2
    assert capsys.readouterr().out == ""


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--help"]) == 0
    shown = capsys.readouterr().out
    for verb in ("serve", "status", "models", "explain", "keys", "config", "doctor", "version"):
        assert verb in shown


def test_models_and_explain_ask_the_running_gateway(
    place: Any, gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    models = {"models": [{"id": "fast", "provider": "groq", "model": "llama", "label": None}]}
    told = {"asked": "fast", "how": ["an alias"], "reasoning": None, "outcome": {"action": "wait", "retry_after": 3},
            "candidates": [], "skipped": []}  # fmt: skip
    place(gateway({"/v0/management/models": (200, models), "/v0/management/explain": (200, told)}))
    assert main.main(["models"]) == 0
    assert capsys.readouterr().out == "fast  groq/llama\n"
    assert main.main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == models
    assert main.main(["explain", "fast"]) == 0
    assert "an alias" in capsys.readouterr().out
    assert main.main(["explain", "fast", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == told


def test_without_a_gateway_the_exit_code_is_3_and_stdout_is_empty(
    place: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    place(free_port())
    assert main.main(["models"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert "make up" in said.err
    assert "--offline" in said.err


def test_a_plan_of_settings_is_told_and_is_a_1_where_it_has_mistakes(
    place: Any, gateway: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "new.yaml").write_text("{}")
    follows = {"keys": ["The key a gains b."], "routes": [], "providers": [], "limits": [], "restart": []}
    told = {"ok": True, "mistakes": [], "warnings": ["w"], "changes": [{"told": "a changes."}], "consequences": follows}
    mistake = {"path": "server.port", "problem": "is no number", "remedy": None, "line": 3}
    wrong = {**told, "ok": False, "changes": [], "mistakes": [mistake], "consequences": {name: [] for name in follows}}
    for answer, code, out, err in (
        (told, 0, "a changes.\n\nclient keys:\n  The key a gains b.\n", "warning: w\n"),
        (wrong, 1, "", "warning: w\nline 3, server.port: is no number\n"),
    ):
        place(gateway({"/v0/management/config/plan": (200, answer)}))
        assert main.main(["config", "plan", str(tmp_path / "new.yaml")]) == code
        assert tuple(capsys.readouterr()) == (out, err)
    assert main.main(["config", "plan", str(tmp_path / "none.yaml")]) == 1
    place(free_port())
    assert main.main(["config", "plan", str(tmp_path / "new.yaml")]) == 3


def test_a_refusal_is_a_1_with_the_gateways_reason(
    place: Any, gateway: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place(gateway({"/v0/management/models": (200, {"models": []})}))
    (tmp_path / "state" / "keys" / "management.key").write_text("wrong\n")
    assert main.main(["models"]) == 1
    assert "401: Send the management key." in capsys.readouterr().err


def test_offline_answers_from_the_settings_by_the_engine_that_routes(
    place: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    place(free_port(), "models: {aliases: {mine: demo/echo}}\n")
    assert main.main(["explain", "mine", "--offline", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["outcome"]["provider"] == "demo"
    assert told["outcome"]["model"] == "echo"
    assert main.main(["models", "--offline", "--json"]) == 0
    assert "mine" in [model["id"] for model in json.loads(capsys.readouterr().out)["models"]]


def test_offline_lists_the_mistakes_of_the_settings(place: Any, capsys: pytest.CaptureFixture[str]) -> None:
    place(free_port(), "modles: {}\n")
    assert main.main(["models", "--offline"]) == 1
    assert "modles" in capsys.readouterr().err


def test_doctor_finds_a_gateway_that_is_well(place: Any, gateway: Any) -> None:
    here = place(gateway(READY), "providers: {openai: {api_keys: [sk-test-key]}}\n")
    environ: dict[str, str] = {}
    found = [*configuration(here, environ), *keys(here, environ), *folders(here, environ), *providers(here, environ)]
    assert {finding.level for finding in found} == {"ok"}
    assert "openai: 1 in the settings" in [finding.what for finding in found]
    assert "ready at" in [finding.what for finding in process(here, environ)][-1]


@pytest.mark.parametrize(
    ("more", "files", "told"),
    [
        ("", [], "there is no key and no sign-in of a provider"),
        ("providers: {openai_compatible: [{name: mine, base_url: 'http://127.0.0.1:1/v1'}]}", [], "mine: needs no key"),
        ("", ["claude-oauth-me.json"], "sign-ins: 1 in "),
        ("providers: {webai: {enabled: true}}", [], ""),
    ],
)
def test_doctor_misses_no_key_where_something_else_answers(
    more: str, files: list[str], told: str, place: Any, tmp_path: Path
) -> None:
    accounts = tmp_path / "accounts"
    accounts.mkdir()
    for name in files:
        (accounts / name).write_text("{}")
    found = list(providers(place(free_port(), f"auth: {{dir: '{accounts}'}}\n{more}\n"), {}))
    assert [finding.level for finding in found] == ([] if not told else ["ok"] if more or files else ["warning"])
    assert all(told in finding.what for finding in found)


@pytest.mark.parametrize(
    "words", [("--dialect", "latin"), ("--dialect", "latin", "--offline"), ("--key", "a", "--offline")]
)
def test_what_explain_cannot_be_asked_is_wrong_usage(
    words: tuple[str, ...], place: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    place(free_port())
    assert main.main(["explain", "demo/echo", *words]) == 2
    said = capsys.readouterr()
    assert said.out == "" and ("there are chat, responses, messages, gemini" in said.err or "--offline" in said.err)


def test_doctor_tells_another_program_on_the_port_from_ours(place: Any, gateway: Any) -> None:
    (finding,) = process(place(gateway({"/": (200, {"hello": "world"})})), {})
    assert finding.level == "error"
    assert "something else answers" in finding.what
    assert "make up PORT=" in finding.fix


def test_doctor_sees_that_an_older_version_runs(place: Any, gateway: Any) -> None:
    answers = READY | {"/": (200, IDENTITY | {"version": "0.0.1"})}
    fixes = [finding.fix for finding in process(place(gateway(answers)), {})]
    assert "switchyard reload-process" in fixes


def test_doctor_gives_the_causes_of_a_gateway_that_is_not_ready(place: Any, gateway: Any) -> None:
    body = {"ready": False, "causes": [{"cause": "draining", "text": "The router is stopping."}]}
    found = list(process(place(gateway(READY | {"/readyz": (503, body)})), {}))
    assert [finding.what for finding in found if finding.level == "error"] == ["not ready: The router is stopping."]


def test_a_ledger_that_cannot_be_read_is_an_error_also_where_the_gateway_is_ready(place: Any, gateway: Any) -> None:
    body = {"ready": True, "causes": [{"cause": "ledger", "text": "The ledger of calls cannot be read."}]}
    found = list(process(place(gateway(READY | {"/readyz": (200, body)})), {}))
    assert [finding.what for finding in found if finding.level == "error"] == ["The ledger of calls cannot be read."]
    assert [cause["cause"] for cause in for_people(body)] == ["ledger"]


def test_doctor_sees_keys_that_others_can_read(place: Any, tmp_path: Path) -> None:
    here = place(free_port())
    path = tmp_path / "state" / "keys" / "client.key"
    path.chmod(0o644)
    fixes = [finding.fix for finding in keys(here, {}) if finding.level == "error"]
    assert fixes == [f"chmod 600 '{path}'"]


def test_doctor_reports_broken_settings_with_what_why_and_fix(place: Any) -> None:
    (finding,) = configuration(place(free_port(), "modles: {}\n"), {})
    assert finding.level == "error"
    assert "modles" in finding.what
    assert finding.why
    assert "switchyard config check" in finding.fix


def test_doctor_exits_with_1_when_something_is_wrong(place: Any, capsys: pytest.CaptureFixture[str]) -> None:
    place(free_port())
    assert main.main(["doctor", "--json"]) == 1
    levels = {finding["about"]: finding["level"] for finding in json.loads(capsys.readouterr().out)}
    assert levels["process"] == "error"


def test_a_process_file_of_a_dead_process_counts_for_nothing(place: Any, tmp_path: Path) -> None:
    here = place(4711)
    run = tmp_path / "state" / "run"
    run.mkdir()
    facts = {"parent": 1, "pid": 2**22 + 1, "scheme": "http", "addresses": [["0.0.0.0", 9]], "started": 0}
    (run / "router.json").write_text(json.dumps(facts))
    assert here.process is None
    assert here.address() == ("http", "127.0.0.1", 4711)
    (run / "router.json").write_text(json.dumps(facts | {"pid": os.getpid()}))
    assert here.address() == ("http", "127.0.0.1", 9)


def test_addresses_to_call_and_to_show() -> None:
    assert callable_host("0.0.0.0") == "127.0.0.1"
    assert callable_host("::") == "::1"
    assert callable_host("[::1]") == "::1"
    assert url("https", "::1", 8317) == "https://[::1]:8317"


def test_durations_and_causes_for_people() -> None:
    shown = [duration(seconds) for seconds in (None, 0, 59, 61, 7500, 90_061)]
    assert shown == ["-", "0s", "59s", "1m 1s", "2h 5m", "1d 1h"]
    assert causes({"causes": [{"text": "a"}, {"text": "b"}]}) == "a; b"
    assert causes("plain") == "plain"
    told = [{"cause": name, "text": name} for name in ("cooling", "needs_login", "refused", "accounts")]
    assert causes(for_people({"causes": told})) == "needs_login; refused"


def test_help_loads_no_more_than_it_shows() -> None:
    """The names of groups are known without their verbs, which bring the settings and the database with them."""
    script = (
        "import sys; from router.cli.main import main; main(['--help']); main(['version']); main(['kyes']);"
        "print([name for name in ('sqlalchemy', 'aiohttp', 'router.settings') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(group in done.stdout for group in main.GROUPS)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Did you mean" in done.stderr and "keys" in done.stderr


def test_a_group_that_was_only_named_has_its_verbs_when_they_are_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--help"]) == 0
    assert main.main(["chaos", "list"]) == 0
    assert "demo/stall" in capsys.readouterr().out
    assert main.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [shown.count(f" {group} ") > 0 for group in main.GROUPS] == [True] * len(main.GROUPS)
