"""One account changed over the management API: what is kept here in its store, a key of the settings in their file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from router.accounts.changes import Changes, WrongChanges, carry_out, read_changes
from router.accounts.keeper import Keeper
from router.api.accounts import AccountViews
from router.api.manage.account_shapes import AccountChanges, ShownAccount
from router.api.manage.config_routes import ConfigDesk
from router.api.manage.operation import Asked, Operation, Refused
from router.api.manage.written import of_variable, written
from router.gateway import Gateway
from router.settings.items import CannotEdit
from router.settings.key_entries import with_changes, written_keys
from router.settings.mistakes import dotted


class AccountChangeDesk:
    """config: puts changed settings in force."""

    def __init__(self, gateway: Gateway, config: ConfigDesk, keeper: Keeper, views: AccountViews) -> None:
        self._gateway = gateway
        self._config = config
        self._keeper = keeper
        self._views = views

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="PATCH", path="/accounts/{id:path}", need="admin", name="account_change", body=AccountChanges,
                answer=ShownAccount, handler=self.change, audited=True,
                summary="Change an account: off and on, order, models, aliases, proxy, thinking. A key of the settings "
                "is changed in their file, at once.",
            ),
        ]  # fmt: skip

    async def change(self, asked: Asked) -> dict[str, Any]:
        name, who = asked.path["id"], asked.who.key.name
        try:
            changes = read_changes(msgspec.to_builtins(asked.body))
        except WrongChanges as problem:
            raise Refused(400, str(problem)) from None
        if self._keeper.find(name) is not None:
            name = await self._kept(name, changes, who)
        else:
            await self._written(name, changes, who)
        shown = self._views.one(name)
        if shown is None:
            raise Refused(404, f"{name[:200]} is changed, but not in use any more.")
        return shown

    async def _kept(self, name: str, changes: Changes, who: str) -> str:
        """Change an account of the store. Gives its id afterwards."""
        try:
            return await carry_out(changes, self._keeper, name, who)
        except KeyError:
            raise Refused(404, f"There is no account {name[:200]!r} any more.") from None
        except ValueError as problem:
            raise Refused(409, f"{problem}.") from None

    async def _written(self, name: str, changes: Changes, who: str) -> None:
        """Change a key of the settings, in their file. What is not in it cannot be changed there."""
        place = written_keys(self._gateway.current.settings).get(name)
        if place is None:
            if self._views.one(name) is None:
                raise Refused(404, f"There is no account {name[:200]!r}; GET /accounts lists them.")
            raise Refused(409, f"{name} does not stand in `api_keys` of the settings: write it there to change it.")
        if "label" in changes.given:
            raise Refused(409, f"{name} is a key of the settings: change its label in the file.")
        variable = of_variable(self._gateway.current.provenance, dotted(place.list))
        if variable is not None:
            raise Refused(409, f"{dotted(place.list)} comes from the variable {variable}, which wins over the file.")
        given = {key: written(value) for key, value in _as_written(changes).items()}
        try:
            await self._config.edit(lambda text: with_changes(text, place, given), who)
        except CannotEdit as problem:
            raise Refused(409, str(problem)) from None


def _as_written(changes: Changes) -> dict[str, Any]:
    """The changes as the file has them."""
    given = changes.model_dump(mode="json", include=set(changes.given))
    thinking = given.get("thinking")
    if thinking is not None:
        given["thinking"] = {name: value for name, value in thinking.items() if value is not None}
    return given
