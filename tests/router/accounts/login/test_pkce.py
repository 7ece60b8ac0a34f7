"""RFC 7636."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from router.accounts.login import pkce
from router.secret import Secret


def test_the_example_of_the_rfc() -> None:
    """Appendix B."""
    verifier = Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert pkce.challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@given(st.binary(min_size=32, max_size=32))
def test_a_verifier_has_43_characters_that_are_allowed(data: bytes) -> None:
    text = pkce.verifier(lambda count: data[:count]).reveal()
    assert len(text) == 43 and set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    assert len(pkce.challenge(Secret(text))) == 43 and "=" not in pkce.challenge(Secret(text))


def test_state_and_verifier_are_different_values() -> None:
    assert pkce.state(os.urandom) != pkce.verifier(os.urandom)
