"""What people are shown of an account."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.accounts.credential import Credential
from router.accounts.quota import Window
from router.accounts.record import Account
from router.accounts.standing import account_of
from router.accounts.stores.base import Trouble
from router.accounts.tally import Tally
from router.accounts.view import Seen, account_view, entries_by_account, moment, sorted_views, trouble_view
from router.routing.cooldown import Entry
from router.secret import Secret

NOW = 1_800_000_000.0
CREDENTIAL = Credential(
    provider="claude-oauth",
    label="me@example.com",
    access=Secret("access-canary"),
    refresh=Secret("refresh-canary"),
    secrets={"id_token": Secret("identity-canary")},
    email="me@example.com",
    facts={"plan": "max", "account_id": "acc"},
    proxy="http://user:proxy-canary@host:1",
    expires_at=NOW + 3600,
    priority=2,
    aliases={"best": "claude-opus-5"},
)
ACCOUNT = account_of(CREDENTIAL)


def seen(**facts: Any) -> Seen:
    return Seen(account=ACCOUNT, **{"credential": CREDENTIAL, **facts})


def test_everything_that_is_known_is_shown_and_nothing_secret() -> None:
    view = account_view(
        seen(
            tally=Tally(account=ACCOUNT.id, calls=9, failures=2, input_tokens=5, last_error="timeout: silence"),
            windows=(Window(name="5h", used=0.425, resets_at=NOW + 60, seen_at=NOW),),
            renews_at=NOW + 1800,
            busy=1,
        ),
        NOW,
    )
    assert "canary" not in json.dumps(view)
    assert (view["state"], view["reason"], view["until"]) == ("ready", None, None)
    assert (view["kind"], view["owner"], view["plan"], view["proxy"]) == ("sign-in", "ours", "max", True)
    assert (view["requests"], view["failures"], view["last_error"]) == (9, 2, "timeout: silence")
    assert view["quota"] == [{"name": "5h", "used_percent": 42.5, "resets_at": "2027-01-15T08:01:00Z"}]
    assert (view["token_expires_at"], view["token_renews_at"]) == ("2027-01-15T09:00:00Z", "2027-01-15T08:30:00Z")


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (Entry(state="cooling", at=NOW, until=NOW + 60, cause="limit"), ("cooling", "limit", "2027-01-15T08:01:00Z")),
        (Entry(state="cooling", at=NOW - 90, until=NOW - 30, cause="limit"), ("ready", None, None)),
        (Entry(state="refused", at=NOW, cause="not for you"), ("refused", "not for you", None)),
    ],
)
def test_the_state_of_the_whole_account_is_told_with_its_reason(entry: Entry, told: tuple[Any, ...]) -> None:
    view = account_view(seen(entries={(ACCOUNT.id, "account", ""): entry}), NOW)
    assert (view["state"], view["reason"], view["until"]) == told


def test_what_rests_in_part_leaves_the_account_ready() -> None:
    entries = {
        (ACCOUNT.id, "model", "claude-opus-5"): Entry(state="cooling", at=NOW, until=NOW + 60, cause="limit"),
        (ACCOUNT.id, "bucket", "haiku"): Entry(state="cooling", at=NOW - 9, until=NOW - 1, cause="over"),
    }
    view = account_view(seen(entries=entries), NOW)
    assert view["state"] == "ready"
    assert [(rest["scope"], rest["name"], rest["reason"]) for rest in view["resting"]] == [
        ("model", "claude-opus-5", "limit")
    ]


def test_a_provider_that_is_off_says_so_whatever_its_accounts_are() -> None:
    view = account_view(seen(off="off: turn it on"), NOW)
    assert (view["state"], view["reason"]) == ("disabled", "its provider is off: turn it on")


def test_a_key_of_the_settings_has_no_token_to_tell_of() -> None:
    account = Account(id="openai/1", provider="openai", label="1", secret=Secret("sk-canary"))
    view = account_view(Seen(account=account), NOW)
    assert (view["kind"], view["owner"], view["token_expires_at"]) == ("key", "settings", None)
    assert "canary" not in json.dumps(view)


def test_files_moments_and_order() -> None:
    assert trouble_view(Trouble(name="a.json", problem="locked", reason="another key"))["state"] == "locked"
    assert moment(None) is None
    rows = [
        {"provider": "b", "priority": 0, "label": "x"},
        {"provider": "a", "priority": 1, "label": "a"},
        {"provider": "a", "priority": 0, "label": "z"},
    ]
    assert [(row["provider"], row["label"]) for row in sorted_views(rows)] == [("a", "z"), ("a", "a"), ("b", "x")]
    by = entries_by_account({("p/a", "account", ""): Entry(at=1.0), ("p/b", "model", "m"): Entry(at=1.0)})
    assert set(by) == {"p/a", "p/b"}
