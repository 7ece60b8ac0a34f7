"""Every call exactly once: the clients' own list against the router's log against the simulators' counts. Pure."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.soak.reading import GOOD, Result

LOST = 1.5
"""Seconds before a `kill -9` in which a finished call's line may still have been with the log's writer."""


def lines(log: Iterable[str]) -> list[dict[str, Any]]:
    """The request lines of a router's JSON log."""
    found = []
    for line in log:
        if '"switchyard.request"' not in line:
            continue
        try:
            entry = json.loads(line)
        except ValueError:  # the last line of a process that was killed while it wrote
            continue
        if entry.get("logger") == "switchyard.request":
            found.append(entry)
    return found


def excused(result: Result, kills: Sequence[float]) -> bool:
    """Whether a process that may have had this call was killed while it ran, or before its line was written."""
    return any(result.began <= kill <= result.ended + LOST for kill in kills)


def mistakes(
    results: Sequence[Result],
    records: Sequence[Mapping[str, Any]],
    direct: Mapping[int, int],
    relayed: Mapping[int, int],
    kills: Sequence[float],
) -> list[str]:
    """Everything that does not add up, as lines for people. kills: when a serving process was killed."""
    by_mark: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        by_mark[str(record["client"])].append(record)
    ids = Counter(record["id"] for record in records)
    wrong = [f"{call}: {times} lines in the log" for call, times in ids.items() if times > 1]
    wrong += [f"{mark}: in the log, and nobody called" for mark in by_mark.keys() - {r.wish.mark for r in results}]
    for result in results:
        wrong += [f"{result.wish.mark} {_told(result)}: {what}" for what in _wrong(result, by_mark, kills)]
        number = result.wish.number
        for record in by_mark[result.wish.mark][:1]:
            wrong += [f"{result.wish.mark}: {what}" for what in _attempts(record, direct[number], relayed[number])]
    return wrong


def _told(result: Result) -> str:
    wish = result.wish
    return f"({wish.dialect}{'~' if wish.stream else ''} {wish.model} {wish.temper})"


def _wrong(result: Result, by_mark: Mapping[str, Sequence[Mapping[str, Any]]], kills: Sequence[float]) -> list[str]:
    found = by_mark[result.wish.mark]
    pardon = excused(result, kills)
    if result.outcome not in GOOD and not (result.outcome == "no connection" and pardon):
        return [f"{result.outcome}: {result.detail}"]
    if len(found) > 1:
        return [f"{len(found)} lines in the log"]
    if not found:
        return [] if pardon or _never_arrived(result) else ["no line in the log"]
    record = found[0]
    if result.call_id not in (None, record["id"]):
        return [f"its id is {result.call_id}, the log says {record['id']}"]
    return [] if pardon or _agrees(result, record) else [f"{result.outcome}, the log says {record['outcome']!r}"]


def _never_arrived(result: Result) -> bool:
    """A client that left before the head may have been gone before its request was read."""
    return result.outcome == "left" and result.status is None


def _agrees(result: Result, record: Mapping[str, Any]) -> bool:
    if result.outcome == "whole":
        return bool(record["outcome"] == "ok" and record["status"] == 200)
    if result.outcome == "refused":
        return bool(record["outcome"] not in ("ok", "cancelled") and record["status"] == result.status)
    if result.outcome == "broken off":
        return bool(record["outcome"] not in ("ok", "cancelled") and record["status"] == 200)
    return True  # who leaves may leave behind the end, or in front of an error


def _attempts(record: Mapping[str, Any], direct: int, relayed: int) -> list[str]:
    """Each attempt of the record arrived at a simulator, and no other. One that the client's leaving ended before its
    first content may be in no record, and may have ended before it had a connection; one through the service may have
    been lost with the service."""
    told = Counter("relayed" if each["provider"] == "aistudio" else "direct" for each in record["attempts"])
    unfinished = 1 if record["outcome"] == "cancelled" else 0
    last = record["attempts"][-1] if record["attempts"] else {"provider": "", "outcome": ""}
    unsent = 1 if unfinished and last["outcome"] == "cancelled" and last["provider"] != "aistudio" else 0
    wrong = []
    if not told["direct"] - unsent <= direct <= told["direct"] + unfinished:
        tries = ", ".join(f"{each['provider']} {each['outcome']}" for each in record["attempts"])
        wrong.append(f"{told['direct']} attempts in the log ({tries}), {direct} arrived, outcome {record['outcome']}")
    if relayed > told["relayed"] + unfinished:
        wrong.append(f"{told['relayed']} attempts at the service in the log, {relayed} arrived")
    return wrong
