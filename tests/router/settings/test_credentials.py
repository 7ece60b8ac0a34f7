"""Credentials as people paste them: blanks around them go, what no header can carry is refused on loading."""

from __future__ import annotations

import json

import pytest

from router.secret import Secret
from router.settings.load import load
from router.settings.mistakes import Mistake, SettingsError
from router.settings.sign_in_blocks import facts_of
from tests.router.settings.test_load import loaded, mistakes, only

WRONG = {"sk-x\r\ny": "line break", "sk-x\ty": "control character", "sk-\x7f": "control", "sk-é": "not ASCII"}


def of_file(text: str, content: str) -> Mistake:
    with pytest.raises(SettingsError) as raised:
        load(text, {}, lambda path: content, source="c.yaml")
    assert len(raised.value.mistakes) == 1
    return raised.value.mistakes[0]


@pytest.mark.parametrize("key", WRONG)
def test_a_key_that_no_header_can_carry_is_refused_with_its_place_wherever_it_comes_from(key: str) -> None:
    says, quoted = WRONG[key], json.dumps(key)
    written = only(f"providers:\n  openai:\n    api_keys: [{quoted}]\n")
    assert (written.path, written.line) == ("providers.openai.api_keys[0]", 3)
    block = only(f"providers:\n  groq:\n    api_keys:\n      - key: {quoted}\n")
    assert (block.path, block.line) == ("providers.groq.api_keys[0].key", 4)
    filled = only("providers:\n  openai:\n    api_keys: ['${K}']\n", {"K": key})
    assert (filled.path, filled.line) == ("providers.openai.api_keys[0]", 3)
    variable = only("providers:\n  openai:\n    api_keys: [{env: K}]\n", {"K": key})
    assert (variable.path, variable.line) == ("providers.openai.api_keys[0].env", 3)
    assert "'K'" in variable.problem
    overlaid = only("", {"SWITCHYARD__PROVIDERS__OPENAI__API_KEYS": json.dumps([key])})
    assert (overlaid.path, overlaid.source) == (
        "providers.openai.api_keys[0]",
        "SWITCHYARD__PROVIDERS__OPENAI__API_KEYS",
    )
    named = of_file("providers:\n  openai:\n    api_keys: [{key_file: /k}]\n", key)
    assert (named.path, named.line) == ("providers.openai.api_keys[0].key_file", 3)
    assert "'/k'" in named.problem
    client = only(f"auth:\n  keys:\n    - {quoted}\n  management: {{key: sk-good}}\n")
    assert (client.path, client.line) == ("auth.keys[0]", 3)
    management = only(f"auth:\n  management:\n    key: {quoted}\n")
    assert (management.path, management.line) == ("auth.management.key", 3)
    for mistake in (written, block, filled, variable, overlaid, named, client, management):
        assert says in mistake.problem
        assert mistake.remedy
        assert key not in str(mistake) and "sk-" not in str(mistake)


def test_every_wrong_key_is_told_with_its_line() -> None:
    found = mistakes(
        'providers:\n  openai:\n    api_keys:\n      - ""\n      - "a\\nb"\n      - ok\n      - {key: "  "}\n'
    )
    assert [(mistake.path, mistake.line) for mistake in found] == [
        ("providers.openai.api_keys[0]", 4),
        ("providers.openai.api_keys[1]", 5),
        ("providers.openai.api_keys[3].key", 7),
    ]


def test_blanks_around_a_key_are_taken_off_wherever_it_comes_from() -> None:
    text = """
providers:
  openai: {api_keys: ["  sk-a\\r\\n", "${K}", {env: K}, {key: " sk-d "}]}
auth: {keys: [" sk-client-0123456789 "], management: {key: "sk-e\\n"}}
"""
    settings = loaded(text, {"K": "\tsk-k\n"}).settings
    keys = [key.key.reveal() for key in settings.providers.openai.api_keys if key.key is not None]
    assert keys == ["sk-a", "sk-k", "sk-k", "sk-d"]
    assert settings.auth.keys[0].key is not None and settings.auth.keys[0].key.reveal() == "sk-client-0123456789"
    assert settings.auth.management.key is not None and settings.auth.management.key.reveal() == "sk-e"


def test_a_service_account_is_a_document_of_many_lines() -> None:
    content = '{\n"project_id": "p",\n"client_email": "é"\n}\n'
    vertex = load(
        "providers: {vertex: {service_account_file: /sa}}", {}, lambda path: content
    ).settings.providers.vertex
    assert vertex is not None and vertex.service_account_files[0].key is not None


def test_a_key_of_the_environment_that_no_header_can_carry_is_passed_over_with_a_warning() -> None:
    warnings = loaded("", {"OPENAI_API_KEY": "sk-canary\nx"}).warnings
    assert any("OPENAI_API_KEY has a line break" in warning for warning in warnings)
    assert not any("canary" in warning for warning in warnings)


