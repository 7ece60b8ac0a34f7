"""Names of secrets and of variables in a settings file from afar: where they may stand, and what nobody may be told."""

from __future__ import annotations

import pytest

from router.settings.borrowed import borrowed, exposed, quotes
from router.settings.schema import Settings

SEEN = 'providers: {openai: {api_keys: ["kept:0", "kept:1"], proxy: "kept:2"}}\nmodels: {aliases: {a: ["${MODEL}"]}}\n'
KEPT = ("sk-first-secret", "sk-second-secret", "http://me:word@proxy.example:1")
ENVIRON = {"MODEL": "gpt-4.1", "TOKEN": " token-of-this-machine ", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (SEEN, set()),
        (SEEN.replace('"kept:0", "kept:1"', '"kept:1", "kept:0"'), set()),
        (SEEN + "server: {host: kept:1}\n", {KEPT[1]}),
        (SEEN + "server: {host: kept:7}\n", set()),
        (SEEN + "kept:0: 1\n", {KEPT[0]}),
        (SEEN + "server: {host: 'a ${TOKEN} ${EMPTY} ${MODEL:-b} ${NOBODY}'}\n", {"token-of-this-machine", "gpt-4.1"}),
        (SEEN + "server: {host: '$${TOKEN} $TOKEN kept:1 ish'}\n", set()),
        (SEEN.replace("openai", "groq"), set(KEPT)),
        ("[", set()),
    ],
)
def test_what_stands_there_by_its_name_alone(text: str, found: set[str]) -> None:
    assert borrowed(text, SEEN, KEPT, ENVIRON) == found


def test_only_places_that_people_read_count() -> None:
    before = Settings()
    secret = KEPT[0]
    hidden = {"openai": {"api_keys": [secret], "headers": {"x-team": secret}, "proxy": KEPT[2]}}
    assert list(exposed(Settings.model_validate({"providers": hidden}), before, frozenset(KEPT))) == []
    shown = {"models": {"aliases": {"a": f"x {secret.upper()}"}}, "server": {"port": 4711, "host": "local"}}
    after = Settings.model_validate(shown)
    assert list(exposed(after, before, frozenset({secret}))) == ["models.aliases.a[0]"]
    assert list(exposed(after, before, frozenset({"4711", "ocal"}))) == ["server.port"]
    assert list(exposed(after, after, frozenset({secret, "4711"}))) == [], "it is read there already"
    named = Settings.model_validate({"models": {"aliases": {secret: "gpt-4.1"}}})
    assert list(exposed(named, before, frozenset({secret}))) == ["models.aliases"]
    assert list(exposed(after, before, frozenset())) == []


def test_a_message_that_cuts_or_quotes_a_text_tells_it() -> None:
    texts = frozenset({KEPT[0], 'a"\nb'})
    assert quotes(f"names {KEPT[0][:10].upper()}…", texts)
    assert quotes("names tok-of-th", frozenset({"Tok_of_this_machine"}))
    assert quotes(r"names 'a\"\nb'", texts) and quotes("names 'a\"\\nb'", texts)
    assert not quotes("names nobody", texts) and not quotes(None, texts) and not quotes("anything", frozenset())
