"""Tables of the embedded database. Times are Unix seconds. Changes need a migration (``router/state/migrations``)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, text

metadata = MetaData()

client_keys = Table(
    "client_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("digest", String, nullable=False, unique=True),  # SHA-256 of the key, hexadecimal
    Column("scopes", String, nullable=False),  # blank-separated
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
    Column("concurrency", Integer),  # calls at once; null: any number
    Column("queue", Integer, nullable=False, server_default=text("0")),  # calls that may wait
    Column("priority", String, nullable=False, server_default=text("'interactive'")),
    Column("limits", String, nullable=False, server_default=text("''")),  # JSON, as `router.access.limits.KeyLimits`
    Column("rights", String, nullable=False, server_default=text("''")),  # JSON, as `router.settings.auth.KeyRights`
    Column("disabled", Boolean, nullable=False, server_default=text("0")),
)

health = Table(
    "health",
    metadata,
    Column("account", String, primary_key=True),
    Column("scope", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("until", Float),
    Column("strikes", Integer, nullable=False),
    Column("cause", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("hinted", Boolean, nullable=False, server_default=text("0")),  # the provider said how long
)

affinity = Table(
    "affinity",
    metadata,
    Column("digest", String, primary_key=True),  # of an opaque item, hexadecimal
    Column("account", String, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_affinity_at", "at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String, primary_key=True),  # of what a conversation is known by, hexadecimal
    Column("account", String, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_sessions_at", "at"),
)

responses = Table(
    "responses",
    metadata,
    Column("id", String, primary_key=True),
    Column("key_id", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),  # encrypted, see `router.vault.cipher`
    Index("ix_responses_expires_at", "expires_at"),
    Index("ix_responses_created_at", "created_at"),
)

account_tallies = Table(
    "account_tallies",
    metadata,
    Column("account", String, primary_key=True),
    Column("calls", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("last_used_at", Float),
    Column("last_error", String, nullable=False),
    Column("last_error_at", Float),
)

login_flows = Table(
    "login_flows",
    metadata,
    Column("id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("owner", String, nullable=False),  # the process that looks after it, "" for none
    Column("beat_at", Float, nullable=False),  # when that process was last alive
    Column("version", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),  # encrypted, see `router.vault.cipher`
)

announcements = Table(
    "announcements",
    metadata,
    Column("service", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("expires_at", Float, nullable=False),
    Column("document", LargeBinary, nullable=False),  # JSON, as `router.relay.announced.Announcement`
)

consents = Table(
    "consents",
    metadata,
    Column("provider", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("caveat", String, nullable=False),
    Column("at", Float, nullable=False),
)


BESIDES = ("service_tier", "items", "unpriced")


def _tokens_and_money() -> list[Column[Any]]:
    """What was used, in disjoint kinds, and micro-USD: paid for it, and at list prices. NULL: nobody knows. Then what
    decides the cost besides: the service tier, what is paid for each, and what of all that has no known price."""
    kinds = ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
    return [
        *(Column(kind, BigInteger, nullable=False) for kind in kinds),
        Column("estimated", Boolean, nullable=False),
        Column("cost", BigInteger),
        Column("worth", BigInteger),
        *(Column(name, String, nullable=False, server_default=text("''")) for name in BESIDES),
    ]


calls = Table(
    "calls",
    metadata,
    Column("id", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("key_id", String, nullable=False),
    Column("key_name", String, nullable=False),
    Column("client", String, nullable=False),
    Column("surface", String, nullable=False),
    Column("dialect", String, nullable=False),
    Column("upstream_dialect", String, nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("lane", String, nullable=False),
    Column("asked", String, nullable=False),
    Column("model", String, nullable=False),  # that served, as the provider calls it
    Column("provider", String, nullable=False),
    Column("account", String, nullable=False),
    *_tokens_and_money(),
    Column("prices", String, nullable=False),  # version of the price table
    Column("first_byte", Float),
    Column("first_token", Float),
    Column("total", Float, nullable=False),
    Column("overhead", Float),
    Column("status", Integer, nullable=False),
    Column("outcome", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("finish", String, nullable=False),
    Column("notes", String, nullable=False),
    Column("session", String, nullable=False, server_default=text("''")),  # a pseudonym, "" for none
    Index("ix_calls_at", "at"),
    Index("ix_calls_session", "session", sqlite_where=text("session != ''")),
)

attempts = Table(
    "attempts",
    metadata,
    Column("call_id", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Float, nullable=False),  # of the call
    Column("provider", String, nullable=False),
    Column("model", String, nullable=False),
    Column("account", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("status", Integer),
    Column("reason", String, nullable=False),
    Column("seconds", Float, nullable=False),
    *_tokens_and_money(),
    Column("why", String, nullable=False, server_default=text("''")),
    Column("chosen", String, nullable=False, server_default=text("''")),
    Index("ix_attempts_at", "at"),
)
