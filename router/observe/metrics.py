"""Every metric of the router, declared in one place. Labels come from closed sets: providers, dialects, kinds."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from router.accounts.quota import Window
from router.call import Record
from router.money import MICRO
from router.routing.gate import Reason, Scope
from router.wire.events import Usage

M = TypeVar("M", bound=MetricWrapperBase)
FIRST_BYTE = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300)
TOTAL = (0.1, 0.5, 1, 2, 5, 10, 20, 40, 60, 120, 300, 600, 1800, 3600)
WAITS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120)
OVERHEAD = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)


class Metrics:
    """One registry with the router's metrics; nothing is global, so that tests can have their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._children: dict[tuple[object, ...], MetricWrapperBase] = {}
        name = "switchyard"
        self.requests = Counter(
            f"{name}_requests",
            "Client requests by outcome.",
            ("surface", "dialect", "status", "outcome"),
            registry=self.registry,
        )
        self.attempts = Counter(
            f"{name}_attempts", "Upstream attempts.", ("provider", "outcome"), registry=self.registry
        )
        self.upstream_errors = Counter(
            f"{name}_upstream_errors",
            "Failed upstream attempts by cause.",
            ("provider", "cause"),
            registry=self.registry,
        )
        self.first_byte = Histogram(
            f"{name}_first_byte_seconds",
            "From the request to the first byte of the answer.",
            ("dialect", "lane"),
            buckets=FIRST_BYTE,
            registry=self.registry,
        )
        self.total = Histogram(
            f"{name}_request_seconds",
            "From the request to the end of the answer.",
            ("dialect", "lane"),
            buckets=TOTAL,
            registry=self.registry,
        )
        self.overhead = Histogram(
            f"{name}_overhead_seconds",
            "The router's own time before the upstream request left.",
            ("lane",),
            buckets=OVERHEAD,
            registry=self.registry,
        )
        self.tokens = Counter(
            f"{name}_tokens",
            "Tokens by disjoint kind; output includes neither reasoning nor anything of the input.",
            ("provider", "kind"),
            registry=self.registry,
        )
        self.cost = Counter(
            f"{name}_cost_usd",
            "US dollars that calls cost, as far as their prices are known.",
            ("provider",),
            registry=self.registry,
        )
        self.unpriced = Counter(
            f"{name}_unpriced_attempts",
            "Attempts of whose cost a part or everything has no known price.",
            ("provider",),
            registry=self.registry,
        )
        self.open_streams = Gauge(f"{name}_open_streams", "Answers being streamed now.", registry=self.registry)
        self.open_requests = Gauge(f"{name}_open_requests", "Requests being served now.", registry=self.registry)
        self.reloads = Counter(
            f"{name}_config_reloads", "Reloads of the settings by outcome.", ("outcome",), registry=self.registry
        )
        self.config_valid = Gauge(
            f"{name}_config_valid", "1 where the settings file as it is now is in force.", registry=self.registry
        )
        self.relay_sessions_open = Gauge(
            f"{name}_relay_sessions", "Services and browsers that are connected.", ("service",), registry=self.registry
        )
        self.relay_capacity = Gauge(
            f"{name}_relay_capacity",
            "Calls that connected services can work on at once.",
            ("service",),
            registry=self.registry,
        )
        self.relay_calls_open = Gauge(f"{name}_relay_open_calls", "Calls at services now.", registry=self.registry)
        self.relay_calls = Counter(
            f"{name}_relay_calls", "Calls through services by outcome.", ("service", "outcome"), registry=self.registry
        )
        self.relay_first_piece = Histogram(
            f"{name}_relay_first_piece_seconds",
            "From sending a call to a service to the first piece of its answer.",
            ("service",),
            buckets=FIRST_BYTE,
            registry=self.registry,
        )
        self.rescues = Counter(
            f"{name}_rescues",
            "Streamed answers that broke off in the middle: another attempt said the rest, or nobody could.",
            ("outcome",),
            registry=self.registry,
        )
        self.ledger_dropped = Gauge(
            f"{name}_ledger_entries_dropped",
            "Entries that the ledger's journal could not keep.",
            registry=self.registry,
        )
        self.renewals = Counter(
            f"{name}_account_renewals",
            "Renewals of an account's sign-in: ok or failed.",
            ("account", "provider", "outcome"),
            registry=self.registry,
        )
        self.waiting = Gauge(
            f"{name}_waiting", "Calls that wait for a place now, by whose limit.", ("scope",), registry=self.registry
        )
        self.waits = Histogram(
            f"{name}_wait_seconds",
            "How long calls waited for a place, whether they got one or not.",
            ("scope",),
            buckets=WAITS,
            registry=self.registry,
        )
        self.shed_calls = Counter(
            f"{name}_shed",
            "Times that a limit turned a call away; one that is turned away by a provider may be served by another.",
            ("scope", "reason"),
            registry=self.registry,
        )
        self.records_dropped = Gauge(
            f"{name}_records_dropped",
            "Records of calls that had no room in the queue, or could not be written.",
            registry=self.registry,
        )
        self.logs_dropped = Gauge(f"{name}_log_lines_dropped", "Log lines that had no room.", registry=self.registry)

    def collect(self, collector: Collector) -> None:
        """Add what is asked for when metrics are read."""
        self.registry.register(collector)

    def settle(self, record: Record) -> None:
        """Count one finished call."""
        child = self._child
        child(self.requests, record.surface, record.dialect, str(record.status), record.outcome).inc()
        for attempt in record.tries:
            how = attempt.outcome if attempt.outcome in ("ok", "cancelled") else "failed"
            child(self.attempts, attempt.provider, how).inc()
            if how == "failed":
                child(self.upstream_errors, attempt.provider, attempt.outcome).inc()
            if (attempt.cost is None or attempt.unpriced) and record.prices:
                child(self.unpriced, attempt.provider).inc()
            if attempt.cost:
                child(self.cost, attempt.provider).inc(attempt.cost / MICRO)
        lane = record.lane or "none"
        if record.first_byte is not None:
            child(self.first_byte, record.dialect, lane).observe(record.first_byte)
        child(self.total, record.dialect, lane).observe(record.total)
        if record.overhead is not None:
            child(self.overhead, lane).observe(record.overhead)
        for share in record.shares():
            if share.usage is not None and share.provider:
                self._used(share.provider, share.usage)

    def _used(self, provider: str, usage: Usage) -> None:
        child, tokens = self._child, self.tokens
        reasoning = min(usage.reasoning, usage.output)  # some providers report more than there was output
        if (fresh := usage.fresh_input) > 0:
            child(tokens, provider, "fresh_input").inc(fresh)
        if usage.cache_read > 0:
            child(tokens, provider, "cache_read").inc(usage.cache_read)
        if (written := usage.cache_write) > 0:
            child(tokens, provider, "cache_write").inc(written)
        if usage.output > reasoning:
            child(tokens, provider, "output").inc(usage.output - reasoning)
        if reasoning > 0:
            child(tokens, provider, "reasoning").inc(reasoning)

    def relay_sessions(self, service: str, sessions: int, capacity: int) -> None:
        """How many sessions of a service there are now."""
        self.relay_sessions_open.labels(service).set(sessions)
        self.relay_capacity.labels(service).set(capacity)

    def relay_call(self, service: str, outcome: str, first: float | None) -> None:
        """Count one call through a service. first: seconds to the first piece."""
        self._child(self.relay_calls, service, outcome).inc()
        if first is not None:
            self._child(self.relay_first_piece, service).observe(first)

    def renewal(self, account: str, good: bool) -> None:
        """Count one renewal of an account's sign-in."""
        self._child(self.renewals, account, account.partition("/")[0], "ok" if good else "failed").inc()

    def rescue(self, outcome: str) -> None:
        """Count one answer that broke off: rescued or failed."""
        self._child(self.rescues, outcome).inc()

    def waits_for(self, waiting: Mapping[Scope, int]) -> None:
        """How many calls wait, asked for when metrics are read."""
        for scope in waiting:
            self.waiting.labels(scope).set_function(partial(waiting.__getitem__, scope))

    def waited(self, scope: Scope, seconds: float) -> None:
        """Count one wait for a place."""
        self._child(self.waits, scope).observe(seconds)

    def shed(self, scope: Scope, reason: Reason) -> None:
        """Count one call that found no place."""
        self._child(self.shed_calls, scope, reason).inc()

    def _child(self, metric: M, *labels: str) -> M:
        """The metric with these labels, remembered: `labels` of the library checks and locks every time."""
        key = (metric, *labels)
        found = self._children.get(key)
        if found is None:
            found = self._children[key] = metric.labels(*labels)
        return cast(M, found)

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)


