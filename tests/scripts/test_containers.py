"""Dockerfile and compose.yaml by rules that need no engine, and entry points from the files that an image has.

No image is built: what apt installs, what pip installs from the locks, and the engine's own isolation stay untested.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import Marker

from router.cli.talk import find_place
from services.link import alive
from services.webai import beside as web_settings
from tests.ports import free_port

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


LACKING = ("greenlet", "playwright", "pyee")
"""Of the AI Studio service, and not in the development environment: a browser needs them, and no start does."""


def environment_of_the_lock(place: Path, name: str) -> None:
    """An environment with the packages that a lock in `requirements/` names and no other, as links to the development
    environment's files. It shows that the program needs nothing else; not that the image's own versions install."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(place)
    (packages,) = place.glob("lib/python*/site-packages")
    for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
        pinned = re.match(r"([\w.-]+)==([^\s;\\]+)(?:\s*;\s*([^\\]+))?", line)
        if pinned is None or (pinned[3] and not Marker(pinned[3].strip()).evaluate()):
            continue
        if pinned[1] in LACKING:
            continue
        found = metadata.distribution(pinned[1])
        assert found.version == pinned[2], f"{pinned[1]}: the development environment is another than the lock"
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (packages / top).exists():
                (packages / top).symlink_to(str(found.locate_file(top)))


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path: a socket's has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="sy-") as made:
        yield Path(made)


class Image:
    """A folder with exactly the files that a target copies, and its variables with a volume of our own."""

    def __init__(self, target: str, folder: Path) -> None:
        self.target, self.folder, self.tree, self.volume = target, folder, folder / "srv", folder / "volume"
        for source, place in copied(target):
            skip = shutil.ignore_patterns("config.yaml", "conf.d")  # compiled, as in the image
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, self.tree / place.rstrip("/"), ignore=skip)
            else:
                shutil.copy(ROOT / source, self.tree / source)
        if target == "aistudio":
            environment_of_the_lock(self.tree / ".venvs/aistudio", "aistudio")
        else:
            environment_of_the_lock(self.tree / ".venv", "router")
        for links in [rest for word, rest in stages()[target] if word == "RUN" and rest.startswith("ln -s")]:
            subprocess.run(["sh", "-ec", self.here(links)], cwd=self.tree, check=True)
        self.environment = {"PATH": os.environ["PATH"]}
        for word, rest in stages()[target]:
            if word == "ENV":
                self.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        self.environment = {name: self.here(value) for name, value in self.environment.items()}
        self.port, self.watch_port = free_port(), free_port()
        self.environment |= {
            "SWITCHYARD__SERVER__PORT": str(self.port),
            "SWITCHYARD__SERVER__HOST": "127.0.0.1",
            "SWITCHYARD__SUPERVISION__PORT": str(self.watch_port),
        }

    def here(self, text: str) -> str:
        return text.replace("/var/lib/switchyard", str(self.volume))

    @property
    def command(self) -> list[str]:
        words: list[str] = yaml.safe_load([rest for word, rest in stages()[self.target] if word == "CMD"][-1])
        return words

    @contextmanager
    def running(self, command: list[str], **environment: str) -> Iterator[Path]:
        """The log, while it runs. It must end with 0 when it is asked to."""
        log = self.folder / f"log-{len(list(self.folder.glob('log-*')))}"
        environ = self.environment | environment
        with log.open("w") as output:
            process = subprocess.Popen(command, cwd=self.tree, env=environ, stdout=output, stderr=output)
        try:
            self.until(lambda: self.ask("/healthz")[0] == 200, process, log)
            yield log
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0

    def until(self, holds: Callable[[], bool], process: subprocess.Popen[bytes] | None, log: Path) -> None:
        end = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < end and (process is None or process.poll() is None), log.read_text()[-3000:]
            time.sleep(0.1)

    def ask(self, path: str, port: int = 0) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port or self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def healthy(self) -> bool:
        """What the target's health check says."""
        words = [rest for word, rest in stages()[self.target] if word == "HEALTHCHECK"][-1]
        command = yaml.safe_load(words.partition(" CMD ")[2])
        done = subprocess.run(command, cwd=self.tree, env=self.environment, check=False, capture_output=True)
        return done.returncode == 0


