"""What is sent to the provider's page, and everything that may come back."""

from __future__ import annotations

import string
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.accounts.login import addresses
from router.accounts.login.addresses import Declined, Place, Returned, Unreadable, accepted, read_pasted, read_query
from router.accounts.login.pkce import challenge
from router.secret import Secret
from router.settings.sign_ins import shipped_sign_ins

REDIRECT = "http://localhost:1455/auth/callback"
STATE = Secret("the-state-of-this-login")
VERIFIER = Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
ISSUER = "https://auth.openai.com"
CODES = st.text(string.ascii_letters + string.digits + "-._~/+", min_size=1, max_size=200)


@pytest.mark.parametrize("provider", [name for name, one in shipped_sign_ins().items() if one.code is not None])
def test_the_authorisation_address_says_all_that_the_facts_say(provider: str) -> None:
    sign_in = shipped_sign_ins()[provider]
    flow = addresses.code_flow(sign_in)
    url = addresses.authorisation_url(sign_in, redirect_uri=flow.redirect_uri, state=STATE, verifier=VERIFIER)
    assert url.startswith(f"{flow.authorize_url}?") and "+" not in url
    fields = parse_qs(urlsplit(url).query)
    assert all(len(values) == 1 for values in fields.values())
    assert fields[flow.redirect_parameter] == [flow.redirect_uri]
    assert fields.get("scope", [""]) == [" ".join(flow.scopes)]
    assert (fields["state"], fields["client_id"]) == ([STATE.reveal()], [sign_in.client_id])
    assert fields["code_challenge"] == [challenge(VERIFIER)] and fields["code_challenge_method"] == ["S256"]
    assert {name: [value] for name, value in flow.extra.items()}.items() <= fields.items()
    assert VERIFIER.reveal() not in url


def test_without_pkce_nothing_is_said_of_it() -> None:
    url = addresses.authorisation_url(
        shipped_sign_ins()["iflow"], redirect_uri="http://localhost:1/x", state=STATE, verifier=None
    )
    assert "challenge" not in url


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("http://localhost:1455/auth/callback", Place(1455, "/auth/callback")),
        ("http://127.0.0.1:8085/x", Place(8085, "/x")),
        ("http://[::1]:8085", Place(8085, "/")),
        ("http://localhost/callback", None),
        ("https://localhost:1455/callback", None),
        ("https://console.anthropic.com/oauth/code/callback", None),
    ],
)
def test_only_a_redirect_to_a_port_of_this_machine_can_be_listened_for(uri: str, place: Place | None) -> None:
    assert addresses.loopback_place(uri) == place


@given(CODES, st.sampled_from(["address", "bare", "127", "v6", "query", "mark", "fragment", "hash", "wrapped"]))
def test_every_form_of_an_answer_gives_its_code_and_state(code: str, form: str) -> None:
    query = urlencode({"code": code, "state": STATE.reveal(), "scope": "a b"})
    pasted = {
        "address": f"{REDIRECT}?{query}",
        "bare": f"localhost:1455/auth/callback?{query}",
        "127": f"http://127.0.0.1:1455/auth/callback?{query}",
        "v6": f"http://[::1]:1455/auth/callback/?{query}",
        "query": query,
        "mark": f"?{query}",
        "fragment": f"{REDIRECT}?{query}#_=_",
        "hash": f"{code}#{STATE.reveal()}",
        "wrapped": f"  {REDIRECT}?{query[:20]}\r\n {query[20:]}\t\n",
    }[form]
    found = read_pasted(pasted, REDIRECT)
    assert (found.code, found.state) == (Secret(code), STATE)
    assert accepted(found, state=STATE, issuer=ISSUER, stateless=False) == Secret(code)


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: data.decode("latin-1")))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    for read in (lambda: read_pasted(text, REDIRECT), lambda: read_query(text)):
        try:
            found = read()
        except Unreadable as error:
            assert str(error).endswith(".")
        else:
            assert isinstance(found, Returned)


@given(st.text(max_size=60), st.text(max_size=60))
def test_only_the_very_state_is_accepted(state: str, code: str) -> None:
    returned = Returned(code=Secret(code) if code else None, state=Secret(state) if state else None)
    with pytest.raises((Unreadable, Declined)):
        accepted(returned, state=STATE, issuer=ISSUER, stateless=False)


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("", "Nothing was pasted"),
        (" \n ", "Nothing was pasted"),
        ("https://auth.openai.com/oauth/authorize?code=true&state=x", "another address"),
        ("http://localhost:1456/auth/callback?code=a", "another address"),
        ("http://localhost:1455/other?code=a", "another address"),
        (REDIRECT, "no code in it"),
        (f"{REDIRECT}?code=a&code=b", "a field twice"),
        (f"{REDIRECT}?code=a&state=b&state=b", "a field twice"),
        ("a\u00e4", "no address and no code"),
        ("a" * 9000, "longer than"),
        ("?" + "&".join(f"a{n}=1" for n in range(40)), "more fields"),
    ],
)
def test_what_is_no_answer_is_said(pasted: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read_pasted(pasted, REDIRECT)


def test_a_code_without_a_state_will_do_only_where_that_was_allowed() -> None:
    alone = Returned(code=Secret("abc"))
    assert accepted(alone, state=STATE, issuer=ISSUER, stateless=True) == Secret("abc")
    with pytest.raises(Unreadable, match="no `state`"):
        accepted(alone, state=STATE, issuer=ISSUER, stateless=False)
    with pytest.raises(Unreadable, match="another sign-in"):
        accepted(Returned(code=Secret("abc"), state=Secret("x")), state=STATE, issuer=ISSUER, stateless=True)


@pytest.mark.parametrize(
    ("issuer", "fine"),
    [(None, True), (ISSUER, True), (f"{ISSUER}/", True), ("https://auth.openai.com.evil.example", False), ("x", False)],
)
def test_an_answer_of_another_issuer_is_refused(issuer: str | None, fine: bool) -> None:
    returned = Returned(code=Secret("abc"), state=STATE, issuer=issuer)
    if fine:
        assert accepted(returned, state=STATE, issuer=ISSUER, stateless=False) == Secret("abc")
    else:
        with pytest.raises(Declined, match="another issuer"):
            accepted(returned, state=STATE, issuer=ISSUER, stateless=False)


def test_the_issuer_is_the_facts_own_or_the_origin_of_the_address() -> None:
    assert addresses.issuer_of(addresses.code_flow(shipped_sign_ins()["gemini-cli"])) == "https://accounts.google.com"


def test_an_error_counts_only_with_the_state_and_is_told_in_words() -> None:
    returned = read_query("error=access_denied&error_description=no%0Athanks&state=" + STATE.reveal())
    with pytest.raises(Declined) as caught:
        accepted(returned, state=STATE, issuer=ISSUER, stateless=False)
    assert str(caught.value) == "The sign-in was declined (access_denied: no thanks)."
    with pytest.raises(Unreadable, match="another sign-in"):
        accepted(returned, state=Secret("mine"), issuer=ISSUER, stateless=False)
