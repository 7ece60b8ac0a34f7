"""From the journal into the database: once, whoever dies when."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.call import Caller, Record
from router.clock import FakeClock
from router.settings.usage import Usage as Settings
from router.state.migrate import migrate
from router.state.store import StateStore
from router.state.usage_rows import add_calls, prune_calls
from router.usage.entries import Closed, Opened
from router.usage.follow import Follower
from router.usage.journal import Journal, owners
from router.usage.ledger import Ledger, move_all

ROOT = Path(__file__).resolve().parents[3]


class Database:
    """A store, and what it was given. fails: how often it refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = StateStore(path)
        self.given: list[str] = []
        self.fails = 0

    def keep(self, rows: Sequence[Closed]) -> None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("no room")
        self.given += [row.id for row in rows]
        done = self.store.submit(lambda connection: add_calls(connection, rows))
        assert done is not None
        done.result(10)

    def prune(self, before: float, most: int) -> int:
        done = self.store.submit(lambda connection: prune_calls(connection, before, most))
        assert done is not None
        return done.result(10)

    def rows(self, what: str, table: str = "calls") -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(f"SELECT {what} FROM {table} ORDER BY 1, 2").fetchall()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "switchyard.sqlite"
    migrate(path)
    made = Database(path)
    yield made
    made.store.close()


def ledger(folder: Path, database: Database | None, **settings: object) -> Ledger:
    made = Ledger(folder / "journal", FakeClock(1000.0 * 86_400))
    made.follow(Settings.model_validate(settings))
    if database is not None:
        made.use(database.keep, database.prune)
    return made


def record(call_id: str, surface: str = "chat", began: float = 5.0) -> Record:
    caller = Caller(key_id="k", key_name="laptop")
    return Record(call_id=call_id, dialect="chat", surface=surface, asked="m", caller=caller, began=began, outcome="ok")


async def test_calls_reach_the_database_once_and_nothing_stays_behind(tmp_path: Path, database: Database) -> None:
    made = ledger(tmp_path, database)
    made.opened(record("a"), "p", "m")
    made.settle(record("a"))
    made.settle(record("b"))  # refused before anybody was asked
    await made.move()
    await made.move()
    assert database.given == ["a", "b"]
    assert database.rows("id, key_name, outcome") == [("a", "laptop", "ok"), ("b", "laptop", "ok")]
    made.settle(record("c"))
    await made.close()
    assert [row[0] for row in database.rows("id, 1")] == ["a", "b", "c"]
    assert owners(tmp_path / "journal") == []


async def test_what_is_no_business_of_a_ledger_is_not_in_it(tmp_path: Path, database: Database) -> None:
    made = ledger(tmp_path, database)
    made.settle(record("a", "models"))
    made.settle(record("b", "count_tokens"))
    stranger = record("c")
    stranger.caller = None
    made.settle(stranger)
    await made.close()
    assert database.given == []


async def test_a_database_that_fails_gets_the_same_calls_again(tmp_path: Path, database: Database) -> None:
    made = ledger(tmp_path, database)
    database.fails = 2
    made.settle(record("a"))
    await made.move()
    made.settle(record("b"))
    await made.move()
    assert database.given == []
    await made.move()
    assert database.given == ["a", "b"]
    database.fails = 1
    made.settle(record("c"))
    await made.close()  # the database takes nothing: the next process does it
    assert database.given == ["a", "b"]
    again = ledger(tmp_path, database)
    await again.recover()
    assert [row[0] for row in database.rows("id, 1")] == ["a", "b", "c"]
    await again.close()


async def test_without_a_database_calls_wait_for_one(tmp_path: Path, database: Database) -> None:
    made = ledger(tmp_path, None)
    made.settle(record("a"))
    await made.move()
    await made.recover()
    made.use(database.keep, database.prune)
    await made.move()
    assert database.given == ["a"]
    await made.close()


async def test_switched_off_nothing_new_is_kept_and_what_had_begun_is(tmp_path: Path, database: Database) -> None:
    made = ledger(tmp_path, database)
    made.opened(record("a"), "p", "m")
    made.follow(Settings(enabled=False))
    made.opened(record("b"), "p", "m")
    made.settle(record("a"))
    made.settle(record("b"))
    made.follow(Settings(enabled=True))
    made.settle(record("c"))
    await made.close()
    assert database.given == ["a", "c"]
    off = ledger(tmp_path / "off", database, enabled=False)
    off.settle(record("d"))
    await off.move()
    await off.close()
    assert not (tmp_path / "off").exists()


