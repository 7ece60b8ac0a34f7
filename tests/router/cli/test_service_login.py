"""``switchyard login aistudio`` before a gateway that answers from a script."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from router.cli.login_command import Wishes, login
from router.cli.login_desks import View
from router.cli.service_login import FAILED, OK, UNREACHABLE
from router.cli.service_login import login as sign_in
from router.cli.talk import Place, Refused
from tests.ports import free_port
from tests.router.cli.test_login import Person

WAITING = {"login_id": "a", "profile": "work", "state": "waiting", "message": "Look at the window that has opened."}
LINKED = {**WAITING, "message": "Open it", "vnc_url": "http://127.0.0.1:6080/#password=x"}
DONE = {**WAITING, "state": "done", "message": "Signed in."}
LOST = {**WAITING, "state": "failed", "message": "Nobody signed in."}


class Desk:
    """Answers in order."""

    def __init__(self, *views: View | Refused) -> None:
        self.views = list(views)
        self.options: Mapping[str, Any] = {}
        self.cancelled = ""

    def __call__(self, place: Place, provider: str) -> Desk:
        assert provider == "aistudio"
        return self

    def begin(self, options: Mapping[str, Any]) -> View:
        self.options = options
        return self.look("")

    def look(self, login_id: str) -> View:
        view = self.views.pop(0)
        if isinstance(view, Refused):
            raise view
        return view

    def cancel(self, login_id: str) -> View:
        self.cancelled = login_id
        return LOST


def test_the_link_is_printed_once_and_the_profile_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    person, desk = Person(), Desk(LINKED, LINKED, DONE)
    assert sign_in("work", False, terminal=person, desk_of=desk) == OK  # type: ignore[arg-type]
    assert person.said == ["Open it", f"  {LINKED['vnc_url']}", "Signed in."]
    assert (desk.options, capsys.readouterr().out) == ({"profile": "work"}, "work\n")


def test_a_window_is_named_and_a_failure_fails(capsys: pytest.CaptureFixture[str]) -> None:
    person, desk = Person(), Desk(WAITING, LOST)
    assert sign_in(None, True, terminal=person, desk_of=desk) == FAILED  # type: ignore[arg-type]
    assert person.said == [WAITING["message"], "Nobody signed in."]
    assert [json.loads(line)["state"] for line in capsys.readouterr().out.splitlines()] == ["waiting", "failed"]
    assert desk.options == {}


def test_a_person_who_interrupts_gives_it_up() -> None:
    def interrupt(person: Person) -> str | None:
        raise KeyboardInterrupt

    desk = Desk(WAITING)
    assert sign_in(None, False, terminal=Person(interrupt), desk_of=desk) == FAILED  # type: ignore[arg-type]
    assert desk.cancelled == "a"


def test_a_gateway_that_refuses_and_one_that_is_not_there_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, desk = Person(), Desk(Refused("no service is connected"))
    assert sign_in(None, False, terminal=person, desk_of=desk) == FAILED  # type: ignore[arg-type]
    assert person.said == ["no service is connected"]
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"server": {"port": free_port(), "state_dir": str(tmp_path / "state")}}))
    for name in ("aistudio", "ai-studio"):
        person = Person()
        assert login(name, Wishes(), str(config), terminal=person) == UNREACHABLE
        assert "services.aistudio login" in person.told
