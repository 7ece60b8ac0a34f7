"""The journal: every entry on disk at once, files that follow one another, and gaps that are told."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from router.call import Caller, Record, Try
from router.usage import journal as module
from router.usage.entries import Closed, Opened, Tokens, closed, decode, encode, lost, opened
from router.usage.follow import Follower
from router.usage.journal import Journal, left_behind, owners, remove_files, segments_of
from router.wire.events import Usage
from router.wire.written import Note


def begun(number: int) -> Opened:
    return Opened(id=f"r{number}", at=float(number), key_name="k", asked="m", provider="p", model="m")


def over(number: int) -> Closed:
    return Closed(id=f"r{number}", at=float(number), key_name="k", tokens=Tokens(number, output=2), cost=number)


def read(follower: Follower) -> list[str]:
    """The ids of all calls that are over, accepted."""
    ids: list[str] = []
    while True:
        step = follower.step()
        ids += [entry.id for entry in step.closed]
        follower.accept(step)
        if step.last:
            return ids


def test_an_entry_says_everything_of_a_call() -> None:
    record = Record(
        call_id="req_1", dialect="chat", surface="chat", asked="fast", began=5.0, stream=True, lane="raw",
        caller=Caller(key_id="k1", key_name="laptop", client="codex"), upstream_dialect="responses",
        provider="one", model="real", account="one/a", status=200, outcome="ok", finish="end",
        tries=[
            Try(provider="zero", model="real", account="z", outcome="rate_limited", status=429, reason="slow", cost=0),
            Try(provider="one", model="real", account="a", outcome="ok", usage=Usage(input=9, output=7), cost=4),
        ],
        usage=Usage(input=9, output=7, cache_read=4, cache_write_5m=1, cache_write_1h=2, reasoning=3, estimated=True),
        notes=(Note("dropped", "seed"),), cost=4, worth=4, prices="2026-01-01", first_byte=0.1, first_token=0.2,
        total=1.0, overhead=0.001,
    )  # fmt: skip
    entry = closed(record)
    assert decode(encode(entry)[:-1]) == entry
    assert entry.tokens == Tokens(2, 4, 1, 2, 4, 3)
    assert sum(getattr(entry.tokens, name) for name in entry.tokens.__struct_fields__) == 16
    assert [(made.outcome, made.status, made.cost) for made in entry.attempts] == [
        ("rate_limited", 429, 0),
        ("ok", None, 4),
    ]
    assert (entry.key_name, entry.client, entry.notes, entry.upstream_dialect) == (
        "laptop",
        "codex",
        "dropped=seed",
        "responses",
    )
    assert (entry.estimated, entry.first_token, entry.prices) == (True, 0.2, "2026-01-01")
    began = opened(record, "one", "real")
    assert decode(encode(began)[:-1]) == began
    gone = lost(began)
    assert (gone.outcome, gone.cost, gone.key_name, gone.provider, gone.asked) == (
        "lost",
        None,
        "laptop",
        "one",
        "fast",
    )


def test_nobody_answered_means_who_was_asked_last() -> None:
    made = Try(provider="one", model="real", account="one/a", outcome="timeout", usage=Usage(input=3, estimated=True))
    entry = closed(Record(call_id="r", dialect="chat", surface="chat", asked="m", tries=[made]))
    assert (entry.provider, entry.model, entry.account) == ("one", "real", "one/a")


def test_names_and_reasons_that_clients_choose_are_cut_and_mended() -> None:
    record = Record(call_id="r", dialect="chat", surface="chat", asked="\ud800" + "x" * 9000, reason="y\n" * 9000)
    line = encode(closed(record))
    assert len(line) < 1500
    assert line.count(b"\n") == 1
    entry = decode(line[:-1])
    assert entry.asked == "?" + "x" * 199


def test_an_entry_is_on_disk_when_it_has_been_written_and_only_calls_that_are_over_are_read_as_such(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path, "1-1")
    journal.opened(begun(1))
    journal.opened(begun(1))  # another candidate of the same call
    journal.opened(begun(2))
    follower = Follower(lambda: journal.segments)
    assert read(follower) == []
    journal.closed(over(1))
    assert read(follower) == ["r1"]
    assert read(follower) == []
    assert follower.open_calls == 1
    assert journal.segments[0].read_bytes().count(b"\n") == 3
    assert (journal.segments[0].stat().st_mode & 0o777) == 0o600


def test_what_was_not_accepted_is_read_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "1-1")
    journal.closed(over(1))
    follower = Follower(lambda: journal.segments)
    assert follower.step().closed == follower.step().closed
    assert read(follower) == ["r1"]


@pytest.mark.parametrize("chunk", [256, 700, 10_000])
def test_a_full_file_is_followed_by_one_that_begins_with_the_open_calls(tmp_path: Path, chunk: int) -> None:
    journal = Journal(tmp_path, "1-1", segment=400, most=10**6)
    journal.opened(begun(0))
    for number in range(1, 50):
        journal.opened(begun(number))
        journal.closed(over(number))
    assert len(journal.segments) > 5
    follower = Follower(lambda: journal.segments, chunk=chunk)
    assert read(follower) == [f"r{number}" for number in range(1, 50)]
    assert follower.open_calls == 1
    for segment in journal.segments:
        journal.release(segment)
    assert len(journal.segments) == len(segments_of(tmp_path, "1-1")) == 1
    assert next(entry.id for entry in Follower(lambda: journal.segments).step().opened.values()) == "r0"
    journal.closed(over(0))
    assert read(follower) == ["r0"]


def test_files_that_nobody_reads_are_bounded_and_the_gap_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path, "1-1", segment=400, most=1600)
    follower = Follower(lambda: journal.segments)
    for number in range(100):
        journal.closed(over(number))
    assert len(segments_of(tmp_path, "1-1")) <= 4
    assert journal.dropped > 0
    assert "was removed unread" in caplog.text
    ids = read(follower)
    assert ids == [f"r{number}" for number in range(100 - len(ids), 100)]


@pytest.mark.parametrize("size", range(1, 60, 7))
def test_a_torn_last_entry_is_left_out_and_nothing_else(tmp_path: Path, size: int) -> None:
    journal = Journal(tmp_path, "1-1")
    journal.opened(begun(1))
    journal.closed(over(1))
    journal.opened(begun(2))
    path = journal.segments[0]
    whole = path.read_bytes()
    journal.closed(over(2))
    torn = path.read_bytes()[: len(whole) + size]
    path.write_bytes(torn)
    follower = Follower(lambda: [path], ended=True)
    assert read(follower) == ["r1"]
    assert [entry.id for entry in follower.lost()] == ["r2"]
    assert follower.unreadable == 1


@pytest.mark.parametrize("junk", [b"\n\n", b"\x00" * 50 + b"\n", b"{}\n", b'{"is":"later"}\n', b"x" * 5000 + b"\n"])
def test_what_is_no_entry_is_passed_over(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "1-1.000001.jsonl"
    path.write_bytes(encode(over(1)) + junk + encode(over(2)))
    assert read(Follower(lambda: [path], ended=True, chunk=1000)) == ["r1", "r2"]


def test_a_full_disk_loses_entries_and_never_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path, "1-1")
    journal.closed(over(1))
    write = os.write
    room = [10]

    def full(file: int, data: bytes) -> int:
        if room[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = write(file, data[: room[0]])
        room[0] = 0
        return done

    monkeypatch.setattr(module.os, "write", full)
    journal.closed(over(2))
    journal.closed(over(3))
    monkeypatch.undo()
    journal.closed(over(4))
    assert journal.dropped == 2
    assert "has a gap" in caplog.text
    assert read(Follower(lambda: journal.segments)) == ["r1", "r4"]


def test_a_living_process_is_not_taken_for_dead_and_a_dead_one_is_taken_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "1-1")
    assert owners(tmp_path) == ["1-1"]
    with left_behind(tmp_path, "1-1") as dead:
        assert not dead
    journal.closed(over(1))
    journal.end(remove=False)
    with left_behind(tmp_path, "1-1") as dead, left_behind(tmp_path, "1-1") as again:
        assert (dead, again) == (True, False)
    assert len(segments_of(tmp_path, "1-1")) == 1
    remove_files(tmp_path, "1-1")
    assert owners(tmp_path) == []


def test_an_end_with_everything_moved_leaves_nothing_and_one_with_open_calls_does(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "1-1")
    journal.opened(begun(1))
    journal.end(remove=True)
    assert owners(tmp_path) == ["1-1"]
    other = Journal(tmp_path, "2-2")
    other.opened(begun(1))
    other.closed(over(1))
    other.end(remove=True)
    other.end(remove=True)
    assert owners(tmp_path) == ["1-1"]


def test_a_journal_in_a_place_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        Journal(tmp_path / "file" / "journal", "1-1")


def test_an_unknown_entry_is_no_entry() -> None:
    broken: Any
    for broken in (b"", b"[]", b"null", b'{"is":"close"}'):
        with pytest.raises(ValueError):
            decode(broken)


def test_where_no_new_file_can_be_begun_the_old_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path, "1-1", segment=400)
    journal.opened(begun(0))

    def refused(*arguments: Any) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(module.os, "open", refused)
    for number in range(1, 10):
        journal.closed(over(number))
    monkeypatch.undo()
    assert len(journal.segments) == 1
    assert "no new file can be begun" in caplog.text
    for number in range(10, 20):
        journal.closed(over(number))
    assert len(journal.segments) > 1
    follower = Follower(lambda: journal.segments)
    assert read(follower) == [f"r{number}" for number in range(1, 20)]
    assert (journal.dropped, follower.open_calls) == (0, 1)
