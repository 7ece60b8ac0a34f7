"""Leases: which account serves, what a failure costs whom, and what survives a restart."""

from __future__ import annotations

import random

import pytest
from msgspec import structs

from router.accounts.health import Cooling, Crowded, Health, Lease
from router.accounts.health_row import HealthRow
from router.accounts.record import Account
from router.clock import FakeClock
from router.faults import MEANINGS, Fault
from router.providers.config import ProviderConfig
from router.secret import Secret


def provider(*accounts: tuple[str, dict[str, int]] | str, kind: str = "openai-compatible", name: str = "p"):
    made = []
    for each in accounts or ("a", "b"):
        label, facts = each if isinstance(each, tuple) else (each, {})
        made.append(Account(id=f"{name}/{label}", provider=name, label=label, secret=Secret("s"), **facts))
    return ProviderConfig(id=name, kind=kind, accounts=tuple(made))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def health(clock: FakeClock) -> Health:
    return Health(clock, random.Random(1))


def take(health: Health, config: ProviderConfig, model: str = "m", **options) -> Lease:
    lease = health.lease(config, model, **options)
    assert isinstance(lease, Lease)
    return lease


def serve(health: Health, config: ProviderConfig, times: int, model: str = "m") -> list[str]:
    labels = []
    for _ in range(times):
        lease = take(health, config, model)
        labels.append(lease.account.label)
        health.succeeded(lease)
    return labels


def limited(retry_after: float | None = None, **facts) -> Fault:
    return Fault("rate_limited", "Slow down.", retry_after=retry_after, status=429, **facts)


def broken() -> Fault:
    return Fault("upstream_broken", "It fell over.", status=500)


def test_accounts_take_turns(health):
    assert serve(health, provider("a", "b", "c"), 6) == list("abcabc")


def test_fill_first_uses_the_first_that_can_serve(health):
    health.strategy = "fill-first"
    config = provider("a", "b")
    assert serve(health, config, 3) == list("aaa")
    health.failed(take(health, config), limited(60))
    assert serve(health, config, 2) == list("bb")


def test_weights_share_the_work(health):
    health.strategy = "weighted"
    labels = serve(health, provider(("a", {"weight": 3}), ("b", {"weight": 1}), ("c", {"weight": 0})), 40)
    assert (labels.count("a"), labels.count("b"), labels.count("c")) == (30, 10, 0)


def test_the_least_busy_account_serves(health):
    health.strategy = "least-busy"
    config = provider("a", "b")
    first, second = take(health, config), take(health, config)
    assert {first.account.label, second.account.label} == {"a", "b"}
    health.succeeded(first)
    assert take(health, config).account.label == first.account.label


def test_a_lower_priority_number_serves_until_it_cools(health):
    config = provider(("a", {"priority": 1}), ("b", {"priority": 0}))
    assert serve(health, config, 3) == list("bbb")
    health.failed(take(health, config), limited(60))
    assert serve(health, config, 2) == list("aa")


def test_a_preferred_account_serves_as_long_as_it_can(health):
    config = provider("a", "b", "c")
    assert [take(health, config, prefer="p/c").account.label for _ in range(3)] == list("ccc")
    health.failed(take(health, config, prefer="p/c"), limited(60))
    assert take(health, config, prefer="p/c").account.label != "c"


def test_an_account_that_was_tried_for_the_call_is_avoided(health):
    config = provider("a", "b")
    assert [take(health, config, avoid={"p/a"}).account.label for _ in range(2)] == list("bb")
    assert isinstance(health.lease(config, "m", avoid={"p/a", "p/b"}), Cooling)


@pytest.mark.parametrize(
    "kind", ["bad_request", "too_long", "not_found", "too_large", "conflict", "cancelled", "internal"]
)
def test_faults_of_the_request_cool_nothing(health, kind):
    config = provider("a")
    for _ in range(10):
        health.failed(take(health, config), Fault(kind, "No."))
    assert isinstance(health.lease(config, "m"), Lease)
    assert health.dirty() == []


def test_every_kind_of_fault_is_either_held_against_somebody_or_not(health):
    held = set()
    for kind in MEANINGS:
        config = provider("a", name=f"p-{kind}")
        for _ in range(3):
            lease = health.lease(config, "m")
            if isinstance(lease, Lease):
                health.failed(lease, Fault(kind, "x"))
        if isinstance(health.lease(config, "m"), Cooling):
            held.add(kind)
    assert held == {
        "rate_limited", "quota_spent", "upstream_auth", "refused", "overloaded", "upstream_broken", "timeout",
    }  # fmt: skip


