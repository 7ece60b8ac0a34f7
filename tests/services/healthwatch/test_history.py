"""What programs were started anew for: supervisord's own words, one entry for one event, and a file of any kind."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.healed import DAY, MOST, Healed, read
from services.healthwatch.history import History, ends, told

NOW = 1_790_000_000.0
KEYS = st.sampled_from(["at", "kind", "why", "p"])
LOG = """2026-11-28 17:03:01,101 INFO spawned: 'router' with pid 17
2026-11-28 17:03:02,250 WARN exited: router (terminated by SIGKILL; not expected)
2026-11-28 17:03:02,300 INFO stopped: webai (exit status 0)
2026-11-28 17:03:03,000 INFO exited: aistudio (exit status 0; expected)
2026-11-28 17:03:04,000 WARN exited: own program (exit status 1; not expected)
INFO exited: cut (exit
2026-13-41 17:03:04,000 WARN exited: webai (exit status 1; not expected)
2026-11-28 17:03:05,000 INFO waiting for router to stop
"""


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_what_supervisord_says_of_programs_that_ended_by_themselves() -> None:
    at = 1_795_885_382.25
    assert ends(LOG) == [("router", at, "terminated by SIGKILL"), ("aistudio", at + 0.75, "exit status 0")]


def test_one_event_is_told_once() -> None:
    history = History()
    ended = Healed(at=NOW, kind="ended", why="terminated by SIGSEGV")
    assert history.add("p", ended) and not history.add("p", ended)
    assert history.add("q", ended)
    killed = Healed(at=NOW + 100, kind="killed", why="it hangs")
    assert history.add("p", killed)
    assert not history.add("p", Healed(at=NOW + 101, kind="ended", why="terminated by SIGKILL"))  # by us
    assert history.add("p", Healed(at=NOW + 170, kind="ended", why="exit status 1"))
    assert [each.kind for each in history.of["p"]] == ["ended", "killed", "ended"]


def test_it_is_bounded_and_of_the_last_day() -> None:
    history = History()
    for number in range(3 * MOST):
        history.add("p", Healed(at=NOW + 60 * number, kind="restarted", why="x" * 5000))
    assert len(history.of["p"]) == MOST and len(history.of["p"][0].why) < 5000
    assert len(told(history.of, NOW + 60 * 59)["p"]) == MOST
    assert told(history.of, NOW + 60 * 59 + DAY) == {}
    assert read(told(history.of, NOW)) == history.of


def test_what_supervisords_log_still_has_counts_once_though_it_was_dropped_here() -> None:
    history = History()
    ended = [Healed(at=NOW + 60 * number, kind="ended", why="exit status 1") for number in range(MOST + 10)]
    assert all(history.add("p", each) for each in ended)
    kept = list(history.of["p"])
    assert not any(history.add("p", each) for each in ended)
    assert history.of["p"] == kept == ended[-MOST:]


@given(
    st.recursive(
        st.none() | st.floats() | st.text() | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    )
)
def test_whatever_stands_in_the_file_is_read(kept: object) -> None:
    for entries in read(kept).values():
        assert all(isinstance(each.why, str) and each.at > 0 for each in entries)
