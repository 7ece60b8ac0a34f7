"""The forms in which people copy Clerk's cookie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.accounts.login.cookies import BadCookie, clerk_cookie
from tests.simulators.authorisation.people import jwt

NOW = 1_800_000_000.0
COOKIE = jwt({"id": "client_1", "rotating_token": "abc"})


@pytest.mark.parametrize(
    "text",
    [
        COOKIE,
        f" {COOKIE}\n",
        f'"{COOKIE}"',
        f"__client={COOKIE}",
        f"__client={COOKIE}; __client_uat=1",
        f"Cookie: a=b; __client={COOKIE}",
        f"__client={COOKIE}.....__session=x",
        f"{COOKIE[:30]}\n{COOKIE[30:]}",
    ],
)
def test_every_form_gives_the_value(text: str) -> None:
    assert clerk_cookie(text, NOW).reveal() == COOKIE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "three parts"),
        ("abc", "three parts"),
        ("a.b", "three parts"),
        ("a.b.c.d", "three parts"),
        ("a!.b.c", "three parts"),
        ("a.b.c", "cannot be read"),
        ("__session=a.b.c", "no cookie named __client"),
        ("x" * 9000, "longer than any cookie"),
        (jwt({"exp": NOW - 1}), "has ended"),
    ],
)
def test_what_cannot_work_is_refused_without_being_quoted(text: str, words: str) -> None:
    with pytest.raises(BadCookie, match=words) as caught:
        clerk_cookie(text, NOW)
    assert len(text) < 20 or text not in str(caught.value)


def test_one_that_goes_on_living_is_taken() -> None:
    cookie = jwt({"exp": NOW + 60})
    assert clerk_cookie(cookie, NOW).reveal() == cookie


@given(st.text(max_size=200))
def test_any_text_is_a_cookie_or_refused(text: str) -> None:
    try:
        value = clerk_cookie(text, NOW).reveal()
    except BadCookie:
        return
    assert value.count(".") == 2
