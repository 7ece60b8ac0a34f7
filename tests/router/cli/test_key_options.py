"""`switchyard keys`: rights and limits given, changed and taken back; keys turned off and on, and replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.access.keys import KeyRing, digest
from router.access.stored import stored_keys
from router.cli import keys_commands
from router.clock import FakeClock, SystemClock
from router.secret import Secret
from router.state.database import transaction
from tests.router.cli.test_config_and_keys import data, place, run

__all__ = ["place"]
RIGHTS = (
    *("--models", "gpt-*", "--models", "quick", "--providers", "openai", "--accounts", "openai/*"),
    *("--ips", "10.0.0.0/8", "--substitution", "never", "--system-prompt-prepend", "You work for Example Ltd."),
    *("--thinking-default", "low", "--thinking-max", "8192", "--no-request-log"),
    *("--unpriced", "refuse"),
)
AS_GIVEN = {
    "models": ["gpt-*", "quick"],
    "providers": ["openai"],
    "accounts": ["openai/*"],
    "ips": ["10.0.0.0/8"],
    "substitution": "never",
    "system_prompt": {"prepend": "You work for Example Ltd."},
    "thinking": {"default": "low", "max": 8192},
    "unpriced": "refuse",
    "request_log": False,
}


def listed() -> list[Any]:
    found: list[Any] = data(run(keys_commands.app, "list", "--json"))
    return found


def changed(*arguments: str) -> Any:
    return data(run(keys_commands.app, "set", "laptop", *arguments, "--json"))


def test_rights_are_given_shown_changed_and_taken_back(place: Path) -> None:
    assert run(keys_commands.app, "create", "laptop", *RIGHTS, "--usd-per-day", "5").exit_code == 0
    assert listed()[0]["rights"] == AS_GIVEN and listed()[0]["limits"] == {"usd_per_day": 5}
    shown = run(keys_commands.app, "list").stdout
    assert "request_log no" in shown
    assert "models gpt-* quick" in shown and "system_prompt prepend 'You work" in shown and "5.00 USD per day" in shown
    assert changed("--models", "claude-*")["rights"] == {**AS_GIVEN, "models": ["claude-*"]}
    left = changed("--clear", "thinking", "--clear", "system-prompt", "--clear", "ips", "--thinking-mode", "off")
    assert left["rights"].keys() == AS_GIVEN.keys() - {"system_prompt", "ips"}
    assert left["rights"]["thinking"] == {"mode": "off"}
    assert changed("--clear", "rights", "--substitution", "same_family")["rights"] == {"substitution": "same_family"}
    assert listed()[0]["limits"] == {"usd_per_day": 5}


def test_limits_and_calls_at_once_are_changed(place: Path) -> None:
    run(keys_commands.app, "create", "laptop", "--usd-per-day", "5", "--concurrency", "2")
    after = changed(
        "--requests-per-minute", "9", "--queue", "4", "--priority", "batch", "--expires", "30d", "--soft", "0.5"
    )
    assert after["limits"] == {"requests_per_minute": 9, "usd_per_day": 5}
    assert (after["concurrency"], after["queue"], after["priority"]) == (2, 4, "batch")
    assert after["expires"] is not None
    after = changed("--clear", "usd_per_day", "--clear", "concurrency", "--clear", "expires")
    assert after["limits"] == {"requests_per_minute": 9}
    assert (after["concurrency"], after["expires"], after["queue"]) == (None, None, 4)
    assert changed("--clear", "limits", "--tokens-per-day", "70")["limits"] == {"tokens_per_day": 70}


def test_a_key_is_disabled_enabled_and_replaced(place: Path) -> None:
    raw = run(keys_commands.app, "create", "laptop", *RIGHTS, "--tokens-per-day", "70").stdout.strip()
    database = place.parents[1] / "state" / "switchyard.sqlite"

    def usable(key: str) -> bool:
        with transaction(database) as connection:
            ring = KeyRing(stored_keys(connection), FakeClock(SystemClock().wall()))
        return ring.verify(Secret(key)) is not None

    assert run(keys_commands.app, "disable", "laptop").stdout.strip() == "laptop is disabled"
    assert (usable(raw), listed()[0]["state"]) == (False, "disabled")
    assert run(keys_commands.app, "enable", "laptop").stdout.strip() == "laptop is usable"
    assert usable(raw)
    made = run(keys_commands.app, "rotate", "laptop")
    new = made.stdout.strip()
    assert made.exit_code == 0 and "shown once" in made.stderr
    assert (usable(raw), usable(new)) == (False, True)
    (other,) = listed()
    assert other["state"] == "usable"
    assert (other["rights"], other["limits"], other["name"]) == (AS_GIVEN, {"tokens_per_day": 70}, "laptop")
    again = data(run(keys_commands.app, "rotate", other["id"], "--json"))
    assert digest(Secret(again["key"])) and again["name"] == "laptop"


@pytest.mark.parametrize("verb", ["set", "disable", "enable", "rotate"])
def test_a_key_that_is_not_there_is_a_failure(place: Path, verb: str) -> None:
    run(keys_commands.app, "create", "other")
    failed = run(keys_commands.app, verb, "laptop", *(("--queue", "1") if verb == "set" else ()))
    assert failed.exit_code == 1 and "no key in use in the database is called 'laptop'" in failed.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--models", "("), "models has a wrong pattern"),
        (("--providers", "opnai"), "Did you mean 'openai'?"),
        (("--ips", "10.0.0.0/40"), "no address and no network"),
        (("--substitution", "maybe"), "substitution must be one of never, same_family, any"),
        (("--thinking-mode", "fixed"), "needs default"),
        (("--priority", "high"), "must be one of interactive, batch"),
        (("--soft", "2"), "--soft"),
    ],
)
def test_what_cannot_be_is_wrong_usage_and_changes_nothing(place: Path, arguments: tuple[str, ...], told: str) -> None:
    made = run(keys_commands.app, "create", "a", *arguments)
    assert made.exit_code == 2 and told in " ".join(made.stderr.replace("│", " ").split())
    assert not (place.parents[1] / "state").exists()
    run(keys_commands.app, "create", "laptop")
    assert run(keys_commands.app, "set", "laptop", *arguments).exit_code == 2
    assert listed()[0]["rights"] == {}


def test_set_needs_something_that_it_knows(place: Path) -> None:
    run(keys_commands.app, "create", "laptop")
    assert run(keys_commands.app, "set", "laptop").exit_code == 2
    assert run(keys_commands.app, "set", "laptop", "--clear", "name").exit_code == 2
    run(keys_commands.app, "create", "helper", "--scope", "viewer")
    refused = run(keys_commands.app, "set", "helper", "--models", "gpt-*")
    assert refused.exit_code == 1 and "scope client" in refused.stderr
