"""Codes, devices and token families: what has been granted, to whom, and whether it is still good."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulators.authorisation.people import Person

CODE_LIFE = 600.0
DEVICE_LIFE = 900.0


@dataclass(slots=True)
class Code:
    """One authorisation code. redirect_uri, challenge, state: of the request that it answers."""

    value: str
    sign_in: str
    person: Person
    redirect_uri: str
    challenge: str | None
    state: str | None
    scope: str
    offline: bool
    expires_at: float
    used: bool = False


@dataclass(slots=True)
class Device:
    """One device flow. state: what the person has done so far. scripted: what the next polls are told."""

    device_code: str
    user_code: str
    sign_in: str
    scope: str
    challenge: str | None
    expires_at: float
    interval: float
    state: str = "pending"  # pending | approved | denied | expired
    person: Person | None = None
    polled_at: float | None = None
    used: bool = False
    scripted: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Family:
    """All tokens that come of one sign-in. refresh: the one that is good. rotated: old ones with the time at which they
    were replaced. revoked: why nothing of it is good any more."""

    sign_in: str
    person: Person
    scope: str
    refresh: str | None
    access: list[str] = field(default_factory=list)
    rotated: dict[str, float] = field(default_factory=dict)
    revoked: str | None = None
    last: Granted | None = None
    in_flight: int = 0
    most_in_flight: int = 0

    @property
    def rotations(self) -> int:
        """How many refresh tokens have been replaced."""
        return len(self.rotated)


@dataclass(frozen=True, slots=True)
class Granted:
    """A pair as it was given. expires_at: of the access token, by the server's clock, None where it does not end."""

    access: str
    refresh: str | None
    expires_at: float | None


class Reuse(Exception):
    """A refresh token that is not good: unknown, replaced, or of a revoked family. family: where it is known."""

    def __init__(self, why: str, family: Family | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.family = family


class Grants:
    """Everything that the server has granted.

    grace: seconds for which the last replaced refresh token still gets the pair that replaced it; 0: reuse at any time
    revokes the whole family. strict_polls: whether a device that polls too soon is told to slow down.
    """

    def __init__(self, wall: Callable[[], float], grace: float = 0.0) -> None:
        self.grace = grace
        self.strict_polls = False
        self.codes: dict[str, Code] = {}
        self.devices: dict[str, Device] = {}
        self.families: list[Family] = []
        self.reused: list[str] = []
        self.replayed: list[str] = []
        self._wall = wall

    def device(self, user_code: str) -> Device:
        """The device that shows `user_code`."""
        return next(one for one in self.devices.values() if one.user_code == user_code)

    def poll(self, device: Device) -> str | None:
        """What keeps a device from its tokens (RFC 8628, 3.5); None: nothing."""
        if device.scripted:
            return device.scripted.pop(0)
        now = self._wall()
        too_soon = device.polled_at is not None and now - device.polled_at < device.interval
        device.polled_at = now
        if device.state == "expired" or now >= device.expires_at:
            return "expired_token"
        if device.state == "denied":
            return "access_denied"
        if too_soon and self.strict_polls:
            device.interval += 5
            return "slow_down"
        return None if device.state == "approved" else "authorization_pending"

    def begin(self, sign_in: str, person: Person, scope: str, prefixes: tuple[str, str], *, refresh: bool) -> Family:
        """A new family, as after a sign-in, without an access token yet."""
        family = Family(sign_in, person, scope, prefixes[1] + secrets.token_urlsafe(24) if refresh else None)
        self.families.append(family)
        return family

    def issue(self, family: Family, access: str, life: float | None) -> Granted:
        """Note an access token of the family."""
        family.access.append(access)
        family.last = Granted(access, family.refresh, None if life is None else self._wall() + life)
        return family.last

    def find(self, refresh: str) -> Family | None:
        """The family that `refresh` belongs to, good or old."""
        return next((one for one in self.families if refresh == one.refresh or refresh in one.rotated), None)

    def use(self, refresh: str, *, rotates: bool, prefix: str) -> tuple[Family, Granted | None]:
        """Spend a refresh token. The second: the pair to say again, where this is a repetition within the grace.

        Raises `Reuse`; whoever reuses an old token revokes its family (RFC 9700, 4.14.2)."""
        family = self.find(refresh)
        if family is None:
            raise Reuse("unknown")
        if family.revoked is not None:
            raise Reuse(family.revoked, family)
        if refresh != family.refresh:
            if refresh == list(family.rotated)[-1] and self._wall() - family.rotated[refresh] < self.grace:
                self.replayed.append(refresh)
                return family, family.last
            self.reused.append(refresh)
            family.revoked = "reused"
            raise Reuse("reused", family)
        if rotates:
            family.rotated[refresh] = self._wall()
            family.refresh = prefix + secrets.token_urlsafe(24)
        return family, None

    def revoke(self, refresh: str, why: str = "revoked") -> None:
        """The person or the vendor ends a family."""
        family = self.find(refresh)
        assert family is not None
        family.revoked = why

    def accepts(self, access: str) -> bool:
        """Whether an access token is the newest of a family that is good."""
        return any(one.revoked is None and one.last is not None and one.last.access == access for one in self.families)

    @property
    def good(self) -> list[str]:
        """Every refresh token that would be taken now."""
        return [one.refresh for one in self.families if one.refresh is not None and one.revoked is None]

    @property
    def most_in_flight(self) -> int:
        """The most refreshes that any family has seen at one time."""
        return max((one.most_in_flight for one in self.families), default=0)

    @property
    def rotations(self) -> int:
        """Refresh tokens replaced so far, in all families."""
        return sum(one.rotations for one in self.families)