def test_the_router_starts_from_exactly_what_its_image_has(tmp_path: Path) -> None:
    image = Image("router", tmp_path)
    before = set(image.tree.rglob("*"))
    assert not image.healthy()
    for first in (True, False):
        with image.running(image.command) as log:
            assert image.healthy()
        assert ("sk-sy-" in log.read_text()) is first  # keys are printed when they are made, and never again
    assert set(image.tree.rglob("*")) == before  # a read-only root file system would do


def test_the_health_check_finds_the_port_of_the_settings(tmp_path: Path) -> None:
    image = Image("router", tmp_path)
    del image.environment["SWITCHYARD__SERVER__PORT"]
    (image.volume / "config").mkdir(parents=True)
    (image.volume / "config" / "config.yaml").write_text(f"server: {{port: {image.port}}}\n")
    with image.running(image.command):
        assert image.healthy()


def waits_and_then_serves(image: Image, command: list[str], config: Path) -> None:
    with image.running(command, DEPLOY="cloud") as log:
        assert image.healthy()  # alive, and not started again and again
        status, body = image.ask("/readyz")
        assert status == 503 and "is not there yet" in body
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text("server: {prot: 1}\n")
        image.until(lambda: "prot" in image.ask("/readyz")[1], None, log)
        config.write_text("server: {}\n")
        image.until(lambda: image.ask("/readyz")[0] == 200, None, log)
        assert image.healthy()
        if image.target == "all":  # what else the settings want is started then
            image.until(lambda: image.ask("/healthz", image.watch_port)[0] == 200, None, log)


@pytest.mark.parametrize("target", ["router", "all"])
def test_in_the_cloud_an_image_waits_for_its_settings(target: str, short: Path) -> None:
    image = Image(target, short)
    command = image.command
    waits_and_then_serves(image, command, image.volume / "config" / "config.yaml")


STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >>calls
case "$(basename "$0") $*" in
*supervisord*) read -r _ <go ;;
*"up --join") [ "$(grep -c join calls)" -gt "$FAILURES" ] && echo end >go ;;
"sleep 10") [ "$(grep -c join calls)" -ne 5 ] || echo end >go ;;
esac
"""
"""Python and sleep: `up` fails so often; supervisord lives until it has worked, or has failed five times."""


@pytest.mark.parametrize(("failures", "tries"), [(0, 1), (2, 3), (99, 5)])
def test_the_image_of_all_tries_to_start_the_rest_until_it_worked(tmp_path: Path, failures: int, tries: int) -> None:
    for path in (".venv/bin/python", "bin/sleep"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(STAND_IN)
        (tmp_path / path).chmod(0o755)
    os.mkfifo(tmp_path / "go")
    environment = {
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "HOME": str(tmp_path / "volume"),
        "FAILURES": str(failures),
    }
    command = ["sh", str(ROOT / "config" / "container.sh")]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.wait(30) == 0
        told = process.communicate(timeout=30)[1]  # to its end: nothing is tried any more
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls.count("python -m router up --join") >= tries and calls.count("sleep 10") >= tries - 1
    if failures < 99:
        assert (calls.count("python -m router up --join"), calls.count("sleep 10")) == (tries, tries - 1)
    assert told.count("looking again") == calls.count("sleep 10")


BEGINS = """#!/bin/sh
case "$*" in
*supervisord*) read -r _ <never ;;
*router.cli.cloud) echo yes >begun ;;
esac
"""
"""Python: supervisord begins, answers nobody yet, and ends when it is told; so `down` finds nothing that runs."""


def test_the_image_of_all_ends_though_its_supervisord_does_not_answer_yet(tmp_path: Path) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(BEGINS)
    python.chmod(0o755)
    for name in ("never", "begun"):
        os.mkfifo(tmp_path / name)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "volume")}
    command = ["sh", str(ROOT / "config" / "container.sh")]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True)
    try:
        assert (tmp_path / "begun").read_text() == "yes\n"
        process.terminate()
        assert process.wait(30) == 128 + signal.SIGTERM
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def test_in_kubernetes_the_router_waits_for_its_settings(short: Path) -> None:
    image, keys = Image("router", short), short / "keys"
    keys.mkdir()
    (keys / "service.key").write_text("sk-sy-service-of-a-secret\n")
    made = yaml.safe_load_all((ROOT / "config" / "kubernetes" / "router.yaml").read_text())
    pod = next(each for each in made if each["kind"] == "StatefulSet")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["DEPLOY"] == "cloud"
    config = short / "settings" / "config.yaml"
    image.environment |= {"SWITCHYARD_CONFIG": str(config)}
    command = [word.replace("/run/keys", str(keys)) for word in container["command"]]
    waits_and_then_serves(image, command, config)
    assert (image.volume / "state/keys/service.key").read_text() == "sk-sy-service-of-a-secret\n"


@pytest.mark.parametrize("service", list(alive.PORTS))
def test_a_service_is_asked_at_the_port_of_its_settings(service: str, tmp_path: Path) -> None:
    host, name, default = alive.PORTS[service]
    (tmp_path / "config").mkdir()
    assert alive.url(service, {}, tmp_path) == f"http://127.0.0.1:{default}/healthz"
    (tmp_path / "config" / "config.yaml").write_text(f"providers: {{{service}: {{{name}: 9001}}}}\n")
    assert alive.url(service, {}, tmp_path) == "http://127.0.0.1:9001/healthz"
    variable = f"SWITCHYARD__PROVIDERS__{service}__{name}".upper()
    assert alive.url(service, {variable: "9002"}, tmp_path) == "http://127.0.0.1:9002/healthz"
    variable = f"SWITCHYARD__PROVIDERS__{service}__{host}".upper()
    assert alive.url(service, {variable: "0.0.0.0"}, tmp_path) == "http://127.0.0.1:9001/healthz"
    assert alive.url(service, {variable: "10.0.0.5"}, tmp_path) == "http://10.0.0.5:9001/healthz"


class Healthy(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Nothing."""


def test_only_200_is_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        variables = {"SWITCHYARD__PROVIDERS__WEBAI__PORT": str(server.server_port)}
        assert alive.main(["webai"], variables) == 0
        Healthy.status = 503
        assert alive.main(["webai"], variables) == 1
        server.shutdown()
    assert alive.main(["webai"], variables) == 1 and alive.main(["router"], {}) == 2
    assert "no answer" in capsys.readouterr().err


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
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        if service.get("user") == "0:0":  # gives a volume over, with nothing else to reach
            assert (service["cap_add"], service["network_mode"], service["restart"]) == (["CHOWN"], "none", "no"), name
            assert service["entrypoint"][0] == "chown" and len(service["volumes"]) == 1
        security = service["security_opt"]
        assert security[0] == "no-new-privileges:true"
        browser = service.get("build", {}).get("target") == "aistudio"
        assert security[1:] == (["seccomp=./config/seccomp/browser.json"] if browser else []), name
        if "build" in service:
            assert service["build"]["target"] in TARGETS
            assert service["user"] == "10001:10001"
    assert (ROOT / "config/seccomp/browser.json").is_file()
    assert profiles == {"default", "webai", "x11", "observability"}


def variables(service: str, **given: str) -> dict[str, str]:
    """The environment of a service of compose.yaml, with what the shell has given."""
    named = compose()["services"][service]["environment"]
    filled = {
        name: re.sub(r"\$\{(\w+):-([^}]*)}", lambda found: given.get(found[1]) or found[2], str(value))
        for name, value in named.items()
        if value is not None
    }
    return {name: value for name, value in filled.items() if name.startswith("SWITCHYARD")}


