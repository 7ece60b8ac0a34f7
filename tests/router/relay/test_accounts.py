from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from router.relay.accounts import Connected, account_id, connected, service_of
from router.relay.protocol.messages import Profile

NAMES = st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,20}\Z")


@dataclass(frozen=True)
class Service:
    name: str
    service: str = "aistudio"
    profiles: tuple[Profile, ...] = ()
    models: tuple[str, ...] = ()
    cause: str = ""


@given(NAMES, NAMES)
def test_an_account_leads_back_to_its_service_and_profile(name: str, profile: str) -> None:
    assert service_of(account_id("aistudio", name, profile)) == (name, profile)


def test_the_first_profile_is_the_service_itself() -> None:
    assert account_id("aistudio", "desk") == account_id("aistudio", "desk", "default") == "aistudio/desk"
    assert account_id("aistudio", "desk", "work") == "aistudio/desk:work"


def test_nobody_is_nothing() -> None:
    assert connected([]) == {}


def test_the_order_in_which_services_came_does_not_matter() -> None:
    services = [Service("b", models=("y", "x")), Service("a", models=("z",))]
    offered = connected(services)["aistudio"]
    assert offered == connected(reversed(services))["aistudio"]
    assert [account.id for account in offered.accounts] == ["aistudio/a", "aistudio/b"]
    assert offered.models == ("x", "y", "z")
    assert [account.models for account in offered.accounts] == [("z",), ("x", "y")]
    assert offered.accounts[0].label == "a"


def test_one_service_without_a_list_of_models_makes_the_catalogue_count() -> None:
    assert connected([Service("a", models=("x",)), Service("b")])["aistudio"].models == ()


def test_what_cannot_serve_is_held_with_its_reason() -> None:
    offered = connected(
        [
            Service("a", cause="There is no browser."),
            Service("b", profiles=(Profile(name="default", state="needs_login"), Profile(name="w", state="limited"))),
        ]
    )["aistudio"]
    assert offered.held == {
        "aistudio/a": ("disabled", "There is no browser."),
        "aistudio/b": ("needs_login", "needs_login"),
        "aistudio/b:w": ("disabled", "limited"),
    }
    assert len(offered.accounts) == 3
    assert Connected() == Connected((), (), {})
