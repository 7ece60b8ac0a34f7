"""Programs of the operator's own: a file each, taken in by supervisord, and gone when the settings lose them."""

from __future__ import annotations

import shlex
import stat
import xmlrpc.client
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from supervisor.options import UnhosedConfigParser  # type: ignore[import-untyped]

from router.cli import own_programs, services
from router.cli.services import Wanted
from router.cli.talk import Place
from router.settings.processes import OwnService
from router.settings.schema import Settings

WORDS = st.text(st.characters(codec="utf-8").filter(str.isprintable), max_size=20)


class Supervisord:
    """Reads the folder as supervisord does, and notes what is started and stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[str, str] = {}
        self.running: set[str] = set()

    def reloadConfig(self) -> list[list[list[str]]]:
        files = {path.stem: path.read_text() for path in self.folder.glob("*.conf")}
        added = [name for name in files if name not in self.known]
        changed = [name for name in files if name in self.known and files[name] != self.known[name]]
        removed = [name for name in self.known if name not in files]
        self.files = files
        return [[added, changed, removed]]

    def stopProcessGroup(self, name: str) -> None:
        self.running.discard(name)

    def removeProcessGroup(self, name: str) -> None:
        if name in self.running:
            raise xmlrpc.client.Fault(91, "STILL_RUNNING")
        del self.known[name]

    def addProcessGroup(self, name: str) -> None:
        self.known[name] = self.files[name]


def settings(*entries: dict[str, Any], **more: Any) -> Settings:
    return Settings.model_validate({"services": list(entries), **more})


def test_files_follow_the_settings_and_supervisord_follows_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    rpc = Supervisord(folder)
    first = settings({"name": "one", "command": ["a", "b c"]}, {"name": "two", "command": "x --y 'z z'"})
    assert own_programs.follow(rpc, first, folder) == []
    assert sorted(rpc.known) == ["one", "two"]
    assert stat.S_IMODE((folder / "one.conf").stat().st_mode) == 0o600
    assert own_programs.follow(rpc, first, folder) == []
    rpc.running = {"one", "two"}
    second = settings({"name": "one", "command": ["other"]})
    assert own_programs.follow(rpc, second, folder) == ["two has been stopped: the settings have it no more."]
    assert rpc.running == set() and '"other"' in rpc.known["one"]
    assert [path.name for path in folder.iterdir()] == ["one.conf"]


def test_what_cannot_be_taken_out_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    rpc = Supervisord(folder)
    own_programs.follow(rpc, settings({"name": "one", "command": "x"}), folder)
    rpc.stopProcessGroup = lambda name: None  # type: ignore[method-assign]
    rpc.running = {"one"}
    assert own_programs.follow(rpc, settings(), folder) == ["one could not be taken out: STILL_RUNNING"]


@pytest.mark.parametrize("fails", ["reloadConfig", "addProcessGroup"])
def test_what_supervisord_did_not_take_in_it_is_given_again_by_the_next_run(tmp_path: Path, fails: str) -> None:
    folder = tmp_path / "conf.d"
    rpc = Supervisord(folder)
    works = getattr(rpc, fails)

    def refuse(*_: str) -> None:
        raise xmlrpc.client.Fault(92, "CANT_REREAD")

    setattr(rpc, fails, refuse)
    wanted = settings({"name": "one", "command": "x"})
    for _ in range(2):
        (told,) = own_programs.follow(rpc, wanted, folder)
        assert "CANT_REREAD" in told and rpc.known == {}
    setattr(rpc, fails, works)
    assert own_programs.follow(rpc, wanted, folder) == [] and list(rpc.known) == ["one"]
    setattr(rpc, fails, refuse)  # it knows all of it: nobody asks any more
    assert own_programs.follow(rpc, wanted, folder) == []
    assert [path.name for path in folder.iterdir()] == ["one.conf"]


@given(st.lists(WORDS, min_size=1))
@example(["sh", "-c", "sleep 1 ; exec x # y", ";", "# %(here)s", '\\" ;'])
@example([" ;;", "  ## ;", "a;b#c"])
def test_every_word_of_a_command_arrives_as_it_is(words: list[str]) -> None:
    parser = UnhosedConfigParser()
    parser.read_string(own_programs.written(OwnService(name="p", command=tuple(words))))
    assert shlex.split(parser.saneget("program:p", "command", expansions={"here": "x"})) == words


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"name": "router", "command": "x"}, "of ours"),
        ({"name": "../x", "command": "x"}, "name"),
        ({"name": "p", "command": []}, "command"),
        ({"name": "p", "command": ["a\nb"]}, "control characters"),
        ({"name": "p", "command": "x", "url": "http://elsewhere:1"}, "on this machine"),
    ],
)
def test_what_cannot_be_is_refused(entry: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        settings(entry)


def test_they_and_healthwatch_are_wanted_as_the_settings_say(tmp_path: Path) -> None:
    made = settings({"name": "own", "command": "x", "url": "http://127.0.0.1:9/"}, supervision={"enabled": False})
    place = Place(made, tmp_path / "config.yaml", tmp_path)
    wanted = {each.name: services.wanted(place, each, tmp_path) for each in services.programs(made)}
    assert wanted["own"] == Wanted(True) and wanted["healthwatch"] == Wanted(False)
    own = services.program(made, "own")
    assert own is not None and own.readyz(made) == "http://127.0.0.1:9/readyz"
    on = settings(supervision={"port": 8000})
    watch = services.program(on, "healthwatch")
    assert watch is not None and watch.on(on) and watch.readyz(on) == "http://127.0.0.1:8000/readyz"


@pytest.mark.parametrize(("seconds", "written"), [(60.0, "60"), (0.5, "1"), (99.5, "100")])
def test_the_time_to_stop_is_written_in_whole_seconds(seconds: float, written: str) -> None:
    entry = OwnService(name="own", command=["x"], stop_seconds=seconds)
    assert f"\nstopwaitsecs={written}\n" in own_programs.written(entry)
