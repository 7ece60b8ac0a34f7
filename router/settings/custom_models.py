"""Models that are added to a provider one by one, whatever else it has: `models.custom`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from router.models.kinds import FACTS, ModelKind
from router.settings.block import Block, Name, setting
from router.settings.mistakes import Path, nearest
from router.settings.provider_blocks import Upstream
from router.settings.provider_names import GROUPS, ProviderNames

PLACE: Path = ("models", "custom")
_LONGEST = 200


def _model_name(value: str) -> str:
    """As `router.routing.names` wants what clients ask for, so that they can ask for it."""
    if not value.isprintable() or value != value.strip() or not 0 < len(value) <= _LONGEST:
        raise ValueError(f"must be a name of at most {_LONGEST} characters without control characters or outer blanks")
    if ".." in value or "\\" in value or value.startswith("/") or "//" in value:
        raise ValueError("must not have '..', a backslash or an empty path segment in it")
    return value


ModelName = Annotated[str, AfterValidator(_model_name)]


class CustomModel(Block):
    """One model of one provider."""

    provider: Name = setting(..., "Provider that has it, by any of its names.")
    name: ModelName = setting(..., "Name that the provider knows.")
    display_name: str | None = setting(None, "Name for people in model lists. Default: the name.", max_length=_LONGEST)
    aliases: tuple[ModelName, ...] = setting((), "Names under which clients ask for it and lists show it.")
    kind: ModelKind | None = setting(None, "What it is for. Default: what is known of its name, else `chat`.")
    context_window: int | None = setting(None, "Tokens of prompt and answer together.", ge=1)
    max_output: int | None = setting(None, "Most tokens of an answer.", ge=1)
    capabilities: dict[str, Any] = setting({}, "What else it accepts, by the names of `docs/providers.md`.")

    @property
    def facts(self) -> Mapping[str, object]:
        """Everything said about it, as capability fields."""
        own = {"context_window": self.context_window, "max_output": self.max_output}
        told = {name: value for name, value in own.items() if value is not None}
        return {**self.capabilities, **(FACTS[self.kind] if self.kind is not None else {}), **told}


def custom_mistakes(
    models: Iterable[CustomModel], blocks: Iterable[tuple[str, Path, Upstream]], names: ProviderNames
) -> Iterator[tuple[Path, str, str | None, str | None]]:
    """Place, problem, remedy and the name that was perhaps meant. blocks: id, place and block of every provider."""
    named = [(provider, model.name, model.shown_as) for provider, _, block in blocks for model in block.models]
    seen = {(provider, name.lower()) for provider, name, _ in named}
    meaning = {(provider, shown.lower()): name for provider, name, all_shown in named for shown in (name, *all_shown)}
    for at, model in enumerate(models):
        here = (*PLACE, at)
        provider = names.single(model.provider)
        if provider is None:
            yield (*here, "provider"), *_unknown(model.provider, names)
            continue
        if provider == "demo":
            yield (*here, "provider"), "is the demo, which has models of its own alone", "Name another provider.", None
        if (provider, model.name.lower()) in seen:
            yield here, f"names the model {model.name!r} of {provider} a second time", "Keep one entry.", None
        seen.add((provider, model.name.lower()))
        for shown in (model.name, *model.aliases):
            other = meaning.setdefault((provider, shown.lower()), model.name)
            if other.lower() != model.name.lower():
                problem = f"says that {shown!r} stands for {model.name}, but at {provider} it stands for {other}"
                yield here, problem, "Choose another name.", None
        for fact in model.capabilities:
            if fact in (*_SAID_BESIDE, *(FACTS["chat"] if model.kind is not None else ())):
                said = "kind" if fact in FACTS["chat"] else fact
                yield (*here, "capabilities", fact), f"is what `{said}` of the entry says", f"Give {said} alone.", None


_SAID_BESIDE = ("context_window", "max_output")


def _unknown(name: str, names: ProviderNames) -> tuple[str, str | None, str | None]:
    group = GROUPS.get(name)
    if group is not None:
        return f"is {name!r}, which means {' and '.join(group)}", "Name one of them.", None
    near = nearest(name, names.known)
    remedy = None if near else f"Known are {', '.join(sorted(set(names.ids.values())))}."
    return f"names the provider {name!r}, which is not known", remedy, near
