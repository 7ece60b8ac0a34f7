"""``/v1/auth``: the accounts that are kept here: listed, changed, deleted, imported, made of a pasted cookie."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from router.access.keys import ClientKey
from router.accounts.changes import WrongChanges, carry_out, read_changes
from router.accounts.login.refusals import Refused
from router.api.accounts import AccountViews
from router.api.bodies import BadBody, check_names, flag_field, read_body, read_object, text_field
from router.api.guard import error
from router.api.sign_in import Desk, Hall, answer, guarded, provider_of
from router.gateway import Gateway
from router.settings.provider_names import SIGN_INS
from router.settings.sign_in_blocks import facts_of

LARGEST_FILE = 1024 * 1024
_FILE = "imported.json"


class AccountRoutes:
    """The handlers. views: how accounts are shown. desk: see `router.api.sign_in`."""

    def __init__(self, gateway: Gateway, views: AccountViews, desk: Desk) -> None:
        self._gateway = gateway
        self._views = views
        self._desk = desk

    def routes(self) -> list[Route]:
        """Every path of accounts; to be tried after those of `router.api.sign_in`. An account's id holds a slash."""
        return [
            Route("/v1/auth", self.all, methods=["GET"]),
            Route("/v1/auth/import", self.bring_in, methods=["POST"]),
            Route("/v1/auth/{account:path}", self.one, methods=["GET", "PATCH", "DELETE", "POST"]),
        ]

    async def all(self, request: Request) -> Response:
        """The accounts, what cannot be read, whom one can sign in to, and the sign-ins that are open."""

        async def work(hall: Hall, key: ClientKey) -> Response:
            open_ones = await hall.logins.views()
            return _json(
                {
                    **self._views.signed_in(),
                    "providers": [self._provider(hall, name) for name in SIGN_INS],
                    "logins": open_ones,
                }
            )

        return await guarded(request, self._gateway, self._desk, work)

    async def bring_in(self, request: Request) -> Response:
        """One file of another program, as it is. ``?name=``: what it was called, which may tell whose it is."""

        async def work(hall: Hall, key: ClientKey) -> Response:
            name = request.query_params.get("name", _FILE).rpartition("/")[2][:200] or _FILE
            content = await read_body(request, LARGEST_FILE)
            if not content.strip():
                raise BadBody(400, "Send the file as the body.")
            brought = await hall.bring_in(content, name, key.name)
            if brought.became in ("nothing", "wrong"):
                return error(400, f"{brought.told}.")
            return _json(brought)

        return await guarded(request, self._gateway, self._desk, work)

    async def one(self, request: Request) -> Response:
        """One account; POST takes a pasted cookie for the provider that the path names."""
        account = request.path_params["account"]

        async def work(hall: Hall, key: ClientKey) -> Response:
            if request.method == "POST":
                return await self._pasted(request, hall, key, account)
            if request.method == "GET":
                return self._shown(account)
            try:
                if request.method == "DELETE":
                    await hall.keeper.delete(account, key.name)
                    return _json({"deleted": account})
                return self._shown(await _change(request, hall, key, account))
            except KeyError:
                raise Refused("unknown", self._none(account)) from None
            except WrongChanges as problem:
                return error(400, str(problem))
            except ValueError as problem:
                return error(409, f"{problem}.")

        return await guarded(request, self._gateway, self._desk, work)

    def _shown(self, account: str) -> Response:
        shown = self._views.one(account)
        if shown is None or shown["owner"] == "settings":
            raise Refused("unknown", self._none(account))
        return _json(shown)

    def _none(self, account: str) -> str:
        """Why there is no sign-in of this name."""
        if self._views.one(account) is not None:
            return f"{account} is a key of the settings: PATCH /v0/management/accounts/{account} changes it there."
        return f"There is no account {account[:200]}."

    async def _pasted(self, request: Request, hall: Hall, key: ClientKey, name: str) -> Response:
        provider = provider_of(name)
        facts = facts_of(self._gateway.current.settings.providers, provider) if provider is not None else None
        if provider is None or facts is None or facts.paste is None:
            raise BadBody(405, "Nothing can be posted here. A sign-in begins at POST /v1/auth/{provider}/login.")
        given = await read_object(request)
        field = facts.paste.field
        check_names(given, (field, "accept", "label"))
        pasted = text_field(given, field)
        if pasted is None:
            raise BadBody(400, f"Give `{field}`. {facts.paste.instructions}")
        label, accepted = text_field(given, "label"), flag_field(given, "accept")
        begun = await hall.logins.start(provider, flow="paste", label=label, accepted=accepted, by=key.name)
        try:
            return answer(await hall.logins.callback(provider, begun.login_id, pasted))
        except Refused:
            await hall.logins.cancel(provider, begun.login_id)
            raise

    def _provider(self, hall: Hall, name: str) -> dict[str, Any]:
        facts = facts_of(self._gateway.current.settings.providers, name)
        return {
            "provider": name,
            "title": facts.title,
            "names": SIGN_INS[name].login,
            "flows": facts.flows,
            "on": hall.logins.on(name),
            "caveat": facts.caveat,
        }


async def _change(request: Request, hall: Hall, key: ClientKey, account: str) -> str:
    """Change an account. Returns its id afterwards."""
    if hall.keeper.find(account) is None:
        raise KeyError(account)
    return await carry_out(read_changes(await read_object(request)), hall.keeper, account, key.name)


def _json(value: Any) -> Response:
    return JSONResponse(msgspec.to_builtins(value), headers={"cache-control": "no-store"})
