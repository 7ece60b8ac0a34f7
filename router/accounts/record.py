"""One account: one credential for one provider. A value without behaviour; its health lives in `accounts.health`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from router.models.patterns import Pattern, compile_pattern
from router.policies.thinking import ThinkingRule
from router.secret import Secret

OFF = "disabled in the settings"


class Account(Struct, frozen=True, kw_only=True):
    """id: stable and printable, ``<provider>/<label>``. secret: API key or token. secret_file facts stay with settings.

    priority: lower is preferred. weight: share within one priority. proxy: outbound proxy URL of this account alone.
    models: upstream names it may serve; empty means all. excluded: names it may not serve, `*` for any text. aliases:
    names that stand for upstream names on this account alone. thinking: how much it may be asked to think. facts: what
    its kind's executor needs besides. stored: its secret lies in the account store, and `secret` is empty.
    disabled: the settings leave it out of the work; of those in the store its keeper says so.
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
    thinking: ThinkingRule | None = None
    facts: Mapping[str, str] = {}
    stored: bool = False
    disabled: bool = False

    def __repr__(self) -> str:
        return f"Account({self.id})"  # its proxy has a password

    @property
    def limited(self) -> bool:
        """Whether there may be a model that it does not serve."""
        return self.disabled or bool(self.models or self.excluded)

    def serves(self, model: str) -> bool:
        """Whether the operator lets it serve `model`."""
        return self.bar(model) is None

    def bar(self, model: str) -> str | None:
        """What keeps it from `model`, in words; None where nothing does."""
        if self.disabled:
            return OFF
        upstream = self.aliases.get(model)
        if self.excluded and any(
            _pattern(text).matches(name) for text in self.excluded for name in (model, upstream or model)
        ):
            return "its settings exclude this model"
        if upstream is None and self.models and model not in self.models:
            return "its settings do not include this model"
        return None

    def upstream(self, model: str) -> str:
        """The name to send for `model`."""
        return self.aliases.get(model, model)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> Pattern:
    """A text that is no valid pattern excludes the name that it is."""
    try:
        return compile_pattern(text)
    except ValueError:
        return Pattern(text, text.lower(), re.compile(rf"\A{re.escape(text)}\Z", re.IGNORECASE))


class Access(Struct, frozen=True):
    """What lets one call in: the secret to send now, and what is known of the account besides (``account_id``)."""

    secret: Secret
    facts: Mapping[str, str] = {}
