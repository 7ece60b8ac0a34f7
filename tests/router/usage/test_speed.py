"""How much accounting adds to a call: printed, not asserted, as the machine is shared."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from router.call import Caller, Record, Try
from router.clock import SystemClock
from router.providers.config import ProviderConfig
from router.settings.usage import Usage as Settings
from router.usage.ledger import Ledger
from router.usage.price_file import load
from router.usage.tariff import Tariff
from router.wire.events import Usage

COUNT = 2000
USED = Usage(input=1000, output=500, cache_read=300, reasoning=100)


def record(number: int) -> Record:
    made = Try(provider="openai", model="gpt-4.1", account="openai/1", outcome="ok", seconds=0.2, usage=USED)
    return Record(
        call_id=f"req_{number:024x}", dialect="chat", surface="chat", asked="gpt-4.1", began=1.8e9, stream=True,
        caller=Caller(key_id="k" * 12, key_name="laptop", client="codex/1.2"), provider="openai", model="gpt-4.1",
        account="openai/1", tries=[made], status=200, outcome="ok", finish="end", usage=USED, total=1.0, lane="raw",
    )  # fmt: skip


def test_what_accounting_adds_to_a_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger(tmp_path / "journal", SystemClock())
    ledger.follow(Settings())
    tariff = Tariff(load(tmp_path, None), (ProviderConfig(id="openai", kind="openai"),))
    best = [float("inf")] * 3
    for turn in range(5):
        calls = [record(turn * COUNT + number) for number in range(COUNT)]
        marks = [time.perf_counter()]
        for call in calls:
            ledger.opened(call, "openai", "gpt-4.1")
        marks.append(time.perf_counter())
        for call in calls:
            tariff.settle(call)
        marks.append(time.perf_counter())
        for call in calls:
            ledger.settle(call)
        marks.append(time.perf_counter())
        best = [min(old, marks[at + 1] - marks[at]) for at, old in enumerate(best)]
        assert calls[0].cost == 700 * 2 + 300 * 0.5 + 500 * 8
    opened, priced, closed = (seconds / COUNT * 1e6 for seconds in best)
    with capsys.disabled():
        print(f"\naccounting, µs per call: open {opened:.1f}, price {priced:.1f}, close {closed:.1f}")
