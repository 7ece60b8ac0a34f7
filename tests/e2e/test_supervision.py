"""healthwatch beside a real supervisord: programs that wedge, fail, crash or find their port taken are healed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import xmlrpc.client
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from router.healed import Healed, lately
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
WITHIN = 45.0
PROGRAM = """
import http.server, json, os, pathlib, sys, threading
name, port = sys.argv[1], int(sys.argv[2])
with open(f"{name}.starts", "a") as starts:
    starts.write("x")
if pathlib.Path(f"{name}.crash").exists():
    sys.exit("told to crash")
if pathlib.Path(f"{name}.short").exists():
    threading.Timer(1.5, os._exit, [3]).start()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        told = pathlib.Path(f"{name}.causes")
        causes = json.loads(told.read_text()) if told.exists() and self.path == "/readyz" else []
        body = json.dumps({"ready": not causes, "causes": causes}).encode()
        self.send_response(503 if causes else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer.allow_reuse_address = True
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def until(holds: Callable[[], Any], within: float = WITHIN) -> Any:
    """Wait for something about other processes, which tell nobody. Raises AssertionError."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


class Supervised:
    """A folder with a supervisord and its programs."""

    def __init__(self, folder: Path, ports: dict[str, int], watch: int) -> None:
        self.folder = folder
        self.ports = ports
        self.watch = watch

    @contextmanager
    def rpc(self) -> Iterator[Any]:
        from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]

        transport = SupervisorTransport(None, None, serverurl=f"unix://{self.folder}/state/run/supervisor.sock")
        try:
            yield xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor
        finally:
            transport.close()

    def info(self, name: str) -> dict[str, Any]:
        with self.rpc() as rpc:
            found: dict[str, Any] = rpc.getProcessInfo(name)
            return found

    def pid(self, name: str) -> int:
        return int(self.info(name)["pid"])

    def answers(self, name: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}/healthz", timeout=2) as answer:
                return int(answer.status) == 200
        except OSError:
            return False

    def healed(self, name: str, before: int) -> bool:
        """Whether another process answers for `name`."""
        info = self.info(name)
        return info["statename"] == "RUNNING" and info["pid"] not in (0, before) and self.answers(name)

    def healed_lately(self) -> dict[str, list[Healed]]:
        """What `status` has to say of it."""
        return lately(self.folder / "state", time.time())

    def log(self) -> str:
        return (self.folder / "logs" / "healthwatch.log").read_text()

    def page(self, path: str) -> str:
        """What healthwatch says; nothing where it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.watch}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The folder of the logs, on a disk of its own with 4 MiB."""
    folder = tmp_path / "logs"
    folder.mkdir()
    mounted = ("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder))
    if shutil.which("mount") is None or subprocess.run(mounted, check=False, capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write until the disk takes no more."""
    with path.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(b"x" * 65_536)


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    names = ("router", "aistudio", "webai", "own", "taken")
    ports = {name: free_port() for name in names}
    watch = free_port()
    for folder in ("state/run", "logs"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "config.yaml").write_text(
        f"server: {{port: {ports['router']}, state_dir: {tmp_path}/state}}\n"
        f"supervision: {{port: {watch}, every: 0.5, again: 0.2, failures: 2, grace: 1, most_per_hour: 20,"
        f" disk_free: 1}}\n"
        f"providers: {{aistudio: {{health_port: {ports['aistudio']}}}, webai: {{port: {ports['webai']}}}}}\n"
        f"services:\n"
        f"  - {{name: own, command: x, url: 'http://127.0.0.1:{ports['own']}'}}\n"
        f"  - {{name: taken, command: x, url: 'http://127.0.0.1:{ports['taken']}'}}\n"
    )
    head = (
        "[unix_http_server]\nfile=state/run/supervisor.sock\nchmod=0600\n[supervisord]\nnodaemon=true\n"
        "logfile=logs/supervisord.log\npidfile=state/run/supervisord.pid\n"
        "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
    )
    common = (
        "autorestart=true\nstartsecs=0.5\nstartretries=1\nstopasgroup=true\nkillasgroup=true\nredirect_stderr=true\n"
        "stopwaitsecs=2\n"
    ).replace("startsecs=0.5", "startsecs=1")
    programs = "".join(
        f"[program:{name}]\ncommand={sys.executable} program.py {name} {port}\ndirectory={tmp_path}\n{common}"
        f"autostart={'false' if name == 'taken' else 'true'}\nstdout_logfile=logs/{name}.log\n"
        for name, port in ports.items()
    )
    watcher = (
        f"[program:healthwatch]\ncommand={sys.executable} -m services.healthwatch --config {tmp_path}/config.yaml\n"
        f'directory={tmp_path}\nenvironment=PYTHONPATH="{ROOT}",PYTHONUNBUFFERED="1"\n{common}'
        "autostart=true\nstdout_logfile=logs/healthwatch.log\n"
    )
    (tmp_path / "supervisor.conf").write_text(head + programs + watcher)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHYARD")}
    process = subprocess.Popen(
        [sys.executable, "-m", "supervisor.supervisord", "-c", "supervisor.conf"], cwd=tmp_path, env=environment
    )
    made = Supervised(tmp_path, ports, watch)
    try:
        until(lambda: (tmp_path / "state/run/supervisor.sock").exists(), 20)
        until(lambda: all(made.answers(name) for name in names if name != "taken"), 20)
        until(lambda: made.page("/metrics").count("} 1") >= 4, 20)
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_whatever_goes_wrong_is_noticed_and_healed(supervised: Supervised) -> None:
    one = supervised
    pids = {name: one.pid(name) for name in ("router", "aistudio", "webai", "own", "healthwatch")}
    began = time.monotonic()
    # a wedged process, one that says that a restart helps, one that says that none does, one that crashes
    os.kill(pids["router"], signal.SIGSTOP)
    helps = '[{"cause": "stuck", "text": "3 requests wait", "restart_helps": true}]'
    (one.folder / "webai.causes").write_text(helps)
    (one.folder / "aistudio.causes").write_text('[{"cause": "no_browser", "text": "none", "restart_helps": false}]')
    (one.folder / "own.crash").touch()
    os.kill(pids["own"], signal.SIGKILL)
    # and one whose port somebody else has
    with closing(socket.socket()) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", one.ports["taken"]))
        holder.listen()
        with one.rpc() as rpc:
            rpc.startProcess("taken", False)
        until(lambda: one.healed("router", pids["router"]))
        until(lambda: one.pid("webai") not in (0, pids["webai"]))
        (one.folder / "webai.causes").unlink()
        until(lambda: "taken: started, because it is fatal" in one.log())
        until(lambda: "own: started, because it is fatal" in one.log())
        assert 'switchyard_healthwatch_up{program="taken"} 0' in one.page("/metrics")
    (one.folder / "own.crash").unlink()
    until(lambda: one.healed("own", pids["own"]))
    until(lambda: one.healed("taken", 0))
    assert one.pid("aistudio") == pids["aistudio"]  # a missing browser restarts nothing
    assert "router: killed, because its /healthz does not answer" in one.log()
    assert "webai: restarted, because 3 requests wait" in one.log()
    assert [each.kind for each in one.healed_lately()["router"]] == ["killed"]
    print(f"healed: wedged, stuck, crash loop, taken port, in {time.monotonic() - began:.1f} s")


