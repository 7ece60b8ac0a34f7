from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.accounts.audit import Audit, Uses
from router.clock import FakeClock


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_an_event_is_one_line_that_says_who_when_what_and_why(tmp_path: Path, clock: FakeClock) -> None:
    audit = Audit(tmp_path / "state", clock)
    audit.record("cli", "imported", "claude-oauth/ann@example.com", "from claude-ann@example.com.json")
    assert not audit.path.exists()
    audit.flush()
    assert lines(audit.path) == [
        {
            "at": "2027-01-15T08:00:00Z",
            "who": "cli",
            "what": "imported",
            "account": "claude-oauth/ann@example.com",
            "reason": "from claude-ann@example.com.json",
        }
    ]
    audit.flush()
    assert len(lines(audit.path)) == 1


def test_the_log_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path, clock: FakeClock) -> None:
    before = os.umask(0o777)
    try:
        audit = Audit(tmp_path, clock)
        audit.record("router", "deleted", "a/b")
        audit.flush()
    finally:
        os.umask(before)
    assert audit.path.stat().st_mode & 0o777 == 0o600


def test_uses_are_one_line_a_minute_for_each_key_and_account(tmp_path: Path, clock: FakeClock) -> None:
    audit = Audit(tmp_path, clock)
    for _ in range(60):
        audit.used("laptop", "claude-oauth/a")
        audit.used("laptop", "qwen-oauth/b")
        clock.advance(1)
        audit.flush()
    audit.used("phone", "claude-oauth/a")
    assert [(line["who"], line["account"], line["count"], line["since"], line["at"]) for line in lines(audit.path)] == [
        ("laptop", account, 60, "2027-01-15T08:00:00Z", "2027-01-15T08:00:59Z")
        for account in ("claude-oauth/a", "qwen-oauth/b")
    ]
    audit.flush(everything=True)
    last = lines(audit.path)[2:]
    assert [(line["who"], line["at"]) for line in last] == [("phone", "2027-01-15T08:01:00Z")]
    assert "count" not in last[0]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.floats(-100, 100)), max_size=60),
    st.integers(1, 5),
)
def test_no_use_is_lost_or_counted_twice(uses: list[tuple[str, str, float]], most: int) -> None:
    counted = Uses(60.0, most)
    now, written = 1_800_000_000.0, []
    for who, account, later in uses:
        now += later
        written += counted.add(who, account, now) + counted.due(now)
    written += counted.due(now, everything=True)
    for pair in {(who, account) for who, account, _ in uses}:
        made = sum(1 for who, account, _ in uses if (who, account) == pair)
        assert made == sum(line.count for line in written if (line.who, line.account) == pair)
    assert counted.due(now, everything=True) == []


def test_a_reason_holds_no_secret_and_no_line_of_its_own(tmp_path: Path, clock: FakeClock) -> None:
    audit = Audit(tmp_path, clock)
    audit.record("router", "refresh_failed", "a/b", 'Bearer canary-0123456789 said {"refresh_token": "canary-abc"}\n{}')
    audit.record("a\nb", "refused", "a/b\nc", "x" * 5000)
    audit.flush()
    text = audit.path.read_text()
    assert "canary" not in text and len(text.splitlines()) == 2 and len(text) < 1000


def test_a_log_that_grew_large_starts_anew_and_keeps_the_last_one(tmp_path: Path, clock: FakeClock) -> None:
    audit = Audit(tmp_path, clock, largest=1000)
    for number in range(100):
        audit.record("router", "refreshed", f"a/{number}")
        audit.flush()
    kept = [line["account"] for file in ("audit.jsonl.1", "audit.jsonl") for line in lines(tmp_path / file)]
    assert kept == [f"a/{number}" for number in range(100 - len(kept), 100)]
    assert sum(path.stat().st_size for path in tmp_path.glob("audit.jsonl*")) < 2200


def test_lines_wait_where_nothing_can_be_written_and_the_oldest_go_first(tmp_path: Path, clock: FakeClock) -> None:
    audit = Audit(tmp_path, clock)
    (tmp_path / "audit.jsonl").mkdir()
    for number in range(10_002):
        audit.record("router", "used", f"a/{number}")
    with pytest.raises(OSError, match="directory"):
        audit.flush()
    (tmp_path / "audit.jsonl").rmdir()
    audit.flush()
    written = lines(audit.path)
    assert (len(written), written[0]["account"], audit.dropped) == (10_000, "a/2", 2)


WRITER = """
import sys
from pathlib import Path
from router.accounts.audit import Audit
from router.clock import SystemClock
audit = Audit(Path(sys.argv[1]), SystemClock(), largest=20_000)
for number in range(200):
    audit.record(sys.argv[2], "used", f"a/{number}", "x" * 40)
    audit.flush()
"""


def test_two_processes_write_whole_lines_into_one_file(tmp_path: Path) -> None:
    running = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), who]) for who in ("one", "two")]
    assert [process.wait(60) for process in running] == [0, 0]
    for file in ("audit.jsonl.1", "audit.jsonl"):
        assert {line["who"] for line in lines(tmp_path / file)} <= {"one", "two"}