def test_when_every_account_cools_the_fault_names_them_and_the_time(health):
    config = provider("a", "b")
    health.failed(take(health, config), limited(30))
    health.failed(take(health, config), limited(90))
    cooling = health.lease(config, "m")
    assert isinstance(cooling, Cooling)
    assert cooling.retry_after == pytest.approx(30, abs=1)
    fault = cooling.fault()
    assert (fault.kind, fault.http_status) == ("rate_limited", 429)
    assert "p/a: cooling, rate_limited (HTTP 429): Slow down." in fault.message
    assert "p/b" in fault.message
    assert fault.retry_after == cooling.retry_after


def test_an_open_circuit_is_a_503_with_a_time(health):
    config = provider("a", "b")
    for _ in range(3):
        health.failed(take(health, config), broken())
    cooling = health.lease(config, "m")
    assert isinstance(cooling, Cooling)
    assert (cooling.fault().kind, cooling.fault().http_status) == ("overloaded", 503)
    assert isinstance(health.lease(config, "another"), Lease)


def test_one_probe_at_a_time_returns_a_target(health, clock):
    config = provider("a", "b")
    for _ in range(3):
        health.failed(take(health, config), broken())
    clock.advance(1)
    probe = take(health, config)
    assert probe.probe
    assert isinstance(health.lease(config, "m"), Cooling)
    health.committed(probe)
    assert not take(health, config).probe


def test_a_probe_whose_client_left_lets_the_next_one_through(health, clock):
    config = provider("a")
    health.failed(take(health, config), limited())
    clock.advance(1)
    probe = take(health, config)
    assert isinstance(health.lease(config, "m"), Cooling)
    health.release(probe)
    assert take(health, config).probe


def test_a_probe_that_meets_a_request_fault_lets_the_next_one_through(health, clock):
    config = provider("a")
    health.failed(take(health, config), limited())
    clock.advance(1)
    health.failed(take(health, config), Fault("bad_request", "No."))
    assert take(health, config).probe


def test_an_account_whose_time_is_over_is_probed_although_another_works(health, clock):
    config = provider("a", "b")
    health.strategy = "fill-first"
    health.failed(take(health, config), limited())
    assert serve(health, config, 2) == list("bb")
    clock.advance(1)
    probe = take(health, config)
    assert (probe.account.label, probe.probe) == ("a", True)
    assert take(health, config).account.label == "b"


def test_half_way_probes_go_out_only_where_nothing_else_is_left(health, clock):
    config = provider("a", "b")
    spent = Fault("quota_spent", "Pay.")
    first = take(health, config)
    health.failed(first, spent)
    clock.advance(70)
    assert serve(health, config, 3) == list("bbb")
    health.failed(take(health, config), spent)
    assert take(health, config).account == first.account


def test_a_limit_of_one_openai_model_leaves_the_others_free(health):
    config = provider("a", kind="openai")
    health.failed(take(health, config, "gpt-5"), limited(60))
    assert isinstance(health.lease(config, "gpt-5"), Cooling)
    assert isinstance(health.lease(config, "gpt-4o"), Lease)


@pytest.mark.parametrize("kind", ["openai-compatible", "anthropic-compatible", "gemini", "vertex"])
def test_a_limit_of_one_model_never_locks_the_whole_account(health, kind):
    config = provider("a", kind=kind)
    health.failed(take(health, config, "claude-opus-4-8"), limited(60))
    assert isinstance(health.lease(config, "claude-opus-4-8"), Cooling)
    assert isinstance(health.lease(config, "claude-opus-5"), Lease)


def test_a_provider_behind_any_address_that_says_its_limit_is_the_accounts_is_believed(health):
    config = provider("a", kind="openai-compatible")
    health.failed(take(health, config, "one"), limited(60, details={"scope": "account"}))
    assert isinstance(health.lease(config, "two"), Cooling)


@pytest.mark.parametrize("kind", ["openai", "anthropic", "openai-compatible", "anthropic-compatible"])
def test_spent_money_holds_for_every_model_of_an_account(health, kind):
    config = provider("a", kind=kind)
    health.failed(take(health, config, "gpt-5"), Fault("quota_spent", "Pay."))
    assert isinstance(health.lease(config, "gpt-4o"), Cooling)


def test_a_limit_of_one_claude_class_holds_for_its_versions(health):
    config = provider("a", kind="anthropic")
    health.failed(take(health, config, "claude-opus-4-8"), limited(60))
    assert isinstance(health.lease(config, "claude-opus-5"), Cooling)
    assert isinstance(health.lease(config, "claude-sonnet-5"), Lease)


