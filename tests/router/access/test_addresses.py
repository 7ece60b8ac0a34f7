"""Where a call counts as from, and what the lists of addresses say of it."""

from __future__ import annotations

import pytest

from router.access.addresses import AddressRules, client_address, networks, parse
from router.faults import Fault

PROXIES = networks(["10.0.0.0/8", "::1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", ["203.0.113.5"], "192.0.2.1"),  # nobody whom the settings trust
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.5, 10.0.0.2"], "203.0.113.5"),
        ("10.0.0.1", ["1.1.1.1", "203.0.113.5", "10.0.0.2"], "203.0.113.5"),
        ("10.0.0.1", ["203.0.113.5:4711"], "203.0.113.5"),
        ("10.0.0.1", ['"[2001:db8::7]:443"'], "2001:db8::7"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["203.0.113.5, unknown"], "unknown"),
        ("::ffff:10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
    ],
)
def test_the_last_address_that_nobody_vouches_for_is_the_clients(peer: str, forwarded: list[str], address: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


def refused(rules: AddressRules, address: str) -> str | None:
    try:
        rules.refuse(address)
    except Fault as fault:
        assert fault.http_status == 403
        return fault.message
    return None


def test_what_is_denied_is_refused_whatever_is_allowed() -> None:
    rules = AddressRules(allow=networks(["192.0.2.0/24"]), deny=networks(["192.0.2.7"]))
    assert refused(rules, "192.0.2.8") is None
    assert "policies.ips.deny" in (refused(rules, "192.0.2.7") or "")
    assert "policies.ips.allow" in (refused(rules, "198.51.100.1") or "")
    assert refused(rules, "::ffff:192.0.2.8") is None


@pytest.mark.parametrize("address", ["", "unknown", "not an address"])
def test_an_address_that_cannot_be_read_is_on_no_list(address: str) -> None:
    assert refused(AddressRules(allow=networks(["0.0.0.0/0", "::/0"])), address) is not None
    assert refused(AddressRules(deny=networks(["0.0.0.0/0", "::/0"])), address) is None
    assert refused(AddressRules(), address) is None


def test_zones_and_brackets_are_taken_off() -> None:
    assert str(parse("fe80::1%eth0")) == "fe80::1"
    assert str(parse("[::1]")) == "::1"
