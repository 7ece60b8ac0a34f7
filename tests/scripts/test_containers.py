"""Dockerfile and compose.yaml by rules that need no engine, and the router's entry point as an image has it."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SECRET = re.compile(r"KEY|SECRET|TOKEN|PASSWORD", re.IGNORECASE)
TARGETS = ("router", "aistudio", "webai", "all")


def instructions() -> list[tuple[str, str]]:
    """Every instruction of the Dockerfile with its arguments, lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [(word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def stages() -> dict[str, list[tuple[str, str]]]:
    """By name, with what a stage inherits before its own."""
    found: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for word, rest in instructions():
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = [("BASE", base), *found.get(base, [])]
        else:
            found[name].append((word, rest))
    return found


def test_bases_are_pinned_and_nothing_is_fetched_unchecked() -> None:
    made = stages()
    for name, steps in made.items():
        base = next(rest for word, rest in steps if word == "BASE")
        assert base in made or re.fullmatch(r"[a-z/]+:\d+\.\d+[\w.-]+", base), name
        for word, rest in steps:
            assert word != "ADD"
            if word == "RUN" and "pip install" in rest:
                assert rest.count("pip install") == rest.count("--require-hashes")
            if word == "RUN" and "apt-get install" in rest:
                assert "--no-install-recommends" in rest and "rm -rf /var/lib/apt/lists" in rest
            if word in ("ENV", "ARG"):
                names = [pair.partition("=")[0] for pair in shlex.split(rest)]
                assert not [each for each in names if SECRET.search(each)], rest


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_runs_as_a_user_and_says_how_it_is(target: str) -> None:
    steps = stages()[target]
    words = [word for word, _ in steps]
    assert [rest for word, rest in steps if word == "USER"][-1] == "switchyard"
    assert "HEALTHCHECK" in words and "CMD" in words and "VOLUME" in words
    assert words[::-1].index("CMD") == 0  # nothing is changed behind it


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path of the checkout out; the last line that fits decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        rule = line.strip()
        if not rule or rule.startswith("#"):
            continue
        pattern = rule.lstrip("!").rstrip("/")
        anywhere, name = pattern.startswith("**/"), pattern.removeprefix("**/")
        parents = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
        if any(fnmatch.fnmatch(Path(each).name if anywhere else each, name) for each in parents):
            out = not rule.startswith("!")
    return out


def test_no_secret_and_no_state_gets_into_an_image() -> None:
    for path in (
        "state/keys/client.key",
        "config/config.yaml",
        "config/aistudio.yaml",
        "config/conf.d/x.conf",
        ".venv/x",
    ):
        assert ignored(path), path
    for path in ("config/config.example.yaml", "router/app.py", "requirements/router.txt", "supervisor.conf"):
        assert not ignored(path), path


def copied(target: str) -> list[tuple[str, str]]:
    """Sources in the checkout and their places, of a target and what it stands on."""
    found = []
    for word, rest in stages()[target]:
        if word == "COPY" and "--from=" not in rest:
            *sources, place = shlex.split(rest)
            found += [(source.rstrip("/"), place) for source in sources]
    return found


def test_the_router_starts_from_exactly_what_its_image_has(tmp_path: Path) -> None:
    tree, volume = tmp_path / "srv", tmp_path / "volume"
    for source, place in copied("router"):
        skip = shutil.ignore_patterns("__pycache__", "config.yaml", "conf.d")
        shutil.copytree(ROOT / source, tree / place.rstrip("/"), ignore=skip)
    venv = ROOT / ".venv"
    (tree / ".venv").symlink_to(venv)
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    for word, rest in stages()["router"]:
        if word == "ENV":
            environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
    environment = {name: value.replace("/var/lib/switchyard", str(volume)) for name, value in environment.items()}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment |= {"SWITCHYARD__SERVER__PORT": str(port), "SWITCHYARD__SERVER__HOST": "127.0.0.1"}
    command = [rest for word, rest in stages()["router"] if word == "CMD"][-1]
    before = set(tree.rglob("*"))
    for first in (True, False):
        log = tmp_path / f"log-{first}"
        with log.open("w") as output:
            process = subprocess.Popen(yaml.safe_load(command), cwd=tree, env=environment, stdout=output, stderr=output)
        try:
            _until_alive(f"http://127.0.0.1:{port}/healthz", process)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        text = log.read_text()
        assert ("sk-sy-" in text) is first  # keys are printed when they are made, and never again
    assert set(tree.rglob("*")) == before  # a read-only root file system would do


def _until_alive(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"it ended with {process.poll()}")


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def test_what_compose_publishes_mounts_and_allows() -> None:
    made = compose()
    profiles: set[str] = set()
    for name, service in made["services"].items():
        profiles |= set(service["profiles"])
        image = service["image"]
        assert image.endswith(":local") or re.search(r":v?\d+\.\d+\.\d+$", image), name
        for port in service.get("ports", ()):
            assert port.startswith(("127.0.0.1:", "${HOST:-127.0.0.1}:")), name
        for mount in service.get("volumes", ()):
            if mount["type"] == "bind":
                assert mount["read_only"] and mount["bind"] == {"create_host_path": False}, name
            else:
                assert mount["source"] in made["volumes"]
        if "build" in service:
            assert service["build"]["target"] in TARGETS
            assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["user"] == "10001:10001"
            assert service["security_opt"] == ["no-new-privileges:true"]
    assert profiles == {"default", "webai", "x11", "observability"}


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
@pytest.mark.parametrize("profile", ["default", "webai", "x11", "observability"])
def test_compose_takes_the_file(profile: str, tmp_path: Path) -> None:
    text = re.sub(
        r", bind: \{create_host_path: false\}", "", (ROOT / "compose.yaml").read_text()
    )  # newer than its 1.29
    (tmp_path / "compose.yaml").write_text(text)
    words = ["docker-compose", "--project-directory", str(ROOT), "-f", str(tmp_path / "compose.yaml")]
    done = subprocess.run([*words, "--profile", profile, "config"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "router:" in done.stdout
