"""The systemd unit: filled in for its checkout, hardened, and taken by systemd's own check; and what root takes from a
checkout that others may write to."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.cli import services, up

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    "Makefile",
    "scripts/install-service.sh",
    "scripts/environment.sh",
    "scripts/ownership.sh",
    "scripts/with-environment.sh",
    "scripts/systemd/switchyard.service",
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files over")


def run(folder: Path, verb: str, *, root: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DESTDIR": str(folder), **variables}
    words = ["sh", str(root / "scripts" / "install-service.sh"), verb]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=60)


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A commit with what the script needs, in a folder whose path systemd can take."""
    made = tmp_path / "checkout"
    for name in FILES:
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, made / name)
    git(made, "init", "--quiet")
    git(made, "add", ".")
    git(made, "commit", "--quiet", "-m", "Begin")
    return made


def test_the_unit_is_made_for_the_checkout_and_goes_again(checkout: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    done = run(target, "install", root=checkout, RUN_AS="daemon", ACCOUNTS="/srv/accounts")
    assert done.returncode == 0, done.stderr
    unit = target / "etc/systemd/system/switchyard.service"
    text = unit.read_text()
    assert "@" not in text.split("[Unit]")[1]
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text[text.index("[Unit]") :])
    service = parser["Service"]
    assert service["User"] == "daemon" and service["WorkingDirectory"] == str(checkout)
    assert service["ReadWritePaths"].split()[-1] == "/srv/accounts"
    assert "would ask the settings" in done.stderr  # there is no environment yet
    assert str(checkout / "scripts") not in service["ReadWritePaths"]  # where the unit comes from
    # a router that is not ready does not end supervisord, and no second one is ever started
    assert service["ExecStartPost"].startswith("-") and service["ExecStartPost"].endswith("-m router up --join")
    waits = up.SUPERVISED_WITHIN + up.READY_WITHIN + services.OTHERS_WITHIN
    assert int(service["TimeoutStartSec"]) > waits + 60  # for what it starts then
    assert service["ExecStop"].startswith("-") and service["ExecStop"].endswith("-m router down")
    assert "EnvironmentFile" not in service  # systemd would read it as root
    assert (service["NoNewPrivileges"], service["ProtectSystem"], service["KillMode"]) == ("yes", "strict", "mixed")
    assert int(service["TimeoutStopSec"]) > 60  # more than supervisord gives its programs
    if shutil.which("systemd-analyze"):
        for exe in ("python",):  # systemd looks whether the programs are there
            path = checkout / ".venv/bin" / exe
            path.parent.mkdir(parents=True)
            path.touch(mode=0o755)
        verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
        assert verified.returncode == 0, verified.stderr
        assert "switchyard.service" not in verified.stderr
    assert "would run: systemctl enable" in done.stderr
    assert "+User=daemon" in done.stderr  # who installs sees what is installed
    again = run(target, "install", root=checkout, RUN_AS="nobody", ACCOUNTS="/srv/accounts")
    assert "-User=daemon" in again.stderr and "+User=nobody" in again.stderr and "KillMode" not in again.stderr
    assert run(target, "uninstall", root=checkout).returncode == 0 and not unit.exists()


def written_to(target: Path) -> list[str]:
    """The folders that the unit lets the service write to."""
    text = (target / "etc/systemd/system/switchyard.service").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("ReadWritePaths=")]
    return line.removeprefix("ReadWritePaths=").split()


