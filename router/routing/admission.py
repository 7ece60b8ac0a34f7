"""The way in: a place for each call under the limit of its key, and one under the limit of the whole process."""

from __future__ import annotations

import types
from collections.abc import Iterable

from router.access.keys import ClientKey
from router.clock import Clock
from router.routing.crowd import Crowd
from router.routing.gate import Gate, Owner
from router.routing.line import Bounds

_PROCESS = Owner(
    scope="process",
    name="This gateway",
    kind="overloaded",
    setting="server.limits.streams",
    queue="server.limits.queue",
)


class Admission:
    """Who may come in. Outlives the settings."""

    def __init__(self, crowd: Crowd, clock: Clock, bounds: Bounds) -> None:
        self.crowd = crowd
        self.clock = clock
        self.process = Gate(_PROCESS, bounds, clock)
        self._keys: dict[str, Gate] = {}

    def follow(self, bounds: Bounds, seconds: float, keys: Iterable[ClientKey]) -> None:
        """Other settings are in force. seconds: that a call may wait."""
        self.crowd.seconds = seconds
        self.process.follow(bounds)
        self.follow_keys(keys)

    def follow_keys(self, keys: Iterable[ClientKey]) -> None:
        """Keys have other limits of calls at once."""
        if self._keys:
            known = {key.id: Bounds(key.concurrency, key.queue) for key in keys}
            for name, gate in self._keys.items():
                gate.follow(known.get(name, Bounds(None)))

    def entry(self, key: ClientKey, *, counted: bool = True) -> Entry:
        """For one call, as a context manager. counted: whether it counts against the key's own limit."""
        return Entry(self, key, self._gate(key) if counted and key.concurrency is not None else None)

    def _gate(self, key: ClientKey) -> Gate:
        bounds = Bounds(key.concurrency, key.queue)
        gate = self._keys.get(key.id)
        if gate is None:
            owner = Owner(
                scope="key",
                name=f"The key {key.name!r}",
                kind="rate_limited",
                setting="its concurrency",
                queue="its queue",
            )
            gate = self._keys[key.id] = Gate(owner, bounds, self.clock)
        gate.follow(bounds)
        return gate


class Entry:
    """The places of one call. Within it they are held; where `waits` is true, `wait` has to get them first."""

    __slots__ = ("_admission", "_began", "_gate", "_gate_held", "_key", "_process_held")

    def __init__(self, admission: Admission, key: ClientKey, gate: Gate | None) -> None:
        self._admission = admission
        self._key = key
        self._gate = gate
        self._gate_held = False
        self._process_held = False
        self._began = 0.0

    @property
    def waits(self) -> bool:
        """Whether there was no place at once."""
        return not self._process_held

    def __enter__(self) -> Entry:
        self._began = self._admission.clock.monotonic()
        if self._gate is not None:
            self._gate_held = self._gate.take()
        if self._gate is None or self._gate_held:
            self._process_held = self._admission.process.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        held = self._admission.clock.monotonic() - self._began if self._process_held else None
        if self._process_held:
            self._admission.process.release(held)
        if self._gate is not None and self._gate_held:
            self._gate.release(held)
        self._process_held = self._gate_held = False

    async def wait(self) -> float:
        """Get the places that are missing. Returns the seconds that it took. Raises `Fault`: rate_limited where the key
        has no place, overloaded where the process has none."""
        crowd, clock = self._admission.crowd, self._admission.clock
        began = clock.monotonic()
        if self._gate is not None and not self._gate_held:
            await crowd.place((self._gate,), self._key.priority)
            self._gate_held = True
        left = max(0.0, crowd.seconds - (clock.monotonic() - began))
        await crowd.place((self._admission.process,), self._key.priority, left)
        self._process_held = True
        self._began = clock.monotonic()
        return self._began - began
