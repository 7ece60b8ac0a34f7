"""Keys of callers that make a call happen once: while the first runs a second is refused, afterwards it gets the first
one's answer. Only successes are remembered: whoever failed may try again. Pure: the time is passed in."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b

from router.faults import Fault, bad_request
from router.policies.kept import Answer, Kept

HEADER = "idempotency-key"
LONGEST = 255
"""Characters of a key."""
MAX_BYTES, MOST = 64 * 1024 * 1024, 10_000
"""Bytes and number of the answers that are kept for all keys together."""
RETRY_AFTER = 1.0
"""Seconds after which whoever met a running call may ask again."""


class Idempotency:
    """What each tenant has asked under which key. Within one process: a restart forgets it."""

    def __init__(self, ttl: float) -> None:
        self._running: dict[bytes, bytes] = {}
        self._fingerprints: OrderedDict[bytes, bytes] = OrderedDict()
        self._answers = Kept(ttl, MAX_BYTES, MOST)

    def follow(self, ttl: float) -> None:
        """ttl: seconds for which an answer is kept from now on."""
        self._answers.follow(ttl, MAX_BYTES)

    @property
    def largest(self) -> int:
        """Bytes of the longest answer that can be given again."""
        return self._answers.largest

    def begin(self, key: bytes, fingerprint: bytes, now: float) -> Answer | None:
        """The earlier answer, or None: then the call runs and `end` must follow. Raises `Fault`: conflict while the
        first runs, bad_request (422) where the key stands for another request."""
        running = self._running.get(key)
        answer = self._answers.get(key, now) if running is None else None
        known = running if running is not None else self._fingerprints.get(key) if answer is not None else None
        if known is not None and known != fingerprint:
            raise bad_request(
                f"The `{HEADER}` of this request was used for another request before. Use a new key for a new request.",
                status=422,
                code="idempotency_key_reused",
            )
        if running is not None:
            raise Fault(
                "conflict",
                f"A request with this `{HEADER}` is still running. Ask again later: its answer is given then.",
                code="idempotency_key_in_use",
                retry_after=RETRY_AFTER,
            )
        if answer is None:
            self._running[key] = fingerprint
        return answer

    def end(self, key: bytes, answer: Answer | None, now: float) -> None:
        """A call that `begin` let through is over. answer: None where it failed, or is too large to be kept."""
        fingerprint = self._running.pop(key, None)
        if answer is None or fingerprint is None or not self._answers.put(key, answer, now):
            return
        self._fingerprints[key] = fingerprint
        self._fingerprints.move_to_end(key)
        while len(self._fingerprints) > MOST:
            self._fingerprints.popitem(last=False)


def tenant_key(tenant: str, key: str) -> bytes:
    """A caller's key as it is kept. tenant: id of the client key. Raises `Fault` bad_request."""
    if not key.strip() or len(key) > LONGEST:
        raise bad_request(f"`{HEADER}` must have 1 to {LONGEST} characters.")
    return blake2b(f"{tenant}\n{key}".encode(), digest_size=32).digest()
