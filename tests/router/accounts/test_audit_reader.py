"""The audit log read from its end: pages, filters, files that are set aside, and lines that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.accounts import audit_reader
from router.accounts.audit import Audit
from router.accounts.audit_reader import Entry, Gone, Wanted, read
from router.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def which(folder: Path, limit: int = 1000, after: str | None = None, **wanted: object) -> list[str]:
    return [entry.which for entry in read(folder, Wanted(**wanted), limit, after).entries]  # type: ignore[arg-type]


def test_no_log_is_an_empty_one(tmp_path: Path) -> None:
    assert read(tmp_path / "none", Wanted(), 10) == audit_reader.Entries([], None)


def test_pages_of_any_size_give_every_entry_once_the_newest_first_also_where_files_change(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_reader, "_BLOCK", 97)  # lines lie across blocks
    audit = Audit(tmp_path, clock, largest=6000)
    for number in range(60):
        audit.record("cli", "changed", f"a/{number}", "x" * (number % 50))
        audit.flush()
    assert (tmp_path / "audit.jsonl.1").exists()
    whole = which(tmp_path)
    assert whole == [f"a/{number}" for number in range(59, 59 - len(whole), -1)] and len(whole) > 40
    seen, after = [], None
    for page in range(1000):
        told = read(tmp_path, Wanted(), 7, after)
        seen += [entry.which for entry in told.entries]
        if page == 1:  # what is written meanwhile is no part of what is older, and neither is a new file
            audit.record("cli", "changed", "later", "y" * 290)
            audit.flush()
        if (after := told.next) is None:
            break
    assert seen == whole


def test_a_place_holds_where_its_file_was_set_aside_and_leads_nowhere_where_it_is_gone(
    tmp_path: Path, clock: FakeClock
) -> None:
    audit = Audit(tmp_path, clock, largest=400)
    for number in range(3):
        audit.record("cli", "changed", f"a/{number}")
    audit.flush()
    place = read(tmp_path, Wanted(), 1).next
    assert place is not None
    (tmp_path / "audit.jsonl").rename(tmp_path / "audit.jsonl.1")
    audit.record("cli", "changed", "a/3")
    audit.flush()
    assert which(tmp_path, after=place) == ["a/1", "a/0"]
    assert which(tmp_path) == ["a/3", "a/2", "a/1", "a/0"]
    inode, _, offset = place.partition("-")
    for wrong in (f"{int(inode) + 1}-{offset}", f"{inode}-{int(offset) - 1}", f"{inode}-0", f"{inode}-999999", "x-1"):
        with pytest.raises(Gone):
            read(tmp_path, Wanted(), 1, wrong)
    (tmp_path / "audit.jsonl.1").unlink()
    with pytest.raises(Gone):
        read(tmp_path, Wanted(), 1, place)


def test_what_is_no_line_is_passed_over(tmp_path: Path, clock: FakeClock) -> None:
    audit = Audit(tmp_path, clock)
    audit.record("cli", "changed", "first")
    audit.flush()
    with audit.path.open("ab") as file:
        file.write(b"\0" * 5000 + b"\n\n[1]\n{}\n" + b'{"at": "' + b"9" * 200_000 + b'"}\n')
    audit.record("cli", "changed", "second")
    audit.flush()
    with audit.path.open("ab") as file:
        file.write(b'{"at":"2027-01-15T08:00:00Z","who":"cli","what":"cha')
    assert which(tmp_path) == ["second", "first"]


def test_entries_say_what_was_done_to_what_and_how_it_went(tmp_path: Path, clock: FakeClock) -> None:
    audit = Audit(tmp_path, clock)
    audit.record("boss", "managed", "laptop", "key_create")
    audit.record("boss", "managed", "", "config_put failed")
    audit.record("cli (ann)", "managed", "openai/1", "account_call GET /v1/models")
    audit.record("router", "refresh_failed", "a/b", "the provider said no")
    audit.record("eve", "refused", "a/b")
    audit.used("laptop", "a/b")
    audit.used("laptop", "a/b")
    audit.flush(everything=True)
    at = clock.wall()

    def entry(who: str, action: str, which: str, outcome: str = "done", details: str = "") -> Entry:
        return Entry(at=at, who=who, action=action, which=which, outcome=outcome, details=details)  # type: ignore[arg-type]

    found = read(tmp_path, Wanted(), 100).entries
    assert (found[0].action, found[0].count, found[0].since) == ("used", 2, at)
    assert found[1:] == [
        entry("eve", "refused", "a/b", "refused"),
        entry("router", "refresh_failed", "a/b", "failed", "the provider said no"),
        entry("cli (ann)", "account_call", "openai/1", details="GET /v1/models"),
        entry("boss", "config_put", "", "failed"),
        entry("boss", "key_create", "laptop"),
    ]
    assert which(tmp_path, who="cli") == which(tmp_path, who="cli (ann)") == ["openai/1"]
    assert which(tmp_path, who="boss", outcome="failed") == which(tmp_path, action="config_put") == [""]
    assert which(tmp_path, text="LAPT") == ["a/b", "laptop"]
    assert which(tmp_path, text="lapt", routine=False) == ["laptop"]
    assert which(tmp_path, since=at + 1) == which(tmp_path, until=at) == []
    assert len(which(tmp_path, since=at, until=at + 1)) == 6


@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 9))
def test_lines_come_back_whole_whatever_the_blocks(lines: list[bytes], block: int) -> None:
    data = b"\n".join(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_reader, "_BLOCK", block)
        patch.setattr(audit_reader.os, "pread", lambda _, size, at: data[at : at + size])
        found = list(audit_reader._backwards(0, len(data)))
    assert [line for _, line in found] == [line for line in reversed(data.split(b"\n")) if line]
    assert all(data[at : at + len(line)] == line for at, line in found)
