"""What an operator may change of a stored account, checked by the same rules as the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from router.accounts.keeper import Keeper
from router.accounts.labels import label_problem
from router.settings.block import Block, Proxy, Texts, setting
from router.settings.mistakes import dotted, nearest
from router.settings.policy_blocks import Thinking
from router.settings.validation import describe


def _label(value: str) -> str:
    if (problem := label_problem(value)) is not None:
        raise ValueError(f"cannot be the label: {problem}")
    return value


_ModelName = Annotated[str, Field(min_length=1, max_length=256)]
_MOST = 1000


class WrongChanges(ValueError):
    """The message lists every mistake."""


class Changes(Block):
    """What is given is changed, what is not stays. ``null`` takes a proxy or a word about thinking out; an empty list
    or mapping empties."""

    label: Annotated[str, AfterValidator(_label)] = setting("", "What the account is called.")
    disabled: bool = setting(False, "Whether it is left out of the work.", strict=True)
    priority: int = setting(0, "Accounts with a lower number are used first.", ge=-1000, le=1000)
    weight: int = setting(1, "Share of the calls among accounts of one priority.", ge=1, le=1000)
    proxy: Proxy | None = setting(None, "Outbound proxy for this account alone.", repr=False)
    models: Texts = setting((), "Upstream models that it may serve. Empty: all.", max_length=_MOST)
    excluded: Texts = setting((), "Upstream models that it never serves.", max_length=_MOST)
    aliases: dict[_ModelName, _ModelName] = setting({}, "Names for clients -> upstream models.", max_length=_MOST)

    thinking: Thinking | None = setting(None, "How much it may be asked to think, whatever rules and callers say.")

    @property
    def given(self) -> Mapping[str, Any]:
        """What is to be changed, by the field's name."""
        return {name: getattr(self, name) for name in Changes.model_fields if name in self.model_fields_set}


def read_changes(data: Any) -> Changes:
    """The changes in a decoded body. Raises `WrongChanges`."""
    if not isinstance(data, dict) or not data:
        raise WrongChanges(f"Give an object with one or more of {', '.join(Changes.model_fields)}.")
    try:
        return Changes.model_validate(data)
    except ValidationError as error:
        raise WrongChanges(" ".join(map(_sentence, error.errors(include_url=False)))) from None


async def carry_out(changes: Changes, keeper: Keeper, account: str, who: str) -> str:
    """Change an account that is kept here. Gives its id afterwards. Raises what the keeper does: `KeyError` where there
    is none, `ValueError` where it is not ours, or its new label cannot be."""
    if "label" in changes.given:  # first: where it is taken, nothing has been changed
        account = (await keeper.rename(account, changes.label, who)).id
    others = {name: value for name, value in changes.given.items() if name != "label"}
    if others:
        await keeper.change(account, others, who)
    return account


def _sentence(found: Any) -> str:
    path = tuple(found["loc"])
    if found["type"] == "extra_forbidden":
        near = nearest(str(path[-1]), Changes.model_fields)
        return f"{dotted(path)} is nothing that can be changed.{f' Did you mean {near!r}?' if near else ''}"
    problem, _ = describe(found, path, {})
    return f"{dotted(path)} {problem}."
