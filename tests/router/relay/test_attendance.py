"""Who should be here and is not, and who was."""

from __future__ import annotations

import pytest

from router.relay.attendance import GONE, MOST, NEVER, REMEMBERED, Attendance, Present, Wanted, wanted_by
from router.settings.schema import Settings

STUDIO = Wanted("aistudio", program="aistudio", remedy="start it")
DESK = Present("aistudio", "desk")


def test_what_is_turned_on_is_missed_from_the_first_look_on() -> None:
    seen = Attendance()
    for now in (100.0, 160.0):
        (absent,) = seen.look([], [STUDIO], now)
        assert (absent.service, absent.name, absent.since, absent.cause) == ("aistudio", "", 100.0, NEVER)
        assert absent.wanted and absent.remedy == "start it"
    assert seen.look([DESK], [STUDIO], 170.0) == []
    (absent,) = seen.look([], [STUDIO], 200.0)
    assert (absent.name, absent.since, absent.cause) == ("desk", 200.0, GONE)
    assert seen.look([], [], 210.0)[0].wanted is False  # it was turned off meanwhile


def test_a_reason_is_told_and_one_that_nobody_waits_for_has_just_gone() -> None:
    seen = Attendance()
    laptop = Present("aistudio", "laptop", why=lambda: "it stops")
    assert seen.look([DESK, laptop, Present("webai", "laptop")], [STUDIO], 10.0) == []
    first, second = seen.look([DESK], [STUDIO], 20.0)
    assert (first.service, first.name, first.cause, first.wanted) == ("aistudio", "laptop", "it stops", False)
    assert (second.service, second.name) == ("webai", "laptop")
    assert [each.service for each in seen.look([DESK, laptop], [STUDIO], 30.0)] == ["webai"]
    assert seen.look([DESK, laptop], [STUDIO], 20.0 + REMEMBERED) == []


def test_a_page_that_somebody_closes_is_no_news_unless_it_was_what_served() -> None:
    seen = Attendance()
    page = Present("aistudio", "browser-key-1", plain=True)
    seen.look([page], [], 10.0)
    assert seen.look([], [], 20.0) == []
    assert seen.look([], [STUDIO], 30.0)[0].since == 20.0


def test_only_so_many_are_remembered() -> None:
    seen = Attendance()
    for at in range(MOST + 5):
        seen.look([Present("webai", f"w{at:03}")], [], float(at))
    names = [each.name for each in seen.look([], [], 1000.0)]
    assert len(names) == MOST and "w000" not in names and f"w{MOST + 4:03}" in names


@pytest.mark.parametrize(
    ("block", "wanted"),
    [
        ({}, []),
        ({"providers": {"aistudio": {}, "webai": {}}}, [("aistudio", "", "aistudio", "logs/aistudio.log")]),
        (
            {"providers": {"aistudio": {"enabled": False}, "webai": {"enabled": True}}},
            [("webai", "", "webai", "make up")],
        ),
        ({"providers": {"aistudio": {"service": {"start": False}}}}, [("aistudio", "", "", "service key")]),
        (
            {"services": [{"name": "mine", "command": "x", "relay": True}, {"name": "other", "command": "y"}]},
            [("", "mine", "mine", "logs/mine.log")],
        ),
    ],
)
def test_what_the_settings_turn_on(block: dict[str, object], wanted: list[tuple[str, str, str, str]]) -> None:
    found = wanted_by(Settings.model_validate(block))
    assert [(each.service, each.name, each.program) for each in found] == [each[:3] for each in wanted]
    assert all(each[3] in one.remedy for each, one in zip(wanted, found, strict=True))
