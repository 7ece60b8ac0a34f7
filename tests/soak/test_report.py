"""The report of a soak: one file, with the figures, the plots and what was wrong."""

from __future__ import annotations

from tests.soak.processes import Held
from tests.soak.report import page, plot
from tests.soak.run import Found, Plan


def test_the_page_has_the_figures_and_the_plots_and_asks_nothing_of_others() -> None:
    samples = [(Held(float(at), 5, at << 20, 10 + at, 3, at), {"whole": 10 * at}) for at in range(4)]
    found = Found(Plan(3, 2), 0.0, calls=30, before=samples[0][0], after=samples[3][0], samples=samples)
    found.events, found.wrong = [(1.0, "router killed")], ["call <1>: lost"]
    text = page(found)
    assert text.count("<svg") == 4 and "router killed 1 times" in text and "call &lt;1&gt;: lost" in text
    assert "http" not in text and "<script" not in text


def test_a_plot_of_nothing_is_empty_and_one_line_reaches_the_top() -> None:
    assert "polyline" not in plot("x", {}, [])
    assert 'points="60.0,164.0 900.0,4.0"' in plot("x", {"a": [(0, 0), (2, 5)]}, [])
