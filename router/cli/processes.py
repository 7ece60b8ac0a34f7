"""`status`, `down`, `restart` and `reload-process`: what runs, what is wrong with it, and how it is stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import msgspec

from router import healed, on_demand, places
from router.cli import orphans, services, supervision
from router.cli.process_table import Row, show
from router.cli.talk import Place, Refused, Unreachable, fetch, find_place, manage

OK, FAILED, UNREACHABLE = 0, 1, 3
REPLACED_WITHIN = 60.0
"""Seconds that a new serving process gets."""
_GONE = "was killed, and nobody watches the programs that it left; take over with: make up"
_FOR_PEOPLE = ("needs_login", "refused", "ledger")


def status(as_json: bool = False, config: str | None = None) -> int:
    """Print the table. 0 when all is well, 1 when something is wrong, 3 when nothing runs."""
    os.chdir(places.ROOT)
    place = find_place(config)
    found = rows(place)
    if as_json:
        told = [{**asdict(row), "healed": msgspec.to_builtins(row.healed)} for row in found]
        print(json.dumps({"processes": told, "settings_problem": place.problem}, indent=2))
    else:
        show(found)
        if place.problem is not None:
            print(place.problem, file=sys.stderr)
    if not any(row.pid for row in found):
        return UNREACHABLE
    return FAILED if place.problem is not None or any(row.wrong for row in found) else OK


def rows(place: Place) -> list[Row]:
    """Every process and what is wrong with it, the router first and what only a sign-in needs last."""
    with supervision.supervisor() as rpc:
        infos = supervision.processes(rpc) if rpc is not None else []
        left = orphans.left() if rpc is None else []
    ours = {each.name: each for each in services.programs(place.settings)}
    wanted = {name: services.wanted(place, each) for name, each in ours.items()}
    found = [_supervised(info) for info in infos if info["pid"] or _belongs(info["name"], wanted)]
    if left:
        found += [Row("supervisord", "gone", None, None, "-", None, _GONE), *map(_orphan, left)]
    if not any(row.name == "router" for row in found):
        found.append(_alone(place))
    found.sort(key=lambda row: (row.name != "router", row.name in on_demand.NAMES))
    lately = healed.lately(place.state_dir, time.time())
    for row in found:
        row.healed = lately.get(row.name, [])
        if row.name == "router" and row.pid is not None:
            _ask(place, row)
        elif row.name in ours:
            _ask_service(place, row, ours[row.name], wanted[row.name])
    return found


def _belongs(name: str, wanted: Mapping[str, services.Wanted]) -> bool:
    """Whether a program that stands still is shown: where the settings want it, or the one that starts it."""
    name = on_demand.SERVICE if name in on_demand.NAMES else name
    return name not in wanted or wanted[name].on


def _supervised(info: dict[str, Any]) -> Row:
    if on_demand.rests(info["name"], info["pid"]):
        return Row(info["name"], on_demand.STATE, None, None, "-", None)
    running = info["statename"] == "RUNNING" or info["name"] in on_demand.NAMES
    row = Row(info["name"], info["statename"].lower(), info["pid"] or None, None, "-", None)
    if info["pid"]:
        row.uptime = float(info["now"] - info["start"])
    if not running:
        said = info["spawnerr"] or (
            f"ended with {info['exitstatus']}" if info["statename"] in supervision.FAILED else ""
        )
        tail = supervision.log_tail(info["name"], 1)
        row.wrong = "; ".join(part for part in (said or f"is {row.state}", tail) if part)
    return row


def _orphan(one: orphans.Orphan) -> Row:
    return Row(one.name, "running", one.pid, one.uptime, "-", None)


def _alone(place: Place) -> Row:
    """A router without supervisord (`scripts/dev/start-router.sh`), or none."""
    facts = place.process
    if facts is None:
        return Row("router", "stopped", None, None, "-", None, "does not run; start it with: make up")
    uptime = None if facts["started"] is None else time.time() - facts["started"]
    return Row("router", "running", facts["parent"] or facts["pid"], uptime, "-", None)


def _ask(place: Place, row: Row) -> None:
    row.port = place.address()[2]
    try:
        alive, _ = fetch(place, "/healthz")
        ready, answer = fetch(place, "/readyz")
    except Unreachable as error:
        row.health, row.wrong = "no answer", row.wrong or str(error)
        return
    row.health = "ready" if ready == 200 else "not ready" if alive == 200 else f"healthz {alive}"
    if waiting := _in_line(place):
        row.health += f", {waiting} waiting"
    if ready != 200:
        row.wrong = row.wrong or causes(answer)
    elif row.state == "starting":  # supervisord waits `startsecs` before it says so; the router is sooner ready
        row.state, row.wrong = "running", ""
    if ready == 200:
        row.wrong = row.wrong or causes(for_people(answer))


def _in_line(place: Place) -> int:
    """Calls that wait for a place under a limit."""
    with contextlib.suppress(Unreachable, Refused, KeyError, TypeError, AttributeError):
        return sum(manage(place, "/v0/management/status")["waiting"].values())
    return 0


def _ask_service(place: Place, row: Row, which: services.Program, want: services.Wanted) -> None:
    readyz = which.readyz(place.settings)
    if row.pid is not None:
        row.port = urlsplit(readyz).port if readyz else None
        row.health, wrong = services.health(readyz, row.name)
        wrong = wrong or _without_session(place, row.name)
        row.wrong = wrong if want.on else "the settings turn it off; stop it with: make up"
    elif row.state == "stopped":
        row.wrong = want.problem or "does not run; start it with: make up"


def _without_session(place: Place, name: str) -> str:
    """What is wrong with a program of the operator's own that should be connected to the relay."""
    if not any(entry.name == name and entry.relay for entry in place.settings.services):
        return ""
    with contextlib.suppress(Unreachable, Refused, KeyError, TypeError):
        sessions = manage(place, "/v0/management/relay")["sessions"]
        return "" if any(each["name"] == name for each in sessions) else "has no session at the relay"
    return ""


