"""Both loaders of PyYAML read what we ship alike, so that no machine has other models or prices."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from router import plain_yaml
from router.models.data import read_folder, shipped_folder

CONFIG = Path(__file__).resolve().parents[2] / "config"
SHIPPED = [*CONFIG.glob("*.yaml"), *CONFIG.glob("models/*.yaml"), *CONFIG.glob("sign-ins/*.yaml")]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_both_loaders_read_what_we_ship_alike(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert plain_yaml.load(text) == yaml.load(text, Loader=yaml.SafeLoader)


@pytest.mark.parametrize("text", ["!!python/object/apply:os.getpid []", "a: [", "a: b: c"])
def test_what_is_no_plain_document_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        plain_yaml.load(text)


def test_a_second_reading_gives_the_same() -> None:
    assert read_folder(shipped_folder()) == read_folder(shipped_folder())