async def test_what_is_older_than_the_settings_want_goes_in_small_steps(tmp_path: Path, database: Database) -> None:
    made = ledger(tmp_path, database, retention_days=10)
    for number in range(1300):
        made.settle(record(f"old{number:04d}", began=(989.0 * 86_400) + number))
    made.settle(record("young", began=991.0 * 86_400))
    await made.move()
    assert len(database.rows("id, 1")) == 1301
    await made.prune()
    assert database.rows("id, 1") == [("young", 1)]
    await made.close()


def writer(folder: Path, count: int, segment: int = 10**6) -> subprocess.Popen[str]:
    words = [
        sys.executable,
        "-m",
        "tests.router.usage.writing_process",
        str(folder / "journal"),
        str(count),
        str(segment),
    ]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, **pipes)  # type: ignore[call-overload, no-any-return]


def until(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    while process.stdout.readline().strip() != word:
        assert process.poll() is None


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("segment", [2000, 10**6])
async def test_a_process_that_is_killed_loses_no_call_that_was_over_and_open_ones_are_lost(
    tmp_path: Path, database: Database, segment: int
) -> None:
    process = writer(tmp_path, 300, segment)
    until(process, "written")
    made = ledger(tmp_path, database)
    await made.recover()
    assert database.given == []  # it lives: its journal is its own
    kill(process)
    await made.recover()
    rows = database.rows("at, outcome, cost, fresh_input, provider")
    assert [row[1] for row in rows] == ["lost" if number % 3 == 2 else "" for number in range(300)]
    assert sum(int(str(row[3])) for row in rows) == sum(number for number in range(300) if number % 3 != 2)
    assert {row[2] for row in rows if row[1] == "lost"} == {None}
    assert {row[4] for row in rows if row[1] == "lost"} == {"p"}
    assert database.rows("outcome, count(*)", "attempts") == [("lost", 100)]
    await made.recover()
    assert len(database.given) == 300
    await made.close()
    assert owners(tmp_path / "journal") == []


async def test_a_process_that_is_killed_while_it_writes_has_everything_it_had_written(
    tmp_path: Path, database: Database
) -> None:
    process = writer(tmp_path, 0, 50_000)
    assert process.stdout is not None
    said = 0
    while said < 2000:
        said = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)  # in the middle of something
    rest, _ = process.communicate()
    said = max([said, *(int(line) for line in rest.split())])
    made = ledger(tmp_path, database)
    await made.recover()
    rows = database.rows("at, outcome, cost")
    assert len(rows) >= said
    assert [row[0] for row in rows] == [1.0 + number for number in range(len(rows))]
    assert all(row[1] == ("lost" if number % 3 == 2 else "") for number, row in enumerate(rows[:said]))
    assert sum(1 for row in rows[said:] if row[1] == "lost") <= 1 + len(rows[said:]) // 3
    await made.close()


async def test_two_that_recover_at_once_and_one_that_died_while_it_did_count_nothing_twice(
    tmp_path: Path, database: Database
) -> None:
    process = writer(tmp_path, 90, 3000)
    until(process, "written")
    kill(process)
    first, second = ledger(tmp_path, database), ledger(tmp_path, database)
    journal = tmp_path / "journal"
    saved = {path: path.read_bytes() for path in journal.iterdir() if path.name.startswith(f"{process.pid}-")}
    await asyncio.gather(first.recover(), second.recover())
    assert len(database.rows("id, 1")) == 90
    for path, content in saved.items():  # as if the files had not been removed
        path.write_bytes(content)
    await second.recover()
    assert len(database.rows("id, 1")) == 90
    assert database.rows("sum(fresh_input), count(*)") == [(sum(n for n in range(90) if n % 3 != 2), 90)]
    await first.close()
    await second.close()


async def test_two_processes_that_overlap_write_side_by_side(tmp_path: Path, database: Database) -> None:
    old, new = ledger(tmp_path, database), ledger(tmp_path, database)
    assert len(owners(tmp_path / "journal")) == 2
    old.opened(record("a"), "p", "m")
    new.settle(record("b"))
    await new.recover()
    await new.move()
    old.settle(record("a"))  # drained
    await old.close()
    await new.recover()
    await new.close()
    assert database.rows("id, outcome") == [("a", "ok"), ("b", "ok")]


