"""`switchyard doctor`: every check in turn, printed for people or as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict

from router.cli import no_access
from router.cli.finding import Finding
from router.cli.findings import ASKING, CHECKS, Check
from router.cli.live_findings import through
from router.cli.talk import Place, find_place

MARKS = {"ok": "ok   ", "warning": "warn ", "error": "ERROR"}


def doctor(as_json: bool = False, config: str | None = None, proxy: str | None = None, *, offline: bool = False) -> int:
    """Print all findings. 1 if there is an error among them, else 0. proxy: address of a reverse proxy in front.
    offline: no provider is asked anything."""
    place = find_place(config)
    findings: list[Finding] = []
    for check in CHECKS:
        if offline and check in ASKING:
            continue
        if place.problem is None or check.__name__ != "certificate":
            findings += _looked(check, place, findings)
    if proxy is not None:
        findings += through(proxy, place.key("client") or "")
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            _show(finding)
    return 1 if any(finding.level == "error" for finding in findings) else 0


def _looked(check: Check, place: Place, before: Sequence[Finding]) -> list[Finding]:
    """What a check finds; a file that it may not read is told once."""
    found: list[Finding] = []
    try:
        found.extend(check(place, os.environ))  # what came before an error stays
    except Exception as error:
        what = no_access.told(error)
        if what is None:
            raise
        if all(each.what != what for each in before):
            why = "What lies in it cannot be looked at."
            found.append(Finding("error", "access", what, why, no_access.advice(error)))
    return found


def _show(finding: Finding) -> None:
    print(f"{MARKS[finding.level]}  {finding.about:<12} {finding.what}")
    if finding.why:
        print(f"{'':21}why: {finding.why}")
    if finding.fix:
        print(f"{'':21}fix: {finding.fix}")
