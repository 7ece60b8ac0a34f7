"""``switchyard replay``: a recorded request once more, and how its answer differs.

Exit codes: 0 answered, 1 there is no such record, or the answer is an error, 3 no gateway answers.
"""

from __future__ import annotations

import http.client
import json
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
from msgspec import Struct

from router.cli.connection import connection_to
from router.cli.replay_told import Side, differences, side, table
from router.cli.setup.splices import CannotEdit
from router.cli.setup.target import read_key
from router.cli.talk import Place, find_place, key_stays, url
from router.cli.terminal import Terminal
from router.observe.records.folder import RecordFolder, Unreadable, opened
from router.observe.records.recorder import HEADER
from router.observe.records.stages import CLIENT_ANSWER, CLIENT_REQUEST, MASK, META, of_headers
from router.policies.kept import CACHE
from router.wire import codec

OK, FAILED, UNREACHABLE = 0, 1, 3
WITHIN = 900.0
"""Seconds for the whole answer to begin, and between two pieces of it."""
RECORD_WITHIN = 3.0
"""Seconds that the record of the new call is waited for."""
_FORWARDED = re.compile(r"anthropic-(?:version|beta)|openai-beta|x-switchyard-.+|content-type")
_PINNED = ("x-switchyard-provider",)
_PINNED_PATH = re.compile(r"/v1(?:beta)?/providers/[^/]+(/v1(?:beta)?)?(/.*)")
_MODEL_IN_PATH = re.compile(r"(/models/).+(:[A-Za-z]+)$")


class Wanted(Struct, frozen=True, kw_only=True):
    """The options, as typed."""

    to: str | None
    address: str | None
    key_file: str | None
    as_json: bool


