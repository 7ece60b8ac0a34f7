"""One line for each call: its facts, never its content or a secret's owner beyond the key's name."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from router.call import Caller, Record, Try
from router.clock import SystemClock
from router.observe.logs import JsonFormatter, QueueWriter
from router.observe.request_line import NAME, RequestLine, RequestLines, fields, line
from router.wire.events import Usage
from router.wire.written import Note


def record(**facts: Any) -> Record:
    known: dict[str, Any] = {"call_id": "req_1", "dialect": "chat", "surface": "chat", "asked": "fast", "status": 200}
    return Record(**{**known, "outcome": "ok", **facts})


FULL = record(
    caller=Caller(key_id="k1", key_name="laptop", client="codex", address="10.0.0.1"), stream=True, lane="raw",
    provider="one", model="real", account="one/main", finish="end", first_byte=0.12345, total=2.0, overhead=0.0004,
    tries=[
        Try(provider="zero", model="real", account="zero/a", outcome="rate_limited", status=429, reason="slow down"),
        Try(provider="one", model="real", account="one/main", outcome="ok", status=200),
    ],
    usage=Usage(input=10, output=5, cache_read=4, reasoning=2), notes=(Note("dropped", "seed"),), cost=1234,
)  # fmt: skip


def test_a_line_holds_what_one_greps_for() -> None:
    assert line(FULL) == (
        "req_1 200 ok        key=laptop chat~ fast -> one/real lane=raw tries=2 first=123.5ms total=2000.0ms"
        f" tokens=10+4c>5 cost=$0.001234 failed=zero:rate_limited notes={fields(FULL)['notes']}"
    )
    assert "seed" in fields(FULL)["notes"]


def test_a_call_that_came_to_nothing_has_dashes() -> None:
    refused = record(asked="", status=401, outcome="unauthenticated", reason="No such key.\nevil")
    assert line(refused) == (
        "req_1 401 unauthenticated key=- chat - -> - lane=- tries=0 first=- total=0.0ms tokens=- cost=-"
        " reason='No such key.\\nevil'"
    )


def test_a_price_that_nobody_knows_is_no_price_and_an_estimate_says_so() -> None:
    told = line(record(usage=Usage(input=3, output=4, estimated=True)))
    assert "tokens=3+0c>4~ cost=?" in told
    assert fields(record(cost=0))["cost_usd"] == 0


def test_a_reason_is_cut_and_stays_on_its_line() -> None:
    long = line(record(status=502, outcome="upstream_broken", reason="x\n" * 1000))
    assert "\n" not in long
    assert len(long) < 800


def test_fields_are_the_same_facts_with_nulls() -> None:
    told = fields(FULL)
    assert {key: told[key] for key in ("key", "client", "served", "account", "lane", "finish")} == {
        "key": "laptop", "client": "codex", "served": "real", "account": "one/main", "lane": "raw", "finish": "end",
    }  # fmt: skip
    assert (told["first_byte_ms"], told["total_ms"], told["overhead_ms"]) == (123.5, 2000.0, 0.4)
    assert (told["input"], told["cached"], told["output"], told["reasoning"]) == (10, 4, 5, 2)
    assert (told["cost_usd"], told["estimated"]) == (0.001234, False)
    assert [(each["provider"], each["outcome"], each["status"]) for each in told["attempts"]] == [
        ("zero", "rate_limited", 429), ("one", "ok", 200),
    ]  # fmt: skip
    assert json.loads(json.dumps(told)) == told
    bare = fields(record())
    empty = ("key", "client", "provider", "served", "account", "lane", "reason", "finish", "first_byte_ms",
             "overhead_ms", "input", "cached", "output", "reasoning", "notes")  # fmt: skip
    assert {key: bare[key] for key in empty} == dict.fromkeys(empty)
    assert (bare["attempts"], bare["total_ms"]) == ([], 0.0)
    assert set(bare) == set(told)


def test_neither_form_tells_addresses_or_key_ids() -> None:
    for text in (line(FULL), json.dumps(fields(FULL))):
        assert "10.0.0.1" not in text
        assert "k1" not in text


@pytest.mark.parametrize(("status", "level"), [(200, "INFO"), (404, "INFO"), (499, "INFO"), (500, "WARNING")])
def test_what_is_our_or_a_providers_fault_is_a_warning(status: int, level: str) -> None:
    assert RequestLine(record(status=status), 1.0).levelname == level


def test_lines_go_to_the_writer_where_their_level_is_read() -> None:
    stream = io.StringIO()
    writer = QueueWriter(stream, JsonFormatter())
    lines = RequestLines(writer, SystemClock())
    logger = logging.getLogger(NAME)
    before = logger.level
    try:
        logger.setLevel(logging.WARNING)
        lines.tell(record(call_id="quiet"))
        lines.tell(record(call_id="broken", status=502, outcome="upstream_broken"))
        logger.setLevel(logging.INFO)
        lines.tell(record(call_id="told"))
    finally:
        logger.setLevel(before)
        writer.close()
    assert [json.loads(each)["id"] for each in stream.getvalue().splitlines()] == ["broken", "told"]
