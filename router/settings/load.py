"""From the text of ``config.yaml`` and the environment to `Settings`: pure, and with every mistake at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from pydantic import ValidationError

from router.secret import Secret
from router.settings.checks import check
from router.settings.document import Document, read_document
from router.settings.environment import interpolate, overlay, pick_up, with_password
from router.settings.mistakes import Mistake, Path, SettingsError, dotted
from router.settings.presets import Preset, shipped_presets
from router.settings.provider_blocks import Providers
from router.settings.provider_names import SIGN_INS, plain, provider_names
from router.settings.remainder import Remainder
from router.settings.schema import Settings
from router.settings.secrets import fill_secrets
from router.settings.validation import mistakes_of

ReadFile = Callable[[str], str]
_MOST_PASSES = 8


class Loaded(Struct, frozen=True):
    """settings: valid. provenance: dotted path -> where it comes from, for all that is not at its default.

    warnings: sentences about what works but was perhaps not meant.
    """

    settings: Settings
    provenance: Mapping[str, str]
    warnings: tuple[str, ...]


def load(
    text: str,
    environ: Mapping[str, str],
    read_file: ReadFile,
    *,
    client_keys_exist: bool | Callable[[Settings], bool] = False,
    source: str = "config.yaml",
    presets: Mapping[str, Preset] | None = None,
    missing: Callable[[str], str | None] = lambda path: None,
) -> Loaded:
    """Read settings.

    text: YAML; an empty one gives the defaults. environ: for ``SWITCHYARD__…``, ``${NAME}`` and ``env:``. read_file:
    reads the files that `key_file` names, as written; raises `OSError`. client_keys_exist: whether the state database
    or ``state/keys`` has a client key; asked only where the address is public, which needs one. source: the file's
    name, for messages. missing: why a file that is only named (a certificate) cannot be read, None where it can.
    Raises `SettingsError` with every mistake.
    """
    presets = shipped_presets() if presets is None else presets
    document = read_document(text)
    if document.mistakes and not document.values:
        raise SettingsError(document.mistakes, source)
    interpolate(document, environ)
    origins = overlay(document, with_password(document, environ))
    origins = _rename_blocks(document, origins, presets)
    _list_service_account(document)
    found_before = len(document.mistakes)
    fill_secrets(document, environ, read_file)
    document.mistakes[found_before:] = [_with_variable(one, origins) for one in document.mistakes[found_before:]]
    provenance = dict(_provenance(document, origins, source))
    _fill_empty_blocks(document.values)
    _drop_nulls(document.values)
    rest = Remainder(document.values)
    settings, wrong = _validate(rest, document, origins, presets)
    mistakes = [*document.mistakes, *wrong]
    if settings is not None:
        found = check(settings, document, presets, _opened(client_keys_exist, document), rest.original, missing)
        mistakes += (_with_variable(mistake, origins) for mistake in found)
    if mistakes or settings is None:
        raise SettingsError(mistakes, source)
    return Loaded(settings, provenance, tuple(_warnings(settings, environ, presets)))


def _validate(
    rest: Remainder, document: Document, origins: Mapping[Path, str], presets: Mapping[str, Preset]
) -> tuple[Settings | None, list[Mistake]]:
    """The settings, and what the schema finds wrong; that is taken out, so that the rest can be checked too."""
    mistakes: list[Mistake] = []
    for _ in range(_MOST_PASSES):
        try:
            return Settings.model_validate(rest.values), mistakes
        except ValidationError as error:
            found = mistakes_of(error, document, origins, presets, rest.original)
            mistakes += [mistake for mistake in found if mistake not in mistakes]
            rest.drop([tuple(one["loc"]) for one in error.errors(include_url=False)])
    return None, mistakes


def _with_variable(mistake: Mistake, origins: Mapping[Path, str]) -> Mistake:
    """Names the variable instead of the line, where the value comes from one."""
    for path, variable in origins.items():
        place = dotted(path)
        if mistake.path == place or mistake.path.startswith((f"{place}.", f"{place}[")):
            return replace(mistake, line=None, source=variable)
    return mistake


def _opened(client_keys_exist: bool | Callable[[Settings], bool], document: Document) -> Callable[[Settings], bool]:
    """Whether any client key opens the gateway, those of the file that have another mistake included."""
    auth = document.values.get("auth")
    keys = auth.get("keys") if isinstance(auth, dict) else None
    if keys and (not isinstance(keys, list) or any(map(_calls, keys))):
        return lambda settings: True
    return client_keys_exist if callable(client_keys_exist) else lambda settings: client_keys_exist


def _calls(key: Any) -> bool:
    """Whether a key as it stands in the file is one for calls."""
    return not isinstance(key, dict) or key.get("scope", "client") == "client"


def _rename_blocks(document: Document, origins: Mapping[Path, str], presets: Mapping[str, Preset]) -> dict[Path, str]:
    """Every spelling of a provider's block becomes the one of the schema (``openai-compatible``, ``codex``)."""
    blocks = document.values.get("providers")
    renamed: dict[str, str] = {}
    if isinstance(blocks, dict):
        for written in list(blocks):
            name = block_name(str(written), presets)
            if name == written:
                continue
            if name in blocks:
                path = ("providers", written)
                problem = f"configures the same provider as providers.{name}"
                line = document.line(path)
                document.mistakes.append(Mistake(path=dotted(path), problem=problem, line=line, remedy="Keep one."))
                del blocks[written]
                continue
            document.rename(("providers", written), name)
            renamed[written] = name
    return {
        (path[0], renamed[str(path[1])], *path[2:])
        if len(path) > 1 and path[0] == "providers" and path[1] in renamed
        else path: variable
        for path, variable in origins.items()
    }


