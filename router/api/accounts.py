"""``/v1/auth``: the stored accounts: listed, changed, deleted, imported, and made of a pasted cookie."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from router.access.keys import ClientKey
from router.accounts.changes import WrongChanges, read_changes
from router.accounts.importing import NotImportable
from router.accounts.login.refusals import Refused
from router.api.bodies import BadBody, check_names, flag_field, read_body, read_object, text_field
from router.api.guard import error
from router.api.sign_in import Desk, SignIns, answer, guarded, provider_of
from router.gateway import Gateway
from router.settings.provider_names import SIGN_INS
from router.settings.sign_in_blocks import facts_of

LARGEST_FILE = 1024 * 1024
_FILE = "imported.json"


class AccountRoutes:
    """The handlers. desk: gives the parts, None before the database is open."""

    def __init__(self, gateway: Gateway, desk: Desk) -> None:
        self._gateway = gateway
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

        async def work(parts: SignIns, key: ClientKey) -> Response:
            open_ones = await parts.logins.views()
            return _json(
                {
                    "accounts": parts.holder.listed(),
                    "troubles": parts.holder.troubles(),
                    "providers": [self._provider(parts, name) for name in SIGN_INS],
                    "logins": open_ones,
                }
            )

        return await guarded(request, self._gateway, self._desk, work)

    async def bring_in(self, request: Request) -> Response:
        """One file of another program, as it is. ``?name=``: what it was called, which may tell whose it is."""

        async def work(parts: SignIns, key: ClientKey) -> Response:
            name = request.query_params.get("name", _FILE).rpartition("/")[2][:200] or _FILE
            content = await read_body(request, LARGEST_FILE)
            if not content.strip():
                raise BadBody(400, "Send the file as the body.")
            try:
                return _json(await parts.holder.import_file(content, name, key.name))
            except NotImportable as problem:
                return error(400, f"{problem}.")

        return await guarded(request, self._gateway, self._desk, work)

    async def one(self, request: Request) -> Response:
        """One account; POST takes a pasted cookie for the provider that the path names."""
        account = request.path_params["account"]

        async def work(parts: SignIns, key: ClientKey) -> Response:
            if request.method == "POST":
                return await self._pasted(request, parts, key, account)
            known = next((one for one in parts.holder.listed() if one.account == account), None)
            if request.method == "DELETE":
                try:
                    if not await parts.holder.delete(account, key.name):
                        raise Refused("unknown", _none(account))
                except ValueError as problem:
                    return error(409, str(problem))
                return _json({"deleted": account})
            if known is None:
                raise Refused("unknown", _none(account))
            if request.method == "PATCH":
                return await _change(request, parts, key, account)
            return _json(known)

        return await guarded(request, self._gateway, self._desk, work)

    async def _pasted(self, request: Request, parts: SignIns, key: ClientKey, name: str) -> Response:
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
        begun = await parts.logins.start(provider, flow="paste", label=label, accepted=accepted, by=key.name)
        try:
            return answer(await parts.logins.callback(provider, begun.login_id, pasted))
        except Refused:
            await parts.logins.cancel(provider, begun.login_id)
            raise

    def _provider(self, parts: SignIns, name: str) -> dict[str, Any]:
        facts = facts_of(self._gateway.current.settings.providers, name)
        return {
            "provider": name,
            "title": facts.title,
            "names": SIGN_INS[name].login,
            "flows": facts.flows,
            "on": parts.logins.on(name),
            "caveat": facts.caveat,
        }


async def _change(request: Request, parts: SignIns, key: ClientKey, account: str) -> Response:
    try:
        changes = read_changes(await read_object(request))
        return _json(await parts.holder.change(account, changes, key.name))
    except WrongChanges as problem:
        return error(400, str(problem))
    except KeyError:
        raise Refused("unknown", _none(account)) from None
    except ValueError as problem:
        return error(409, str(problem))


def _none(account: str) -> str:
    return f"There is no account {account[:200]}."


def _json(value: Any) -> Response:
    return JSONResponse(msgspec.to_builtins(value), headers={"cache-control": "no-store"})
