"""Roles, locks and sessions, without a server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.access.door import session_secret
from router.access.guesses import FIRST_LOCK, FORGOTTEN, FREE, LONGEST_LOCK, Guesses
from router.access.keys import ClientKey, Scope
from router.access.roles import ROLES, Role, covers, role_of
from router.access.session_tokens import LASTS, TICKET_LASTS, SessionTokens
from router.clock import FakeClock
from router.secret import Secret

NOW = 1_800_000_000.0


def tokens(secret: str = "s" * 64) -> SessionTokens:
    return SessionTokens(Secret(secret), lambda size: bytes(range(size)))


@pytest.mark.parametrize(
    ("scopes", "role"),
    [
        (("client",), None),
        (("viewer",), "viewer"),
        (("client", "operator", "viewer"), "operator"),
        (("management", "viewer"), "admin"),
        (("service", "relay"), None),
    ],
)
def test_the_highest_scope_gives_the_role(scopes: tuple[Scope, ...], role: Role | None) -> None:
    assert role_of(ClientKey(id="k", name="n", digest="d", scopes=scopes)) == role


def test_each_role_may_do_what_those_before_it_may() -> None:
    table = [[covers(role, need) for need in ROLES] for role in ROLES]
    assert table == [[True, False, False], [True, True, False], [True, True, True]]


def test_a_lock_comes_after_some_wrong_keys_and_grows() -> None:
    clock = FakeClock()
    guesses = Guesses(clock)
    for _ in range(FREE):
        assert guesses.locked("a") == 0
        guesses.wrong("a")
    assert guesses.locked("a") == FIRST_LOCK and guesses.locked("b") == 0
    clock.advance(FIRST_LOCK)
    assert guesses.locked("a") == 0
    guesses.wrong("a")
    assert guesses.locked("a") == 2 * FIRST_LOCK
    for _ in range(20):
        guesses.wrong("a")
    assert guesses.locked("a") == LONGEST_LOCK
    guesses.right("a")
    assert guesses.locked("a") == 0


def test_guesses_are_forgotten_and_bounded() -> None:
    clock = FakeClock()
    guesses = Guesses(clock)
    for _ in range(FREE):
        guesses.wrong("a")
    clock.advance(FORGOTTEN + 1)
    guesses.wrong("a")
    assert guesses.locked("a") == 0
    for at in range(5000):
        guesses.wrong(str(at))
    assert len(guesses._wrong) <= 1024


def test_a_session_says_who_and_until_when() -> None:
    token, session = tokens().issue("key_1", NOW)
    assert session.key_id == "key_1" and session.ends == NOW + LASTS
    assert tokens().read(token, NOW + LASTS - 1) == session
    assert tokens().read(token, NOW + LASTS) is None
    assert tokens("t" * 64).read(token, NOW) is None


@given(st.text(max_size=600))
def test_nothing_else_is_a_session(text: str) -> None:
    assert tokens().read(text, NOW) is None


@given(st.integers(0, 200), st.characters())
def test_a_changed_session_is_none(place: int, other: str) -> None:
    token, _ = tokens().issue("key_1", NOW)
    at = place % len(token)
    changed = token[:at] + other + token[at + 1 :]
    assert changed == token or tokens().read(changed, NOW) is None


def test_the_secret_of_sessions_is_made_once(tmp_path) -> None:  # type: ignore[no-untyped-def]
    first = session_secret(tmp_path)
    assert session_secret(tmp_path) == first
    assert (tmp_path / "session.secret").stat().st_mode & 0o777 == 0o600
    (tmp_path / "session.secret").write_text("short")
    assert session_secret(tmp_path) not in (first, Secret("short"))
    assert session_secret(tmp_path / "nowhere") != session_secret(tmp_path / "nowhere")


@pytest.mark.parametrize("key", ["k", "settings.my-key"])
def test_a_ticket_names_its_key_until_it_ends_and_nobody_else_can_make_one(key: str) -> None:
    ticket, ends = tokens().ticket(key, NOW)
    assert ends == NOW + TICKET_LASTS
    assert [tokens().ticket_of(ticket, at) for at in (NOW, ends - 1, ends)] == [key, key, None]
    for forged in (ticket[:-1], f"x{ticket}", ticket.replace(str(int(ends)), str(int(ends) + 9)), "", ".", "1"):
        assert tokens().ticket_of(forged, NOW) is None
    assert tokens("t" * 64).ticket_of(ticket, NOW) is None
    assert tokens().read(ticket, NOW) is None and tokens().ticket_of(tokens().issue(key, NOW)[0], NOW) is None
