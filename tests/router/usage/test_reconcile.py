"""The ledger beside a provider's file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.usage.reconcile import CannotRead, Sum, compare, lines, read, together

PLAIN = """date,model,input,output,cost
2026-11-01,gpt-4.1-2025-04-14,"1,000",200,$0.0036
2026-11-01,gpt-4.1,10,20,0.00018
2026-11-02,gpt-4.1,,5,
"""
NOBODY: dict[str, str | None] = {}


def test_a_file_is_added_up_by_day_and_model_whatever_version_of_it() -> None:
    assert read(PLAIN.splitlines(), NOBODY) == {
        ("2026-11-01", "gpt-4.1"): Sum(input=1010, output=220, cost=3780),
        ("2026-11-02", "gpt-4.1"): Sum(input=0, output=5, cost=0),
    }


@pytest.mark.parametrize(
    ("head", "row", "named"),
    [
        ("usage_date_utc,model_version,prompt_tokens,completion_tokens,amount_usd", "2026-11-01,m,1,2,3", NOBODY),
        ("Start_Time,Model,Input_Tokens,Output_Tokens,Amount", "1793491200,m,1,2,3", NOBODY),
        ("When,What,In,Out,Paid", "2026-11-01T23:00:00+00:00,m,1,2,3 USD",
         {"date": "when", "model": "What", "input": "In", "output": "Out", "cost": "Paid"}),
        ("when,date,model,input,output,cost", "2026-11-01,2030-01-01,m,1,2,3", {"date": "when"}),
        ("date,model,input,output,cost", "2026-11-02T01:30:00+02:00,m,1,2,3", NOBODY),
        ("date,model,Fresh,Cached,output,cost", "2026-11-01,m,1,0,2,3", {"input": "fresh, cached"}),
        ("usage_date_utc,model_version,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,"
         "usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,cost_usd",
         "2026-11-01,m,0,1,,0,2,3", NOBODY),
    ],
)  # fmt: skip
def test_columns_are_found_by_usual_names_or_those_that_are_given(
    head: str, row: str, named: dict[str, str | None]
) -> None:
    assert read([head, row], named) == {("2026-11-01", "m"): Sum(input=1, output=2, cost=3_000_000)}


@pytest.mark.parametrize(
    ("text", "named", "told"),
    [
        ("", NOBODY, "no column looks like date and model"),
        ("date,input\n2026-11-01,1", NOBODY, "no column looks like model: name it (--model HEADER)"),
        ("date,model\n2026-11-01,m", NOBODY, "input, output or cost: name it (--input HEADER)"),
        ("date,model,input", NOBODY, "it has no rows"),
        ("date,model,input\nyesterday,m,1", NOBODY, "line 2: 'yesterday' is no date"),
        ("date,model,input\n2026-11-01,m,many", NOBODY, "line 2: 'many' is no number"),
        ("date,model,cost\n2026-11-01,m,NaN", NOBODY, "line 2: 'NaN' is no number"),
        ('date,model,cost\n2026-11-01,m,"1,50"', NOBODY, "line 2: '1,50' has a comma that may be a decimal point"),
        ("date,model,input\n2026-11-01,m,1", {"cost": "Paid"}, "no column 'paid'; it has date, model, input"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(text: str, named: dict[str, str | None], told: str) -> None:
    with pytest.raises(CannotRead) as caught:
        read(text.splitlines(), named)
    assert told in str(caught.value)


@pytest.mark.parametrize("cost", ["1,234.50", "$1,234.50", "1234.50"])
def test_commas_may_part_thousands(cost: str) -> None:
    (found,) = read(f'date,model,cost\n2026-11-01,m,"{cost}"'.splitlines(), NOBODY).values()
    assert found.cost == 1_234_500_000


def test_only_what_the_file_has_is_compared_and_only_its_days() -> None:
    theirs = read(["date,model,output", "2026-11-02,m,5", "2026-11-04,m,7"], NOBODY)
    ours = {
        ("2026-11-01", "m"): Sum(input=9, output=9, cost=9),
        ("2026-11-02", "m"): Sum(input=9, output=5, cost=9),
        ("2026-11-03", "n"): Sum(input=9, output=1, cost=9),
        ("2026-11-04", "m"): Sum(input=9, output=8, cost=9),
    }
    found = compare(ours, theirs)
    assert [(each.day, each.model, each.same) for each in found] == [
        ("2026-11-02", "m", True), ("2026-11-03", "n", False), ("2026-11-04", "m", False),
    ]  # fmt: skip
    assert [(each.ours is None, each.theirs is None) for each in found] == [
        (False, False),
        (False, True),
        (False, False),
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "percent", "same"),
    [
        (Sum(cost=1_000_000), Sum(cost=1_009_999), 0.0, True),
        (Sum(cost=1_000_000), Sum(cost=1_010_000), 0.0, False),
        (Sum(input=100), Sum(input=101), 0.0, False),
        (Sum(input=100), Sum(input=101), 1.0, True),
        (Sum(output=100), Sum(output=110), 5.0, False),
        (None, Sum(input=0, output=0, cost=0), 0.0, True),
    ],
)
def test_a_token_counts_and_a_cent_counts(ours: Sum | None, theirs: Sum, percent: float, same: bool) -> None:
    key = ("2026-11-01", "m")
    (found,) = compare({} if ours is None else {key: ours}, {key: theirs}, percent)
    assert found.same is same


def test_it_says_what_differs_and_by_how_much() -> None:
    key = ("2026-11-01", "m")
    ours = {key: Sum(input=1500, output=20, cost=2_500_000, estimated=2, unknown=1)}
    theirs = {key: Sum(input=1000, cost=3_000_000), ("2026-11-01", "n"): Sum(input=0, cost=0)}
    told = list(lines(compare(ours, theirs)))
    assert told == [
        f"2026-11-01  {'m':<32}; input 1,500 here, 1,000 there (+500); cost $2.50 here, $3.00 there (-$0.50);"
        " 2 estimated; 1 without a known price",
        "1 days of a model agree",
    ]


@given(st.lists(st.tuples(st.sampled_from(["m", "m-2026-01-01", "n"]), st.integers(0, 99), st.integers(0, 99))))
def test_versions_of_a_model_are_added_and_nothing_is_lost(rows: list[tuple[str, int, int]]) -> None:
    sums = together(("2026-11-01", model, Sum(input=one, output=other, cost=1)) for model, one, other in rows)
    assert {model for _, model in sums} <= {"m", "n"}
    assert sum(each.input or 0 for each in sums.values()) == sum(one for _, one, _ in rows)
    assert sum(each.cost or 0 for each in sums.values()) == len(rows)