def test_the_unit_may_write_where_the_settings_say(checkout: Path, tmp_path: Path) -> None:
    python, config, target = checkout / ".venv/bin/python", checkout / "config/config.yaml", tmp_path / "target"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    config.parent.mkdir()
    (checkout / "config/environment").write_text(f"SWITCHYARD_CONFIG={config}\n")
    always = [str(checkout / name) for name in ("state", "logs", "config")]
    for text, folders in (
        ("{}", ["/usr/sbin/.cli-proxy-api", str(ROOT / "state")]),
        (
            "auth: {dir: ~/mine}\nserver: {state_dir: /srv/st}\nproviders: {aistudio: {profiles: /srv/p}}",
            ["/usr/sbin/mine", "/srv/st", "/srv/p"],
        ),
    ):
        config.write_text(f"{text}\n")
        done = run(target, "install", root=checkout, RUN_AS="daemon")
        assert done.returncode == 0, done.stderr
        assert written_to(target) == [*always, *folders]
    assert run(target, "install", root=checkout, RUN_AS="daemon", ACCOUNTS="/srv/a").returncode == 0
    assert written_to(target) == [*always, "/srv/a", "/srv/st", "/srv/p"]
    for text, told in (("server: {prot: 1}", "server.prot"), ("auth: {dir: /a b}", "blank")):
        config.write_text(f"{text}\n")
        refused = run(tmp_path / "other", "install", root=checkout, RUN_AS="daemon")
        assert refused.returncode == 1 and told in refused.stderr and not (tmp_path / "other").exists()


