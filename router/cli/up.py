"""`make up`: from a checkout with its packages to a gateway that answers, with everything printed that a user needs."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import sys
import time
from typing import Any

from router import places
from router.cli import cloud, orphans, services, supervision
from router.cli.audited import note
from router.cli.first_files import make_config, make_keys
from router.cli.talk import Place, Unreachable, fetch, find_place, url
from router.server.listen import CannotListen, bind
from router.server.product import CannotPrepare, migrate
from router.settings.checks import is_loopback

READY_WITHIN = 60.0
SUPERVISED_WITHIN = 30.0
"""Seconds for a supervisord that somebody else has started to answer."""


class Failed(Exception):
    """A step of the start did not work; the message says why and what to do."""


_COMING = ("RUNNING", "STARTING", "STOPPING", "BACKOFF")
"""States in which supervisord itself does what is to be done."""
BODY = '{"model":"demo/echo","messages":[{"role":"user","content":"Hello"}]}'


def up(prepare_only: bool = False, join: bool = False) -> int:
    """Prepare, start and wait. 0 when the gateway is ready, 1 with the reason on stderr.

    join: for a supervisord that systemd or a container starts: it is waited for, and never started from here. A router
    that supervisord still tries to start is waited for too, and one that is not ready keeps no other program from being
    started: healthwatch goes on trying where this has ended."""
    os.chdir(places.ROOT)
    if prepare_only and cloud.wanted(os.environ):
        _say("DEPLOY=cloud: the router prepares by itself, as soon as its settings are valid.")
        return 0
    try:
        place, made = prepare()
        if prepare_only:
            tell_keys(place, made)
            return 0
        running = _join() if join else _start(place)
    except (Failed, CannotListen) as error:
        _say(f"Switchyard did not start: {error}")
        return 1
    try:
        wait_ready(place, patient=join)
    except Failed as error:
        _say(f"Switchyard did not start: {error}")
        if join:
            _follow(place)
        return 1
    _tell(place, made, running)
    _follow(place)
    return 0


def _follow(place: Place) -> None:
    with supervision.supervisor() as rpc:
        for sentence in services.follow_all(rpc, place) if rpc is not None else ():
            _say(sentence)


def prepare(config: str | None = None) -> tuple[Place, dict[str, str]]:
    """Write what a first start needs; the installation, and the keys that were made. Raises `Failed`."""
    path = places.config_path(config, os.environ)
    if make_config(path):
        _say(f"Wrote {path} from the annotated example.")
    # Keys come before the settings are checked: a public address is allowed because a client key exists.
    state = find_place(config).state_dir
    made = make_keys(state)
    for name in made:
        note(state, "key_create", name, "in state/keys")
    place = find_place(config)
    if place.problem is not None:
        if made:
            tell_keys(place, made)  # a later start would not show them again
        raise Failed(place.problem)
    try:
        migrate(place.state_dir)
    except CannotPrepare as error:
        raise Failed(str(error)) from error
    return place, made


def _join() -> bool:
    """Wait for the supervisord that somebody else starts, and start a router that it has given up. Whether the router
    ran already. Raises `Failed`."""
    if not supervision.await_answer(SUPERVISED_WITHIN):
        raise Failed(f"no supervisord answers within {SUPERVISED_WITHIN:g} s; see logs/supervisord.log")
    with supervision.supervisor() as rpc:
        return rpc is not None and _start_stopped(rpc)


def _start(place: Place) -> bool:
    """Start what does not run. Whether it ran already, at the address that is wanted."""
    with supervision.supervisor() as rpc:
        if rpc is not None:
            if _same_address(place):
                return _start_stopped(rpc)
            _say("The address has changed: restarting.")
    if not supervision.shut_down():
        raise Failed("the running supervisord does not end; see logs/supervisord.log")
    _end_orphans()
    server = place.settings.server
    for sock in bind(server.host.strip("[]"), server.port, 1, 65_536):
        sock.close()  # only to say at once who holds the port; the router binds it itself
    problem = supervision.start(os.environ)
    if problem is not None:
        raise Failed(problem)
    return False


def _end_orphans() -> None:
    """What a supervisord that was killed has left holds the ports, and nobody watches it. Raises `Failed`."""
    found = orphans.left()
    if not found:
        return
    _say(f"supervisord is gone; ending what it has left, after running calls have finished: {orphans.in_words(found)}.")
    if stay := orphans.end(found):
        raise Failed(f"what a supervisord that was killed has left does not end: {orphans.in_words(stay)}")


def _same_address(place: Place) -> bool:
    facts, server = place.process, place.settings.server
    if facts is None:
        return True
    _, host, port = place.address()
    wanted = Place(place.settings, place.config, places.ROOT / "nowhere").address()
    return server.port in (0, port) and wanted[1] in (host, "localhost") and _open(facts) != is_loopback(server.host)


def _open(facts: dict[str, Any]) -> bool:
    return any(not is_loopback(host) for host, _ in facts["addresses"])


def _start_stopped(rpc: Any) -> bool:
    ran = True
    for process in supervision.processes(rpc):
        if process["name"] == "router" and process["statename"] not in _COMING:
            ran = False
            rpc.startProcess(f"{process['group']}:{process['name']}", False)
    return ran


def wait_ready(place: Place, *, patient: bool = False) -> None:
    """Until `/readyz` says yes. Raises `Failed` with the log's end, or with the causes that `/readyz` gives.

    patient: while supervisord still tries to start the router, it is waited for."""
    ended = (*supervision.FAILED, "gone", *(() if patient else ("BACKOFF",)))
    end = time.monotonic() + READY_WITHIN
    answer: Any = None
    while time.monotonic() < end:
        with contextlib.suppress(Unreachable):
            status, answer = fetch(place, "/readyz")
            if status == 200 and place.process is not None:
                return
        with supervision.supervisor() as rpc:
            state = rpc.getProcessInfo("router")["statename"] if rpc is not None else "gone"
        if state in ended:
            raise Failed(f"the router is {state}. The end of logs/router.log:\n{supervision.log_tail('router')}")
        time.sleep(0.1)
    if answer is not None:
        raise Failed(f"the router runs but is not ready: {answer}")
    raise Failed(f"no answer within {READY_WITHIN:g} s. The end of logs/router.log:\n{supervision.log_tail('router')}")


def _tell(place: Place, made: dict[str, str], running: bool) -> None:
    scheme, host, port = place.address()
    base = url(scheme, host, port)
    lines = ["", "Switchyard runs already." if running else "Switchyard is ready.", ""]
    lines.append(f"  Base URL        {base}/v1   (OpenAI style; {base} for Anthropic and Gemini clients)")
    facts = place.process
    if facts is not None and _open(facts):
        lines.append(f"  On the network  {url(scheme, _network_address(), port)}/v1")
    lines.append(f"  Dashboard       {base}/dashboard/   (sign in with the management key)")
    print("\n".join(lines))
    tell_keys(place, made)
    print(f"\n  Try it:\n\n{curl_line(place, made.get('client'))}\n")


def tell_keys(place: Place, made: dict[str, str]) -> None:
    """Print the keys that were made, and where they are kept."""
    for name, key in made.items():
        print(f"  {name.capitalize() + ' key':<15} {key}")
    note = "shown once; kept in" if made else "kept in"
    print(f"  {'' if made else 'Keys':<15} ({note} {places.key_file(place.state_dir, 'client').parent})", flush=True)


def curl_line(place: Place, key: str | None) -> str:
    """One line that works when it is pasted; a key that was shown before is read from its file."""
    scheme, host, port = place.address()
    file = places.key_file(place.state_dir, "client")
    bearer = shlex.quote(f"Authorization: Bearer {key}") if key else f'"Authorization: Bearer $(cat {_quoted(file)})"'
    insecure = " --insecure" if scheme == "https" else ""
    target = f"{url(scheme, host, port)}/v1/chat/completions"
    return f"curl -sS{insecure} {target} -H {bearer} -H 'Content-Type: application/json' -d '{BODY}'"


def _quoted(path: object) -> str:
    """A path inside ``$(…)`` inside double quotes: quoting starts anew there."""
    return shlex.quote(str(path))


def _network_address() -> str:
    """The address that other machines would use; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()


def _say(text: str) -> None:
    print(text, file=sys.stderr)
