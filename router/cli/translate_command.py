"""``switchyard translate``: stdin to stdout through the gateway's translation; notes and mistakes on stderr.

Exit codes: 0 done, 1 it cannot be translated (the reason with its JSON path is on stderr), 2 wrong usage.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from router.cli.models_command import snapshot_here
from router.cli.talk import Refused
from router.cli.translate import KINDS, NAMES, Answer, Asked, addressed, is_error, request, understood
from router.faults import Fault
from router.ids import Ids
from router.models import capabilities as shipped
from router.models.capabilities import CapabilityTable
from router.providers.config import ProviderConfig
from router.wire import codec
from router.wire.conversation import Conversation, Dialect
from router.wire.dialect import ReplyContext
from router.wire.dialects import DIALECTS
from router.wire.written import Note, Undo


class Wanted(Struct, frozen=True, kw_only=True):
    """The options, as typed. source, target: dialects under any of their names."""

    source: str
    target: str
    model: str | None = None
    provider: str | None = None
    stream: bool = False
    strict: bool = False
    answer: bool = False
    request: str | None = None
    status: int = 200


def translate(wanted: Wanted, config: str | None) -> int:
    """Stdin to stdout; the exit code."""
    for name in (wanted.source, wanted.target):
        if name not in NAMES:
            _say(f"{name!r} is no dialect. Known are: {', '.join(NAMES)}")
            return 2
    if not wanted.answer and (wanted.request is not None or wanted.status != 200):
        _say("--request and --status belong to the answer of a provider: add --answer")
        return 2
    source, target = NAMES[wanted.source], NAMES[wanted.target]
    try:
        provider, table = _facts(wanted, target, config)
        data = sys.stdin.buffer.read()
        if wanted.answer:
            return _answer(data, wanted, source, target, provider, table)
        asked = addressed(data, source, wanted.model, wanted.stream)
        facts = table.capabilities(provider, asked.model, target)
        told = request(data, asked, target, facts, provider.kind, wanted.strict)
    except Fault as fault:
        return _failed(fault)
    except (Refused, OSError) as error:
        _say(str(error))
        return 1
    _write(told.body)
    _say(f"POST {told.path} ({told.lane} lane)")
    _tell(told.notes)
    return 0


def _answer(
    data: bytes, wanted: Wanted, source: Dialect, target: Dialect, provider: ProviderConfig, table: CapabilityTable
) -> int:
    reader, writer = DIALECTS[target], DIALECTS[source]
    call_id = Ids(random.Random()).request()  # noqa: S311  a name, not a secret
    if wanted.status >= 400:
        status, headers, body = writer.render_fault(reader.read_fault(wanted.status, {}, data), call_id)
        _write(codec.dumps(body))
        _say(f"HTTP status {status}" + "".join(f", {name}: {value}" for name, value in headers.items()))
        return 0
    if is_error(data):
        _say("this is the answer of an error: say with --status which HTTP status came with it")
        return 2
    asked, conversation, undo = _answered(wanted, source, target, provider, table)
    facts = table.capabilities(provider, asked.model, target)
    context = ReplyContext(
        response_id=Ids.response(writer.id_prefix, call_id),
        model=asked.shown,
        created=int(time.time()),
        request=conversation,
    )
    answer = Answer(reader, writer, context, facts, undo)
    if not wanted.stream:
        _write(answer.whole(data))
        return 0
    out, fault = answer.streamed(data)
    _write(out)
    return 0 if fault is None else _failed(fault)


def _answered(
    wanted: Wanted, source: Dialect, target: Dialect, provider: ProviderConfig, table: CapabilityTable
) -> tuple[Asked, Conversation, Undo]:
    """The request that is being answered: as given, else one that says nothing."""
    if wanted.request is None:
        model = wanted.model or "unknown"
        asked = Asked(dialect=source, shown=model, model=model, stream=wanted.stream, wish=None)
        return asked, Conversation(dialect=source, model=model, stream=wanted.stream), Undo()
    try:
        body = Path(wanted.request).expanduser().read_bytes()
    except OSError as error:
        raise Refused(f"{wanted.request} cannot be read: {error.strerror}") from None
    asked = addressed(body, source, wanted.model, wanted.stream)
    facts = table.capabilities(provider, asked.model, target)
    undo = request(body, asked, target, facts, provider.kind, strict=False).undo
    return asked, understood(body, asked), undo


def _facts(wanted: Wanted, target: Dialect, config: str | None) -> tuple[ProviderConfig, CapabilityTable]:
    """The provider whose models are meant, and what models accept. The settings count only where one is named."""
    if wanted.provider is None:
        kind = KINDS[target]
        return ProviderConfig(id=kind, kind=kind, dialects=(target,)), shipped.load()
    snapshot = snapshot_here(config)
    provider = next((one for one in snapshot.providers.values() if wanted.provider in (one.id, *one.names)), None)
    if provider is None:
        raise Refused(f"there is no provider {wanted.provider!r}; there are {', '.join(snapshot.providers)}")
    if target not in provider.dialects:
        raise Refused(f"{provider.id} does not speak {target}; it speaks {', '.join(provider.dialects)}")
    return provider, snapshot.table.capabilities


def _failed(fault: Fault) -> int:
    place = f" at {fault.param}" if fault.param and not fault.message.startswith(fault.param) else ""
    _say(f"{fault.kind} ({fault.http_status}){place}: {fault.message}")
    return 1


def _tell(notes: Iterable[Note]) -> None:
    for note in notes:
        _say(f"{note.action}: {note.what}")


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data if data.endswith(b"\n") else data + b"\n")
    sys.stdout.buffer.flush()


def _say(text: str) -> None:
    print(text, file=sys.stderr)
