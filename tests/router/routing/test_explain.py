"""Explain says what serving does, for any state."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from router.accounts.health import Health, Lease
from router.clock import FakeClock
from router.faults import Fault
from router.routing.explain import as_text, explain
from router.routing.plan import Plan, draft, plan
from router.routing.table import Table
from tests.router.routing.making import CHAT, provider, table

KINDS = ("rate_limited", "quota_spent", "upstream_auth", "refused", "overloaded", "upstream_broken", "timeout")


def made() -> Table:
    return table(
        provider("a", accounts=2, kind="openai"),
        provider("b", accounts=1),
        provider("c", accounts=3),
        provider("d", accounts=0),
        rules=[("^m", [("a", "b"), "d", "c"]), ("^n", ["d"])],
        aliases={"quick": "m-1(low)"},
    )


def serve(found: Plan, providers: Table, health: Health) -> tuple[str, str, str] | None:
    """What the loop that serves does first: the first candidate with a lease."""
    for candidate in found.candidates:
        lease = health.lease(providers.providers[candidate.provider], candidate.model)
        if isinstance(lease, Lease):
            health.release(lease)
            return candidate.provider, candidate.model, lease.account.id
    return None


steps = st.lists(
    st.tuples(
        st.sampled_from(("m-1", "m-2", "quick", "c/x")),
        st.sampled_from((*KINDS, "ok", "left")),
        st.one_of(st.none(), st.floats(0.5, 4000)),
        st.floats(0, 90),
    ),
    max_size=40,
)


@given(
    history=steps,
    asked=st.sampled_from(("m-1", "m-2", "quick", "c/x", "a/m-1", "n", "zzz")),
    strategy=st.sampled_from(("round-robin", "fill-first", "weighted", "least-busy")),
    rotation=st.integers(0, 5),
    seed=st.integers(0, 5),
)
def test_explain_names_the_target_and_account_that_would_serve(history, asked, strategy, rotation, seed):
    clock, lookup = FakeClock(), made()
    health = Health(clock, random.Random(seed), strategy)
    for name, ending, hint, seconds in history:
        for candidate in plan(lookup, name, needs=CHAT, rotation=rotation).candidates:
            lease = health.lease(lookup.providers[candidate.provider], candidate.model)
            if isinstance(lease, Lease):
                if ending == "ok":
                    health.succeeded(lease)
                elif ending != "left":
                    health.failed(lease, Fault(ending, "x", retry_after=hint))
                break
        clock.advance(seconds)
    found = draft(lookup, asked, needs=CHAT, rotation=rotation)
    told = explain(found, lookup.providers, health.snapshot())
    served = serve(found, lookup, health)
    outcome = told["outcome"]
    if served is None:
        assert outcome["action"] == ("refuse" if found.fault is not None else "wait")
        assert not any(each["chosen"] for each in told["candidates"])
    else:
        assert (outcome["provider"], outcome["model"], outcome["account"]) == served
        assert [each["chosen"] for each in told["candidates"]].count(True) == 1
    assert as_text(told).startswith(asked)


def test_the_text_says_which_candidate_why_and_what_waits():
    clock, lookup = FakeClock(), made()
    health = Health(clock, random.Random(1))
    for _ in range(2):
        lease = health.lease(lookup.providers["a"], "m-1")
        assert isinstance(lease, Lease)
        health.failed(lease, Fault("rate_limited", "Slow down.", retry_after=60, status=429))
    told = explain(draft(lookup, "quick", needs=CHAT), lookup.providers, health.snapshot())
    text = as_text(told)
    assert "'quick' is an alias of 'm-1(low)'" in text
    assert "thinking: effort low" in text
    assert "would serve: b/m-1 with account b/a" in text
    assert "->  2.  b/m-1" in text
    assert "1. waiting: a/a: cooling, 6" in text
    assert "rate_limited (HTTP 429): Slow down." in text
    assert "d/m-1  it has no account" in text


def test_the_text_of_an_unknown_name_says_so():
    lookup = made()
    told = explain(
        draft(lookup, "quik", needs=CHAT), lookup.providers, Health(FakeClock(), random.Random(1)).snapshot()
    )
    assert told["outcome"]["action"] == "refuse"
    assert "would refuse (not_found): No model named 'quik' is known here. Did you mean 'quick'?" in as_text(told)


def test_the_text_names_the_smaller_model_that_would_stand_in():
    lookup = table(provider("a"), rules=[("^big$", ("a",)), ("^small$", ("a",))], smaller={"big": "small"})
    told = explain(draft(lookup, "big", needs=CHAT), lookup.providers, Health(FakeClock(), random.Random(1)).snapshot())
    assert [(each["provider"], each["model"]) for each in told["smaller"]] == [("a", "small")]
    assert "where all limits are met:\n  a/small  smaller model for 'big'" in as_text(told)
    assert draft(lookup, "small", needs=CHAT).smaller == ()
