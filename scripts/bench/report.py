"""The bench's results as a table, with the aims beside them."""

from __future__ import annotations

from typing import Any


def table(results: dict[str, Any]) -> str:
    """Readable lines: absolute figures, the ratio to the bare proxy, the aim, and whether it is met."""
    asked, streamed, held = results["requests"], results["streams"], results["held"]
    bare = asked["bare"]
    lines = [
        "                         direct      bare       raw  translated",
        _row("p50 at 1 connection, ms", asked, "p50_ms", "{:9.2f}"),
        _row("p99 at 1 connection, ms", asked, "p99_ms", "{:9.2f}"),
        _row("requests/s (16 conn.)", asked, "requests_per_second", "{:9.0f}"),
        _row("requests/CPU-second", asked, "requests_per_cpu_second", "{:9.0f}"),
        _row("events/CPU-s, paced", streamed, "events_per_cpu_second", "{:9.0f}"),
        _row("events/s, dense", streamed, "dense_events_per_second", "{:9.0f}"),
        _row("first event p50, ms", streamed, "first_event_p50_ms", "{:9.2f}"),
        "",
        "aims (each against the bare proxy of this run, unless it says otherwise)",
    ]
    rate = "requests_per_cpu_second"
    event = "events_per_cpu_second"
    direct = asked["direct"]
    per_stream = held["raw"]["bytes_per_stream"]
    aims = [
        ("requests/CPU-s, raw, share", asked["raw"][rate] / bare[rate], ">=", 0.60),
        ("requests/CPU-s, translated, share", asked["translated"][rate] / bare[rate], ">=", 0.35),
        ("events/CPU-s, raw, share", streamed["raw"][event] / streamed["bare"][event], ">=", 0.70),
        ("events/CPU-s, translated, share", streamed["translated"][event] / streamed["bare"][event], ">=", 0.40),
        ("added p50 over bare, raw, ms", asked["raw"]["p50_ms"] - bare["p50_ms"], "<=", 0.4),
        ("added p50 over bare, translated, ms", asked["translated"]["p50_ms"] - bare["p50_ms"], "<=", 0.4),
        ("added p99 over direct, raw, ms", asked["raw"]["p99_ms"] - direct["p99_ms"], "<=", 3.0),
        ("added first event over bare, raw, ms", _first(streamed, "raw"), "<=", 1.0),
        ("added first event over bare, translated, ms", _first(streamed, "translated"), "<=", 1.0),
        ("memory per stream, share", per_stream[0] / max(held["bare"]["bytes_per_stream"][0], 1), "<=", 1.6),
        ("third wave to first", held["raw"]["third_to_first"] or 0.0, "<=", 1.05),
        ("idle memory, MB", results["idle_bytes"]["raw"] / 1e6, "<=", 110.0),
        ("ready after, s", results["ready_seconds"], "<=", 1.0),
    ]
    for name, value, sign, aim in aims:
        met = value >= aim if sign == ">=" else value <= aim
        lines.append(f"  {'ok  ' if met else 'MISS'} {name:<46} {value:9.2f}  {sign} {aim:g}")
    lines += [
        "",
        f"held streams: {held['raw']['streams']}; bytes each: bare "
        f"{[round(each) for each in held['bare']['bytes_per_stream']]}, raw {[round(each) for each in per_stream]}",
    ]
    return "\n".join(lines)


def _row(name: str, rows: dict[str, dict[str, float]], key: str, form: str) -> str:
    return f"{name:<24}" + " ".join(form.format(rows[lane][key]) for lane in ("direct", "bare", "raw", "translated"))


def _first(streamed: dict[str, dict[str, float]], lane: str) -> float:
    return streamed[lane]["first_event_p50_ms"] - streamed["bare"]["first_event_p50_ms"]
