"""What the service takes from the settings of the router that it stands beside."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.aistudio.beside import ROOT, forget_secrets, load
from services.link.settings import SettingsMistake


def router(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    return file


def test_accounts_key_and_address_follow_the_router(tmp_path: Path) -> None:
    text = f"server: {{port: 9000, state_dir: {tmp_path}/state}}\nauth: {{dir: {tmp_path}/accounts}}\n"
    found = load(router(tmp_path, text), None, {})
    assert found.settings.profiles == tmp_path / "accounts" / "auth_profiles"
    assert found.vault.folder == tmp_path / "accounts"
    assert found.settings.relay.key_file == f"{tmp_path}/state/keys/service.key"
    assert found.settings.relay.urls == ("ws://127.0.0.1:9000/v1/ws",)


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("{host: 0.0.0.0}", "ws://127.0.0.1:8317/v1/ws"),
        ('{host: "::"}', "ws://[::1]:8317/v1/ws"),
        ("{host: 10.0.0.5, port: 1}", "ws://10.0.0.5:1/v1/ws"),
        ("{tls: {cert: /c.pem, key: /k.pem}}", "wss://127.0.0.1:8317/v1/ws"),
    ],
)
def test_the_address_is_one_that_can_be_called(tmp_path: Path, server: str, url: str) -> None:
    found = load(router(tmp_path, f"server: {server}\n"), None, {}).settings.relay
    assert found.urls == (url,)
    assert found.ca == ("/c.pem" if url.startswith("wss") else None)


def test_what_is_given_wins_and_relative_paths_start_at_the_checkout(tmp_path: Path) -> None:
    text = "providers: {aistudio: {profiles: mine, relay: {urls: [ws://far/v1/ws], key_file: k}}}\n"
    environ = {"SWITCHYARD__SERVER__PORT": "9", "SWITCHYARD__PROVIDERS__AISTUDIO__HEALTH_PORT": "77"}
    found = load(router(tmp_path, text), None, environ).settings
    assert (found.profiles, found.relay.key_file) == (ROOT / "mine", str(ROOT / "k"))
    assert (found.relay.urls, found.health_port) == (("ws://far/v1/ws",), 77)


def test_a_wrong_master_key_and_a_missing_file_are_mistakes(tmp_path: Path) -> None:
    with pytest.raises(SettingsMistake, match="openssl rand"):
        load(router(tmp_path, ""), None, {"SWITCHYARD_MASTER_KEY": "canary"})
    with pytest.raises(SettingsMistake, match="is not there"):
        load(router(tmp_path, ""), tmp_path / "none.yaml", {})


def test_no_secret_is_left_for_browsers_to_inherit() -> None:
    environ = {"PATH": "/bin", "DISPLAY": ":1", "SWITCHYARD_MASTER_KEY": "x", "OPENAI_API_KEY": "x", "GH_TOKEN": "x"}
    forget_secrets(environ)
    assert environ == {"PATH": "/bin", "DISPLAY": ":1"}
