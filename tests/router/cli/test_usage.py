"""The ledger at the command line: what is added up, exported and compared, while a router has the database open."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from router.accounts.audit_reader import Wanted, read
from router.cli import main, prices_commands, usage_commands
from router.cli.audited import operator
from router.state.migrate import migrate
from router.state.store import StateStore
from router.state.usage_rows import add_calls
from router.usage.entries import Attempt, Closed, Opened, Tokens, lost
from router.usage.price_file import read_file, shipped

NOW = time.time()
TODAY = datetime.fromtimestamp(NOW, UTC).date()


def call(number: int, *made: Attempt, key: str = "laptop", ago: float = 60.0, **facts: Any) -> Closed:
    tokens = Tokens(*(sum(getattr(one.tokens, name) for one in made) for name in Tokens.__struct_fields__))
    costs = [one.cost for one in made]
    cost = None if None in costs else sum(one for one in costs if one is not None)
    return Closed(
        id=f"req_{number}", at=NOW - ago, key_name=key, asked="=fast", attempts=made, tokens=tokens, cost=cost,
        worth=cost, estimated=any(one.estimated for one in made), outcome="ok", status=200, **facts,
    )  # fmt: skip


def attempt(provider: str, model: str, *counts: int, cost: int | None, **facts: Any) -> Attempt:
    known = {"account": f"{provider}/1", "outcome": "ok", "worth": cost, **facts}
    return Attempt(provider=provider, model=model, tokens=Tokens(*counts), cost=cost, **known)


CALLS = [
    call(1, attempt("openai", "gpt-4.1", 100, 10, 0, 0, 50, 5, cost=700)),
    call(
        2,
        attempt("anthropic", "claude-sonnet-4-5", 10, 0, 4, 1, 2, 0, cost=80, estimated=True),
        attempt("openai", "gpt-4.1-2025-04-14", 200, 0, 0, 0, 20, 0, cost=600),
        key="phone",
        session="0abc",
    ),
    call(3, attempt("office", "big", 7, 0, 0, 0, 3, 0, cost=None), ago=2 * 86_400, session="0abc"),
    call(4, attempt("openai", "gpt-4.1", 1, 0, 0, 0, 1, 0, cost=9_999_999), ago=40 * 86_400),
    call(5),  # refused before anybody was asked
]
LOST = lost(Opened(id="req_6", at=NOW - 30, key_name="laptop", provider="openai", model="gpt-4.1"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder whose database a router has open."""
    (tmp_path / "config.yaml").write_text("server: {port: 9}\n")
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(tmp_path / "config.yaml"))
    monkeypatch.setenv("SWITCHYARD__SERVER__STATE_DIR", str(tmp_path / "state"))
    database = tmp_path / "state" / "switchyard.sqlite"
    migrate(database)
    store = StateStore(database)
    done = store.submit(lambda connection: add_calls(connection, CALLS))
    assert done is not None
    done.result(10)
    yield tmp_path
    store.close()


def run(*words: str, app: Any = None) -> Result:
    if app is None:
        app = usage_commands.app
    return CliRunner().invoke(app, list(words))


def told(*words: str) -> Any:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_models_are_added_up_from_attempts_the_dearest_first(place: Path) -> None:
    found = told()
    assert [(line["name"], line["calls"], line["cost_micro_usd"], line["unknown"]) for line in found["lines"]] == [
        ("openai/gpt-4.1", 1, 700, 0),
        ("openai/gpt-4.1-2025-04-14", 1, 600, 0),
        ("anthropic/claude-sonnet-4-5", 1, 80, 0),
        ("office/big", 1, 0, 1),
    ]
    total = found["total"]
    assert (total["calls"], total["attempts"], total["cost_micro_usd"], total["cost_usd"]) == (4, 4, 1380, 0.00138)
    assert (total["unknown"], total["estimated"]) == (1, 1)
    kinds = ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
    assert [total[kind] for kind in kinds] == [317, 10, 4, 1, 75, 5]
    for kind in kinds:
        assert sum(line[kind] for line in found["lines"]) == total[kind]


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("key", ["laptop", "phone"]),
        ("provider", ["openai", "anthropic", "office"]),
        ("account", ["openai/1", "anthropic/1", "office/1"]),
        ("session", ["", "0abc"]),
        ("day", [str(TODAY - timedelta(days=2)), str(TODAY)]),
    ],
)
def test_by_what_one_wants(place: Path, by: str, names: list[str]) -> None:
    if by == "day" and datetime.fromtimestamp(NOW - 60, UTC).date() != TODAY:
        pytest.skip("a minute ago was yesterday")
    found = told("--by", by)
    assert [line["name"] for line in found["lines"]] == names
    assert sum(line["cost_micro_usd"] for line in found["lines"]) == found["total"]["cost_micro_usd"]


