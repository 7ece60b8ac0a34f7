"""Which calls are recorded, and that nobody waits for the writer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from router.hidden import Hidden
from router.observe.records.folder import RecordFolder, opened
from router.observe.records.recorder import Recorder, told
from router.settings.schema import Observe
from router.trace import Trace
from tests.router.observe.records.making import call_id, record, trace

NOW = 1_790_000_000.0


class Slow(RecordFolder):
    """A disk that writes when it is let."""

    def __init__(self, state: Path) -> None:
        super().__init__(state, lambda: opened(state))
        self.begun, self.go = threading.Event(), threading.Event()

    def write(self, call_id: str, stages: Mapping[str, Any], *, sealed: bool) -> None:
        self.begun.set()
        assert self.go.wait(10)
        super().write(call_id, stages, sealed=sealed)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Slow]:
    one = Slow(tmp_path)
    yield one
    one.go.set()


def recorder(disk: Slow, observe: Observe, **bounds: int) -> Recorder:
    return Recorder(disk, lambda: observe, lambda: NOW, **bounds)


def kept(disk: Slow, one: Recorder) -> list[str]:
    disk.go.set()
    one.close()
    return sorted(str(each["id"]) for each in disk.newest())


@pytest.mark.parametrize(
    ("outcome", "tries", "errors"),
    [
        ("ok", ("ok",), False),
        ("ok", ("overloaded", "ok"), True),
        ("ok", ("cancelled", "ok"), False),
        ("cancelled", ("cancelled",), False),
        ("not_found", (), True),
    ],
)
def test_which_are_errors(disk: Slow, outcome: str, tries: tuple[str, ...], errors: bool) -> None:
    one = recorder(disk, Observe(request_log="errors"))
    one.over(trace(), record(call_id(NOW), outcome, *tries))
    assert len(kept(disk, one)) == errors


def test_a_header_counts_where_it_may(disk: Slow) -> None:
    off, on = recorder(disk, Observe()), recorder(disk, Observe(request_log_by_header=True))
    wish, none = {"x-switchyard-record": "1"}, {"x-switchyard-record": "0"}
    assert [each.wanted(headers) for each in (off, on) for headers in (wish, none, {})] == [False] * 3 + [True] + [
        False
    ] * 2


def test_who_was_not_let_in_fills_no_disk(disk: Slow) -> None:
    one = recorder(disk, Observe(request_log="all"))
    stranger = record(call_id(NOW), "unauthenticated")
    stranger.caller = None
    one.over(trace(), stranger)
    assert kept(disk, one) == []


def test_what_has_no_room_is_dropped_and_counted(disk: Slow) -> None:
    one = recorder(disk, Observe(request_log="all"), waiting=2)
    one.over(trace(), record(call_id(NOW)))
    assert disk.begun.wait(10)  # one is being written, two wait
    for number in range(1, 6):
        one.over(trace(), record(call_id(NOW, number)))
    assert one.dropped == 3
    assert len(kept(disk, one)) == 3


def test_the_bytes_that_wait_are_bounded_too(disk: Slow) -> None:
    one = recorder(disk, Observe(request_log="all"), held=2500)
    for number in range(3):
        one.over(trace(b"x" * 600), record(call_id(NOW, number)))
    assert one.dropped == 1
    assert len(kept(disk, one)) == 2


def test_too_much_goes_as_it_is_written(disk: Slow) -> None:
    one = recorder(disk, Observe(request_log="all", request_log_bytes=9000))
    for number in range(8):
        one.over(trace(b"x" * 1000), record(call_id(NOW, number)))
    names = kept(disk, one)
    assert names == [call_id(NOW, number) for number in range(8)][-len(names) :]
    assert 0 < len(names) < 8


def test_a_disk_that_does_not_write_is_told_once(disk: Slow, caplog: pytest.LogCaptureFixture) -> None:
    (disk.path).write_text("in the way")
    one = recorder(disk, Observe(request_log="all"))
    for number in range(3):
        one.over(trace(), record(call_id(NOW, number)))
    disk.go.set()
    one.close()
    assert one.dropped == 3
    assert len([each for each in caplog.records if "cannot be recorded" in each.getMessage()]) == 1


def test_a_call_that_is_over_gives_its_room_back(disk: Slow) -> None:
    one = recorder(disk, Observe())
    before = one.room.left
    call = Trace("POST", "/", "", {}, Hidden(), one.room)
    call.told({"type": "http.response.body", "body": b"x" * 100})
    assert one.room.left == before - 100
    one.over(call, record(call_id(NOW)))
    assert one.room.left == before


@pytest.mark.parametrize(
    ("observe", "words"),
    [
        (Observe(), ()),
        (Observe(request_log="all", request_log_encrypted=False), ("all calls", "7 days", "in plain text")),
        (Observe(request_log="errors"), ("calls that go wrong", "encrypted")),
        (Observe(request_log_by_header=True), ("calls that ask for it",)),
    ],
)
def test_that_content_is_kept_is_said(observe: Observe, words: tuple[str, ...]) -> None:
    said = " ".join(told(observe))
    assert bool(said) == bool(words)
    assert all(each in said for each in words)


def test_keys_whose_calls_are_all_kept_are_named() -> None:
    assert ["'laptop'" in line and "7 days, encrypted" in line for line in told(Observe(), ["laptop"])] == [True]
