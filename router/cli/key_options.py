"""The options that `switchyard keys create` and `keys set` have in common, and a key as they want it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer
from msgspec import Struct
from msgspec.structs import asdict, fields, replace

from router.access.keys import ClientKey, with_rights
from router.access.limits import KeyLimits, micro
from router.call import PRIORITIES
from router.settings.auth import KeyRights
from router.settings.key_rights import changed_rights
from router.settings.provider_names import ProviderNames

_SPAN = re.compile(r"^(\d{1,5})([hdw])$")
_HOURS = {"h": 1, "d": 24, "w": 168}
_LIMITS = tuple(name for name in KeyLimits.__struct_fields__ if name != "soft")
_RIGHTS = tuple(KeyRights.model_fields)
_AGAIN = "May be given several times."
CLEARED = ("expires", "concurrency", "limits", *_LIMITS, "rights", *_RIGHTS)
"""What `--clear` takes back."""


class Options(Struct, frozen=True, kw_only=True):
    """None, or an empty list, where an option is not given."""

    expires: Annotated[
        str | None, typer.Option(help="When it ends: a span (12h, 30d, 8w) or a date (2027-01-31, UTC).")
    ] = None
    concurrency: Annotated[
        int | None, typer.Option(help="Calls in progress at once; one more waits or is a 429.", min=1)
    ] = None
    queue: Annotated[int | None, typer.Option(help="Calls beyond --concurrency that wait for a place.", min=0)] = None
    priority: Annotated[
        str | None, typer.Option(help="Who goes first where calls wait for a place: interactive before batch.")
    ] = None
    requests_per_minute: Annotated[int | None, typer.Option(min=1, help="Calls that begin within a minute.")] = None
    tokens_per_minute: Annotated[int | None, typer.Option(min=1, help="Tokens within a minute.")] = None
    tokens_per_day: Annotated[int | None, typer.Option(min=1, help="Tokens of a day (UTC).")] = None
    tokens_per_month: Annotated[int | None, typer.Option(min=1, help="Tokens of a month (UTC).")] = None
    usd_per_day: Annotated[float | None, typer.Option(min=0.01, help="US dollars of a day, by list prices.")] = None
    usd_per_month: Annotated[float | None, typer.Option(min=0.01, help="US dollars of a month.")] = None
    soft: Annotated[
        float | None, typer.Option(min=0.01, max=1, help="Share of a limit from which answers tell of it (0.8).")
    ] = None
    models: Annotated[
        list[str] | None, typer.Option(help=f"Pattern of models that may be asked for or may answer. {_AGAIN}")
    ] = None
    providers: Annotated[list[str] | None, typer.Option(help=f"Provider that may answer. {_AGAIN}")] = None
    accounts: Annotated[
        list[str] | None, typer.Option(help=f"Pattern of accounts that may answer: claude-oauth/*. {_AGAIN}")
    ] = None
    ips: Annotated[list[str] | None, typer.Option(help=f"Address or network that the key may call from. {_AGAIN}")] = (
        None
    )
    substitution: Annotated[
        str | None, typer.Option(help="Whether another model may answer: never, same_family or any.")
    ] = None
    system_prompt_prepend: Annotated[
        str | None, typer.Option(help="Words before system prompts. Counts together with the next one.")
    ] = None
    system_prompt_append: Annotated[str | None, typer.Option(help="Words behind system prompts.")] = None
    thinking_mode: Annotated[
        str | None,
        typer.Option(help="passthrough, off, fixed or adaptive. Counts together with the next two."),
    ] = None
    thinking_default: Annotated[
        str | None, typer.Option(help="An effort or tokens, where the caller says nothing, or always (fixed).")
    ] = None
    thinking_max: Annotated[str | None, typer.Option(help="An effort or tokens: the most that callers get.")] = None
    unpriced: Annotated[
        str | None,
        typer.Option(
            help="Whether models whose price nobody knows may answer: allow or refuse. Default: usage.unpriced."
        ),
    ] = None
    request_log: Annotated[
        bool | None,
        typer.Option(help="Whether the content of its calls is recorded: all, or none. Default: as for other keys."),
    ] = None

    @property
    def nothing(self) -> bool:
        """Whether none of them is given."""
        return not self.given()

    def given(self) -> list[str]:
        """The names of those that are given."""
        return [name for name, value in asdict(self).items() if value not in (None, [])]

    def rights(self) -> dict[str, Any]:
        """Those that are given, by name."""
        given = {
            name: getattr(self, name) for name in ("models", "providers", "accounts", "ips", "substitution", "unpriced")
        }
        given["system_prompt"] = self._block("system_prompt", "prepend", "append")
        given["thinking"] = self._block("thinking", "mode", "default", "max")
        given["request_log"] = self.request_log
        return {name: value for name, value in given.items() if value not in (None, [], {})}

    def _block(self, block: str, *names: str) -> dict[str, Any]:
        values = {name: getattr(self, f"{block}_{name}") for name in names}
        return {name: value for name, value in values.items() if value is not None}


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter `options` becomes the options above."""
    hints = get_type_hints(Options, include_extras=True)
    shared = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(Options)
    ]
    taken: list[inspect.Parameter] = []
    for own in inspect.signature(command, eval_str=True).parameters.values():
        taken += shared if own.name == "options" else [own.replace(kind=inspect.Parameter.KEYWORD_ONLY)]

    @wraps(command)
    def run(**given: Any) -> None:
        options = Options(**{name: given.pop(name) for name in hints})
        command(options=options, **given)

    run.__signature__ = inspect.Signature(taken)  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {each.name: each.annotation for each in taken}
    return run


