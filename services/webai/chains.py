"""Which providers of gpt4free are asked for a model, in which order, and which are left out for now. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

PREFIX = "gpt4free:"
ANY = "*"


class Link(Struct, frozen=True):
    """One provider and its name of the model; an empty name is its default."""

    provider: str
    model: str

    @property
    def text(self) -> str:
        return f"{self.provider}/{self.model}"


def link(text: str) -> Link:
    """`Provider/model`."""
    provider, _, model = text.partition("/")
    return Link(provider.strip(), model.strip())


def named(model: str) -> Link | None:
    """The provider that `gpt4free:Provider/model` picks, None for other names."""
    return link(model.removeprefix(PREFIX)) if model.startswith(PREFIX) else None


def chain(chains: Mapping[str, tuple[str, ...]], model: str) -> list[Link]:
    """The providers of a model, each once, in order."""
    found = chains.get(model, chains.get(ANY, ()))
    return list(dict.fromkeys(link(each) for each in found))


class _Record(Struct):
    """failures: in a row. since: when the newest absence began. until: when it may be asked again. span: seconds of
    the newest absence. probing: when the call began that tries it."""

    failures: int = 0
    since: float | None = None
    until: float | None = None
    span: float = 0.0
    probing: float | None = None


class Blacklist:
    """Providers that failed too often in a row. After their time one call probes; its end decides. A call is known by
    the moment at which it began. Moments are monotonic."""

    def __init__(self, failures: int, first: float, most: float) -> None:
        """first: seconds of the first absence, which double up to `most`."""
        self._failures, self._first, self._most = failures, first, most
        self._records: dict[str, _Record] = {}

    def admits(self, provider: str, now: float) -> bool:
        """Whether a call that begins now may ask it. After an absence True once, for the probe; `good`, `bad` or
        `undecided` follows."""
        record = self._records.get(provider)
        if record is None or record.until is None:
            return True
        if now < record.until or record.probing is not None:
            return False
        record.probing = now
        return True

    def good(self, provider: str) -> None:
        """It has answered."""
        self._records.pop(provider, None)

    def bad(self, provider: str, began: float, now: float) -> None:
        """A call has failed. One that began before the newest absence says nothing new: what made it fail has led to
        that absence."""
        record = self._records.setdefault(provider, _Record())
        probe = self._probed(record, began)
        if record.since is not None and began <= record.since:
            return
        record.failures += 1
        if probe or record.failures >= self._failures:
            record.span = min(self._most, record.span * 2 or self._first)
            record.since, record.until = now, now + record.span

    def undecided(self, provider: str, began: float) -> None:
        """A call ended without saying anything about it, such as by its caller's leaving."""
        record = self._records.get(provider)
        if record is not None:
            self._probed(record, began)

    def _probed(self, record: _Record, began: float) -> bool:
        """Whether that call was the probe, which has ended then."""
        probe = record.probing == began
        if probe:
            record.probing = None
        return probe

    def absent(self, now: float) -> dict[str, float]:
        """Seconds for which each is left out still; 0 for one that waits for its probe."""
        return {
            name: max(0.0, record.until - now) for name, record in self._records.items() if record.until is not None
        }
