"""What `doctor` says about the price table: whether it can be used, and whether it is old."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

from router import places
from router.cli.finding import Finding
from router.cli.talk import Place
from router.usage.price_file import PriceMistakes, load
from router.usage.prices import newest

OLD = 180
"""Days after which prices have probably changed."""


def prices(place: Place, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether there are prices, and how old they are."""
    if place.problem is not None:
        return
    own = place.settings.usage.prices
    try:
        table = load(place.state_dir, None if own is None else places.in_checkout(own))
    except PriceMistakes as error:
        why = "The router does not start with it, and a running one keeps its old prices."
        yield Finding("error", "prices", str(error), why, "correct the file, see docs/usage.md")
        return
    yield judged(table.version, datetime.now(UTC).date())


def judged(version: str, today: date) -> Finding:
    """version: of one table, or of several in one another's place; the newest counts."""
    age = (today - newest(version)).days
    if age <= OLD:
        return Finding("ok", "prices", f"table of {version}")
    why = "Providers change their prices, and costs are told as they were then."
    fix = "switchyard prices update FILE, or upgrade"
    return Finding("warning", "prices", f"the price table is of {version}, {age} days old", why, fix)