@pytest.mark.parametrize("host", ["user:canary@h", "canary@h", ":canary@h:1"])
def test_a_password_in_an_address_is_refused_with_the_remedy_and_not_told(host: str) -> None:
    mistake = only(f"providers:\n  openai:\n    base_url: 'http://{host}/v1'\n")
    assert (mistake.path, mistake.line) == ("providers.openai.base_url[0]", 3)
    assert "api_keys" in mistake.problem and "headers" in mistake.problem
    assert "canary" not in str(mistake)
    environ = {"OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": f"http://{host}/v1"}
    (warning,) = loaded("", environ).warnings
    assert "OPENAI_BASE_URL is not used" in warning and "canary" not in warning


@pytest.mark.parametrize("url", ["http://h\r\nx: y", "http://h/v1\n\x00", "http://h/\x1bv1", "http://h/v\x7f1"])
def test_a_control_character_in_an_address_is_refused(url: str) -> None:
    assert "control character" in only(f"providers: {{openai: {{base_url: {json.dumps(url)}}}}}").problem


@pytest.mark.parametrize("url", ["http://h:99999/v1", "http://h:x", "http://[::1/v1", "http://:80", "http://h:0"])
def test_a_host_or_a_port_that_cannot_be_one_is_refused(url: str) -> None:
    assert "cannot be one" in only(f"providers: {{openai: {{base_url: {json.dumps(url)}}}}}").problem


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://h/v1\n", "http://h/v1"),
        (" https://[::1]:8080/v1/ ", "https://[::1]:8080/v1"),
        ("https://h/a@b", "https://h/a@b"),
    ],
)
def test_other_addresses_are_taken(url: str, kept: str) -> None:
    assert loaded(f"providers: {{openai: {{base_url: {json.dumps(url)}}}}}").settings.providers.openai.base_url == (
        kept,
    )


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "a\x7f", "a\nb"])
def test_a_control_character_in_the_value_of_a_header_is_refused(text: str) -> None:
    mistake = only(f"providers: {{openai: {{headers: {{x-a: {json.dumps(text)}}}}}}}")
    assert "control character" in mistake.problem


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('providers: {vertex: {location: "global\\n"}}', "providers.vertex.location"),
        ('providers: {openai: {proxy: "http://p:1\\n"}}', "providers.openai.proxy"),
        ('providers: {openai: {prefix: "a\\n"}}', "providers.openai.prefix"),
        ('providers: {openai: {headers: {"x-a\\n": b}}}', "providers.openai.headers"),
        (f'auth: {{keys: [{{name: a, digest: "{"0" * 64}\\n"}}]}}', "auth.keys[0].digest"),
    ],
)
def test_a_line_break_at_the_end_of_a_value_is_seen(text: str, path: str) -> None:
    assert only(text).path == path


def test_the_secret_of_an_oauth_client_is_given_or_stands_in_a_file() -> None:
    given = loaded("providers: {gemini_cli: {client_secret: ' s3 '}}").settings.providers.gemini_cli
    assert given is not None and given.client_secret == Secret("s3")
    filed = load("providers: {iflow: {client_secret_file: /s}}", {}, lambda path: f"from {path}\n").settings
    assert filed.providers.iflow is not None and filed.providers.iflow.client_secret == Secret("from /s")
    both = only("providers: {iflow: {client_secret: a, client_secret_file: /s}}")
    assert (both.path, both.remedy) == ("providers.iflow.client_secret_file", "Keep one of them.")
    assert "s3cr3t" not in repr(loaded("providers: {iflow: {client_secret: s3cr3t}}").settings)


def test_facts_of_a_sign_in_can_be_changed_and_a_wrong_one_is_named() -> None:
    settings = loaded("providers: {qwen_oauth: {sign_in: {client_id: mine, token: {url: 'http://127.0.0.1:1/t'}}}}")
    facts = facts_of(settings.settings.providers, "qwen-oauth")
    assert (facts.client_id, facts.token and facts.token.url) == ("mine", "http://127.0.0.1:1/t")
    assert facts.device is not None and facts.device.pkce
    wrong = only("providers: {qwen_oauth: {sign_in: {clientid: mine}}}")
    assert wrong.path == "providers.qwen_oauth.sign_in" and "clientid" in wrong.problem
    assert wrong.remedy is not None and "config/sign-ins/qwen-oauth.yaml" in wrong.remedy
    shown = only("providers: {iflow: {sign_in: {client_secret: s3}}}")
    assert shown.path == "providers.iflow.sign_in.client_secret" and "beside sign_in" in (shown.remedy or "")


def no_files(name: str) -> str:
    raise FileNotFoundError(name)


def test_the_password_of_a_platform_is_the_management_key_where_nothing_else_gives_one() -> None:
    word = "a password of a platform"
    given = load("", {"MANAGEMENT_PASSWORD": word}, no_files).settings.auth.management.key
    assert given is not None and given.reveal() == word
    ours = {"MANAGEMENT_PASSWORD": word, "SWITCHYARD__AUTH__MANAGEMENT__KEY": "another one of ours"}
    both = load("", ours, no_files).settings.auth.management.key
    assert both is not None and both.reveal() == "another one of ours"
    with pytest.raises(SettingsError, match=r"MANAGEMENT_PASSWORD.*shorter than 16"):
        load("", {"MANAGEMENT_PASSWORD": "short"}, no_files)
