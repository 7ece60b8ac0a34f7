"""Models over the management API: those of the lists by provider and kind, and custom ones, which are added to a
provider, changed and removed in the settings file itself (`models.custom`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from router.api.manage.config_routes import ConfigDesk, Done
from router.api.manage.operation import Asked, Operation, Refused
from router.api.manage.written import of_variable, written
from router.gateway import Gateway
from router.models.catalogue import Model, Origin
from router.models.kinds import ModelKind, kind_of
from router.routing.nearest import did_you_mean, nearest
from router.settings.custom_models import PLACE, CustomModel
from router.settings.items import CannotEdit, added, changed, items, removed
from router.settings.provider_names import plain

_WHERE = tuple(map(str, PLACE))
ProviderName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
ModelId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9@][A-Za-z0-9@._:/+~-]*$", max_length=200)]
Title = Annotated[str, Meta(min_length=1, max_length=200)]
Tokens = Annotated[int, Meta(ge=1, le=2**53)]


class ListedModel(Struct, frozen=True):
    """One model of the lists. id: what clients write. model: what its provider calls it. origin: `custom` (added to its
    provider), `settings` (named by its provider's block), `listed` (known of the provider), or an alias."""

    id: str
    provider: str
    model: str
    display_name: str
    context_window: int | None
    max_output: int | None
    label: str | None
    kind: ModelKind
    origin: Origin


class Models(Struct, frozen=True):
    models: list[ListedModel]


class Which(Struct, frozen=True):
    """provider: by any of its names. Without anything: all."""

    provider: str | None = None
    kind: ModelKind | None = None
    origin: Origin | None = None


class Custom(Struct, frozen=True):
    """A model as the settings have it. id: what the provider calls it. provider: as it stands there. reason: why it
    cannot serve now, None where it can."""

    provider: str
    id: str
    display_name: str | None
    aliases: list[str]
    kind: ModelKind | None
    context_window: int | None
    max_output: int | None
    capabilities: dict[str, Any]
    reason: str | None


class Customs(Struct, frozen=True):
    models: list[Custom]


class New(Struct, forbid_unknown_fields=True):
    """id: what the provider calls it. capabilities: facts of docs/providers.md."""

    provider: ProviderName
    id: ModelId
    display_name: Title | None = None
    aliases: list[ModelId] = []
    kind: ModelKind | None = None
    context_window: Tokens | None = None
    max_output: Tokens | None = None
    capabilities: dict[str, Any] = {}


class Changed(Struct, forbid_unknown_fields=True):
    """What is not given stays; null and empty take away."""

    display_name: Title | UnsetType | None = UNSET
    aliases: list[ModelId] | UnsetType = UNSET
    kind: ModelKind | UnsetType | None = UNSET
    context_window: Tokens | UnsetType | None = UNSET
    max_output: Tokens | UnsetType | None = UNSET
    capabilities: dict[str, Any] | UnsetType = UNSET


class ModelDesk:
    """config: puts changed settings in force. audit: takes who, what and which."""

    def __init__(self, gateway: Gateway, config: ConfigDesk, audit: Callable[[str, str, str], None]) -> None:
        self._gateway = gateway
        self._config = config
        self._audit = audit

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/models", need="viewer", name="models", query=Which, answer=Models,
                handler=self.models, summary="Every model that lists show, or those of one provider, kind or origin.",
            ),
            Operation(
                method="GET", path="/models/custom", need="viewer", name="custom_models", answer=Customs,
                handler=self.customs, summary="The models that were added to providers.",
            ),
            Operation(
                method="POST", path="/models/custom", need="admin", name="custom_model_add", body=New, answer=Done,
                handler=self.add, summary="Add a model to a provider, in the settings file, at once.",
            ),
            Operation(
                method="PATCH", path="/models/custom/{provider}/{id:path}", need="admin", name="custom_model_change",
                body=Changed, answer=Done, handler=self.change, audited=True, summary="Change a model that was added.",
            ),
            Operation(
                method="DELETE", path="/models/custom/{provider}/{id:path}", need="admin", name="custom_model_remove",
                answer=Done, handler=self.remove, audited=True, summary="Remove a model that was added.",
            ),
        ]  # fmt: skip

    async def models(self, asked: Asked) -> Models:
        which: Which = asked.query
        ids = None if which.provider is None else self._providers(which.provider)
        shown = (_listed(each) for each in self._gateway.current.catalogue.models)
        return Models(
            [
                each
                for each in shown
                if (ids is None or each.provider in ids)
                and which.kind in (None, each.kind)
                and which.origin in (None, each.origin)
            ]
        )

    async def customs(self, asked: Asked) -> Customs:
        return Customs([self._custom(each) for each in self._gateway.current.settings.models.custom])

    async def add(self, asked: Asked) -> Done:
        new: New = asked.body
        self._refuse_variable()
        self._providers(new.provider)
        if self._found(new.provider, new.id) is not None:
            raise Refused(409, f"{new.provider} has a custom model {new.id!r} already; change or remove that one.")
        given = {name: value for name, value in msgspec.structs.asdict(new).items() if value not in (None, [], {})}
        item = {"provider": given.pop("provider"), "name": given.pop("id"), **given}
        done = await self._edit(asked, lambda text: added(text, _WHERE, written(item)))
        self._audit(asked.who.key.name, "custom_model_add", f"{new.provider}, {new.id}")
        return done

    async def change(self, asked: Asked) -> Done:
        provider, model = asked.path["provider"], asked.path["id"]
        given = {name: value for name, value in msgspec.structs.asdict(asked.body).items() if value is not UNSET}
        gone = {name for name, value in given.items() if value in (None, [], {})}
        put = written({name: value for name, value in given.items() if name not in gone})

        def edited(text: str) -> str:
            at = self._place(text, provider, model)
            kept = {name: value for name, value in items(text, _WHERE)[at].items() if name not in gone}
            return changed(text, _WHERE, at, {**kept, **put})

        return await self._edit(asked, edited)

    async def remove(self, asked: Asked) -> Done:
        provider, model = asked.path["provider"], asked.path["id"]
        return await self._edit(asked, lambda text: removed(text, _WHERE, self._place(text, provider, model)))

    def _refuse_variable(self) -> None:
        variable = of_variable(self._gateway.current.provenance, ".".join(_WHERE))
        if variable is not None:
            raise Refused(409, f"models.custom comes from the variable {variable}, which wins over the file.")

    async def _edit(self, asked: Asked, edited: Callable[[str], str]) -> Done:
        self._refuse_variable()
        try:
            return await self._config.edit(edited, asked.who.key.name)
        except CannotEdit as problem:
            raise Refused(409, str(problem)) from None

    def _place(self, text: str, provider: str, model: str) -> int:
        """The number of an entry of the file. Raises `Refused`."""
        ids = self._ids(provider)
        for at, each in enumerate(items(text, _WHERE)):
            if isinstance(each, dict) and str(each.get("name")).lower() == model.lower():
                written = str(each.get("provider"))
                if plain(written) == plain(provider) or ids == self._ids(written):
                    return at
        raise Refused(404, f"{provider[:100]} has no custom model {model[:100]!r}; models/custom lists them.")

    def _found(self, provider: str, model: str) -> CustomModel | None:
        ids = self._ids(provider)
        known = (each for each in self._gateway.current.settings.models.custom if each.name.lower() == model.lower())
        return next((each for each in known if ids == self._ids(each.provider)), None)

    def _ids(self, name: str) -> set[str]:
        return set(self._gateway.current.table.resolve_provider(name))

    def _providers(self, name: str) -> set[str]:
        """Ids. Raises `Refused`."""
        ids = self._ids(name)
        if not ids:
            hint = did_you_mean(nearest(plain(name), self._gateway.current.table.ids))
            raise Refused(404, f"There is no provider {name[:100]!r} here.{hint}")
        return ids

    def _custom(self, model: CustomModel) -> Custom:
        providers = self._gateway.current.providers
        reasons = [providers[each].reason for each in self._ids(model.provider) if model.name in providers[each].custom]
        return Custom(
            provider=model.provider,
            id=model.name,
            display_name=model.display_name,
            aliases=list(model.aliases),
            kind=model.kind,
            context_window=model.context_window,
            max_output=model.max_output,
            capabilities=model.capabilities,
            reason=reasons[0] if reasons else "its provider is not known",
        )


def _listed(entry: Model) -> ListedModel:
    return ListedModel(
        id=entry.id,
        provider=entry.provider,
        model=entry.model,
        display_name=entry.display_name,
        context_window=entry.context_window,
        max_output=entry.max_output,
        label=entry.label,
        kind=kind_of(entry.capabilities),
        origin=entry.origin,
    )