def test_the_router_of_compose_has_the_providers_whose_services_it_starts(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("server: {}\n")  # which turns on neither
    on = find_place(str(config), variables("router")).settings.providers
    assert on.aistudio is not None and on.aistudio.enabled and on.webai is not None and on.webai.enabled
    web = web_settings.load(config, None, {**variables("webai"), "HOME": str(tmp_path)}).settings
    assert on.webai.endpoint == web.endpoint == f"http://webai:{web.port}" and web.host == "0.0.0.0"
    off = find_place(str(config), variables("router", AISTUDIO="false", WEBAI="false")).settings.providers
    assert off.aistudio is not None and off.webai is not None and not off.aistudio.enabled and not off.webai.enabled


def test_the_window_of_a_sign_in_leaves_its_container_only_when_asked() -> None:
    service = compose()["services"]["aistudio"]
    at = "SWITCHYARD__PROVIDERS__AISTUDIO__LOGIN__NOVNC"
    assert variables("aistudio")[f"{at}_HOST"] == "127.0.0.1"
    assert variables("aistudio", NOVNC_HOST="0.0.0.0")[f"{at}_HOST"] == "0.0.0.0"
    assert service["ports"] == [f"127.0.0.1:${{NOVNC_PORT:-6080}}:{variables('aistudio')[f'{at}_PORT']}"]


def test_a_program_that_ends_since_it_hangs_is_started_again() -> None:
    for name, service in compose()["services"].items():
        assert service["restart"] == ("no" if name == "prometheus-folder" else "unless-stopped"), name


def test_grafana_has_no_account_that_anybody_could_know_the_password_of() -> None:
    service = compose()["services"]["grafana"]
    wanted = {
        "GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true",
        "GF_AUTH_BASIC_ENABLED": "false",
        "GF_AUTH_DISABLE_LOGIN_FORM": "true",  # also of a volume in which an older compose.yaml has made one
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
    }
    assert wanted.items() <= service["environment"].items()
    assert service["ports"] == ["127.0.0.1:${GRAFANA_PORT:-3000}:3000"]


def test_prometheus_asks_each_service_where_it_answers() -> None:
    jobs = yaml.safe_load((ROOT / "config/prometheus/containers.yml").read_text())["scrape_configs"]
    (router,) = [each["static_configs"] for each in jobs if each["job_name"] == "switchyard"]
    assert router == [{"targets": [f"router:{variables('router')['SWITCHYARD__SERVER__PORT']}"]}]
    (found,) = next(each["dns_sd_configs"] for each in jobs if each["job_name"] == "switchyard-aistudio")
    with_browsers = [
        name for name, each in compose()["services"].items() if each["image"] == "switchyard/aistudio:local"
    ]
    assert found["names"] == with_browsers
    for name in found["names"]:
        at = "SWITCHYARD__PROVIDERS__AISTUDIO__HEALTH"
        assert (variables(name)[f"{at}_HOST"], variables(name)[f"{at}_PORT"]) == ("0.0.0.0", str(found["port"]))
        assert not any(str(found["port"]) in each for each in compose()["services"][name].get("ports", []))


def test_what_prometheus_measures_outlives_its_container() -> None:
    service = compose()["services"]["prometheus"]
    (path,) = [word.partition("=")[2] for word in service["command"] if word.startswith("--storage.tsdb.path=")]
    assert {"type": "volume", "source": "prometheus", "target": path} in service["volumes"]
    assert any(word.startswith("--storage.tsdb.retention.size=") for word in service["command"])
    assert service["depends_on"] == {"prometheus-folder": {"condition": "service_completed_successfully"}}


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
@pytest.mark.parametrize("profile", ["default", "webai", "x11", "observability"])
def test_compose_takes_the_file(profile: str, tmp_path: Path) -> None:
    text = re.sub(
        r", bind: \{create_host_path: false\}", "", (ROOT / "compose.yaml").read_text()
    )  # newer than its 1.29
    (tmp_path / "compose.yaml").write_text(text)
    words = ["docker-compose", "--project-directory", str(ROOT), "-f", str(tmp_path / "compose.yaml")]
    done = subprocess.run(
        [*words, "--profile", profile, "config"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "router:" in done.stdout