def test_whoever_is_killed_comes_back(supervised: Supervised) -> None:
    one = supervised
    for name in ("router", "aistudio", "webai", "own"):
        before = one.pid(name)
        os.kill(before, signal.SIGKILL)
        until(lambda name=name, before=before: one.healed(name, before))  # type: ignore[misc]
    before = one.pid("healthwatch")
    os.kill(before, signal.SIGKILL)
    until(lambda: one.pid("healthwatch") not in (0, before))
    until(lambda: one.page("/metrics").count("} 1") >= 4)
    killed = ("router", "aistudio", "webai", "own", "healthwatch")
    healed = until(lambda: (found := one.healed_lately()) and set(killed) <= found.keys() and found)
    for name in killed:
        assert [(each.kind, each.why) for each in healed[name]] == [("ended", "terminated by SIGKILL")], name


def test_a_program_that_ends_soon_after_each_start_is_told(supervised: Supervised) -> None:
    one = supervised
    (one.folder / "own.short").touch()
    os.kill(one.pid("own"), signal.SIGKILL)
    until(lambda: "own: crash loop: 4 starts in" in one.page("/readyz"))
    assert "see logs/own.log" in one.page("/readyz")
    (one.folder / "own.short").unlink()
    before = one.pid("own")
    until(lambda: one.healed("own", before))
    assert "own: killed" not in one.log() and "own: restarted" not in one.log()


def test_a_full_disk_of_logs_is_made_room_on_or_told_and_stops_nobody(small_disk: Path, supervised: Supervised) -> None:
    one = supervised
    fill(small_disk / "own.log.1")  # what supervisord has put aside
    until(lambda: not (small_disk / "own.log.1").exists())
    until(lambda: "removed old logs (own.log.1)" in one.log())
    assert shutil.disk_usage(small_disk).free > 1024 * 1024
    fill(small_disk / "somebody's")  # and what is nobody's to remove
    until(lambda: "the disk of logs has 0 MiB left" in one.page("/readyz"))
    assert (small_disk / "somebody's").exists()
    before = one.pid("own")
    os.kill(before, signal.SIGKILL)
    until(lambda: one.healed("own", before))
    assert all(one.answers(name) for name in ("router", "aistudio", "webai"))
    (small_disk / "somebody's").unlink()
    until(lambda: "disk" not in one.page("/readyz"))
