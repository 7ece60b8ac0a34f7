"""What the router says of its sessions, and to whom the management key goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.secret import Secret
from services.healthwatch.hub import management_key, serving, sessions


class Noted:
    """A client that notes where it was sent to, and finds nobody there."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, url: str, **_: Any) -> Any:
        self.asked.append(url)
        raise OSError


@pytest.mark.parametrize(
    ("address", "goes"),
    [
        ("http://127.0.0.1:1", True),
        ("https://[::1]:1", True),
        ("http://localhost:1", True),
        ("http://192.0.2.1:1", False),
        ("http://127.0.0.1.example.com:1", False),
        ("http://127.0.0.1@example.com:1", False),
        ("nonsense", False),
    ],
)
async def test_the_key_goes_to_this_machine_alone(address: str, goes: bool) -> None:
    client: Any = Noted()
    assert await sessions(client, address, Secret("x")) is None
    assert client.asked == ([f"{address}/v0/management/relay"] if goes else [])


@pytest.mark.parametrize("text", ["", "[]", "{", '{"scheme": "http", "addresses": []}', '{"scheme": "http"}'])
def test_a_router_that_did_not_say_where_it_is(tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    assert serving(tmp_path) is None
    (tmp_path / "run" / "router.json").write_text(text)
    assert serving(tmp_path) is None


def test_a_key_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert management_key(tmp_path / "key") is None
    (tmp_path / "key").write_text("\n")
    assert management_key(tmp_path / "key") is None
    (tmp_path / "key").write_text("k\n")
    assert management_key(tmp_path / "key") == Secret("k")
