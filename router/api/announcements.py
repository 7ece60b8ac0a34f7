"""``POST /v0/relay/services``: a service that is reached over HTTP tells of itself."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from router.api.bodies import BadBody, read_object
from router.api.guard import error
from router.api.identify import key_with_scope
from router.gateway import Gateway
from router.relay.announced import EVERY, LIVES, Announced, Unacceptable, read

LARGEST = 256 * 1024
_NO_KEY = "Send the service key as `Authorization: Bearer`; `make up` keeps it in state/keys/service.key."


class AnnouncementRoutes:
    """The handler, for one gateway. wall: Unix time."""

    def __init__(self, gateway: Gateway, announced: Announced, wall: Callable[[], float]) -> None:
        self._gateway = gateway
        self._announced = announced
        self._wall = wall

    def routes(self) -> list[Route]:
        return [Route("/v0/relay/services", self.take, methods=["POST"])]

    async def take(self, request: Request) -> Response:
        """200 with when to say it again; 401, 403 (an address that is not allowed), 422."""
        if key_with_scope(request, self._gateway.keys, "service") is None:
            return error(401, _NO_KEY)
        block = self._gateway.current.settings.providers.webai
        allowed = (block.endpoint or "", *block.allowed_endpoints) if block is not None else ()
        try:
            now = self._wall()
            self._announced.take(read(await read_object(request, LARGEST), now, allowed), now)
        except BadBody as bad:
            return error(bad.status, bad.message)
        except Unacceptable as refused:
            return error(403 if refused.forbidden else 422, str(refused))
        return JSONResponse({"accepted": True, "every": EVERY, "expires": LIVES})
