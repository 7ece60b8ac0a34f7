"""The `models.combos` block: named chains of models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from router.settings.block import Block, Proxy, setting


class Member(Block):
    """One model of a chain."""

    model: str = setting(..., "The model; it may carry `provider/`, and be an alias.", min_length=1)
    weight: int = setting(
        1, "Its share of the calls where the strategy is `weighted`; 0: only when others fail.", ge=0, le=1000
    )


def _members(value: Any) -> Any:
    """A text is a model without more; a single one counts as a list of one."""
    entries = value if isinstance(value, (list, tuple)) else (value,)
    return tuple({"model": entry} if isinstance(entry, str) else entry for entry in entries)


class Combo(Block):
    """One name for several models."""

    targets: Annotated[tuple[Member, ...], BeforeValidator(_members), Field(max_length=32)] = setting(
        ..., "Models, or `{model, weight}`, in their order."
    )
    strategy: Literal["priority", "weighted", "round_robin", "least_latency", "cheapest"] = setting(
        "priority",
        "Which is asked first: the first that can, by weight, in turn, the one that begins to answer soonest by what "
        "was measured, or the one whose tokens cost least. The others follow where it fails.",
    )

    proxy: Proxy | None = setting(
        None,
        "Outbound proxy of the calls for this name, behind an account's own and before the provider's: "
        "`http://user:password@host:3128`, or `socks5://`, `socks5h://`.",
        repr=False,
    )

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Combo:
        if not self.targets:
            raise ValueError("has no targets; name at least one model")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The models."""
        return tuple(target.model for target in self.targets)