def check(options: Options, clear: Iterable[str], names: ProviderNames) -> None:
    """Raises `typer.BadParameter` for what can be seen to be wrong before the database is opened."""
    if options.priority is not None and options.priority not in PRIORITIES:
        raise typer.BadParameter(f"must be one of {', '.join(PRIORITIES)}", param_hint="--priority")
    for name in clear:
        if name not in CLEARED:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(CLEARED)}", param_hint="--clear")
    try:
        changed_rights(None, options.rights(), names)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def applied(key: ClientKey, options: Options, clear: Iterable[str], names: ProviderNames, now: float) -> ClientKey:
    """The key as the options want it. Raises `ValueError` where they do not fit it."""
    cleared = set(clear)
    if options.expires is not None or "expires" in cleared:
        key = replace(key, expires_at=None if options.expires is None else moment(options.expires, now))
    if options.concurrency is not None or "concurrency" in cleared:
        key = replace(key, concurrency=options.concurrency)
    plain = {name: getattr(options, name) for name in ("queue", "priority") if getattr(options, name) is not None}
    key = replace(key, **plain, limits=_limits(key.limits, options, cleared))
    rights = dict.fromkeys(_RIGHTS if "rights" in cleared else [name for name in _RIGHTS if name in cleared])
    rights |= options.rights()
    return with_rights(key, rights, names) if rights else key


def _limits(before: KeyLimits | None, options: Options, cleared: set[str]) -> KeyLimits | None:
    limits = KeyLimits() if before is None or "limits" in cleared else before
    values: dict[str, Any] = {name: None for name in _LIMITS if name in cleared}
    for name in (*_LIMITS, "soft"):
        given = getattr(options, name)
        if given is not None:
            values[name] = micro(given) if name.startswith("usd") else given
    limits = replace(limits, **values)
    return None if limits.nothing else limits


def moment(text: str, now: float) -> float:
    """When a key ends, of a span or a date. Raises `typer.BadParameter`."""
    span = _SPAN.match(text)
    if span is not None:
        return now + timedelta(hours=int(span[1]) * _HOURS[span[2]]).total_seconds()
    try:
        parsed = datetime.fromisoformat(text)
        if len(text) == 10:
            parsed += timedelta(days=1)
    except (ValueError, OverflowError):
        raise typer.BadParameter("must be like 30d, 12h, 8w or 2027-01-31", param_hint="--expires") from None
    found = (parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)).timestamp()
    if found <= now:
        raise typer.BadParameter("lies in the past", param_hint="--expires")
    return found