def test_a_provider_that_says_what_a_limit_is_about_is_believed(health):
    config = provider("a", kind="openai")
    health.failed(take(health, config, "gpt-5"), limited(60, details={"scope": "account"}))
    assert isinstance(health.lease(config, "gpt-4o"), Cooling)


def test_a_rejected_key_is_refused_and_probed_again_later(health, clock):
    config = provider("a")
    health.failed(take(health, config), Fault("upstream_auth", "Bad key.", status=401))
    cooling = health.lease(config, "m")
    assert isinstance(cooling, Cooling)
    assert cooling.reasons[0].state == "refused"
    assert cooling.fault().http_status == 503
    clock.advance(1)
    health.succeeded(take(health, config))
    assert not take(health, config).probe


def test_a_lease_ends_once(health):
    config = provider("a")
    lease = take(health, config)
    assert health.snapshot().busy == {"p/a": 1}
    health.succeeded(lease)
    health.failed(lease, limited(60))
    health.release(lease)
    assert health.snapshot().busy == {}
    assert isinstance(health.lease(config, "m"), Lease)


def test_a_target_that_begins_answers_and_cuts_them_opens_its_circuit(health):
    config = provider("a")
    for _ in range(3):
        lease = take(health, config)
        health.committed(lease)
        health.failed(lease, broken())
    assert isinstance(health.lease(config, "m"), Cooling)


def test_one_whole_answer_closes_a_circuit_for_good(health, clock):
    config = provider("a")
    for _ in range(3):
        health.failed(take(health, config), broken())
    clock.advance(1)
    probe = take(health, config)
    health.committed(probe)
    health.succeeded(probe)
    assert health.snapshot().entries == {}


def test_changed_rows_are_told_once_and_carry_over_to_a_new_process(health, clock):
    config = provider("a", "b")
    health.failed(take(health, config), limited(600))
    rows = health.dirty()
    assert [(row.account, row.scope, row.state, row.strikes, row.hinted) for row in rows] == [
        ("p/a", "model", "cooling", 1, True)
    ]
    assert health.dirty() == []
    fresh = Health(clock, random.Random(2))
    fresh.load(rows)
    assert serve(fresh, config, 3) == list("bbb")
    assert fresh.dirty() == []
    clock.advance(602)
    assert set(serve(fresh, config, 2)) == {"a", "b"}
    assert [(row.account, row.state) for row in fresh.dirty()] == [("p/a", "ready")]


def test_a_long_hint_is_obeyed_after_a_restart_also_from_a_store_that_forgets_whose_word_it_was(health, clock):
    config = provider("a")
    health.failed(take(health, config), limited(600))
    fresh = Health(clock, random.Random(2))
    fresh.load([structs.replace(row, hinted=False) for row in health.dirty()])
    clock.advance(550)
    assert isinstance(fresh.lease(config, "m"), Cooling)


def test_rows_of_unknown_meaning_are_left_out(health):
    config = provider("a")
    row = HealthRow(account="p/a", scope="account", key="", state="odd", until=None, strikes=1, cause="", at=0.0)
    health.load([row, structs.replace(row, state="cooling", scope="galaxy"), structs.replace(row, state="expired")])
    cooling = health.lease(config, "m")
    assert isinstance(cooling, Cooling)
    assert (cooling.reasons[0].state, cooling.retry_after, cooling.fault().http_status) == ("expired", None, 503)


def test_a_probe_of_a_dead_process_does_not_block_after_a_restart(health, clock):
    config = provider("a")
    health.failed(take(health, config), limited())
    clock.advance(1)
    assert take(health, config).probe
    fresh = Health(clock, random.Random(2))
    fresh.load(health.dirty())
    assert take(fresh, config).probe


def test_an_operator_can_make_an_account_ready(health):
    config = provider("a")
    health.failed(take(health, config), limited(600))
    health.forget("p/a")
    assert isinstance(health.lease(config, "m"), Lease)


def test_a_reload_keeps_the_health_of_what_keeps_its_name(health):
    health.failed(take(health, provider("a")), limited(600))
    assert isinstance(health.lease(provider("a", kind="openai-compatible"), "m"), Cooling)


def test_names_from_clients_do_not_fill_the_memory(health, clock):
    config = provider("a", kind="openai")
    for number in range(5000):
        health.failed(take(health, config, f"m{number}"), limited(1))
        clock.advance(0.001)
    assert len(health.snapshot().entries) <= 4096


def test_a_snapshot_does_not_change_afterwards(health):
    config = provider("a")
    before = health.snapshot()
    health.failed(take(health, config), limited(60))
    assert before.entries == {}


def good(health: Health, config: ProviderConfig, **options) -> str:
    lease = take(health, config, **options)
    health.succeeded(lease)
    return lease.account.label


