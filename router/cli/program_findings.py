"""The programs beside the router as `doctor` sees them: each that does not do what it should, and those that nobody
watches any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from router import on_demand
from router.cli import processes
from router.cli.finding import Finding
from router.cli.talk import Place

_WHY = {"supervisord": "What ends now stays down, and the next start finds their ports taken."}


def programs(place: Place, environ: Mapping[str, str]) -> Iterator[Finding]:
    """What `make status` says is wrong. The router has a check of its own."""
    rows = [row for row in processes.rows(place) if row.name != "router"]
    for row in rows:
        if row.wrong:
            why = _WHY.get(row.name, "What it serves is not there, or not as it was meant.")
            fix = "make up" if row.pid is None else f"make logs NAME={row.name}; make restart NAME={row.name}"
            yield Finding("error", "programs", f"{row.name}: {row.wrong}", why, fix)
    good = [row.name for row in rows if not row.wrong and row.state != on_demand.STATE]
    if good:
        yield Finding("ok", "programs", f"{', '.join(good)}: as they should be")
