"""What is counted, and that nothing a client can choose becomes a label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from router.call import Caller, Record, Try
from router.observe.metrics import AccountStates, DiskFree, Metrics
from router.wire.events import Usage
from router.wire.written import Note

LABELS = {
    "surface", "dialect", "status", "outcome", "provider", "cause", "lane", "kind", "account", "state", "folder", "le",
}  # fmt: skip
Sample = tuple[str, tuple[tuple[str, str], ...]]


def record(**facts: Any) -> Record:
    known: dict[str, Any] = {"call_id": "r1", "dialect": "chat", "surface": "chat", "asked": "m", "status": 200}
    return Record(**{**known, "outcome": "ok", **facts})


def samples(metrics: Metrics) -> dict[Sample, float]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        (each.name, tuple(sorted(each.labels.items()))): each.value for family in families for each in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples(metrics).get((f"switchyard_{name}", tuple(sorted(labels.items()))))


def tokens(usage: Usage | None, provider: str = "one") -> dict[str, float]:
    metrics = Metrics()
    metrics.settle(record(provider=provider, usage=usage))
    return {
        dict(labels)["kind"]: count
        for (name, labels), count in samples(metrics).items()
        if name == "switchyard_tokens_total"
    }


def test_kinds_of_tokens_are_disjoint_and_add_up_to_the_total() -> None:
    usage = Usage(input=100, output=50, cache_read=60, cache_write_5m=10, cache_write_1h=5, reasoning=20)
    found = tokens(usage)
    assert found == {"fresh_input": 25, "cache_read": 60, "cache_write": 15, "output": 30, "reasoning": 20}
    assert sum(found.values()) == usage.total


def test_more_reasoning_than_output_counts_no_token_twice() -> None:
    found = tokens(Usage(input=1, output=5, reasoning=9))
    assert found == {"fresh_input": 1, "reasoning": 5}


@pytest.mark.parametrize(("usage", "provider"), [(None, "one"), (Usage(), "one"), (Usage(input=3, output=3), "")])
def test_nothing_is_counted_where_nothing_was_used_or_nobody_served(usage: Usage | None, provider: str) -> None:
    assert tokens(usage, provider) == {}


def test_a_call_is_counted_once_and_each_of_its_attempts() -> None:
    metrics = Metrics()
    tries = [
        Try(provider="one", model="m", account="a", outcome="rate_limited", status=429),
        Try(provider="one", model="m", account="b", outcome="rate_limited", status=429),
        Try(provider="two", model="m", account="c", outcome="ok", status=200),
    ]
    metrics.settle(record(tries=tries, provider="two", lane="raw"))
    labels = {"surface": "chat", "dialect": "chat", "status": "200", "outcome": "ok"}
    assert value(metrics, "requests_total", **labels) == 1
    assert value(metrics, "attempts_total", provider="one", outcome="failed") == 2
    assert value(metrics, "attempts_total", provider="two", outcome="ok") == 1
    assert value(metrics, "upstream_errors_total", provider="one", cause="rate_limited") == 2
    assert value(metrics, "upstream_errors_total", provider="two", cause="ok") is None
    metrics.settle(record(tries=tries, provider="two", lane="raw"))
    assert value(metrics, "requests_total", **labels) == 2


def test_times_are_measured_in_seconds_where_there_are_any() -> None:
    metrics = Metrics()
    metrics.settle(record(first_byte=0.25, total=3.0, overhead=0.002, lane="raw"))
    metrics.settle(record(total=0.5))
    raw, none = {"dialect": "chat", "lane": "raw"}, {"dialect": "chat", "lane": "none"}
    assert value(metrics, "first_byte_seconds_sum", **raw) == 0.25
    assert value(metrics, "first_byte_seconds_bucket", **raw, le="0.1") == 0
    assert value(metrics, "first_byte_seconds_bucket", **raw, le="0.25") == 1
    assert value(metrics, "request_seconds_sum", **raw) == 3.0
    assert value(metrics, "request_seconds_sum", **none) == 0.5
    assert value(metrics, "overhead_seconds_sum", lane="raw") == 0.002
    assert value(metrics, "first_byte_seconds_count", **none) is None
    assert value(metrics, "overhead_seconds_count", lane="none") is None


def test_what_clients_choose_adds_no_series_and_is_nowhere_to_be_read() -> None:
    metrics = Metrics()

    def settle(name: str) -> None:
        attempt = Try(provider="one", model=name, account=name, outcome="timeout", reason=name)
        caller = Caller(key_id=name, key_name=name, client=name, address=name)
        facts = {"call_id": name, "asked": name, "model": name, "account": name, "reason": name, "finish": name}
        notes = (Note("dropped", name),)
        metrics.settle(
            record(
                caller=caller, tries=[attempt], notes=notes, provider="one", usage=Usage(input=1), total=1.0, **facts
            )
        )  # fmt: skip

    settle("evil-0")
    before = set(samples(metrics))
    for number in range(1, 50):
        settle(f"evil-{number}")
    created = {each for each in samples(metrics) if not each[0].endswith("_created")}
    assert created == {each for each in before if not each[0].endswith("_created")}
    assert b"evil" not in metrics.exposition()


def test_every_label_is_a_known_one() -> None:
    metrics = Metrics()
    metrics.collect(AccountStates(lambda: [("one/main", "one", "ready"), ("one/b", "one", "cooling")]))
    metrics.settle(
        record(
            tries=[Try(provider="one", model="m", account="a", outcome="timeout")], provider="one", lane="raw",
            usage=Usage(input=1, output=1), first_byte=1.0, total=1.0, overhead=0.1,
        )
    )  # fmt: skip
    metrics.collect(DiskFree({"state": Path()}))
    metrics.reloads.labels("ok").inc()
    found = samples(metrics)
    assert {name for _, labels in found for name, _ in labels} == LABELS
    assert value(metrics, "account_state", account="one/main", provider="one", state="ready") == 1
    assert value(metrics, "account_state", account="one/b", provider="one", state="cooling") == 1
    assert all(name.startswith("switchyard_") for name, _ in found)


def test_account_states_are_asked_for_at_each_reading() -> None:
    state = ["ready"]
    metrics = Metrics()
    metrics.collect(AccountStates(lambda: [("a", "one", state[0])]))
    assert value(metrics, "account_state", account="a", provider="one", state="ready") == 1
    state[0] = "dead"
    assert value(metrics, "account_state", account="a", provider="one", state="ready") is None
    assert value(metrics, "account_state", account="a", provider="one", state="dead") == 1


def test_what_disks_have_left_is_looked_up_at_each_reading(tmp_path: Path) -> None:
    metrics, folder = Metrics(), tmp_path / "state"
    metrics.collect(DiskFree({"state": folder}))
    assert value(metrics, "disk_free_bytes", folder="state") is None
    folder.mkdir()
    assert (value(metrics, "disk_free_bytes", folder="state") or 0) > 0


def test_renewals_are_counted_by_account() -> None:
    metrics = Metrics()
    for good in (True, False, False):
        metrics.renewal("claude-oauth/ann", good)
    labels = {"account": "claude-oauth/ann", "provider": "claude-oauth"}
    assert value(metrics, "account_renewals_total", outcome="ok", **labels) == 1
    assert value(metrics, "account_renewals_total", outcome="failed", **labels) == 2


def test_two_registries_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.open_streams.inc()
    assert (value(one, "open_streams"), value(other, "open_streams")) == (1, 0)


def test_costs_add_up_in_dollars_and_what_nobody_knows_is_counted_apart() -> None:
    metrics = Metrics()
    tries = [
        Try(provider="one", model="m", account="a", outcome="timeout", cost=1_500_000),
        Try(provider="two", model="m", account="c", outcome="ok"),
        Try(provider="two", model="m", account="c", outcome="ok", cost=250_000),
        Try(provider="free", model="m", account="c", outcome="ok", cost=0),
    ]
    metrics.settle(record(tries=tries, prices="2026-01-01"))
    assert value(metrics, "cost_usd_total", provider="one") == 1.5
    assert value(metrics, "cost_usd_total", provider="two") == 0.25
    assert value(metrics, "cost_usd_total", provider="free") is None
    assert value(metrics, "unpriced_attempts_total", provider="two") == 1
    assert value(metrics, "unpriced_attempts_total", provider="one") is None


def test_an_attempt_whose_client_left_is_neither_good_nor_failed() -> None:
    metrics = Metrics()
    metrics.settle(record(tries=[Try(provider="one", model="m", account="a", outcome="cancelled")]))
    assert value(metrics, "attempts_total", provider="one", outcome="cancelled") == 1
    assert value(metrics, "upstream_errors_total", provider="one", cause="cancelled") is None