@pytest.mark.parametrize(("by", "names"), [("session", ["0abc"]), ("provider", ["openai", "anthropic", "office"])])
def test_of_one_session_alone(place: Path, by: str, names: list[str]) -> None:
    found = told("--by", by, "--session", "0abc")
    assert [line["name"] for line in found["lines"]] == names
    total = found["total"]
    assert (total["calls"], total["attempts"], total["cost_micro_usd"], total["unknown"]) == (2, 3, 680, 1)
    assert told("--session", "f")["total"]["calls"] == 0


def test_from_when_to_when(place: Path) -> None:
    assert told("--since", "60d")["total"]["cost_micro_usd"] == 1380 + 9_999_999
    assert told("--since", "1h")["total"]["unknown"] == 0
    two_days_ago = str(datetime.fromtimestamp(NOW - 2 * 86_400, UTC).date())
    only = told("--since", two_days_ago, "--until", two_days_ago)
    assert [line["name"] for line in only["lines"]] == ["office/big"]


def test_the_table_tells_what_is_unknown_and_what_is_estimated(place: Path) -> None:
    result = run()
    rows = result.stdout.splitlines()
    assert rows[0].split() == [
        "model",
        "calls",
        "fresh",
        "input",
        "cache",
        "read",
        "cache",
        "write",
        "output",
        "reasoning",
        "cost",
        "worth",
    ]
    assert rows[4].split() == ["office/big", "1", "7", "0", "0", "3", "0", "?", "$0.0000"]
    assert rows[-1].split() == ["total", "4", "317", "10", "5", "75", "5", "$0.0014", "+", "?", "$0.0014"]
    assert "nobody knows what 1 of 4 calls cost" in result.stderr
    assert "tokens of 1 calls are estimates" in result.stderr
    assert len({len(row) for row in rows}) == 1


def test_lost_calls_are_told(place: Path) -> None:
    store = StateStore(place / "state" / "switchyard.sqlite")
    done = store.submit(lambda connection: add_calls(connection, [LOST]))
    assert done is not None
    done.result(10)
    store.close()
    for by, name in (("key", "laptop"), ("model", "openai/gpt-4.1")):
        line = next(line for line in told("--by", by)["lines"] if line["name"] == name)
        assert (line["lost"], line["unknown"] >= 1) == (1, True)
    assert "1 calls were lost" in run().stderr


def test_csv_has_the_same_and_text_is_never_a_formula(place: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("--by", "key", "--csv").stdout)))
    assert [(row["key"], row["cost_micro_usd"]) for row in rows] == [("laptop", "700"), ("phone", "680")]
    calls = list(csv.DictReader(io.StringIO(run("export").stdout)))
    assert [row["id"] for row in calls] == ["req_3", "req_1", "req_2", "req_5"]
    assert {row["asked"] for row in calls} == {"'=fast"}
    assert calls[0]["cost"] == ""
    for words, ids in (
        (("--key", "phone"), ["req_2"]),
        (("--provider", "anthropic"), ["req_2"]),
        (("--model", "office/big"), ["req_3"]),
    ):
        assert [row["id"] for row in csv.DictReader(io.StringIO(run("export", *words).stdout))] == ids


def test_json_lines_have_the_attempts(place: Path) -> None:
    lines = [json.loads(line) for line in run("export", "--json", "--since", "60d").stdout.splitlines()]
    assert [line["id"] for line in lines] == ["req_4", "req_3", "req_1", "req_2", "req_5"]
    second = lines[3]
    assert [(made["number"], made["provider"], made["cost"]) for made in second["attempts"]] == [
        (0, "anthropic", 80),
        (1, "openai", 600),
    ]
    assert (second["cost"], second["fresh_input"], second["asked"]) == (680, 210, "=fast")


