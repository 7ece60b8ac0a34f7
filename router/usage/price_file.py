"""Reads price tables: the shipped ``config/prices.yaml``, a newer one in the state folder, and the operator's own.

All have one form, which `docs/usage.md` tells. Every mistake is told at once, with its place.
"""

from __future__ import annotations

import logging
import re
import sysconfig
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from router import plain_yaml
from router.usage.prices import NOT_TEXT, Common, Price, PriceTable, Rates, spelled
from router.wire.charges import PICTURE, tier

_log = logging.getLogger("switchyard.usage")
_KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning", *NOT_TEXT)
_COMMON = ("tools", "service_tiers")
_NO_TOKENS = {"input": 0, "output": 0}
_MULTIPLES = ("cache_read", "cache_write_5m", "cache_write_1h")
_VERSION = re.compile(r"20\d\d-\d\d-\d\d")
_MOST = Decimal(1_000_000)
_MOST_FOR_ONE = Decimal(10_000)
_WORD = re.compile(r"[a-z0-9_.-]{1,40}")
NAME = "prices.yaml"


class PriceMistakes(ValueError):
    """A price table that cannot be used; `mistakes` has all of them."""

    def __init__(self, where: str, mistakes: list[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join([f"the price table {where} cannot be used:", *(f"  - {one}" for one in mistakes)]))


def shipped() -> Path:
    """``config/prices.yaml`` of the checkout, else of the installed package."""
    checkout = Path(__file__).resolve().parents[2] / "config" / NAME
    return checkout if checkout.is_file() else Path(sysconfig.get_path("data")) / "share" / "switchyard" / NAME


def load(state_dir: Path, own: Path | None) -> PriceTable:
    """The prices in force: the newer one of the shipped table and that of the state folder, and above it `own`.

    Raises `PriceMistakes` for the shipped table and for `own`; one in the state folder that cannot be used is logged.
    """
    table = read_file(shipped())
    kept = state_dir / NAME
    if kept.exists():
        try:
            newer = read_file(kept)
        except PriceMistakes as error:
            _log.warning("%s; the shipped prices are used", error)
        else:
            table = newer if newer.version >= table.version else table
    return table if own is None else under(table, own)


def under(table: PriceTable, own: Path) -> PriceTable:
    """With the operator's own table above it. Raises `PriceMistakes`."""
    mine = read_file(own)
    table = mine.over(table)
    unknown = [f"like.{name}: no vendor is called {to!r}" for name, to in mine.like.items() if to not in table.vendors]
    if unknown:
        raise PriceMistakes(str(own), unknown)
    return table


def read_file(path: Path) -> PriceTable:
    """One table. Raises `PriceMistakes`."""
    try:
        return read(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8"
        raise PriceMistakes(str(path), [f"it cannot be read: {why}"]) from error


@lru_cache(maxsize=4)
def read(text: str, where: str) -> PriceTable:
    """The table in `text`: YAML, of which JSON is a part. Raises `PriceMistakes`.

    The last few are kept, since each change of the settings asks for the same ones.
    """
    try:
        content = plain_yaml.load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise PriceMistakes(where, [f"it is not valid YAML: {error}"]) from error
    reader = _Reader()
    table = reader.table(content)
    if reader.mistakes or table is None:
        raise PriceMistakes(where, reader.mistakes)
    return table


class _Reader:
    """Collects mistakes while it reads."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def table(self, content: Any) -> PriceTable | None:
        content = self._mapping(content, "the file", ("version", "currency", "vendors", "like"))
        if content is None:
            return None
        version = content.get("version")
        version = version.isoformat() if isinstance(version, date) else version
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            self.mistakes.append("version: must be the date of the table, like 2026-11-27")
        if content.get("currency", "USD") != "USD":
            self.mistakes.append("currency: must be USD, as costs are kept in it")
        vendors = self._mapping(content.get("vendors", {}), "vendors") or {}
        like = self._mapping(content.get("like", {}), "like") or {}
        self.mistakes += [
            f"like.{name}: must be the name of a vendor" for name, vendor in like.items() if not isinstance(vendor, str)
        ]
        hosts: dict[str, str] = {}
        common: dict[str, Common] = {}
        return PriceTable(
            version=str(version),
            vendors={str(name): dict(self._vendor(str(name), block, hosts, common)) for name, block in vendors.items()},
            like={str(name): str(vendor) for name, vendor in like.items()},
            hosts=hosts,
            common=common,
        )

    def _vendor(
        self, vendor: str, block: Any, hosts: dict[str, str], common: dict[str, Common]
    ) -> Iterator[tuple[str, Price]]:
        at = f"vendors.{vendor}"
        block = self._mapping(block, at, ("source", "as_of", "hosts", "multiples", "models", *_COMMON))
        if block is None:
            return
        hosts.update(dict.fromkeys(self._names(block, "hosts", at), vendor))
        multiples = self._mapping(block.get("multiples", {}), f"{at}.multiples", _MULTIPLES) or {}
        multiples = {name: self._number(value, f"{at}.multiples.{name}") for name, value in multiples.items()}
        everywhere = Common(self._services(block, multiples, at), self._pieces(block, at))
        common[vendor] = everywhere
        seen: set[str] = set()
        for model, row in (self._mapping(block.get("models", {}), f"{at}.models") or {}).items():
            place = f"{at}.models.{model}"
            row = self._mapping(row, place, (*_KINDS, "above", "also", "as_of", "source", "pictures", *_COMMON))
            if row is None:
                continue
            by_token = "pictures" not in row or any(kind in row for kind in _KINDS)
            price = Price(
                vendor=vendor,
                model=str(model),
                rates=self._rates(row if by_token else _NO_TOKENS, multiples, place),
                tiers=tuple(self._tiers(row, multiples, place)),
                services=self._services(row, multiples, place),
                pieces=self._pieces(row, place),
                by_token=by_token,
                as_of=str(row.get("as_of", block.get("as_of", ""))),
                source=str(row.get("source", block.get("source", ""))),
            )
            if not price.as_of or not price.source:
                self.mistakes.append(f"{place}: needs `as_of` and `source`, of its own or of its vendor")
            price = everywhere.under(price)
            for name in (model, *self._names(row, "also", place)):
                key = spelled(str(name))
                if key in seen:
                    self.mistakes.append(f"{place}: there is a price for {name} already")
                seen.add(key)
                yield key, price

    def _names(self, block: Mapping[str, Any], key: str, at: str) -> list[str]:
        names = block.get(key, [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            self.mistakes.append(f"{at}.{key}: must be a list of names")
            return []
        return names

    def _tiers(self, row: Mapping[str, Any], multiples: Mapping[str, Decimal], at: str) -> Iterator[tuple[int, Rates]]:
        above = row.get("above", [])
        blocks = above if isinstance(above, list) else [above]
        found: list[tuple[int, Rates]] = []
        for block in blocks:
            place = f"{at}.above"
            block = self._mapping(block, place, (*_KINDS, "tokens"))
            if block is None:
                continue
            tokens = block.get("tokens")
            if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens <= 0:
                self.mistakes.append(f"{place}.tokens: must be a number of tokens")
                tokens = 1
            found.append((tokens, self._rates(block, multiples, place)))
        yield from sorted(found, key=lambda tier: -tier[0])

    def _services(
        self, block: Mapping[str, Any], multiples: Mapping[str, Decimal], at: str
    ) -> dict[str, Decimal | Rates]:
        """By the name of a service tier: what it multiplies the rates by, or its own."""
        found: dict[str, Decimal | Rates] = {}
        for name, value in (self._mapping(block.get("service_tiers", {}), f"{at}.service_tiers") or {}).items():
            place = f"{at}.service_tiers.{name}"
            if not isinstance(name, str) or tier(name) != name:
                self.mistakes.append(f"{place}: is no name of a service tier besides the usual one, like batch or flex")
            elif isinstance(value, dict):
                own = self._mapping(value, place, _KINDS) or {}
                found[name] = self._rates(own, multiples, place)
            else:
                found[name] = self._number(value, place, "a multiple of the price, or a mapping of prices")
        return found

    def _pieces(self, block: Mapping[str, Any], at: str) -> dict[str, dict[str, Decimal]]:
        """What is paid for each: `pictures`, and `tools` by their names."""
        found: dict[str, dict[str, Decimal]] = {}
        if "pictures" in block:
            found[PICTURE] = self._each(block["pictures"], f"{at}.pictures")
        for name, value in (self._mapping(block.get("tools", {}), f"{at}.tools") or {}).items():
            if not isinstance(name, str) or not _WORD.fullmatch(name):
                self.mistakes.append(f"{at}.tools.{name}: must be a name like web_search")
            found[str(name)] = self._each(value, f"{at}.tools.{name}")
        return found

    def _each(self, value: Any, at: str) -> dict[str, Decimal]:
        """One price for all, or prices by size and quality (``1024x1024 high``); `default` is where neither is said."""
        if not isinstance(value, dict):
            return {"*": self._number(value, at, most=_MOST_FOR_ONE)}
        found: dict[str, Decimal] = {}
        for name, usd in value.items():
            words = str(name).split()
            if name not in ("default", "*") and not (1 <= len(words) <= 2 and all(map(_WORD.fullmatch, words))):
                self.mistakes.append(f"{at}.{name}: must be a size and a quality, like 1024x1024 high, default or *")
            detail = "" if name == "default" else " ".join(words)
            found[detail] = self._number(usd, f"{at}.{name}", most=_MOST_FOR_ONE)
        return found

    def _rates(self, row: Mapping[str, Any], multiples: Mapping[str, Decimal], at: str) -> Rates:
        """What is not given for a cache is a multiple of input, or input itself; reasoning is output."""
        for needed in ("input", "output"):
            if needed not in row:
                self.mistakes.append(f"{at}.{needed}: is missing")
        given = {name: self._number(row[name], f"{at}.{name}") for name in _KINDS if name in row}
        fresh, output = given.get("input", Decimal(0)), given.get("output", Decimal(0))
        caches = {name: given.get(name, fresh * multiples.get(name, Decimal(1))) for name in _MULTIPLES}
        others = {name: given[name] for name in NOT_TEXT if name in given}
        return Rates(input=fresh, output=output, reasoning=given.get("reasoning", output), **caches, **others)

    def _number(
        self, value: Any, at: str, what: str = "a number of US dollars, 0 or more", most: Decimal = _MOST
    ) -> Decimal:
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = Decimal(repr(value))
            if number.is_finite() and 0 <= number < most:
                return number
        self.mistakes.append(f"{at}: must be {what}")
        return Decimal(0)

    def _mapping(self, value: Any, at: str, known: tuple[str, ...] = ()) -> Mapping[Any, Any] | None:
        if not isinstance(value, dict):
            self.mistakes.append(f"{at}: must be a mapping")
            return None
        if known:
            self.mistakes += [f"{at}.{key}: is not known here" for key in value if key not in known]
        return value
