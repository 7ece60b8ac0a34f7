"""Operations of the management API as data: path, role, shapes in and out. From the same table come the routes, the
checks of every request and the OpenAPI document."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from router.access.door import Entered
from router.access.roles import Role
from router.api.bodies import SMALL, BadBody, read_body
from router.api.guard import ELSEWHERE, entered, error, reachable
from router.gateway import Gateway

_log = logging.getLogger("switchyard.management")
Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
PREFIX = "/v0/management"


class Refused(Exception):
    """What a handler does not do. status: 4xx or 503; the message says what is wrong and what to do. fields: what is
    wrong with which field of the body, where it is about some."""

    def __init__(self, status: int, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.fields = fields or {}


class Asked(Struct, frozen=True):
    """One request that may do what it asks for. body, query: of the operation's types, None where it has none. path:
    the parameters of the path."""

    request: Request
    who: Entered
    body: Any
    query: Any
    path: dict[str, str]


Handler: TypeAlias = Callable[[Asked], Awaitable[Any]]


class Link(Struct, frozen=True):
    """An operation that can be asked next. operation: its name. takes: parameter of its path -> place in the answer, as
    a JSON pointer; or in this path, as ``path.NAME``."""

    operation: str
    takes: Mapping[str, str]


class Described(Struct, frozen=True, kw_only=True):
    """What the OpenAPI document says of one method of one path.

    need: the least role. name: of the operation, unique. summary: one sentence. body, query, answer: msgspec types;
    bytes: a file. media: its types. opens: the key stands in the body, as its `key`: whoever asks is not in yet.
    choices: of parameters of the path. next: what can be asked with the answer. asks: somebody else is asked, so that
    502 may be the answer.
    """

    method: Method
    path: str
    need: Role
    name: str
    summary: str
    body: Any = None
    query: Any = None
    answer: Any = None
    media: Sequence[str] = ("application/octet-stream",)
    opens: bool = False
    choices: Mapping[str, Sequence[str]] = {}
    next: Sequence[Link] = ()
    asks: bool = False


class Operation(Described, frozen=True, kw_only=True):
    """One method of one path below `PREFIX`.

    body, query: checked before the handler runs. handler: gives the answer; also a `Response` (a stream). audited:
    whoever does it stands in the audit log. size: largest body in bytes.
    """

    handler: Handler
    audited: bool = False
    size: int = SMALL


class Table:
    """The operations of one gateway. audit: takes who, what and which."""

    def __init__(self, gateway: Gateway, audit: Callable[[str, str, str], None]) -> None:
        self._gateway = gateway
        self._audit = audit
        self.operations: list[Operation] = []

    def add(self, operations: Iterable[Operation]) -> None:
        """More of them."""
        self.operations += operations

    def routes(self) -> list[Route]:
        """All of them for the framework."""
        by_path: dict[str, dict[str, Operation]] = {}
        for operation in self.operations:
            by_path.setdefault(operation.path, {})[operation.method] = operation
        return [
            Route(PREFIX + path, self._endpoint(methods), methods=list(methods)) for path, methods in by_path.items()
        ]

    def _endpoint(self, methods: dict[str, Operation]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            method = "GET" if request.method == "HEAD" else request.method
            return await self._serve(methods[method], request)

        return endpoint

    async def _serve(self, operation: Operation, request: Request) -> Response:
        if operation.opens and not reachable(request, self._gateway):
            return error(403, ELSEWHERE)
        try:
            body = await _body(operation, request) if operation.opens else None
            presented = _WithKey(request, body.key.strip()) if body is not None else request
            who = entered(presented, self._gateway, operation.need)
            if isinstance(who, Response):
                return who
            asked = Asked(
                request,
                who,
                body if operation.opens else await _body(operation, request),
                _query(operation, request),
                {name: str(value) for name, value in request.path_params.items()},
            )
            given = await self._handled(operation, asked)
        except (Refused, BadBody) as refused:
            return error(refused.status, refused.message, **({"fields": refused.fields} if refused.fields else {}))
        except OSError as problem:
            _log.error("%s failed: %s", operation.name, problem.strerror or type(problem).__name__)
            return error(503, f"The disk does not do what it should: {problem.strerror or type(problem).__name__}.")
        if operation.audited:
            self._audit(who.key.name, operation.name, _which(asked))
        return given if isinstance(given, Response) else answer(given)

    async def _handled(self, operation: Operation, asked: Asked) -> Any:
        """What the handler gives. A change that broke off may be there in part: that is in the audit log as well."""
        try:
            return await operation.handler(asked)
        except (Refused, OSError) as problem:
            if operation.audited and (not isinstance(problem, Refused) or problem.status >= 500):
                self._audit(asked.who.key.name, f"{operation.name} failed", _which(asked))
            raise


def _which(asked: Asked) -> str:
    """What it was done to: by its path, or by the name that it was given."""
    return ", ".join(asked.path.values()) or str(getattr(asked.body, "name", ""))


class _WithKey(Request):
    """A request as if its key stood in a header, so that the door treats it like any other."""

    def __init__(self, request: Request, key: str) -> None:
        kept = [(name, value) for name, value in request.scope["headers"] if name not in _KEY_HEADERS]
        scope = {**request.scope, "headers": [*kept, (b"authorization", f"Bearer {key}".encode())]}
        super().__init__(scope, request.receive)


_KEY_HEADERS = frozenset({b"authorization", b"x-api-key", b"x-goog-api-key", b"cookie"})


def answer(value: Any, status: int = 200) -> Response:
    """A value as JSON."""
    headers = {"cache-control": "no-store"}
    if value is None:
        return Response(status_code=204, headers=headers)
    if isinstance(value, dict | list) and not _has_structs(value):
        return JSONResponse(value, status, headers=headers)
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def _has_structs(value: Any) -> bool:
    return any(isinstance(each, Struct) for each in (value.values() if isinstance(value, dict) else value))


async def _body(operation: Operation, request: Request) -> Any:
    if operation.body is None:
        return None
    data = await read_body(request, operation.size)
    try:
        return msgspec.json.decode(data or b"{}", type=operation.body)
    except msgspec.ValidationError as problem:
        raise BadBody(400, f"The body does not fit: {problem}.", _field(str(problem))) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadBody(400, "The body is not JSON.") from None


def _field(problem: str) -> dict[str, str]:
    """The field that a mistake is about, as far as it says so, with the mistake in words that fit beside it."""
    words, _, place = problem.partition(" - at `$.")
    missing = _MISSING.search(words)
    if missing is not None and not place:
        return {missing[1]: "is missing"}
    if not place:
        return {}
    said = "is empty, or has characters that cannot stand here" if "matching regex" in words else words
    return {re.split(r"[\[`]", place, maxsplit=1)[0]: said}


_MISSING = re.compile(r"missing required field `(\w+)`")


def _query(operation: Operation, request: Request) -> Any:
    given = dict(request.query_params)
    if operation.query is None:
        return None
    try:
        return msgspec.convert(given, operation.query, strict=False)
    except msgspec.ValidationError as problem:
        raise BadBody(400, f"The query does not fit: {problem}.") from None
