"""The documents are fresh and mention nothing that is not there; and the checks that say so can fail."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from router.faults import MEANINGS as KINDS
from router.providers.demo.models import model_names
from router.settings.presets import shipped_presets
from scripts.docs import checks, facts, pages

HERE = checks.ROOT / "docs" / "made-up.md"


def test_generated_parts_are_fresh() -> None:
    assert [str(path) for path in pages.stale()] == [], "run make docs"


def test_pages_mention_only_what_exists_and_everything_that_must_be() -> None:
    assert checks.mistakes() == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[x](nowhere.md)", "leads nowhere"),
        ("[x](quickstart.md#no-such-heading)", "names a heading that is not there"),
        ("`server.prot`", "no setting server.prot"),
        ("`SWITCHYARD__SERVER__PROT`", "names no setting"),
        ("`switchyard_request_total`", "no metric switchyard_request_total"),
        ("`POST /v1/chat/completion`", "no endpoint /v1/chat/completion"),
        ("`switchyard explode`", "no verb: switchyard explode"),
        ("`switchyard keys forget`", "no verb: switchyard keys forget"),
        ("```sh\nmake everything\n```", "no target: make everything"),
        ("`router/wire/nothing.py`", "no file router/wire/nothing.py"),
        ("`x-switchyard-colour`", "no header x-switchyard-colour"),
        ("```yaml\nserver: {prot: 1}\n```", "a block of settings has mistakes"),
        ("| GET | `/healthz` | x |\n| GET | `/healthz` | y |", "the row GET | `/healthz` 2 times"),
        (f"{'words ' * 20}\nother words\n{'words ' * 20}", "a line stands there 2 times"),
    ],
)
def test_a_mention_of_what_is_not_there_is_found(text: str, expected: str) -> None:
    found = checks.page_mistakes(HERE, text)
    assert len(found) == 1
    assert expected in found[0]


@pytest.mark.parametrize(
    "text",
    [
        "[x](quickstart.md#5-stop)",
        "`server.limits.streams`",
        "`providers.demo.enabled: false`",
        "`SWITCHYARD__AUTH__KEYS__0__KEY`",
        "`/v1/providers/{provider}/…` `/v1beta/models/demo/echo:generateContent` `/v1/messages/count_tokens`",
        "`switchyard keys create laptop` `switchyard serve --config x`",
        "`make up HOST=0.0.0.0`",
        "`config/models/*.yaml`",
        "`x-switchyard-notes`",
    ],
)
def test_a_mention_of_what_is_there_passes(text: str) -> None:
    assert checks.page_mistakes(HERE, text) == []


def test_every_kind_of_fault_has_a_cause_and_a_fix() -> None:
    assert set(facts.CAUSES) == set(KINDS)


def test_every_preset_and_demo_model_is_in_the_tables() -> None:
    text = (pages.DOCS / "providers.md").read_text(encoding="utf-8")
    assert [name for name in shipped_presets() if f"| `{name}` |" not in text] == []
    assert [name for name in model_names() if f"| `demo/{name}` |" not in text] == []


def test_the_readme_leads_to_every_page() -> None:
    text = (checks.ROOT / "README.md").read_text(encoding="utf-8")
    linked = {(checks.ROOT / target).resolve() for target in re.findall(r"\]\(([^)#]+)\)", text)}
    assert [path.name for path in sorted((checks.ROOT / "docs").rglob("*.md")) if path not in linked] == []


def test_a_region_that_nobody_fills_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("<!-- generated: nothing -->\n<!-- /generated -->\n")
    with pytest.raises(KeyError):
        pages.stale(tmp_path)


def test_a_page_that_was_changed_by_hand_is_stale(tmp_path: Path) -> None:
    for path, text in pages.fresh():
        (tmp_path / path.relative_to(pages.DOCS)).write_text(text, encoding="utf-8")
    assert pages.stale(tmp_path) == []
    page = tmp_path / "metrics.md"
    page.write_text(page.read_text().replace("switchyard_requests_total` | counter", "switchyard_requests` | counter"))
    assert pages.stale(tmp_path) == [page]