def not_ours() -> Fault:
    return Fault("refused", "only for its own apps", status=403, details={"for_good": True})


def test_what_is_refused_for_good_is_not_tried_again_until_it_is_forgotten(health, clock):
    config = provider("a")
    health.failed(take(health, config), not_ours())
    for _ in range(5):
        clock.advance(86_400)
        told = health.lease(config, "another-model")
        assert isinstance(told, Cooling)
        assert [(each.state, each.until) for each in told.reasons] == [("refused", None)]
    assert "only for its own apps" in told.fault().message
    assert (told.fault().kind, told.fault().meaning.retryable) == ("refused", False)
    health.forget("p/a")
    assert good(health, config) == "a"


def test_a_refusal_beside_an_account_that_comes_back_is_no_403(health, clock):
    config = provider("a", "b")
    health.failed(take(health, config), not_ours())
    health.failed(take(health, config), Fault("rate_limited", "later", retry_after=60.0))
    told = health.lease(config, "m")
    assert isinstance(told, Cooling)
    assert told.fault().kind == "rate_limited"
    health.hold("p/b", "needs_login", "signed out")
    told = health.lease(config, "m")
    assert isinstance(told, Cooling)
    assert told.fault().http_status == 503


def test_a_refusal_for_good_survives_a_restart_and_ten_of_them_are_one(health, clock):
    config = provider("a")
    leases = [take(health, config) for _ in range(10)]
    for lease in leases:
        health.failed(lease, not_ours())
    rows = health.dirty()
    assert [(row.scope, row.key, row.state, row.until) for row in rows] == [("account", "", "refused", None)]
    again = Health(clock, random.Random(2))
    again.load(rows)
    clock.advance(1_000_000)
    assert isinstance(again.lease(config, "m"), Cooling)


def test_nothing_that_was_under_way_undoes_a_refusal_for_good(health, clock):
    config = provider("a")
    first, second, third, fourth = (take(health, config) for _ in range(4))
    health.failed(first, not_ours())
    health.committed(second)
    health.succeeded(second)
    health.failed(third, limited(5))
    health.failed(fourth, Fault("upstream_auth", "no", status=401))
    health.cool("p/a", clock.now + 5, "quota_spent: closed")
    clock.advance(10_000)
    assert isinstance(health.lease(config, "m"), Cooling)
    assert health.resting("p/a").state == "refused"


@pytest.mark.parametrize("state", ["needs_login", "expired", "disabled", "refused"])
def test_an_account_that_is_held_serves_nothing_until_it_is_let_go(health, clock, state):
    config = provider("a")
    health.hold("p/a", state, "because")
    clock.advance(1_000_000)
    told = health.lease(config, "m")
    assert isinstance(told, Cooling)
    assert [(each.state, each.cause, each.until) for each in told.reasons] == [(state, "because", None)]
    assert told.retry_after is None
    health.forget("p/a")  # a button of the operator is no sign-in
    assert isinstance(health.lease(config, "m"), Cooling)
    health.unhold("p/a")
    assert good(health, config) == "a"


def test_letting_go_forgets_nothing_that_calls_have_met(health, clock):
    config = provider("a")
    health.failed(take(health, config), limited(600))
    health.failed(take(health, config, model="other"), not_ours())
    health.hold("p/a", "expired", "its token ended")
    assert health.resting("p/a").state == "expired"
    health.unhold("p/a")
    assert health.resting("p/a").state == "refused"
    health.forget("p/a")
    assert health.resting("p/a") is None


def test_what_is_held_is_no_row_since_whoever_holds_finds_out_anew(health, clock):
    health.hold("p/a", "needs_login", "because")
    health.hold("p/a", "needs_login", "because")
    assert health.dirty() == []
    stale = HealthRow(account="p/a", scope="account", key="held", state="needs_login", until=None, strikes=1,
                      cause="of the last process", at=clock.now)  # fmt: skip
    again = Health(clock, random.Random(1))
    again.load([stale])
    assert isinstance(again.lease(provider("a"), "m"), Lease)


def test_a_renewed_credential_that_is_not_taken_either_suspends_the_account(health, clock):
    config = provider("a")
    refused = Fault("upstream_auth", "no", status=401)
    health.failed(take(health, config), refused, suspend=True)
    for _ in range(17):
        clock.advance(100)
        assert isinstance(health.lease(config, "m"), Cooling)
    clock.advance(101)
    probe = take(health, config)
    assert probe.probe
    assert isinstance(health.lease(config, "m"), Cooling)
    health.failed(probe, refused, suspend=True)
    clock.advance(1799)
    assert isinstance(health.lease(config, "m"), Cooling)
    clock.advance(1)
    assert good(health, config) == "a"
    assert health.resting("p/a") is None


