"""Known secrets are taken out of what others say, however they wrote them."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.hidden import Hidden
from router.secret import Secret

TOKEN = 'rt/canary+"1 2"=='
FORMS = {
    "plain": TOKEN,
    "percent": quote(TOKEN, safe=""),
    "form": quote_plus(TOKEN),
    "json": json.dumps(TOKEN)[1:-1],
    "slashes": json.dumps(TOKEN)[1:-1].replace("/", "\\/"),
    "base64": base64.b64encode(TOKEN.encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_hidden_in_every_form(form: str) -> None:
    hidden = Hidden(Secret(TOKEN))
    assert hidden.text(f"no: {FORMS[form]}").startswith("no: ***")
    assert "canary" not in hidden.text(FORMS[form])
    assert b"canary" not in hidden.data(FORMS[form].encode())


def test_what_follows_the_scheme_of_a_header_is_a_secret_too() -> None:
    assert Hidden("Basic b3BlbjpzZXNhbWU").text("got b3BlbjpzZXNhbWU") == "got ***"


def test_short_texts_and_nothing_hide_nothing() -> None:
    assert Hidden(None, "", Secret(""), "ollama").text("ollama is not there") == "ollama is not there"


def test_a_secret_that_holds_another_is_hidden_whole() -> None:
    assert Hidden("canary-1", "canary-1-and-more").text("canary-1-and-more") == "***"


def test_a_fault_says_it_nowhere() -> None:
    fault = Fault(
        "bad_request",
        f"no {TOKEN}",
        code=TOKEN,
        param=TOKEN,
        details={"said": [TOKEN, {TOKEN: 1}], "scope": "account"},
        passthrough=json.dumps({"error": TOKEN}).encode(),
    )
    assert Hidden(TOKEN).fault(fault) is fault
    assert "canary" not in f"{fault!r} {fault} {fault.args} {vars(fault)}"
    assert fault.details["scope"] == "account"


@given(st.text(min_size=8), st.text(), st.text())
def test_no_secret_is_left_whatever_it_is(secret: str, before: str, after: str) -> None:
    told = Hidden(secret).text(f"{before}{secret}{after}")
    assert secret not in told or secret in "***"
