"""One account: one credential for one provider. A value without behaviour; its health lives in `accounts.health`."""

from __future__ import annotations

from msgspec import Struct

from router.secret import Secret


class Account(Struct, frozen=True, kw_only=True):
    """id: stable and printable, ``<provider>/<label>``. secret: API key or token. secret_file facts stay with settings.

    priority: lower is preferred. weight: share within one priority. proxy: outbound proxy URL of this account alone.
    models: upstream names it may serve; empty means all.
    """

    id: str
    provider: str
    label: str
    secret: Secret
    priority: int = 0
    weight: int = 1
    proxy: str | None = None
    models: tuple[str, ...] = ()
