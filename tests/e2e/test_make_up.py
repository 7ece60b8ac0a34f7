"""The product as a user starts it: a fresh clone in a folder with spaces, `make up`, and the printed curl line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
PROVIDER_VARIABLES = ("_API_KEY", "SWITCHYARD", "_BASE_URL")

HEALED_WITHIN = 45.0
"""Seconds that are promised for whatever hangs."""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


class Checkout:
    """A clone with a HOME of its own and a free port."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a fresh clone"
        home = folder / "home"
        home.mkdir()
        self.port, watch = free_port(), free_port()
        cache = os.environ.get("PIP_CACHE_DIR") or Path("~/.cache/pip").expanduser()
        clean = {name: value for name, value in os.environ.items() if not any(p in name for p in PROVIDER_VARIABLES)}
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VIRTUAL_ENV", "PYTHONPATH"):
            clean.pop(name, None)
        self.environ = clean | {"HOME": str(home), "PIP_CACHE_DIR": str(cache)}
        self.environ["SWITCHYARD__SUPERVISION__PORT"] = str(watch)
        self.run("git", "clone", "-q", str(ROOT), str(self.root), cwd=folder)

    def run(self, *words: str, cwd: Path | None = None, ok: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            words, cwd=cwd or self.root, env=self.environ, capture_output=True, text=True, check=False, timeout=300
        )
        if ok:
            assert done.returncode == 0, f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def up(self) -> str:
        """`make up`, and the curl line that it prints."""
        printed = self.run("make", "up", f"PORT={self.port}").stdout
        assert f"http://127.0.0.1:{self.port}/v1" in printed
        assert f"http://127.0.0.1:{self.port}/dashboard/" in printed
        lines = [line for line in printed.splitlines() if line.startswith("curl ")]
        assert len(lines) == 1
        return lines[0]

    def call(self, line: str) -> str:
        """Run a printed line word for word in a shell; the text that the model gave."""
        answer = json.loads(self.run("bash", "-c", line, cwd=Path("/")).stdout)
        return str(answer["choices"][0]["message"]["content"])

    def ready(self) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=10) as answer:
            return json.load(answer)

    def manage(self, method: str, path: str) -> Any:
        """One request to the management API."""
        key = (self.root / "state/keys/management.key").read_text().strip()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v0/management{path}",
            data=None if method == "GET" else b"{}",
            headers={"authorization": f"Bearer {key}"},
            method=method,
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)

    def status(self) -> Any:
        """Exit status and the processes, without the one that watches the others."""
        code, rows = self.everything()
        return code, [row for row in rows if row["name"] != "healthwatch"]

    def everything(self) -> Any:
        done = self.run("sh", "scripts/status.sh", "--json", ok=False)
        return done.returncode, json.loads(done.stdout)["processes"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    for tool in ("git", "make", "bash", "curl"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")
    if not (ROOT / ".git").exists():
        pytest.skip("needs the git repository that it clones")
    made = Checkout(tmp_path_factory.mktemp("e2e"))
    yield made
    made.run("make", "down", ok=False)


def test_a_user_starts_calls_restarts_and_stops_it(checkout: Checkout) -> None:
    first = checkout.up()
    assert "Hello" in checkout.call(first)
    assert stored_keys_are_private(checkout.root / "state" / "keys")

    again = checkout.up()
    assert "sk-" not in again, "a key is shown once only"
    assert "Hello" in checkout.call(again)

    code, (router,) = checkout.status()
    assert code == 0
    assert (router["state"], router["health"], router["port"]) == ("running", "ready", checkout.port)

    before = json.loads((checkout.root / "state/run/router.json").read_text())
    checkout.run("make", "restart")
    assert "Hello" in checkout.call(first), "the first line goes on working: the key has not changed"
    after = json.loads((checkout.root / "state/run/router.json").read_text())
    assert after["pid"] != before["pid"] and after["parent"] == before["parent"]

    _, (router,) = checkout.status()
    os.kill(router["pid"], signal.SIGKILL)
    healed = wait_until_healed(checkout, router["pid"])
    assert healed["health"] == "ready"
    assert "Hello" in checkout.call(first)
    told = "router was started anew once within a day"
    shown = told_by_status(checkout, told)
    assert shown.endswith("ago: it ended: terminated by SIGKILL.") and shown.startswith(told)

    serving = json.loads((checkout.root / "state/run/router.json").read_text())["pid"]
    os.kill(serving, signal.SIGSTOP)  # up, and wedged: nobody but healthwatch, with its own timing, sees that
    began = time.monotonic()
    assert "Hello" in checkout.call(first)  # waits in the line of the socket
    assert time.monotonic() - began < HEALED_WITHIN
    shown = told_by_status(checkout, "router was started anew 2 times within a day")
    assert "ago: killed, because its /healthz does not answer" in shown

    assert "switchyard.request" in checkout.run("sh", "scripts/logs.sh", "router").stdout
    assert checkout.run(str(checkout.root / ".venv/bin/switchyard"), "version", cwd=Path("/")).stdout.strip()

    checkout.run("make", "down")
    code, _ = checkout.status()
    assert code == 3


def test_after_a_reboot_everything_comes_back_with_one_command(checkout: Checkout) -> None:
    line = checkout.up()
    code, rows = checkout.everything()
    assert code == 0 and [row["name"] for row in rows] == ["router", "healthwatch"]
    supervisord = int((checkout.root / "state/run/supervisord.pid").read_text())
    router = json.loads((checkout.root / "state/run/router.json").read_text())
    for pid in (supervisord, router["parent"], router["pid"], rows[1]["pid"]):  # as when the power goes
        os.kill(pid, signal.SIGKILL)
    assert (checkout.root / "state/run/supervisor.sock").exists()
    assert "Hello" in checkout.call(checkout.up() or line)
    code, rows = checkout.everything()
    assert code == 0 and {row["state"] for row in rows} == {"running"}
    checkout.run("make", "down")


def test_a_killed_supervisord_is_told_and_make_up_takes_over(checkout: Checkout) -> None:
    line = checkout.up()
    before = {each["name"]: each["pid"] for each in checkout.everything()[1]}
    os.kill(int((checkout.root / "state/run/supervisord.pid").read_text()), signal.SIGKILL)
    code, rows = until(checkout, lambda rows: len(rows) == 2)
    assert (code, [row["name"] for row in rows]) == (1, ["router", "supervisord"])
    assert rows[0]["health"] == "ready" and "make up" in rows[1]["wrong"]
    taken = checkout.run("make", "up", f"PORT={checkout.port}").stderr
    assert all(f"{name} ({pid})" in taken for name, pid in before.items())
    assert "Hello" in checkout.call(line if "$(cat" in line else checkout.up())
    code, rows = checkout.everything()
    assert code == 0 and [row["name"] for row in rows] == ["router", "healthwatch"]
    assert not {row["pid"] for row in rows} & set(before.values())
    checkout.run("make", "down")


def test_management_starts_programs_anew_and_has_the_router_replaced(checkout: Checkout) -> None:
    line = checkout.up()
    try:
        before = {each["name"]: each for each in checkout.manage("GET", "/processes")["processes"]}
        assert {name for name, each in before.items() if each["state"] == "running"} >= {"router", "healthwatch"}
        assert checkout.manage("POST", "/processes/healthwatch/restart")["state"] == "running"
        serving = checkout.root / "state/run/router.json"
        old = json.loads(serving.read_text())
        checkout.manage("POST", "/processes/router/restart")
        end = time.monotonic() + 60
        while json.loads(serving.read_text())["pid"] == old["pid"] and time.monotonic() < end:
            time.sleep(0.1)
        new = json.loads(serving.read_text())
        assert new["pid"] != old["pid"] and new["parent"] == old["parent"]
        assert "Hello" in checkout.call(line)
        after = {each["name"]: each for each in checkout.manage("GET", "/processes")["processes"]}
        assert after["healthwatch"]["pid"] != before["healthwatch"]["pid"]
        assert after["router"]["pid"] == before["router"]["pid"]  # the parent
    finally:
        checkout.run("make", "down", ok=False)


def test_a_program_of_ones_own_runs_beside_the_router_while_the_settings_have_it(checkout: Checkout) -> None:
    config = checkout.root / "config/config.yaml"
    good, port = config.read_text(), free_port()
    entry = {
        "name": "mine",
        "command": ["python3", "-m", "http.server", str(port), "--bind", "127.0.0.1"],
        "readyz": f"http://127.0.0.1:{port}/",
    }
    try:
        checkout.up()
        config.write_text(good + f"\nservices: [{json.dumps(entry)}]\n")
        code, rows = until(checkout, lambda rows: [row["state"] for row in rows[1:]] == ["running"])
        assert (code, rows[1]["name"], rows[1]["port"]) == (0, "mine", port)
        config.write_text(good)  # and both together: whoever comes first does it
        checkout.run("make", "reload")
        _, rows = checkout.status()
        assert [row["name"] for row in rows] == ["router"]
    finally:
        config.write_text(good)
        checkout.run("make", "down", ok=False)


def test_an_upgrade_serves_the_new_commit_and_a_broken_one_is_taken_back(checkout: Checkout, tmp_path: Path) -> None:
    git, remote, other = "git", tmp_path / "remote.git", tmp_path / "other"
    checkout.run(git, "clone", "-q", "--bare", str(ROOT), str(remote))
    branch = checkout.run(git, "rev-parse", "--abbrev-ref", "HEAD").stdout.strip()
    checkout.run(git, "remote", "set-url", "origin", str(remote))
    checkout.run(git, "push", "-q", "-f", "origin", f"HEAD:{branch}")
    checkout.run(git, "fetch", "-q")
    checkout.run(git, "branch", "-q", "--set-upstream-to", f"origin/{branch}")
    checkout.run(git, "clone", "-q", "-b", branch, str(remote), str(other))

    def publish(text: str, name: str = "router/version.py") -> str:
        """A commit that puts `text` at the end of a file."""
        changed = other / name
        changed.write_text(changed.read_text() + text)
        words = ("-c", "user.name=x", "-c", "user.email=x@x", "commit", "-q", "-a", "-m", "Change the version")
        checkout.run(git, *words, cwd=other)
        checkout.run(git, "push", "-q", cwd=other)
        return checkout.run(git, "rev-parse", "HEAD", cwd=other).stdout.strip()

    def version() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{checkout.port}/", timeout=10) as answer:
            return str(json.load(answer)["version"])

    before, line = checkout.run(git, "rev-parse", "HEAD").stdout.strip(), checkout.up()
    old = version()
    try:
        assert "newest already" in checkout.run("make", "upgrade").stderr
        good = publish('VERSION = "9.9.9"\n')
        done = checkout.run("make", "upgrade")
        assert "make rollback" in done.stderr and version() == "9.9.9"
        assert "Hello" in checkout.call(line)
        publish("this is no Python\n")
        checkout.environ["WITHIN"] = "8"
        broken = checkout.run("make", "upgrade", ok=False)
        assert broken.returncode != 0 and "Nothing was upgraded" in broken.stderr
        assert checkout.run(git, "rev-parse", "HEAD").stdout.strip() == good
        assert version() == "9.9.9" and "Hello" in checkout.call(line)
        publish("no-such-package==1.0\n", "requirements/router.txt")
        broken = checkout.run("make", "upgrade", ok=False)
        assert "could not be installed" in broken.stderr and "Nothing was upgraded" in broken.stderr
        assert "Back from" in checkout.run("make", "rollback").stderr
        assert checkout.run(git, "rev-parse", "HEAD").stdout.strip() == before
        assert checkout.run(git, "rev-parse", "--abbrev-ref", "HEAD").stdout.strip() == branch
        assert "nothing to go back to" in checkout.run("make", "rollback", ok=False).stderr
    finally:
        checkout.environ.pop("WITHIN", None)
        checkout.run(git, "checkout", "-q", "-B", branch, before)
        checkout.run("make", "reload", ok=False)
    assert version() == old
    checkout.run("make", "down")


def test_a_taken_port_is_named_at_once(checkout: Checkout) -> None:
    with socket.create_server(("127.0.0.1", checkout.port)):
        done = checkout.run("make", "up", f"PORT={checkout.port}", ok=False)
    assert done.returncode != 0
    assert f"port {checkout.port} on 127.0.0.1 is taken" in done.stderr


def test_a_misspelt_setting_stops_the_start_with_its_path(checkout: Checkout) -> None:
    config = checkout.root / "config" / "config.yaml"
    good = config.read_text() if config.exists() else ""
    config.write_text("server:\n  prot: 9\nmodles: {}\n")
    try:
        done = checkout.run("make", "up", f"PORT={checkout.port}", ok=False)
    finally:
        config.write_text(good)
    assert done.returncode != 0
    assert "server.prot" in done.stderr
    assert "port" in done.stderr
    assert "modles" in done.stderr


STAND_IN = """#!/bin/sh
# Instead of a browser's environment: answers as the service's health endpoint does, and says how it was started.
echo "started as $*"
exec "$(dirname "$0")/../../../.venv/bin/python" -c '
import http.server, json
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503)
        self.end_headers()
        self.wfile.write(json.dumps({"ready": False, "causes": [{"text": "no profile yet"}]}).encode())
http.server.HTTPServer(("127.0.0.1", PORT), Health).serve_forever()
'
"""


def test_the_aistudio_service_runs_where_the_settings_want_it(checkout: Checkout) -> None:
    config = checkout.root / "config" / "config.yaml"
    good = config.read_text()
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    on = good.replace("providers:\n", f"providers:\n  aistudio: {{health_port: {port}}}\n", 1)
    try:
        config.write_text(on)
        lacking = checkout.run("make", "up", f"PORT={checkout.port}")
        assert "aistudio is on and cannot run" in lacking.stderr and "make browser" in lacking.stderr
        code, rows = checkout.status()
        assert (code, rows[1]["name"], rows[1]["state"]) == (1, "aistudio", "stopped")
        assert "make browser" in rows[1]["wrong"]

        python = checkout.root / ".venvs/aistudio/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(STAND_IN.replace("PORT", str(port)))
        python.chmod(0o700)
        assert "aistudio has been started" in checkout.run("make", "up", f"PORT={checkout.port}").stderr
        _, rows = checkout.status()
        row = rows[1]
        assert (row["state"], row["health"], row["port"], row["wrong"]) == (
            "running",
            "not ready",
            port,
            "no profile yet",
        )
        assert "started as -m services.aistudio" in checkout.run("sh", "scripts/logs.sh", "aistudio").stdout
        assert "no_service" in str(checkout.ready())

        assert "aistudio has been started" in checkout.run("make", "restart", "NAME=aistudio").stderr
        _, rows = checkout.status()
        assert rows[1]["pid"] != row["pid"]

        config.write_text(good)
        code, (router,) = until(checkout, lambda rows: len(rows) == 1)
        assert (code, router["name"]) == (0, "router")
    finally:
        config.write_text(good)


def until(checkout: Checkout, holds: Callable[[Any], bool], within: float = 60.0) -> Any:
    """Exit status and processes, once they are as wanted."""
    end = time.monotonic() + within
    while True:
        found = checkout.status()
        if holds(found[1]):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.2)


def told_by_status(checkout: Checkout, words: str) -> str:
    """The line of `make status` that begins with these words, once it is there."""
    end = time.monotonic() + 60
    while True:
        printed = checkout.run("sh", "scripts/status.sh").stdout
        if found := next((line for line in printed.splitlines() if line.startswith(words)), ""):
            return found
        assert time.monotonic() < end, printed
        time.sleep(0.2)


def stored_keys_are_private(folder: Path) -> bool:
    return all((folder / f"{name}.key").stat().st_mode & 0o077 == 0 for name in ("client", "management", "service"))


def wait_until_healed(checkout: Checkout, killed: int) -> Any:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        code, (router,) = checkout.status()
        if code == 0 and router["pid"] != killed:
            return router
        time.sleep(0.2)
    raise AssertionError(f"not healed: {router}")
