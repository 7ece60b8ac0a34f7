from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.accounts.credential import Credential
from router.accounts.twins import IMPORTED_FROM, Named, placed, same_account, settle
from router.secret import Secret


def make(label: str = "a", provider: str = "claude-oauth", token: str = "", **fields: Any) -> Credential:
    return Credential(provider=provider, label=label, refresh=Secret(token), **fields)


def ids(*named: Named) -> list[str]:
    return [one.credential.id for one in settle(named).kept]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"email": "Ann@Example.com"}, {"email": "ann@example.com"}, True),
        ({"email": "ann@x"}, {"email": "bob@x"}, False),
        ({"email": "ann@x", "facts": {"account_id": "1"}}, {"email": "ann@x", "facts": {"account_id": "2"}}, False),
        ({"email": "ann@x", "facts": {"account_id": "1"}}, {"email": "bob@x", "facts": {"account_id": "1"}}, False),
        ({"email": "ann@x", "facts": {"account_id": "1"}}, {"facts": {"account_id": "1"}}, True),
        ({"email": "ann@x"}, {"facts": {"account_id": "1"}}, False),
        ({"token": "t"}, {"token": "t"}, True),
        ({"token": "t"}, {"token": "u"}, False),
        ({}, {}, False),
        ({"email": "ann@x"}, {"email": "ann@x", "provider": "qwen-oauth"}, False),
    ],
)
def test_accounts_are_one_where_all_that_is_said_of_both_agrees(
    one: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    assert same_account(make(**one), make(**other)) is same
    assert same_account(make(**other), make(**one)) is same


def test_a_found_file_is_hidden_where_we_own_its_account() -> None:
    ours = Named("claude-oauth-a.json", make("ann@x", email="ann@x", token="1"))
    found = Named("claude-ann@x.json", make("ann@x", email="ann@x", token="2", owner="found"))
    other = Named("claude-bob@x.json", make("bob@x", email="bob@x", token="3", owner="found"))
    assert ids(found, other, ours) == ["claude-oauth/ann@x", "claude-oauth/bob@x"]


def test_an_account_without_an_address_hides_the_file_that_it_was_copied_from() -> None:
    ours = Named("k.json", make("1", token="new", facts={IMPORTED_FROM: "kimi-1.json"}))
    found = Named("kimi-1.json", make("1", token="old", owner="found"))
    assert ids(ours, found) == ["claude-oauth/1"]
    assert len(ids(ours, Named("kimi-2.json", found.credential))) == 2
    somebody = make("bob@x", token="old", email="bob@x", owner="found")
    assert len(ids(ours, Named("kimi-1.json", somebody))) == 2


def test_two_files_with_one_label_are_told_apart_by_their_names_alone() -> None:
    files = [Named(f"{name}.json", make("x", token=name)) for name in "abc"]
    kept = {one.name: one.credential.label for one in settle(files).kept}
    assert kept["a.json"] == "x" and len(set(kept.values())) == 3
    assert {one.name: one.credential.label for one in settle(reversed(files)).kept} == kept
    without = {one.name: one.credential.label for one in settle(files[:1] + files[2:]).kept}
    assert without["c.json"] == kept["c.json"]


def test_a_copy_of_one_of_our_files_is_a_duplicate_and_not_renewed_twice() -> None:
    settled = settle([Named("a.json", make("a", token="t")), Named("b.json", make("b", token="t"))])
    assert [one.name for one in settled.kept] == ["a.json"]
    assert [(one.name, first) for one, first in settled.duplicates] == [("b.json", "claude-oauth/a")]


@given(
    st.lists(
        st.builds(
            Named,
            st.text("abc", min_size=1, max_size=3),
            st.builds(
                make,
                st.sampled_from(["x", "X", "y"]),
                token=st.sampled_from(["", "1", "2"]),
                email=st.sampled_from([None, "a", "b"]),
                owner=st.sampled_from(["ours", "found"]),
            ),
        ),
        unique_by=lambda one: one.name,
    )
)
def test_ids_are_unique_whatever_lies_in_a_folder(files: list[Named]) -> None:
    settled = settle(files)
    known = [one.credential.id.casefold() for one in settled.kept]
    assert len(known) == len(set(known))
    ours = {one.name for one in files if one.credential.owner == "ours"}
    shown = {one.name for one in settled.kept} | {one.name for one, _ in settled.duplicates}
    assert ours <= shown


def test_a_new_account_takes_the_label_of_the_same_account_or_a_free_one() -> None:
    known = [make("ann@x", email="ann@x", facts={"account_id": "1"})]
    again = make("ann@x", email="ann@x", facts={"account_id": "1"})
    assert placed(again, known).label == "ann@x"
    team = make("ann@x", email="ann@x", facts={"account_id": "2", "plan": "team"})
    assert placed(team, known).label == "ann@x-team"
    third = make("ann@x", email="ann@x", facts={"account_id": "3", "plan": "team"})
    assert placed(third, [*known, placed(team, known)]).label == "ann@x-2"
    found = make("ann@x", email="ann@x", owner="found")
    assert placed(again, [found]).label == "ann@x"