def _list_service_account(document: Document) -> None:
    """``service_account_file: x`` is a list of one."""
    blocks = document.values.get("providers")
    vertex = blocks.get("vertex") if isinstance(blocks, dict) else None
    if isinstance(vertex, dict) and isinstance(vertex.get("service_account_file"), str):
        single = vertex["service_account_file"]
        if "service_account_files" in vertex:
            path = ("providers", "vertex", "service_account_file")
            line = document.line(path)
            problem = "is given beside service_account_files"
            document.mistakes.append(Mistake(path=dotted(path), problem=problem, line=line, remedy="Keep one."))
            del vertex["service_account_file"]
            return
        document.rename(("providers", "vertex", "service_account_file"), "service_account_files")
        vertex["service_account_files"] = [single]


def block_name(written: str, presets: Mapping[str, Preset]) -> str:
    """What the schema calls a provider's block that somebody spelt in another way."""
    field = written.lower().replace("-", "_")
    if field in Providers.model_fields:
        return field
    single = provider_names(presets).single(written)
    if single is None:
        return written
    known = SIGN_INS.get(single)
    if known is not None:
        return known.blocks[0]
    return single if single in presets else plain(single).replace("-", "_")


def _fill_empty_blocks(values: dict[str, Any]) -> None:
    """``ollama:`` with nothing below it names a provider all the same."""
    blocks = values.get("providers")
    if isinstance(blocks, dict):
        for name, block in blocks.items():
            if block is None and not name.endswith("_compatible"):
                blocks[name] = {}


def _drop_nulls(values: Any) -> None:
    """``server:`` with nothing below it means the defaults, not a mistake."""
    if isinstance(values, dict):
        for name in [name for name, value in values.items() if value is None]:
            del values[name]
    for value in values.values() if isinstance(values, dict) else values if isinstance(values, list) else ():
        _drop_nulls(value)


def _provenance(document: Document, origins: Mapping[Path, str], source: str) -> Iterator[tuple[str, str]]:
    def leaves(value: Any, path: Path) -> Iterator[Path]:
        if isinstance(value, dict) and value:
            for name, item in value.items():
                yield from leaves(item, (*path, name))
        elif isinstance(value, list) and value:
            for at, item in enumerate(value):
                yield from leaves(item, (*path, at))
        else:
            yield path

    for path in leaves(document.values, ()):
        if not path:
            continue
        variable = next((origins[path[:end]] for end in range(len(path), 0, -1) if path[:end] in origins), None)
        yield dotted(path), variable or f"{source}:{document.line(path)}"


_CONNECTS = "services connect to this router, whatever an address says here"
_ENDPOINT = "the service tells its address itself, or `endpoint` does"
_WITHOUT_EFFECT: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "aistudio": {
            "base_url": _CONNECTS,
            "base_urls": _CONNECTS,
            "proxy": "the service's browser is what asks Google; give its machine the proxy",
        },
        "webai": {"base_url": _ENDPOINT, "base_urls": _ENDPOINT},
    }
)
"""What these blocks have in common with those of other providers, and why it says nothing here."""


def _warnings(settings: Settings, environ: Mapping[str, str], presets: Mapping[str, Preset]) -> Iterator[str]:
    yield from pick_up(environ, presets, settings.server.port)[1]
    if "*" in settings.server.cors.origins:
        yield "server.cors.origins has '*': every web page may call this gateway from its visitors' browsers."
    for key in settings.auth.keys:
        if key.key is not None and len(key.key.reveal()) < 16:
            yield f"auth.keys: the key {key.name!r} is short; `switchyard keys create` makes one that nobody guesses."
    management = settings.auth.management.key
    if management is not None and len(management.reveal()) < 16:
        yield "auth.management.key is short: leave it out, and one that nobody guesses is made (state/keys)."
    for name in ("aistudio", "webai"):
        block = getattr(settings.providers, name)
        if block is not None and block.enabled and block.service.command is not None:
            yield (
                f"providers.{name}.service.command is not used: the service that ships with this product is started. "
                "Take the line out; programs of your own stand under `services`."
            )
    for name, fields in _WITHOUT_EFFECT.items():
        block = getattr(settings.providers, name)
        for field in fields if block is not None and block.enabled else ():
            if field in block.model_fields_set:
                yield f"providers.{name}.{field} changes nothing: {fields[field]}. Take the line out."
    patterns = [route.pattern for route in settings.models.routing]
    for pattern in sorted({pattern for pattern in patterns if patterns.count(pattern) > 1}):
        yield f"models.routing has the pattern {pattern!r} more than once; only the first one is ever used."


def plain_value(value: Any) -> Any:
    """A setting as JSON for a person, secrets masked."""
    if isinstance(value, Secret):
        return "***"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain_value(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(item) for item in value]
    return value
