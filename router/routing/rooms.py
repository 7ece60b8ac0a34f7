"""The gates of providers whose settings limit how many calls they get at once."""

from __future__ import annotations

from collections.abc import Mapping

from router.clock import Clock
from router.providers.config import ProviderConfig
from router.routing.gate import Gate, Owner
from router.routing.line import Bounds


class Rooms:
    """One gate for each provider that has a limit; they outlive the settings that made them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gates: dict[str, Gate] = {}
        self._in_force: Mapping[str, ProviderConfig] = {}

    def of(self, provider: ProviderConfig) -> Gate | None:
        """The provider's gate, None where it has no limit. Its bounds are those that are in force, whatever older
        settings a call may still have."""
        if provider.max_concurrency is None:
            return None
        gate = self._gates.get(provider.id)
        if gate is None:
            now = self._in_force.get(provider.id, provider)
            gate = self._gates[provider.id] = Gate(_owner(provider.id), _bounds(now), self._clock)
        return gate

    def follow(self, providers: Mapping[str, ProviderConfig]) -> None:
        """Other settings are in force."""
        self._in_force = providers
        for name, gate in self._gates.items():
            provider = providers.get(name)
            gate.follow(_bounds(provider) if provider is not None else Bounds(None))


def _owner(provider: str) -> Owner:
    return Owner(
        scope="provider",
        name=f"The provider {provider}",
        kind="overloaded",
        setting="its max_concurrency",
        queue="its max_queue",
    )


def _bounds(provider: ProviderConfig) -> Bounds:
    return Bounds(provider.max_concurrency, provider.max_queue)
