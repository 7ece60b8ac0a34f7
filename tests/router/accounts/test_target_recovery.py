"""A target that was down for a minute: spared meanwhile, one probe at a time, used again soon after it is back."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from router.accounts.health import Cooling, Health, Lease
from router.clock import FakeClock
from router.faults import Fault
from tests.router.routing.making import provider

DOWN = 60.0
SOON = 15.0


class World:
    """Calls come at a rate, each asks the first target and then the second. An attempt takes `takes` seconds."""

    def __init__(self, seed: int, takes: float, kind: str) -> None:
        self.clock = FakeClock()
        self.began = self.clock.wall()
        self.health = Health(self.clock, random.Random(seed))
        self.targets = [provider(name, base_urls=("http://x",), accounts=2) for name in ("first", "second")]
        self.takes = takes
        self.kind = kind
        self.running: list[tuple[float, Lease]] = []
        self.asked: list[tuple[float, str, bool]] = []
        self.most_probes = 0

    def call(self) -> None:
        for target in self.targets:
            lease = self.health.lease(target, "m")
            if isinstance(lease, Cooling):
                continue
            assert isinstance(lease, Lease)
            self.asked.append((self.clock.wall() - self.began, target.id, lease.probe))
            self.running.append((self.clock.wall() + self.takes, lease))
            self.most_probes = max(self.most_probes, sum(each.probe for _, each in self.running))
            return
        raise AssertionError("nobody serves")

    def end(self) -> None:
        """Attempts that are over now."""
        over = [each for each in self.running if each[0] <= self.clock.wall()]
        self.running = [each for each in self.running if each[0] > self.clock.wall()]
        for at, lease in over:
            if lease.provider == "first" and at - self.began < DOWN:
                self.health.failed(lease, Fault(self.kind, "down"))  # type: ignore[arg-type]
            else:
                self.health.committed(lease)
                self.health.succeeded(lease)

    def run(self, every: float, until: float) -> None:
        for _ in self._steps(every, until):
            self.end()
            self.call()

    def _steps(self, every: float, until: float) -> Iterator[None]:
        while self.clock.wall() - self.began < until:
            yield
            self.clock.advance(every)


@pytest.mark.parametrize("kind", ["upstream_broken", "overloaded", "timeout"])
@pytest.mark.parametrize("takes", [0.01, 1.0, 4.0])
@pytest.mark.parametrize("every", [0.02, 0.5, 3.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_used_again_soon(seed: int, every: float, takes: float, kind: str) -> None:
    world = World(seed, takes, kind)
    world.run(every, DOWN + SOON + takes + every)
    first = [(at, probe) for at, name, probe in world.asked if name == "first"]
    assert world.most_probes <= 1
    after = [at for at, _ in first if at >= DOWN]
    assert after and after[0] <= DOWN + SOON
    hammered = [at for at, _ in first if 5.0 + takes * 3 < at < DOWN]
    assert len(hammered) <= 12  # in a minute, whatever comes
    assert [name for _, name, _ in world.asked][-1] == "first"