class QuotaWindows(Collector):
    """``switchyard_quota_used_ratio{account,provider,window}`` and when each begins anew."""

    def __init__(self, windows: Callable[[], Iterable[tuple[str, str, Window]]]) -> None:
        self._windows = windows

    def collect(self) -> Iterable[GaugeMetricFamily]:
        labels = ("account", "provider", "window")
        used = GaugeMetricFamily(
            "switchyard_quota_used_ratio", "Used share of a quota window, where the provider tells it.", labels=labels
        )
        resets = GaugeMetricFamily(
            "switchyard_quota_resets_at_seconds", "Unix time at which a quota window begins anew.", labels=labels
        )
        for account, provider, window in self._windows():
            used.add_metric((account, provider, window.name), window.used)
            if window.resets_at is not None:
                resets.add_metric((account, provider, window.name), window.resets_at)
        return [used, resets]


class DiskFree(Collector):
    """``switchyard_disk_free_bytes{folder}``: what the disks of some folders have left."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders

    def collect(self) -> Iterable[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "switchyard_disk_free_bytes", "What the disk of a folder has left for this user.", labels=("folder",)
        )
        for name, folder in self._folders.items():
            try:
                family.add_metric((name,), shutil.disk_usage(folder).free)
            except OSError:
                continue  # not made yet
        return [family]


class AccountStates(Collector):
    """``switchyard_account_state{account,provider,state} 1`` for every account."""

    def __init__(self, states: Callable[[], Iterable[tuple[str, str, str]]]) -> None:
        self._states = states

    def collect(self) -> Iterable[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "switchyard_account_state",
            "1 for the state that an account is in.",
            labels=("account", "provider", "state"),
        )
        for account, provider, state in self._states():
            family.add_metric((account, provider, state), 1)
        return [family]
