"""One account: one credential for one provider. A value without behaviour; its health lives in `accounts.health`."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from router.secret import Secret


class Account(Struct, frozen=True, kw_only=True):
    """id: stable and printable, ``<provider>/<label>``. secret: API key or token. secret_file facts stay with settings.

    priority: lower is preferred. weight: share within one priority. proxy: outbound proxy URL of this account alone.
    models: upstream names it may serve; empty means all. excluded: names it may not serve. aliases: names that stand
    for upstream names on this account alone. stored: its secret lies in the account store, and `secret` is empty.
    """

    id: str
    provider: str
    label: str
    secret: Secret
    priority: int = 0
    weight: int = 1
    proxy: str | None = None
    models: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    aliases: Mapping[str, str] = {}
    stored: bool = False

    def serves(self, model: str) -> bool:
        """Whether the operator lets it serve `model`."""
        if model in self.aliases:
            return True
        return (not self.models or model in self.models) and model not in self.excluded

    def upstream(self, model: str) -> str:
        """The name to send for `model`."""
        return self.aliases.get(model, model)


class Access(Struct, frozen=True):
    """What lets one call in: the secret to send now, and what is known of the account besides (``account_id``)."""

    secret: Secret
    facts: Mapping[str, str] = {}
