"""The grepper finds what is leaked on purpose, in every form, and nothing else."""

from __future__ import annotations

import base64
import html
import json
import os
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from router.faults import Fault
from router.secret import Secret
from tests.router.api.leaks import Canary, leaks, planted, told_by

PLANTED = Canary("a slot", planted('sk/*+"<&', 7))
LEARNT = Canary("another", 'eyJhbGciOiJub25lIn0.e30.q8/+Zr4T"<k2Lw9')
RAW = Canary("a key", os.urandom(32))
WRITTEN: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper case": str.upper,
    "percent": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "HTML": html.escape,
    "Python": lambda text: repr(text.encode()),
    "hexadecimal": lambda text: text.encode().hex(),
    **{f"base64 after {n}": lambda text, n=n: base64.b64encode(b"x" * n + text.encode()).decode() for n in range(4)},  # type: ignore[misc]
    "urlsafe base64": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "its end": lambda text: text[3:],
}


@pytest.mark.parametrize("canary", [PLANTED, LEARNT])
@pytest.mark.parametrize("form", WRITTEN)
def test_a_secret_that_is_leaked_on_purpose_is_found(canary: Canary, form: str) -> None:
    assert isinstance(canary.value, str)
    text = WRITTEN[form](canary.value)
    found = list(leaks([canary], {"log": [b"before", f"no: {text}, after".encode()]}, {}))
    assert {(leak.slot, leak.sink) for leak in found} == {(canary.slot, "log")}


@pytest.mark.parametrize("write", [bytes, lambda key: key.hex().encode(), base64.b64encode])
def test_bytes_are_found_too(write: Callable[[bytes], bytes]) -> None:
    assert isinstance(RAW.value, bytes)
    assert [leak.slot for leak in leaks([RAW], {"file": [b"..", write(RAW.value)]}, {})][:1] == ["a key"]


def test_what_is_not_there_is_not_found_and_what_is_allowed_is_left_out() -> None:
    other = Canary("another slot", planted("*", 8))
    sinks = {"log": [planted("*", 7).encode()], "page": [b"kanarienvogel", b"eyJhbGciOiJub25lIn0"]}
    assert [leak.slot for leak in leaks([PLANTED, other, LEARNT], sinks, {})] == ["a slot"]
    assert list(leaks([PLANTED], sinks, {("a slot", "log"): "for a test"})) == []
    assert len(list(leaks([PLANTED], sinks, {("a slot", "page"): "for a test"}))) == 1


@pytest.mark.parametrize("place", ["words", "argument", "attribute", "cause", "context", "notes"])
def test_everything_that_an_exception_says_is_looked_at(place: str) -> None:
    text = planted("*", 7)
    error = {"words": Fault("internal", text), "argument": ValueError(1, text)}.get(place, ValueError())
    if place == "attribute":
        error.detail = text  # type: ignore[attr-defined]
    if place == "cause":
        error.__cause__ = ValueError(text)
    if place == "context":
        error.__context__ = ValueError(text)
    if place == "notes":
        error.add_note(text)
    assert len(list(leaks([PLANTED], {"errors": [told_by(error)]}, {}))) >= 1
    error.__cause__, error.__suppress_context__ = None, True
    hidden = told_by(ValueError(Secret(text)))
    assert list(leaks([PLANTED], {"errors": [hidden]}, {})) == []
