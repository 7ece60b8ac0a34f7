"""supervisor.conf as supervisord itself reads it: how it keeps the programs, and that its waits lie above those of the
programs and below those of who stops it. Who stops the programs elsewhere waits as long."""

from __future__ import annotations

import contextlib
import inspect
import re
import shutil
import signal
from typing import Any

import annotated_types
import msgspec
import pytest
import yaml
from pydantic import BaseModel, ValidationError
from supervisor.datatypes import RestartUnconditionally  # type: ignore[import-untyped]
from supervisor.options import ServerOptions  # type: ignore[import-untyped]

from router import places
from router.cli import supervision
from router.server.parent import MARGIN
from router.settings.processes import TAKEN, OwnService
from router.settings.server import Timeouts
from router.settings.webai_blocks import WebAITimeouts
from services.aistudio.__main__ import DRAIN as AISTUDIO_DRAIN
from services.webai.settings import Timeouts as OwnTimeouts

CLOSING = 12.0
"""Seconds that a service takes at most after its drain, for what is still open to be closed."""


def longest_drain(block: type[BaseModel] = Timeouts) -> float:
    limits = [limit.le for limit in block.model_fields["drain"].metadata if isinstance(limit, annotated_types.Le)]
    return min(float(str(limit)) for limit in limits)


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> ServerOptions:
    """supervisor.conf, in a checkout with nothing else, as supervisord would go by it."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(places.ROOT / "supervisor.conf", folder)
    for made in ("logs", "state/run"):
        (folder / made).mkdir(parents=True)
    options = ServerOptions()
    options.configfile = str(folder / "supervisor.conf")
    with contextlib.chdir(folder):
        options.process_config(do_usage=False)
    return options


def programs(conf: ServerOptions) -> dict[str, Any]:
    return {each.name: each for group in conf.process_group_configs for each in group.process_configs}


def stop_waits(conf: ServerOptions) -> dict[str, int]:
    return {name: each.stopwaitsecs for name, each in programs(conf).items()}


MIB = 1024 * 1024


def test_nobody_else_may_talk_to_supervisord(conf: ServerOptions) -> None:
    (server,) = conf.configroot.supervisord.server_configs
    assert server["file"].endswith("/" + str(supervision.SOCKET)) and server["chmod"] == 0o600
    assert conf.umask == 0o027 and conf.nodaemon is False
    assert conf.pidfile == str(supervision.PID_FILE)
    assert (conf.logfile_maxbytes, conf.logfile_backups) == (5 * MIB, 3)


def test_how_supervisord_keeps_each_program(conf: ServerOptions) -> None:
    found = programs(conf)
    assert set(found) == TAKEN
    for name, each in found.items():
        assert each.autorestart is RestartUnconditionally, name
        assert each.autostart is (name == "router"), name  # the settings decide about the others
        assert (each.startsecs, each.startretries, each.stopsignal) == (2, 3, signal.SIGTERM), name
        # its children go with a killed one; told to end, the AI Studio service closes its browser by itself
        assert each.killasgroup and each.stopasgroup is (name != "aistudio"), name
        log = (5 * MIB, 3) if name == "healthwatch" else (20 * MIB, 5)
        assert each.redirect_stderr and (each.stdout_logfile_maxbytes, each.stdout_logfile_backups) == log, name
        assert each.stdout_logfile.endswith(f"logs/{name}.log") and each.environment == {"PYTHONUNBUFFERED": "1"}, name
    assert min(found.values(), key=lambda each: each.priority).name == "router"  # first up, last down
    assert max(found.values(), key=lambda each: each.priority).name == "healthwatch"


def test_the_services_get_their_whole_drain(conf: ServerOptions) -> None:
    waits = stop_waits(conf)
    assert waits["webai"] >= longest_drain(WebAITimeouts) + CLOSING
    assert waits["aistudio"] >= AISTUDIO_DRAIN + CLOSING


def test_a_drain_of_webai_that_supervisord_would_cut_short_is_a_mistake_in_both_files() -> None:
    longest = longest_drain(WebAITimeouts)
    assert WebAITimeouts(drain=longest).drain == longest
    with pytest.raises(ValidationError, match="drain"):
        WebAITimeouts(drain=longest + 1)
    assert msgspec.convert({"drain": longest}, OwnTimeouts).drain == longest
    with pytest.raises(msgspec.ValidationError, match="drain"):
        msgspec.convert({"drain": longest + 1}, OwnTimeouts)


def test_a_router_gets_its_whole_drain(conf: ServerOptions) -> None:
    waits = stop_waits(conf)
    assert waits["router"] >= longest_drain() + MARGIN
    down = inspect.signature(supervision.shut_down).parameters["within"].default
    unit = (places.ROOT / "scripts" / "systemd" / "switchyard.service").read_text(encoding="utf-8")
    found = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert found is not None and max(waits.values()) < down < int(found[1])
    with pytest.raises(ValidationError, match="stop_seconds"):  # of a program of one's own, which is waited for as well
        OwnService(name="own", command=("x",), stop_seconds=max(waits.values()) + 1)


def test_in_containers_each_gets_its_whole_drain_too() -> None:
    drains = {
        "router": longest_drain() + MARGIN,
        "aistudio": AISTUDIO_DRAIN + CLOSING,
        "aistudio-x11": AISTUDIO_DRAIN + CLOSING,
        "webai": longest_drain(WebAITimeouts) + CLOSING,
    }
    compose = yaml.safe_load((places.ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    waits = [(name, float(compose[name]["stop_grace_period"].removesuffix("s"))) for name in drains]
    for name in ("router", "aistudio"):
        made = yaml.safe_load_all((places.ROOT / f"config/kubernetes/{name}.yaml").read_text(encoding="utf-8"))
        pod = next(each for each in made if each["kind"] == "StatefulSet")["spec"]["template"]["spec"]
        waits.append((name, pod["terminationGracePeriodSeconds"]))
    assert [(name, wait) for name, wait in waits if wait < drains[name]] == []


def test_a_drain_that_supervisord_would_cut_short_is_a_mistake() -> None:
    assert Timeouts(drain=longest_drain()).drain == longest_drain()
    with pytest.raises(ValidationError, match="drain"):
        Timeouts(drain=longest_drain() + 1)