class _Stopped(Exception):
    """It cannot be done; the message says why and what to do."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def replay(call_id: str, wanted: Wanted, config: str | None, terminal: Terminal | None = None) -> int:
    """Send it, print both and their differences."""
    terminal = terminal or Terminal()
    place = find_place(config)
    folder = RecordFolder(place.state_dir, lambda: opened(place.state_dir))
    try:
        stages = _record(folder, call_id)
        asked = stages[CLIENT_REQUEST]
        path, body = _request(asked, wanted.to)
        if asked["redacted"]:
            terminal.say(f"what looked like a secret stands as {MASK} in the recorded request, and is sent like that")
        address = wanted.address or url(*place.address())
        headers = _headers(asked["headers"], _key(wanted, place, terminal), moved=wanted.to is not None)
        status, told, answer = _send(address, path, headers, body, ours=wanted.address is None)
    except _Stopped as stopped:
        terminal.say(str(stopped))
        return stopped.code
    meta, said = stages[META], stages[CLIENT_ANSWER]
    known = {"dialect": meta["dialect"], "surface": meta["surface"]}
    before = side(stages, call_id, said["status"], said["body"], known)
    new_id = told.get("x-switchyard-request-id", "")
    again = _again(folder, place, new_id)
    after = side(again, new_id, status, answer, {**known, **_of_headers(told)})
    _print(before, after, as_json=wanted.as_json)
    if again is None:
        terminal.say(
            "what the gateway sent to the provider this time is not known here: set observe.request_log_by_header"
        )
    return OK if status < 400 else FAILED


def _record(folder: RecordFolder, call_id: str) -> dict[str, Any]:
    try:
        stages = folder.read(call_id)
    except (ValueError, Unreadable, OSError) as problem:
        raise _Stopped(f"{call_id} cannot be read: {problem}") from None
    if stages is None:
        raise _Stopped(f"{call_id} was not recorded in {folder.path}, or is gone: `switchyard records` lists them")
    missing = [name for name in (CLIENT_REQUEST, CLIENT_ANSWER, META) if name not in stages]
    if missing:
        raise _Stopped(f"the record of {call_id} has no {', '.join(missing)}")
    if stages[CLIENT_REQUEST]["cut"]:
        raise _Stopped(f"the request of {call_id} was too large to be recorded as a whole, so it cannot be sent again")
    return stages


def _request(asked: Mapping[str, Any], to: str | None) -> tuple[str, bytes]:
    """Path with query, and body. to: another model."""
    path, body = str(asked["path"]), str(asked["body"]).encode("utf-8", "surrogatepass")
    if to is not None and (pinned := _PINNED_PATH.fullmatch(path)):
        path = (pinned[1] or "/v1") + pinned[2]
    if to is not None and _MODEL_IN_PATH.search(path):
        path = _MODEL_IN_PATH.sub(lambda found: found[1] + quote(to, safe="/@") + found[2], path)
    elif to is not None:
        try:
            body = codec.replace_top_level(body, {"model": to})
        except codec.Malformed as problem:
            raise _Stopped(f"the recorded body is no JSON object, so its model cannot be changed: {problem}") from None
    query = [(name, value) for name, value in parse_qsl(asked["query"], keep_blank_values=True) if value != MASK]
    return path + (f"?{urlencode(query)}" if query else ""), body


def _headers(recorded: Mapping[str, str], key: str, *, moved: bool) -> dict[str, str]:
    """Those that change what is asked for, and our own: a kept answer would be no second call. moved: to another model,
    which another provider may have."""
    kept = {name: value for name, value in of_headers(recorded).items() if _FORWARDED.fullmatch(name)}
    if moved:
        kept = {name: value for name, value in kept.items() if name not in _PINNED}
    return {**kept, "authorization": f"Bearer {key}", "user-agent": "switchyard-replay", HEADER: "1", CACHE: "no-store"}


def _key(wanted: Wanted, place: Place, terminal: Terminal) -> str:
    """From the file that is named, of this installation, or typed."""
    if wanted.key_file is not None:
        try:
            return read_key(Path(wanted.key_file).expanduser()).reveal()
        except CannotEdit as problem:
            raise _Stopped(str(problem)) from None
    if wanted.address is not None and (why := key_stays(place, wanted.address)):
        raise _Stopped(why)
    key = place.key("client")
    if not key and terminal.interactive:
        key = terminal.secret("Client key of the gateway: ").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise _Stopped("there is no client key: name its file with --key-file")
    return key


def _send(
    address: str, path: str, headers: Mapping[str, str], body: bytes, *, ours: bool
) -> tuple[int, Mapping[str, str], str]:
    """Status, headers and body. ours: our own process, found by its own file, whose certificate is not looked at."""
    connection = connection_to(address, WITHIN, ours=ours)
    try:
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        data = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise _Stopped(
            f"no gateway answers at {address} ({error}). Start it with `make up` or `switchyard serve`.", UNREACHABLE
        ) from None
    finally:
        connection.close()
    told = {name.lower(): value for name, value in answer.getheaders()}
    return answer.status, told, data.decode("utf-8", "surrogateescape")


def _of_headers(told: Mapping[str, str]) -> dict[str, Any]:
    """What an answer says about itself."""
    found: dict[str, Any] = {"provider": told.get("x-switchyard-provider"), "served": told.get("x-switchyard-model")}
    return {name: value for name, value in found.items() if value}


def _again(folder: RecordFolder, place: Place, call_id: str) -> dict[str, Any] | None:
    """The record of the new call, where this gateway makes one and writes it in time."""
    observe = place.settings.observe
    if observe.request_log == "off" and not observe.request_log_by_header:
        return None
    until = time.monotonic() + RECORD_WITHIN
    while True:
        try:
            found = folder.read(call_id)
        except (ValueError, Unreadable, OSError):
            return None
        if found is not None or time.monotonic() > until:
            return found
        time.sleep(0.05)


def _print(before: Side, after: Side, *, as_json: bool) -> None:
    texts = differences(before.text.splitlines(), after.text.splitlines())
    wires = differences(before.wire, after.wire) if before.wire and after.wire else []
    if as_json:
        shown = {"before": before, "after": after, "text_diff": texts, "wire_diff": wires}
        print(json.dumps(msgspec.to_builtins(shown), indent=2))
        return
    print(after.text)
    print()
    for line in table(before, after):
        print(line)
    for name, lines in (("text", texts), ("request to the provider", wires)):
        if lines:
            print(f"\n{name}:")
            print("\n".join(lines))
    sys.stdout.flush()
