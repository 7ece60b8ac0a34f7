"""Who accepted which caveat."""

from __future__ import annotations

from pathlib import Path

from router.state.consents import Consent, accept, accepted, list_consents, withdraw
from router.state.database import transaction


def test_a_caveat_is_accepted_again_and_taken_back(database: Path) -> None:
    first = Consent(provider="claude-oauth", by="ada", caveat="terms", at=1.0)
    second = Consent(provider="claude-oauth", by="cli", caveat="new terms", at=2.0)
    with transaction(database, writes=True) as connection:
        assert accepted(connection) == frozenset()
        accept(connection, first)
        accept(connection, second)
    with transaction(database, writes=True) as connection:
        assert list_consents(connection) == [second] and accepted(connection) == {"claude-oauth"}
        assert withdraw(connection, "claude-oauth") and not withdraw(connection, "claude-oauth")
