"""The blocks `policies.cache` and `policies.idempotency`: answers that are given again."""

from __future__ import annotations

from router.settings.block import Block, Seconds, setting


class Cache(Block):
    """Answers kept in memory for the same request of the same key."""

    enabled: bool = setting(False, "Whether an exact repetition is answered without asking a provider again.")
    ttl: Seconds = setting(3600.0, "Seconds that a kept answer lives.")
    max_bytes: int = setting(
        64 * 1024 * 1024, "Bytes of all kept answers together; one above an eighth of it is not kept.", ge=0
    )


class Idempotency(Block):
    """Keys of callers (`idempotency-key`) that make a call happen once."""

    enabled: bool = setting(False, "Whether a call with a key that was used before gets the first one's answer.")
    ttl: Seconds = setting(86_400.0, "Seconds for which the answer to a key is kept.")