async def test_where_no_journal_can_be_kept_it_is_told_and_calls_go_on(
    tmp_path: Path, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "journal").write_text("a file where the folder should be")
    made = ledger(tmp_path, database)
    assert "no journal can be kept" in caplog.text
    made.opened(record("a"), "p", "m")
    made.settle(record("a"))
    await made.move()
    (tmp_path / "journal").unlink()
    made.follow(Settings())  # the settings were read again
    made.settle(record("b"))
    await made.close()
    assert database.given == ["b"]


def test_a_file_goes_only_when_all_that_was_read_of_it_is_in_the_database(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "1-1", segment=20_000, most=10**7)
    for number in range(3000):
        journal.closed(Closed(id=f"r{number:04d}", at=float(number)))
    follower = Follower(lambda: journal.segments, chunk=3000)
    kept: list[str] = []
    tried = 0

    def keep(rows: Sequence[Closed]) -> None:
        nonlocal tried
        tried += 1
        if tried % 3:  # it takes nothing most of the time
            raise RuntimeError("no room")
        kept.extend(row.id for row in rows)

    while len(kept) < 3000:
        with suppress(RuntimeError):
            move_all(follower, keep, journal.release)
        on_disk = b"".join(path.read_bytes() for path in journal.segments)
        missing = {f"r{number:04d}" for number in range(3000)} - set(kept)
        assert all(call_id.encode() in on_disk for call_id in missing)
    assert kept == [f"r{number:04d}" for number in range(3000)]
    move_all(follower, keep, journal.release)
    assert len(journal.segments) == 1


@given(st.randoms(use_true_random=False), st.sampled_from([500, 3000, 10**6]), st.sampled_from([5, 40, 10**6]))
@settings(max_examples=60, deadline=None)
def test_whatever_is_refused_forgotten_or_begun_anew_each_call_comes_once_at_last(
    chance: random.Random, segment: int, remembered: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, mock.patch("router.usage.journal.FRESH", remembered):
        made = Ledger(Path(folder), FakeClock())
        made._journal = journal = Journal(Path(folder), "1-1", segment=segment, most=10**8)
        made._follower = Follower(lambda: journal.segments, chunk=2000)
        kept: dict[str, int] = {}
        begun: list[str] = []
        number = 0

        def keep(rows: Sequence[Closed]) -> None:
            if chance.random() < 0.3:
                raise RuntimeError("no room")
            for row in rows:
                kept[row.id] = kept.get(row.id, 0) + 1

        for _ in range(chance.randint(1, 60)):
            for _ in range(chance.choice((0, 1, 3, 12))):
                number += 1
                begun.append(f"r{number}")
                journal.opened(Opened(id=f"r{number}", at=1.0))
            for _ in range(chance.randint(0, len(begun))):
                journal.closed(Closed(id=begun.pop(chance.randrange(len(begun))), at=1.0))
            if chance.random() < 0.7:
                with suppress(RuntimeError):
                    made._move(keep, journal.take())
            if chance.random() < 0.2 and len(kept) < number - len(begun):  # the process dies: what would be found?
                found = {entry.id for entry in everything(journal.segments)}
                assert {f"r{one}" for one in range(1, number + 1)} - set(begun) <= found | set(kept)
        for _ in range(200):
            with suppress(RuntimeError):
                made._move(keep, journal.take())
        assert set(kept) == {f"r{one}" for one in range(1, number + 1)} - set(begun)
        assert journal.dropped == 0
        assert journal.open_calls == len(begun)
        follower = Follower(lambda: journal.segments, ended=True)
        move_all(follower, lambda rows: None, lambda path: None)
        assert sorted(entry.id for entry in follower.lost()) == sorted(begun)
        journal.end(remove=True)


def everything(segments: Sequence[Path]) -> list[Closed]:
    """Every call that is over, as another process would find it."""
    found: list[Closed] = []
    move_all(Follower(lambda: segments, ended=True), found.extend, lambda path: None)
    return found


async def test_calls_that_are_fresh_are_not_read_from_the_disk(tmp_path: Path, database: Database) -> None:
    made = ledger(tmp_path, database)
    with mock.patch("router.usage.follow.decode", side_effect=AssertionError("it was read")):
        for turn in range(3):
            made.opened(record(f"a{turn}"), "p", "m")
            made.settle(record(f"a{turn}"))
            await made.move()
    assert database.given == ["a0", "a1", "a2"]
    await made.close()