def test_a_suspension_survives_a_restart_with_its_probe(health, clock):
    config = provider("a")
    health.failed(take(health, config), Fault("upstream_auth", "no", status=401), suspend=True)
    again = Health(clock, random.Random(2))
    again.load(health.dirty())
    clock.advance(1700)
    assert isinstance(again.lease(config, "m"), Cooling)
    clock.advance(101)
    assert take(again, config).probe


def test_a_limit_after_a_renewal_suspends_nothing(health, clock):
    config = provider("a")
    health.failed(take(health, config), limited(5), suspend=True)
    clock.advance(6.1)
    assert good(health, config) == "a"


def test_a_forewarning_never_shortens_what_is_known_nor_goes_beyond_the_cap(health, clock):
    config = provider("a", kind="claude-oauth")
    health.failed(take(health, config), limited(600))
    until = health.resting("p/a").until
    health.cool("p/a", clock.now + 60, "quota_spent: closed")
    assert health.resting("p/a").until == until
    health.cool("p/a", clock.now + 90_000, "quota_spent: closed")
    assert health.resting("p/a").until <= clock.now + 1800
    health.cool("p/b", clock.now - 1, "quota_spent: closed")
    assert health.resting("p/b") is None


@pytest.mark.parametrize("kind", ["overloaded", "upstream_broken", "timeout"])
def test_a_failing_target_blacklists_none_of_its_accounts(health, clock, kind):
    config = provider("a", "b", "c")
    for _ in range(12):
        lease = health.lease(config, "m")
        if isinstance(lease, Lease):
            health.failed(lease, Fault(kind, "It fell over.", status=503))
        clock.advance(11)
    assert {key[1] for key in health.snapshot().entries} == {"target"}
    clock.advance(11)
    assert sorted(serve(health, config, 3)) == list("abc")
    assert sorted(serve(health, config, 3, model="other")) == list("abc")


def test_what_one_account_meets_is_held_against_no_other(health, clock):
    config = provider("a", "b", "c")
    for fault in (limited(600), Fault("quota_spent", "paid", status=402), Fault("upstream_auth", "no", status=401)):
        health.failed(take(health, config, prefer="p/a"), fault)
        assert {key[0] for key in health.snapshot().entries} == {"p/a"}
        assert set(serve(health, config, 4)) == {"b", "c"}
        health.forget("p/a")


def test_a_provider_gets_as_many_calls_as_it_may_over_all_accounts(health, clock):
    config = structs.replace(provider(), max_concurrency=2)
    first, second = take(health, config), take(health, config)
    full = health.lease(config, "m")
    assert isinstance(full, Crowded)
    assert full.fault().message.startswith("The provider p has 2 calls in progress")
    clock.advance(40)
    for _ in range(2):  # later ends are ignored
        health.failed(first, limited())
    again = take(health, config)
    assert isinstance(health.lease(config, "m"), Crowded)
    assert full.gate.retry_after() == 20.0  # it took 40 s, and there are two places
    health.release(second)
    health.succeeded(again)
    assert full.gate.running == 0


def test_a_provider_without_a_limit_has_no_gate(health):
    config = provider()
    assert all(isinstance(health.lease(config, "m"), Lease) for _ in range(100))
    assert health.rooms.of(config) is None


def test_where_every_account_rests_that_is_said_and_a_place_is_given_back(health):
    config = structs.replace(provider("a"), max_concurrency=1)
    health.failed(take(health, config), limited(retry_after=60.0))
    gate = health.rooms.of(config)
    assert gate.take()
    assert isinstance(health.lease(config, "m"), Cooling)
    assert isinstance(health.lease(config, "m", place=gate), Cooling)
    assert gate.running == 0


def test_a_place_that_was_waited_for_is_the_leases(health):
    config = structs.replace(provider(), max_concurrency=1)
    gate = health.rooms.of(config)
    assert gate.take()
    lease = take(health, config, place=gate)
    assert gate.running == 1
    health.succeeded(lease)
    assert gate.running == 0


def test_a_call_of_older_settings_is_counted_under_the_limit_in_force(health):
    old, new = (structs.replace(provider(), max_concurrency=most) for most in (1, 2))
    health.rooms.follow({"p": new})
    assert isinstance(take(health, old), Lease)
    assert isinstance(take(health, new), Lease)
    assert isinstance(health.lease(old, "m"), Crowded)
    health.rooms.follow({"p": provider()})
    assert isinstance(take(health, old), Lease)
