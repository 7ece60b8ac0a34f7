"""What follows from new settings, told in sentences: a table of changes and of what they come to."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import yaml

from router.access.keys import ClientKey
from router.access.sources import settings_keys
from router.consequences import Consequences, Side, consequences, side
from router.models import capabilities
from router.settings.auth import KeyRights
from router.settings.change_plan import changes
from router.settings.load import Loaded, load
from router.snapshot import snapshot_of
from router.usage import price_file

NOW = 1_800_000_000.0
FACTS, PRICES = capabilities.load({}), price_file.load(Path("no-state"), None)
STORED = ClientKey(
    id="k-stored",
    name="stored",
    digest="d",
    source="database",
    rights=KeyRights(models=("big",), providers=("office",)),
)
PLAIN = """
server: {host: 127.0.0.1}
auth:
  keys:
    - {name: laptop, key: sk-laptop-0123456789}
    - {name: phone, key: sk-phone-0123456789, models: [small]}
providers:
  demo: {enabled: false}
  openai-compatible:
    - {name: office, base_url: "http://127.0.0.1:9/v1", models: [big, small], api_keys: [{key: secret-a, label: a}]}
    - {name: home, base_url: "http://127.0.0.1:8/v1", models: [small], api_keys: [secret-h]}
"""


@cache
def settled(text: str) -> tuple[Loaded, Side]:
    loaded = load(text, {}, lambda path: "")
    keys = [*settings_keys(loaded.settings), STORED]
    made = snapshot_of(loaded.settings, {}, facts=FACTS, prices=PRICES)
    return loaded, side(made.for_keys(keys), keys, NOW)


def told(*edits: tuple[str, str]) -> Consequences:
    text = PLAIN
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    assert yaml.safe_load(text)
    (old_loaded, before), (new_loaded, after) = settled(PLAIN), settled(text)
    return consequences(before, after, changes(old_loaded, new_loaded))


def test_where_nothing_differs_nothing_is_told() -> None:
    assert told() == Consequences()


PHONE = "{name: phone, key: sk-phone-0123456789, models: [small]}"
HOME = '    - {name: home, base_url: "http://127.0.0.1:8/v1", models: [small], api_keys: [secret-h]}\n'


@pytest.mark.parametrize(
    ("edit", "field", "sentences"),
    [
        ((", models: [small]}\nprov", "}\nprov"), "keys", ["The key phone gains big."]),
        (("models: [small]}\nprov", "models: [big]}\nprov"), "keys", ["The key phone gains big and loses small."]),
        (("name: phone", "name: pocket"), "keys", ["The key phone is called pocket."]),
        (("sk-phone-0", "sk-phone-other-0"), "keys", ["The key phone becomes another one: its old text is refused."]),
        ((f"    - {PHONE}\n", ""), "keys", ["The key phone goes: its calls are refused."]),
        ((PHONE, PHONE + "\n    - {name: tablet, key: sk-tablet-0123456789}"), "keys", ["The key tablet comes."]),
        (
            ("sk-laptop-0123456789", "sk-laptop-0123456789, scope: operator"),
            "keys",
            ["The key laptop goes: its calls are refused.", "The key laptop comes in with the scope operator."],
        ),
        (
            ("sk-laptop-0123456789", "sk-laptop-0123456789, disabled: true"),
            "keys",
            ["The key laptop is refused: disabled."],
        ),
        (("[big, small]", "[small]"), "keys", ["The keys laptop and stored lose big."]),
        (
            ("\nproviders:", "\nmodels: {aliases: {small: big}}\nproviders:"),
            "routes",
            ["small leads to office/big, until now to office/small, then home/small."],
        ),
        ((HOME, ""), "routes", ["small leads to office/small, until now to office/small, then home/small."]),
        ((HOME, ""), "providers", ["The provider home serves no more."]),
        (("[secret-h]", "[secret-h, secret-i]"), "providers", ["The account home/2 comes."]),
        (
            ("{key: secret-a, label: a}", "{key: secret-a, label: b}"),
            "providers",
            ["The account office/b comes.", "The account office/a goes."],
        ),
        (("secret-a", "secret-b"), "providers", ["The account office/a gets another key."]),
        (
            ("label: a", "label: a, weight: 3"),
            "providers",
            ["The account office/a changes: its order, proxy, models or thinking."],
        ),
        (("127.0.0.1:8", "127.0.0.1:7"), "providers", ["The provider home is asked at another address."]),
        (
            ("[secret-h]", "[secret-h], enabled: false"),
            "providers",
            ["The provider home serves no more: switched off in the settings of home."],
        ),
        (
            (
                "0123456789}\n    - {name: ph",
                "0123456789, limits: {usd_per_day: 2.5}, concurrency: 3}\n    - {name: ph",
            ),
            "limits",
            [
                "Of the key laptop, usd_per_day: $2.50, until now no limit.",
                "Of the key laptop, calls at once: 3, until now no limit.",
            ],
        ),
        (
            ("name: home,", "name: home, max_concurrency: 2,"),
            "limits",
            ["Of the provider home, calls at once: 2, until now no limit."],
        ),
        (
            ("\nproviders:", "\nretry: {max_attempts: 2}\nproviders:"),
            "limits",
            ["retry.max_attempts changes from 6 to 2, at once."],
        ),
        (("127.0.0.1}\n", "127.0.0.1, port: 9}\n"), "restart", ["server.port counts from the next start on."]),
    ],
)
def test_what_follows_is_told(edit: tuple[str, str], field: str, sentences: list[str]) -> None:
    found = told(edit)
    assert getattr(found, field) == sentences
    assert "secret-" not in repr(found) and "0123456789" not in repr(found)


def test_keys_for_which_the_same_comes_are_told_together_and_long_lists_are_cut() -> None:
    many = ", ".join(f"m{at}" for at in range(30))
    wider = ("models: [small]}\nprov", "models: [small, 'm*']}\nprov")
    (only,) = told(wider, ("[big, small]", f"[big, small, {many}]")).keys
    assert only.startswith("The keys laptop and phone gain m0, ") and only.endswith(" and 18 more.")
