"""What a stored account is before any call has taught anything of it."""

from __future__ import annotations

from typing import Any

import pytest

from router.accounts.credential import Credential
from router.accounts.standing import account_of, standing
from router.secret import Secret

NOW = 1_800_000_000.0


def credential(**facts: Any) -> Credential:
    return Credential(provider="claude-oauth", label="me@example.com", **facts)


@pytest.mark.parametrize(
    "facts",
    [
        {"access": Secret("a"), "refresh": Secret("r"), "expires_at": NOW - 5},
        {"refresh": Secret("r")},
        {"access": Secret("a")},
        {"access": Secret("a"), "expires_at": NOW + 5},
        {"access": Secret("a"), "expires_at": NOW + 5, "owner": "found"},
    ],
)
def test_what_has_a_token_or_can_get_one_may_serve(facts: dict[str, Any]) -> None:
    assert standing(credential(**facts), NOW) is None


def test_a_token_that_ended_and_cannot_be_renewed_needs_a_person() -> None:
    held = standing(credential(access=Secret("a"), expires_at=NOW - 1), NOW)
    assert held is not None
    assert held.state == "needs_login"
    assert "ended at 2027-01-15 07:59 UTC" in held.cause and "switchyard login claude" in held.cause


def test_a_file_of_another_program_is_expired_and_says_what_helps() -> None:
    held = standing(credential(access=Secret("a"), refresh=Secret("r"), expires_at=NOW - 1, owner="found"), NOW)
    assert held is not None
    assert held.state == "expired"
    assert "another program" in held.cause and "import" in held.cause


def test_what_the_operator_switched_off_stays_off_whatever_its_token() -> None:
    held = standing(credential(access=Secret("a"), disabled=True), NOW)
    assert held is not None and held.state == "disabled"


def test_routing_sees_choices_and_no_secret() -> None:
    made = account_of(
        credential(access=Secret("a"), priority=3, weight=2, excluded=("x",), aliases={"best": "claude-opus-5"})
    )
    assert (made.id, made.priority, made.weight) == ("claude-oauth/me@example.com", 3, 2)
    assert made.stored and not made.secret
    assert made.serves("best") and not made.serves("x") and made.serves("y")
    assert made.upstream("best") == "claude-opus-5" and made.upstream("y") == "y"
