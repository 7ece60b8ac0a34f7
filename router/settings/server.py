"""The `server` block: where the router listens, how much it takes, how long it waits."""

from __future__ import annotations

from typing import Self

from pydantic import field_validator, model_validator

from router.settings.block import Block, Origins, Seconds, setting


class Tls(Block):
    """Certificate of the listening port."""

    cert: str | None = setting(
        None, "Path of the PEM certificate chain. Read again when the file changes.", effect="restart"
    )
    key: str | None = setting(None, "Path of the PEM private key. Read again when the file changes.", effect="restart")

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.cert is None) != (self.key is None):
            missing = "key" if self.key is None else "cert"
            raise ValueError(f"needs both cert and key; {missing} is missing")
        return self


class Cors(Block):
    """Browser pages of other origins."""

    origins: Origins = setting(
        (), "Origins such as `https://chat.example` whose pages may call the API from a browser. Empty: none may."
    )


class Limits(Block):
    """Bounds of what a client may send."""

    body_bytes: int = setting(
        64 * 1024 * 1024, "Largest request body in bytes, counted after decompression. A larger one is a 413.", ge=1024
    )
    header_bytes: int = setting(65_536, "Largest request head in bytes.", effect="restart", ge=4096, le=1_048_576)
    streams: int = setting(
        4000, "Calls in progress at once; one more waits or is answered with 503 and Retry-After.", ge=1
    )
    queue: int = setting(0, "Calls beyond `streams` that wait for a place instead of being refused.", ge=0)
    queue_timeout: Seconds = setting(
        30.0, "Longest wait for a place under any limit, in seconds; then the call is refused with Retry-After."
    )


class Timeouts(Block):
    """How long to wait, in seconds."""

    connect: Seconds = setting(10.0, "Seconds to connect to a provider, TLS included.")
    first_token: Seconds = setting(90.0, "Seconds until a provider's first event; then another target is tried.")
    slow_first_token: Seconds = setting(600.0, "The same for models that are known to think for minutes.")
    idle: Seconds = setting(120.0, "Seconds without a byte from the provider in the middle of an answer.")
    content_stall: Seconds = setting(300.0, "Seconds of nothing but keep-alives in the middle of an answer.")
    total: Seconds = setting(3600.0, "Seconds that one call may last altogether.")
    drain: float = setting(
        30.0,
        "Seconds that running calls get to finish when the router stops.",
        effect="restart",
        ge=0,
        le=75,  # with the margins of the drain, below supervisord's 100 s, `make down`'s 120 and systemd's 150
    )
    grace: Seconds = setting(
        20.0, "Seconds before a waiting streamed client is sent the head and heartbeats. 0: only with the first event."
    )
    heartbeat: Seconds = setting(10.0, "Seconds between heartbeats on a silent stream. 0: none.")
    header: Seconds = setting(30.0, "Seconds that a client may take to send its request head.", effect="restart")
    keep_alive: Seconds = setting(120.0, "Seconds that an idle client connection stays open.", effect="restart")


class Server(Block):
    """The listening side of the router."""

    host: str = setting(
        "127.0.0.1", "Address to listen on. Any other than loopback needs at least one client key.", effect="restart"
    )
    port: int = setting(8317, "TCP port to listen on. 0: any free one.", effect="restart", ge=0, le=65_535)
    workers: int = setting(
        1, "Router processes on this host: one, and no other value is taken in this version.", effect="restart", ge=1
    )
    state_dir: str = setting(
        "state", "Folder of the database, generated keys and sockets. Relative: to the checkout.", effect="restart"
    )
    tls: Tls = setting(Tls(), "Certificate, to serve https on the same port.", effect="restart")
    cors: Cors = setting(Cors(), "Browser pages of other origins.")
    limits: Limits = setting(Limits(), "Bounds of what a client may send.")
    timeouts: Timeouts = setting(Timeouts(), "How long to wait, in seconds.")

    @field_validator("workers")
    @classmethod
    def _one_worker(cls, value: int) -> int:
        if value > 1:
            raise ValueError("must be 1: this version serves with one process. Leave the line out")
        return value