def test_it_is_told_too_while_nobody_has_the_database_open(place: Path) -> None:
    for name in ("switchyard.sqlite-wal", "switchyard.sqlite-shm"):
        assert (place / "state" / name).exists()
    copy = place / "copy"
    copy.mkdir()
    with (
        closing(sqlite3.connect(place / "state" / "switchyard.sqlite")) as here,
        closing(sqlite3.connect(copy / "switchyard.sqlite")) as there,
    ):
        here.backup(there)
    assert [path.name for path in copy.iterdir()] == ["switchyard.sqlite"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWITCHYARD__SERVER__STATE_DIR", str(copy))
        assert told()["total"]["calls"] == 4


def test_more_calls_than_are_read_at_once_come_each_once(place: Path) -> None:
    store = StateStore(place / "state" / "switchyard.sqlite")
    more = [call(1000 + number, ago=10.0) for number in range(450)]  # all of the same moment
    done = store.submit(lambda connection: add_calls(connection, more))
    assert done is not None
    done.result(10)
    ids = [json.loads(line)["id"] for line in run("export", "--json").stdout.splitlines()]
    assert len(ids) == len(set(ids)) == 454
    store.close()


@pytest.mark.parametrize(
    "words", [("--by", "color"), ("--since", "soon"), ("--until", "2020-01-01"), ("--json", "--csv")]
)
def test_wrong_usage_is_told_apart(place: Path, words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


def test_without_a_ledger_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text("")
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(tmp_path / "config.yaml"))
    monkeypatch.setenv("SWITCHYARD__SERVER__STATE_DIR", str(tmp_path / "none"))
    for words in ((), ("export",)):
        result = run(*words)
        assert result.exit_code == 1
        assert "there is no ledger" in result.stderr
    assert not (tmp_path / "none").exists()  # looking makes nothing


def test_another_name_of_a_model_is_found_below_a_table_of_ones_own(place: Path) -> None:
    row = "{source: s, as_of: 2099-01, tools: {web_search: 9}, models: {}}"
    (place / "own.yaml").write_text(f"version: 2099-01-01\nvendors:\n  openai: {row}\n")
    (place / "config.yaml").write_text(f"usage: {{prices: {place / 'own.yaml'}}}\n")
    result = run("show", "gpt-5-codex", app=prices_commands.app)
    assert result.exit_code == 0, result.stderr
    assert "openai/gpt-5 " in result.stdout
    assert "web_search: 9" in result.stdout


def test_a_ledger_of_an_older_version_is_told_apart_from_none(place: Path) -> None:
    path = place / "state" / "switchyard.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0009'")
    result = run()
    assert result.exit_code == 1
    assert "is of an older version: start the router" in result.stderr


def test_an_empty_time_is_no_mistake(place: Path) -> None:
    assert told("--since", "1h", "--until", str(TODAY + timedelta(days=3)), "--by", "key")["total"]["calls"] == 3
    result = run("--since", str(TODAY + timedelta(days=2)), "--until", str(TODAY + timedelta(days=3)))
    assert result.exit_code == 0
    assert "no calls in this time" in result.stderr


def test_an_invoice_that_agrees_and_one_that_does_not(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day = datetime.fromtimestamp(NOW - 60, UTC).date()
    invoice = place / "invoice.csv"
    invoice.write_text(f"date,model,input,output,cost\n{day},gpt-4.1,310,75,0.0013\n")
    words = ["reconcile", str(invoice), "--provider", "openai"]
    assert main.main(words) == 0
    assert "1 days of a model agree" in capsys.readouterr().out
    invoice.write_text(f"date,model,input,output,cost\n{day},gpt-4.1,311,75,0.5\n")
    assert main.main([*words, "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert found["ours"] == {"input": 310, "output": 75, "cost": 1300, "estimated": 0, "unknown": 0}
    assert main.main(words) == 1
    assert "input 310 here, 311 there (-1)" in capsys.readouterr().out
    assert main.main(["reconcile", str(place / "none.csv")]) == 1
    assert "cannot be used" in capsys.readouterr().err
    assert main.main([*words, "--tolerance", "100"]) == 0


def test_prices_are_shown_and_a_model_that_nobody_knows_is_told(place: Path) -> None:
    result = run("show", "gpt-4.1-2025-04-14", app=prices_commands.app)
    assert result.exit_code == 0
    assert result.stdout.split()[:3] == ["openai/gpt-4.1", "input", "2"]
    assert "not verified" in result.stderr
    unknown = run("show", "gpt-99", app=prices_commands.app)
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "nobody knows what gpt-99 costs" in unknown.stderr
    listing = json.loads(run("show", "--json", app=prices_commands.app).stdout)
    assert len(listing["prices"]) > 90
    assert {"vendor", "model", "input", "cache_read", "as_of", "source", "above"} <= set(listing["prices"][0])


def test_a_newer_table_is_checked_and_taken_over(place: Path) -> None:
    table = place / "new.yaml"
    row = "{source: s, as_of: 2099-01, models: {gpt-99: {input: 1, output: 2}}}"
    table.write_text(f"version: 2099-01-01\nvendors:\n  openai: {row}\n")
    result = run("update", str(table), app=prices_commands.app)
    assert result.exit_code == 0, result.output
    assert "1 prices of 2099-01-01" in result.stdout
    assert "nothing for anthropic" in result.stderr
    (entry,) = read(place / "state", Wanted(), 10).entries
    assert (entry.who, entry.action, entry.which) == (operator(), "prices_put", "prices of 2099-01-01")
    assert run("show", "gpt-99", app=prices_commands.app).exit_code == 0
    for text, why in (
        ("version: 2099-01-01\nvendors: {a: {models: {b: {}}}}\n", "input: is missing"),
        (shipped().read_text(), f"older than {read_file(place / 'state' / 'prices.yaml').version}"),
    ):
        table.write_text(text)
        refused = run("update", str(table), app=prices_commands.app)
        assert refused.exit_code == 1
        assert why in refused.stderr
    assert len(read(place / "state", Wanted(), 10).entries) == 1
    assert run("show", "gpt-99", app=prices_commands.app).exit_code == 0  # the one before stays
