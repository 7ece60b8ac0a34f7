"""Keys of the database: what is written is read again, and what cannot be read opens nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.access.keys import ClientKey
from router.access.limits import KeyLimits
from router.access.rights import access_of
from router.access.sources import settings_keys
from router.access.stored import change_stored, from_stored, rotate_stored, stored_keys, to_stored
from router.api.manage.key_shapes import Rights, given_rights
from router.policies.shapes import shapes_of
from router.providers.resolve import resolve
from router.settings.auth import Key, KeyRights
from router.settings.checks import names_in
from router.settings.key_rights import changed_rights
from router.settings.load import load
from router.settings.schema import Settings
from router.state.client_keys import StoredKey, add_key
from router.state.database import transaction
from router.state.migrate import migrate

KEY = ClientKey(id="k", name="laptop", digest="d", source="database")
patterns = st.lists(st.sampled_from(["gpt-4.1", "claude-*", "^gemini", "quick", "o?"]), max_size=3)
amounts = st.sampled_from([None, "low", "high", 0, 4096])
rights = st.fixed_dictionaries(
    {},
    optional={
        "models": patterns,
        "providers": st.lists(st.sampled_from(["openai", "google", "claude", "ollama"]), max_size=2),
        "accounts": st.lists(st.sampled_from(["openai/*", "anthropic/1", "claude-oauth/*"]), max_size=2),
        "ips": st.lists(st.sampled_from(["192.0.2.7", "10.0.0.0/8", " 2001:db8::/32"]), max_size=2),
        "substitution": st.sampled_from(["never", "same_family", "any"]),
        "system_prompt": st.fixed_dictionaries({}, optional={"prepend": st.text(max_size=9), "append": st.just("B")}),
        "thinking": st.one_of(
            st.just({"mode": "off"}),
            st.fixed_dictionaries({"mode": st.just("passthrough"), "default": amounts, "max": amounts}),
        ),
    },
)


def test_the_management_api_knows_every_right_of_the_settings() -> None:
    assert Rights.__struct_fields__ == tuple(KeyRights.model_fields)
    assert set(KeyRights.model_fields) < set(Key.model_fields)


def settings_of(wanted: Mapping[str, Any]) -> Settings:
    entry = {"name": "laptop", "key": "sk-of-the-settings-0123", **wanted}
    return load(yaml.safe_dump({"auth": {"keys": [entry]}}), {}, lambda path: "").settings


@given(rights)
def test_a_right_comes_to_the_same_from_the_settings_and_from_the_database(wanted: dict[str, Any]) -> None:
    settings = settings_of(wanted)
    of_settings = next(settings_keys(settings))
    made = changed_rights(None, wanted, names_in(settings))
    key = from_stored(to_stored(replace(KEY, id=of_settings.id, rights=made), 0.0))
    assert not key.disabled
    providers = resolve(settings, {"OPENAI_API_KEY": "sk-a", "ANTHROPIC_API_KEY": "sk-b"})

    def access(known: ClientKey) -> Any:
        found = access_of(settings, lambda name: (name,), providers, [known]).of(known.id)
        facts = {name: getattr(found, name) for name in found.__struct_fields__ if name not in ("name", "by", "block")}
        return {**facts, "addresses": (found.addresses.allow, found.addresses.deny)}

    assert access(key) == access(of_settings)
    shapes = [shapes_of(settings, {known.id: known.rights} if known.rights else {}) for known in (key, of_settings)]
    assert shapes[0].of(key.id, None) == shapes[1].of(key.id, None)


@given(rights)
def test_every_right_can_be_taken_back(wanted: dict[str, Any]) -> None:
    names = names_in(settings_of({}))
    made = changed_rights(None, wanted, names)
    assert changed_rights(made, dict.fromkeys(wanted), names) is None
    assert changed_rights(made, given_rights(None), names) is None
    assert changed_rights(made, {}, names) == made


@pytest.mark.parametrize("text", ["{", "[]", '{"models": 7}', '{"of_a_newer_version": 1}', '{"models": ["("]}'])
def test_rights_that_cannot_be_read_open_nothing(text: str) -> None:
    stored = StoredKey(id="k", name="a", digest="d", created_at=0.0, rights=text)
    key = from_stored(stored)
    assert key.disabled and not key.usable(1.0)


def test_what_did_not_change_is_not_read_again() -> None:
    row = StoredKey(id="k", name="n", digest="d", scopes=("client",), created_at=0.0, rights='{"models":["gpt-*"]}')
    assert from_stored(row).rights is from_stored(replace(row, id="l")).rights
    assert from_stored(replace(row, rights='{"models":["gpt-4*"]}')).rights == KeyRights(models=("gpt-4*",))


def test_rights_that_cannot_be_read_are_replaced_and_never_lost(tmp_path: Path) -> None:
    database = tmp_path / "switchyard.sqlite"
    migrate(database)
    with transaction(database, writes=True) as connection:
        add_key(connection, StoredKey(id="k", name="a", digest="d", created_at=0.0, rights='{"of_a_newer_version": 1}'))
        enabled = change_stored(connection, "a", lambda key: replace(key, disabled=False, queue=2))
        assert enabled is not None and (enabled.disabled, enabled.queue) == (True, 2)
        rotated = rotate_stored(connection, "a", "e")
        assert rotated is not None and rotated.disabled
        rights = KeyRights(models=("gpt-*",))
        given = change_stored(connection, "a", lambda key: replace(key, disabled=False, rights=rights))
        assert given is not None and given.usable(1.0) and given.rights == rights


def test_a_change_is_made_to_what_stands_there_or_not_at_all(tmp_path: Path) -> None:
    database = tmp_path / "switchyard.sqlite"
    migrate(database)
    rights = KeyRights(models=("gpt-*",))
    with transaction(database, writes=True) as connection:
        add_key(connection, to_stored(replace(KEY, rights=rights), 7.0))
        changed = change_stored(connection, "laptop", lambda key: replace(key, disabled=True, queue=3, id="never"))
        assert changed is not None
    with transaction(database) as connection:
        assert stored_keys(connection) == (replace(KEY, rights=rights),)  # there is no key "never"

    def refuse(key: ClientKey) -> ClientKey:
        raise ValueError(key.name)

    with transaction(database, writes=True) as connection:
        assert change_stored(connection, "nobody", refuse) is None
        with pytest.raises(ValueError, match="laptop"):
            change_stored(connection, "k", refuse)
        made = rotate_stored(connection, "laptop", "e")
        assert made is not None and (made.id, made.digest, made.rights) == (KEY.id, "e", rights)
        assert rotate_stored(connection, "nobody", "f") is None
    with transaction(database) as connection:
        assert stored_keys(connection) == (made,)


@pytest.mark.parametrize("limits", ["{", '{"usd_per_century": 1}', '{"usd_per_day": "much"}'])
def test_limits_that_cannot_be_read_disable_a_key_and_are_never_lost(tmp_path: Path, limits: str) -> None:
    database = tmp_path / "switchyard.sqlite"
    migrate(database)
    with transaction(database, writes=True) as connection:
        add_key(connection, StoredKey(id="k", name="a", digest="d", created_at=0.0, limits=limits))
        assert stored_keys(connection)[0].disabled
        enabled = change_stored(connection, "a", lambda key: replace(key, disabled=False))
        assert enabled is not None and enabled.disabled
        capped = change_stored(
            connection, "a", lambda key: replace(key, disabled=False, limits=KeyLimits(usd_per_day=1))
        )
        assert capped is not None and capped.usable(1.0) and capped.limits == KeyLimits(usd_per_day=1)
