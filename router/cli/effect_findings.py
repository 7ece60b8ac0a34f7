"""What `doctor` says of settings without effect: those that do nothing, and those that a variable overrides."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import yaml

from router import places
from router.access.sources import file_keys, settings_keys
from router.access.stored import stored_keys
from router.cli.finding import Finding
from router.cli.talk import Place
from router.server.product import DATABASE, read_settings
from router.settings.checks import names_in
from router.settings.idle import Idle, idle
from router.state.consents import accepted
from router.state.database import Connection, transaction
from router.state.migrate import revision
from router.usage.price_file import PriceMistakes, read_file, shipped

T = TypeVar("T")


def effects(place: Place, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Nothing where the settings have mistakes: that is another check's."""
    if place.problem is not None:
        return
    found = [
        *(Finding("warning", "settings", f"{each.what}.", each.why, each.fix) for each in _idle(place)),
        *_overridden(place, environ),
        *_unknown_keys(place),
        *_own_prices(place),
    ]
    yield from found or [Finding("ok", "settings", "all of them count")]


def _idle(place: Place) -> Iterable[Idle]:
    return idle(place.settings, time.time(), _stored(place, accepted) or ())


def _unknown_keys(place: Place) -> Iterator[Finding]:
    """Rules for payloads whose keys are all unknown."""
    if not any(rule.when.keys for rule in place.settings.policies.payload):
        return
    keys = [*settings_keys(place.settings), *file_keys(place.state_dir / "keys"), *(_stored(place, stored_keys) or ())]
    known = {key.name for key in keys if key.revoked_at is None}
    for at, rule in enumerate(place.settings.policies.payload):
        if rule.when.keys and not known.intersection(rule.when.keys):
            told = f"policies.payload[{at}] is for calls of {', '.join(rule.when.keys)}, and there is no such key."
            why = "The rule changes no call: keys are meant by their names."
            yield Finding("warning", "settings", told, why, "Correct `when.keys`; switchyard keys list has the names")


def _stored(place: Place, read: Callable[[Connection], T]) -> T | None:
    """What the database has; None where there is none."""
    database = place.state_dir / DATABASE
    if revision(database) is None:
        return None
    with transaction(database) as connection:
        return read(connection)


def _overridden(place: Place, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Values of the file in whose place a variable's counts."""
    if not place.config.exists():
        return
    written = yaml.safe_load(place.config.read_text(encoding="utf-8"))
    for path, origin in read_settings(place.config, environ).provenance.items():
        if origin in environ and _stands(written, path.split(".")):
            why = f"{origin} counts in its place, so that editing the line changes nothing."
            fix = f"Take {path} out of the file, or unset {origin} (also in the file `environment` beside it)"
            yield Finding("warning", "settings", f"{path} stands in {place.config}, and is overridden.", why, fix)


def _stands(value: Any, names: list[str]) -> bool:
    for name in names:
        if not isinstance(value, dict):
            return False
        found = [each for each in value if str(each).replace("-", "_") == name]
        if not found:
            return False
        value = value[found[0]]
    return True


def _own_prices(place: Place) -> Iterator[Finding]:
    """Vendors of a table of one's own that are no vendor of the shipped table and no provider here."""
    own = place.settings.usage.prices
    if own is None:
        return
    try:
        table, known = read_file(places.in_checkout(own)), read_file(shipped())
    except (PriceMistakes, OSError):
        return  # another check tells
    names = names_in(place.settings)
    for vendor in table.vendors:
        if vendor not in known.vendors and not names.resolve(vendor):
            why = "Prices are looked up by the provider's name or its vendor's, so that nobody's calls have these."
            fix = f"Call it as the provider is called in the settings, in {own}"
            yield Finding("warning", "settings", f"{own} has prices of {vendor}, which no provider is.", why, fix)
