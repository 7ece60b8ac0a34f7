"""The lines that people read of an account."""

from __future__ import annotations

from typing import Any

import pytest

from router.accounts.credential import Credential
from router.accounts.quota import Window
from router.accounts.standing import account_of
from router.accounts.tally import Tally
from router.accounts.view import Seen, account_view
from router.cli.account_lines import details, headline, moment
from router.routing.cooldown import Entry
from router.secret import Secret

NOW = 1_800_000_000.0  # 2027-01-15 08:00 UTC
REASON = "refused (HTTP 403): This credential is only authorized for its own program."


def view(*, credential: dict[str, Any] | None = None, **seen: Any) -> dict[str, Any]:
    made = Credential(provider="claude-oauth", label="a", access=Secret("x"), refresh=Secret("y"), **credential or {})
    return account_view(Seen(account=account_of(made), credential=made, **seen), NOW)


def rests(state: Any, cause: str, until: float | None = None, scope: Any = "account", name: str = "") -> dict[str, Any]:
    return {"entries": {("claude-oauth/a", scope, name): Entry(state=state, at=NOW, until=until, cause=cause)}}


def told(found: dict[str, Any]) -> list[str]:
    return [" ".join(headline(found, NOW).split()), *details(found, NOW)]


def test_what_was_not_used_says_little() -> None:
    assert told(view()) == ["claude-oauth/a ready", "not used yet"]


def test_a_state_is_told_with_its_end_and_reason_and_no_word_twice() -> None:
    cooling = view(**rests("cooling", "rate_limited (HTTP 429): slow down", NOW + 61))
    assert told(cooling)[0] == (
        "claude-oauth/a cooling until 2027-01-15 08:01 UTC (in 1 min): rate_limited (HTTP 429): slow down"
    )
    tally = Tally(account="claude-oauth/a", calls=1, failures=1, last_error=REASON, last_error_at=NOW - 7200)
    assert told(view(**rests("refused", REASON), tally=tally)) == [
        f"claude-oauth/a {REASON}",
        "1 request (1 failed), 0 tokens in, 0 out",
        "last error 2027-01-15 06:00 UTC (2 h ago): the same",
    ]


def test_work_quota_token_and_what_was_set_each_have_a_line() -> None:
    found = view(
        credential={"expires_at": NOW + 3600, "priority": 2, "weight": 3, "excluded": ("o*",), "aliases": {"b": "c"}},
        tally=Tally(account="claude-oauth/a", calls=2, input_tokens=1, output_tokens=4, last_used_at=NOW - 5),
        windows=(Window(name="5h", used=0.425, resets_at=NOW + 86_400, seen_at=NOW),),
        renews_at=NOW + 1800,
        **rests("cooling", "spent", NOW + 60, "bucket", "opus"),
    )
    assert told(found)[1:] == [
        "2 requests, 1 token in, 4 out, last 2027-01-15 07:59 UTC (5 s ago)",
        "bucket opus cooling until 2027-01-15 08:01 UTC (in 1 min): spent",
        "quota 5h: 42.5 % used, resets 2027-01-16 08:00 UTC (in 1 d)",
        "token ends 2027-01-15 09:00 UTC (in 1 h), to be renewed 2027-01-15 08:30 UTC (in 30 min)",
        "set: priority 2, weight 3, not o*, b=c",
    ]
    assert told(view(credential={"expires_at": NOW - 1}))[-1] == "token ended 2027-01-15 07:59 UTC (1 s ago)"


@pytest.mark.parametrize(
    ("away", "words"), [(0.0, "now"), (0.4, "now"), (59.9, "in 59 s"), (3600.0, "in 1 h"), (-90.0, "1 min ago")]
)
def test_how_far_off_a_time_is(away: float, words: str) -> None:
    assert moment("2027-01-15T08:00:00Z", NOW - away) == f"2027-01-15 08:00 UTC ({words})"
