"""The image `aistudio` as its entry script starts it: a small supervisord that has the service, the window of a sign-in
and healthwatch. From the files that the image has, with the real service, and without a browser."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from supervisor.options import ServerOptions  # type: ignore[import-untyped]

from router import on_demand
from router.supervisord_rpc import FAILURES, asking
from services.aistudio.window import TOLD
from tests.e2e.test_supervision import until
from tests.ports import free_port
from tests.scripts.test_containers import ROOT, Image, compose, short

__all__ = ["short"]
CONF = "config/aistudio.supervisor.conf"
ALL = ("aistudio", *on_demand.NAMES, "healthwatch")


class Container:
    """The image of the service with a volume and a /tmp of its own. said: what it has written to its output so far."""

    def __init__(self, folder: Path) -> None:
        self.image = Image("aistudio", folder)
        self.tmp = folder / "tmp"
        for made in (self.tmp, self.image.volume):
            made.mkdir()
        self.ports = {"aistudio": free_port(), "healthwatch": self.image.watch_port}
        self.socket = self.tmp / "switchyard/supervisor.sock"
        self.said = b""
        self.image.environment |= {
            "TMPDIR": str(self.tmp),
            "SWITCHYARD__PROVIDERS__AISTUDIO__HEALTH_PORT": str(self.ports["aistudio"]),
            "SWITCHYARD__PROVIDERS__AISTUDIO__RELAY__URLS": f'["ws://127.0.0.1:{free_port()}/v1/ws"]',
            "SWITCHYARD__SUPERVISION__GRACE": "5",
            "SWITCHYARD__SUPERVISION__AGAIN": "0.5",
            "SWITCHYARD__SUPERVISION__EVERY": "0.5",
            "SWITCHYARD__SUPERVISION__FAILURES": "1",
        }

    @contextmanager
    def running(self, output: int) -> Iterator[subprocess.Popen[bytes]]:
        """As its engine starts it. output: what it writes to. It must end with 0 when it is asked to, with all that it
        has started."""
        environ = self.image.environment
        process = subprocess.Popen(
            self.image.command, cwd=self.image.tree, env=environ, stdout=output, stderr=output, start_new_session=True
        )
        os.close(output)
        try:
            until(lambda: all(self.answers(name) for name in self.ports))
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            until(lambda: not in_session(process.pid))
        finally:
            for pid in in_session(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait(60)

    def read(self, reader: Any) -> threading.Thread:
        """Keep what it says until its end."""

        def keep() -> None:
            while more := reader(65_536):
                self.said += more

        thread = threading.Thread(target=keep, daemon=True)
        thread.start()
        return thread

    def answers(self, name: str) -> bool:
        return self.image.ask("/healthz", self.ports[name])[0] == 200

    def pid(self, name: str) -> int:
        try:
            with asking(self.socket, 10) as rpc:
                return int(rpc.getProcessInfo(name)["pid"])
        except FAILURES:
            return 0

    def healed(self, name: str, number: int) -> None:
        """Signal it, and wait until another process answers."""
        before = self.pid(name)
        os.kill(before, number)
        until(lambda: self.pid(name) not in (0, before) and self.answers(name))


def in_session(leader: int) -> list[int]:
    """The processes that have begun below this one, those that are over excepted."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] not in "ZX":
                found.append(int(entry.parent.name))
    return found


def files(tree: Path) -> set[str]:
    return {f"{folder}/{name}" for folder, below, names in os.walk(tree) for name in (*below, *names)}


def test_what_ends_or_hangs_in_the_container_comes_back_and_a_signal_ends_all(short: Path) -> None:
    container = Container(short)
    before = files(container.image.tree)
    reading, writing = os.pipe()
    thread = container.read(lambda count: os.read(reading, count))
    assert not container.image.healthy()
    with container.running(writing) as process:
        assert container.image.healthy()
        left = shutil.which("Xvfb") is not None
        if left:  # as in the middle of a sign-in
            told = container.socket.with_name(TOLD)
            told.touch(mode=0o600)
            told.write_text("{}")
            with asking(container.socket, 10) as rpc:
                rpc.startProcess("xvfb", False)
            assert container.pid("xvfb")
        container.healed("aistudio", signal.SIGKILL)
        if left:
            until(lambda: not container.pid("xvfb"))
        container.healed("aistudio", signal.SIGSTOP)
        assert process.poll() is None
    thread.join(30)
    os.close(reading)
    assert b"healthwatch  aistudio: killed, because its /healthz does not answer" in container.said
    assert b"switchyard.aistudio" in container.said and b"stopping" in container.said
    assert files(container.image.tree) == before  # a read-only root file system would do


def test_an_output_that_cannot_be_opened_again_gets_the_logs_too(short: Path) -> None:
    container = Container(short)
    container.image.environment["SWITCHYARD__SUPERVISION__ENABLED"] = "false"
    del container.ports["healthwatch"]
    ours, theirs = socket.socketpair()
    with ours:
        thread = container.read(ours.recv)
        with container.running(theirs.detach()):
            container.healed("aistudio", signal.SIGKILL)  # and its output is opened anew
            until(lambda: container.said.count(b"switchyard.") > 1)
            assert not container.pid("healthwatch")  # the settings turn it off
        thread.join(30)


@pytest.fixture
def conf(short: Path, monkeypatch: pytest.MonkeyPatch) -> ServerOptions:
    for name in ("RUN", "OUTPUT"):
        monkeypatch.setenv(name, str(short))
    monkeypatch.setenv("HEALTHWATCH", "true")
    (short / "config").mkdir()
    (short / "logs").mkdir()
    shutil.copy(ROOT / CONF, short / "config")
    options = ServerOptions()
    options.configfile = str(short / CONF)
    with contextlib.chdir(short):
        options.process_config(do_usage=False)
    return options


def test_what_the_small_supervisord_has_and_that_an_engine_waits_for_all_of_it(conf: ServerOptions) -> None:
    found = {each.name: each for group in conf.process_group_configs for each in group.process_configs}
    assert set(found) == set(ALL)
    for name, each in found.items():
        assert each.autostart is (name not in on_demand.NAMES) and each.killasgroup, name
    assert [found[name].priority for name in ALL if name in on_demand.NAMES] == [11, 12, 13]
    waits = sum(each.stopwaitsecs for each in found.values())
    for name in ("aistudio", "aistudio-x11"):
        assert waits < float(compose()["services"][name]["stop_grace_period"].removesuffix("s")), name
    made = yaml.safe_load_all((ROOT / "config/kubernetes/aistudio.yaml").read_text())
    pod = next(each for each in made if each["kind"] == "StatefulSet")["spec"]["template"]["spec"]
    assert waits < pod["terminationGracePeriodSeconds"]
    shipped = (ROOT / "supervisor.conf").read_text()
    for name in on_demand.NAMES:  # the same in both, but for where they lie
        text = (ROOT / CONF).read_text().replace("%(here)s/..", "%(here)s")
        sections = [re.search(rf"\[program:{name}\]\n(\S.*\n)+", each) for each in (text, shipped)]
        assert sections[0] and sections[1] and sections[0][0] == sections[1][0], name
