"""What a soak found, as one HTML file with plots that needs nothing else. Pure but for the writing."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from tests.soak.processes import Held
from tests.soak.run import Found

WIDTH, HEIGHT, LEFT, BOTTOM = 900, 160, 60, 22
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a", "#bf3989", "#0a7ea4")
SHOWN = 200
Point = tuple[float, float]


def summary(found: Found) -> list[tuple[str, str]]:
    """The figures, in words."""
    plan = found.plan
    kinds = [what for _, what in found.events]
    rows = [
        ("load", f"{plan.clients} clients, {plan.seconds:g} seconds, seed {plan.seed}"),
        ("calls", f"{found.calls}, of which {found.records} have a line in the router's log"),
        ("outcomes", ", ".join(f"{name} {count}" for name, count in found.outcomes.most_common())),
        ("attempts at simulators", f"{found.arrived}, of which {found.misbehaved} were made to misbehave"),
        ("whole although an attempt failed", str(found.recovered)),
        ("trouble", ", ".join(f"{kind} {kinds.count(kind)} times" for kind in dict.fromkeys(kinds))),
    ]
    if found.before is not None and found.after is not None:
        rows.append(("held before the last load", _held(found.before)))
        rows.append(("held after it", _held(found.after)))
    return [*rows, ("wrong", str(len(found.wrong)))]


def write(path: Path, found: Found) -> None:
    """Write the report."""
    path.write_text(page(found), encoding="utf-8")


def page(found: Found) -> str:
    """The whole report."""
    samples = [(held.at - found.began, held, counts) for held, counts in found.samples]
    marks = [(at - found.began, what) for at, what in found.events]
    names = list(dict.fromkeys(name for _, _, counts in samples for name in counts))
    rates = {
        name: [
            (now, (after.get(name, 0) - before.get(name, 0)) / max(now - then, 0.001))
            for (then, _, before), (now, _, after) in pairwise(samples)
        ]
        for name in names
    }
    plots = [
        plot("Calls that ended, per second, by outcome", rates, marks),
        plot("Calls open at the serving process", {"open": [(at, held.open_calls) for at, held, _ in samples]}, marks),
        plot("Memory of the serving process, MiB", {"rss": [(at, held.rss / 2**20) for at, held, _ in samples]}, marks),
        plot("Its descriptors", {"descriptors": [(at, held.descriptors) for at, held, _ in samples]}, marks),
    ]
    rows = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in summary(found))
    wrong = "".join(f"<li>{html.escape(line)}</li>" for line in found.wrong[:SHOWN]) or "<li>nothing</li>"
    style = "body{font:14px sans-serif;margin:2em;max-width:960px}th{text-align:left;padding-right:1em}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Soak</title><style>{style}</style>'
        f"<h1>Soak</h1><table>{rows}</table>{''.join(plots)}"
        f"<p>Upright lines: processes that were killed or replaced.</p><h2>Wrong</h2><ul>{wrong}</ul></html>\n"
    )


def plot(title: str, series: Mapping[str, Sequence[Point]], marks: Sequence[tuple[float, str]]) -> str:
    """Lines over time as an SVG. marks: moments, each with what happened then."""
    points = [point for line in series.values() for point in line]
    until = max((x for x, _ in points), default=1.0) or 1.0
    top = max((y for _, y in points), default=1.0) or 1.0

    def place(x: float, y: float) -> str:
        return f"{LEFT + x / until * (WIDTH - LEFT):.1f},{HEIGHT - y / top * HEIGHT + 4:.1f}"

    lines, legend = [], []
    for at, (name, line) in enumerate(series.items()):
        colour = COLOURS[at % len(COLOURS)]
        path = " ".join(place(x, max(0.0, y)) for x, y in line)
        lines.append(f'<polyline fill="none" stroke="{colour}" points="{path}"/>')
        legend.append(f'<span style="color:{colour}">{html.escape(name)}</span>')
    for moment, what in marks:
        x = place(moment, 0).partition(",")[0]
        lines.append(
            f'<line x1="{x}" x2="{x}" y1="0" y2="{HEIGHT}" stroke="#bbb"><title>{html.escape(what)}</title></line>'
        )
    axes = (
        f'<text x="0" y="14">{top:.4g}</text><text x="0" y="{HEIGHT}">0</text>'
        f'<text x="{WIDTH - 60}" y="{HEIGHT + BOTTOM - 4}">{until:.0f} s</text>'
    )
    return (
        f"<h2>{html.escape(title)}</h2><p>{' · '.join(legend)}</p>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + BOTTOM}" width="{WIDTH}" font-size="12">{axes}{"".join(lines)}</svg>'
    )


def _held(held: Held) -> str:
    return f"{held.rss / 2**20:.1f} MiB, {held.descriptors} descriptors, {held.threads} threads, process {held.pid}"