@as_root
def test_a_folder_that_the_settings_name_is_given_to_nobody(checkout: Path, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    for folder in (mine, theirs):
        folder.mkdir()
    python = checkout / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho auth.dir {theirs}\n")
    python.chmod(0o755)
    told = run(tmp_path / "target", "install", root=checkout, RUN_AS="daemon").stderr
    assert f"+ReadWritePaths={checkout}/state {checkout}/logs {checkout}/config {theirs}\n" in told
    assert f"would give {theirs}" not in told
    told = run(tmp_path / "target", "install", root=checkout, RUN_AS="daemon", ACCOUNTS=str(mine)).stderr
    assert f"would give {mine} to daemon" in told


@pytest.mark.parametrize("name", ["scripts/systemd/switchyard.service", "scripts/environment.sh"])
def test_what_was_not_committed_is_shown_and_not_installed(name: str, checkout: Path, tmp_path: Path) -> None:
    with (checkout / name).open("a") as file:
        file.write("ExecStartPre=+/bin/evil\n" if name.endswith("service") else ": evil\n")
    target = tmp_path / "target"
    done = run(target, "install", root=checkout, RUN_AS="daemon")
    assert done.returncode == 1 and not target.exists()
    assert "evil" in done.stderr and f"git checkout HEAD -- {name}" in done.stderr
    git(checkout, "update-index", "--assume-unchanged", name)  # git's own notes do not count
    assert run(target, "install", root=checkout, RUN_AS="daemon").returncode == 1
    trusted = run(target, "install", root=checkout, RUN_AS="daemon", TRUST="1")
    assert trusted.returncode == 0
    unit = (target / "etc/systemd/system/switchyard.service").read_text()
    assert ("evil" in unit) is name.endswith("service")


def test_without_a_commit_root_has_to_say_that_it_has_looked(checkout: Path, tmp_path: Path) -> None:
    shutil.rmtree(checkout / ".git")
    done = run(tmp_path / "target", "install", root=checkout, RUN_AS="daemon")
    assert done.returncode == 1 and "TRUST=1" in done.stderr
    assert run(tmp_path / "target", "install", root=checkout, RUN_AS="daemon", TRUST="1").returncode == 0


def helper(checkout: Path, words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Words of the shell that have the functions of `ownership.sh`."""
    begin = '. "$ROOT/scripts/environment.sh"; . "$ROOT/scripts/ownership.sh"; '
    environment = {**os.environ, "ROOT": str(checkout), "DESTDIR": "", **variables}
    return subprocess.run(["sh", "-euc", begin + words], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that other users can look into."""
    with tempfile.TemporaryDirectory(prefix="sy-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@as_root
def test_what_root_has_left_is_told_and_given_over_but_nothing_through_a_link(checkout: Path, reachable: Path) -> None:
    place = reachable / "place"
    checkout = checkout.rename(reachable / "checkout")
    place.mkdir()
    (checkout / "state/keys").mkdir(parents=True, mode=0o755)
    ours, foreign, twice = checkout / "state/keys/client.key", place / "shadow", place / "other"
    for path in (ours, foreign, twice):
        path.touch(mode=0o600)
    (checkout / "state/link").symlink_to(foreign)
    (checkout / "logs").symlink_to(place)
    os.link(twice, checkout / "state/hard")
    (checkout / "state/open").touch()
    told = run(reachable / "target", "install", root=checkout, RUN_AS="daemon")
    assert f"would give {checkout}/state to daemon" in told.stderr and ours.owner() == "root"
    given = helper(checkout, 'give daemon daemon "$ROOT/state" "$ROOT/logs" "$ROOT/nothing"')
    assert given.returncode == 0 and f"Gives {checkout}/state to daemon: 5 of" in given.stderr
    assert (ours.owner(), ours.group(), (checkout / "state").owner()) == ("daemon", "daemon", "daemon")
    assert {path.owner() for path in (foreign, twice, place)} == {"root"}
    again = helper(checkout, 'give daemon daemon "$ROOT/state"; writable daemon daemon "$ROOT/state"')
    assert "Gives" not in again.stderr  # but the file with two names is still nobody's to give
    assert again.returncode == 1 and f"daemon cannot write {checkout}/state/hard" in again.stderr
    assert "sudo chown -R daemon:daemon" in again.stderr
    (checkout / "state/hard").unlink()
    assert helper(checkout, 'writable daemon daemon "$ROOT/state"').returncode == 0


@as_root
def test_root_runs_no_environment_that_somebody_else_has_written(checkout: Path, tmp_path: Path) -> None:
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").touch()
    shutil.chown(checkout / ".venv/bin/python", "daemon")
    done = run(tmp_path / "target", "install", root=checkout, RUN_AS="daemon")
    assert done.returncode == 1 and f"sudo rm -rf {checkout}/.venv" in done.stderr


def test_it_is_refused_where_a_supervisord_of_the_checkout_runs_already(checkout: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-c", "input()", "supervisord"]
    (checkout / "state/run").mkdir(parents=True)
    with subprocess.Popen(words, stdin=subprocess.PIPE) as running:
        (checkout / "state/run/supervisord.pid").write_text(f"{running.pid}\n")
        done = run(tmp_path / "target", "install", root=checkout, RUN_AS="daemon")
    assert done.returncode == 1 and f"process {running.pid}" in done.stderr and "make down" in done.stderr
    assert run(tmp_path / "target", "install", root=checkout, RUN_AS="daemon").returncode == 0  # it is over


def test_a_program_gets_the_variables_of_the_file(tmp_path: Path) -> None:
    words = ["sh", str(ROOT / "scripts/with-environment.sh"), str(tmp_path / "environment"), "env"]
    assert subprocess.run(words, capture_output=True, check=True, env={"PATH": os.environ["PATH"]}).stderr == b""
    text = "# keys\nOPENAI_API_KEY=sk-$x `y`=\n\nTWO='a b'\nTHREE=\"c\"\nroot:x:0:0\n"
    (tmp_path / "environment").write_text(text.removesuffix("\n"))
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]})
    assert {"OPENAI_API_KEY=sk-$x `y`=", "TWO=a b", "THREE=c"} <= set(done.stdout.splitlines())
    assert "no NAME=value" in done.stderr and "root:x" not in done.stderr + done.stdout


def test_a_path_that_systemd_cannot_take_is_refused(checkout: Path, tmp_path: Path) -> None:
    odd = checkout.rename(tmp_path / "a checkout")
    done = run(tmp_path / "target", "install", root=odd, RUN_AS="nobody")
    assert done.returncode == 1 and "blank" in done.stderr


def test_a_user_that_is_not_there_is_refused(checkout: Path, tmp_path: Path) -> None:
    done = run(tmp_path / "target", "install", root=checkout, RUN_AS="nobody-of-that-name")
    assert done.returncode == 1 and "There is no user" in done.stderr


def test_without_root_and_a_folder_it_says_what_is_needed(checkout: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("runs as root here")
    assert "root" in run(Path(), "install", root=checkout, DESTDIR="").stderr