def for_people(answer: Any) -> list[Any]:
    """Causes that keep nothing from being ready and still want somebody: a sign-in that is missing, an account that its
    provider has turned away, a ledger that cannot be read."""
    found = answer.get("causes", []) if isinstance(answer, dict) else []
    return [cause for cause in found if isinstance(cause, dict) and cause.get("cause") in _FOR_PEOPLE]


def causes(answer: Any) -> str:
    """What `/readyz` gives as reasons, as one line."""
    found = answer.get("causes", answer) if isinstance(answer, dict) else answer
    if isinstance(found, list):
        return "; ".join(str(cause.get("text", cause)) if isinstance(cause, dict) else str(cause) for cause in found)
    return str(found)


def down() -> int:
    """Stop supervisord and everything under it; running calls may finish."""
    os.chdir(places.ROOT)
    with supervision.supervisor() as rpc:
        if rpc is None:
            return _down_orphans()
    if not supervision.shut_down():
        print("supervisord has not ended; see logs/supervisord.log", file=sys.stderr)
        return FAILED
    print("Stopped.", file=sys.stderr)
    return OK


def _down_orphans() -> int:
    found = orphans.left()
    if not found:
        print("Nothing runs.", file=sys.stderr)
        return OK
    print(f"supervisord is gone; ending what it has left: {orphans.in_words(found)}.", file=sys.stderr)
    if stay := orphans.end(found):
        print(f"These do not end: {orphans.in_words(stay)}", file=sys.stderr)
        return FAILED
    print("Stopped.", file=sys.stderr)
    return OK


def restart(name: str = "router") -> int:
    """Stop and start one process under supervisord. Of the router the serving process alone is replaced, which refuses
    nobody, where its parent lives; then it is waited for until it is ready."""
    from router.cli.up import Failed, wait_ready

    os.chdir(places.ROOT)
    with supervision.supervisor() as rpc:
        if rpc is None:
            print("supervisord does not run. Start everything with: make up", file=sys.stderr)
            return UNREACHABLE
        place = find_place()
        if name in on_demand.NAMES:
            print(f"{name} is not started from here: {on_demand.REFUSAL}.", file=sys.stderr)
            return FAILED
        which = services.program(place.settings, name)
        if which is not None:
            return _say(services.follow(rpc, place, which, anew=True) or [f"{name} is off in the settings."])
        if name not in [process["name"] for process in supervision.processes(rpc)]:
            known = ", ".join(process["name"] for process in supervision.processes(rpc))
            print(f"there is no process {name}; there are {known}", file=sys.stderr)
            return FAILED
        pid = rpc.getProcessInfo(name)["pid"]
        replaced = name == "router" and pid and place.process is not None and place.process["parent"] == pid
        if not replaced:
            if pid:
                rpc.stopProcess(name)
            rpc.startProcess(name, False)
    if name == "router":
        try:
            if replaced and (failed := _replace_process(place, REPLACED_WITHIN)):
                return failed
            wait_ready(find_place())
        except Failed as error:
            print(error, file=sys.stderr)
            return FAILED
    print(f"{name} has been restarted.", file=sys.stderr)
    return OK


def _say(sentences: list[str]) -> int:
    """Print what became of a service. 0 where it runs now."""
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return OK if any(sentence.endswith("has been started.") for sentence in sentences) else FAILED


def reload_process(within: float = REPLACED_WITHIN) -> int:
    """Replace the serving process without refusing a connection; new code and restart-only settings take effect.

    A service is started, stopped or, where its settings have changed, restarted too."""
    os.chdir(places.ROOT)
    place = find_place()
    waiting = _waiting(place)
    done = _replace_process(place, within)
    with supervision.supervisor() as rpc:
        if rpc is not None:
            _say(services.follow_all(rpc, place, changed=lambda each: any(p.startswith(each.place) for p in waiting)))
    return done


def _waiting(place: Place) -> list[str]:
    """Settings that wait for a restart, as the router sees it."""
    with contextlib.suppress(Unreachable, Refused, KeyError, TypeError):
        return [str(path) for path in manage(place, "/v0/management/status")["config"]["restart_needed"]]
    return []


def _replace_process(place: Place, within: float) -> int:
    facts = place.process
    if facts is None or facts["parent"] is None:
        print("No router runs here. Start it with: make up", file=sys.stderr)
        return UNREACHABLE
    with contextlib.suppress(ProcessLookupError):
        os.kill(facts["parent"], signal.SIGHUP)
    end = time.monotonic() + within
    while time.monotonic() < end:
        now = place.process
        if now is not None and now["pid"] != facts["pid"]:
            print(f"Process {now['pid']} has taken over from {facts['pid']}.", file=sys.stderr)
            return OK
        time.sleep(0.05)
    print(f"No new process within {within:g} s; process {facts['pid']} goes on serving. See the log.", file=sys.stderr)
    return FAILED
