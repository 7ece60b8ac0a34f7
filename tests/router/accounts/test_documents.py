from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router.accounts.credential import Credential
from router.accounts.documents import Crypt, read_document, write_document
from router.accounts.foreign_documents import sign_in_of
from router.accounts.labels import label_problem
from router.accounts.unusable import Unusable
from router.secret import Secret
from router.settings.policy_blocks import Thinking
from router.settings.provider_names import SIGN_INS
from router.vault.cipher import Vault
from tests.router.accounts.samples import SAMPLES, STORAGE_STATE, VERTEX, text

VAULT = Vault(b"k" * 32)
FIELDS = (
    *("switchyard", "provider", "type", "label", "email", "sealed", "access", "refresh", "secrets", "other", "facts"),
    *(
        "expires_at",
        "expired",
        "disabled",
        "priority",
        "weight",
        "proxy",
        "models",
        "excluded",
        "aliases",
        "thinking",
        "created_at",
    ),
    *("access_token", "refresh_token", "token", "tokens", "id_token", "claudeAiOauth", "metadata", "clerk_jwt_cookie"),
    *("api_key", "last_refresh", "expires_in", "timestamp", "account_id", "note", "x", ""),
)
WORDS = st.sampled_from(
    [
        "",
        "claude",
        "codex",
        "claude-oauth",
        "ctonew",
        "copilot",
        "iflow",
        "ann@example.com",
        "2027-01-15T08:00:00Z",
        "tok",
    ]
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
JSON = st.recursive(
    st.one_of(SCALARS, WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text()), inner, max_size=5)
    ),
    max_leaves=25,
)
DOCUMENTS = st.dictionaries(
    st.one_of(st.sampled_from(FIELDS), st.text(max_size=5)), st.one_of(WORDS, JSON), max_size=10
)
SECRETS = st.text(max_size=20).map(Secret)
NAMES = st.text(min_size=1, max_size=8)
TIMES = st.one_of(st.none(), st.integers(1, 4_000_000_000).map(float))
CREDENTIALS = st.builds(
    Credential,
    provider=st.sampled_from(sorted(SIGN_INS)),
    label=st.text(min_size=1, max_size=30).filter(lambda label: label_problem(label) is None),
    access=SECRETS,
    refresh=SECRETS,
    expires_at=TIMES,
    issued_at=TIMES,
    created_at=TIMES,
    email=st.one_of(st.none(), st.text(max_size=20)),
    facts=st.dictionaries(NAMES, st.text(max_size=10), max_size=3),
    secrets=st.dictionaries(NAMES, SECRETS, max_size=3),
    disabled=st.booleans(),
    priority=st.integers(-1000, 1000),
    weight=st.integers(1, 1000),
    proxy=st.one_of(st.none(), st.text(max_size=20)),
    models=st.lists(NAMES, max_size=3).map(tuple),
    excluded=st.lists(NAMES, max_size=3).map(tuple),
    aliases=st.dictionaries(NAMES, NAMES, max_size=3),
    thinking=st.sampled_from([None, Thinking(), Thinking(mode="off"), Thinking(mode="fixed", default="low")]),
    unknown=st.dictionaries(st.one_of(st.sampled_from(FIELDS), NAMES), JSON, max_size=4),
)


def read(name: str, document: Any, open_sealed: Crypt | None = None) -> Credential:
    return read_document(name, json.dumps(document), open_sealed)


def refusal(name: str, content: Any, open_sealed: Crypt | None = None) -> Unusable:
    with pytest.raises(Unusable) as caught:
        read_document(name, content if isinstance(content, bytes) else json.dumps(content), open_sealed)
    return caught.value


@given(CREDENTIALS, st.booleans())
@settings(max_examples=settings.default.max_examples * 2, deadline=None)
def test_what_is_written_is_read_again_with_every_unknown_field(credential: Credential, sealed: bool) -> None:
    written = write_document(credential, VAULT.seal if sealed else None)
    again = read_document("x.json", written, VAULT.open)
    assert {name: getattr(again, name) for name in again.__struct_fields__} == {
        name: getattr(credential, name) for name in credential.__struct_fields__
    }
    assert write_document(again, None) == write_document(credential, None)


@given(DOCUMENTS)
@settings(max_examples=settings.default.max_examples * 2, deadline=None)
def test_a_foreign_document_keeps_what_was_not_understood_through_ours(document: dict[str, Any]) -> None:
    document = {**document, "type": "claude", "access_token": "tok", "refresh_token": "ref"}
    document.pop("switchyard", None)
    found = read("claude-a.json", document)
    ours = read_document("y.json", write_document(replace(found, owner="ours"), VAULT.seal), VAULT.open)
    assert ours.unknown == found.unknown
    untouched = {name for name in document if name in ("note", "x", "", "priority", "models", "sealed", "other")}
    assert {name: found.unknown[name] for name in untouched} == {name: document[name] for name in untouched}


@given(st.one_of(JSON, DOCUMENTS), st.sampled_from(["x.json", "claude-a.json", "claude-oauth-a.json", "auth.json"]))
@settings(max_examples=settings.default.max_examples * 3, deadline=None)
def test_any_json_gives_an_account_or_a_reason(value: Any, name: str) -> None:
    try:
        credential = read(name, value, VAULT.open)
    except Unusable as error:
        assert error.reason
    else:
        assert credential.provider in SIGN_INS and label_problem(credential.label) is None


@given(DOCUMENTS)
@settings(max_examples=settings.default.max_examples * 2, deadline=None)
def test_any_json_with_our_marker_gives_an_account_or_a_reason(document: dict[str, Any]) -> None:
    document = {**document, "switchyard": 1, "provider": "claude-oauth", "label": "a"}
    try:
        assert read("x.json", document, VAULT.open).owner == "ours"
    except Unusable as error:
        assert error.ours and error.reason


@given(st.binary(max_size=60))
def test_any_bytes_give_a_reason(data: bytes) -> None:
    with pytest.raises(Unusable):
        read_document("claude-oauth-a.json", data, VAULT.open)


@pytest.mark.parametrize("which", sorted(SAMPLES))
def test_the_files_of_other_programs_are_read_with_their_tokens(which: str) -> None:
    name, document = SAMPLES[which]
    credential = read_document(name, text(which), None)
    assert credential.owner == "found" and not credential.renewable
    flat = json.dumps(document)
    for secret in (credential.access, credential.refresh):
        assert not secret or secret.reveal() in flat
    assert credential.access or credential.refresh


PROVIDER_AND_LABEL = {
    "claude": ("claude-oauth", "ann@example.com"),
    "codex": ("chatgpt-oauth", "ann@example.com"),
    "antigravity": ("antigravity", "ann@example.com"),
    "kimi": ("kimi-oauth", "1730000000000"),
    "xai": ("xai-oauth", "ann@example.com"),
    "gemini": ("gemini-cli", "ann@example.com"),
    "qwen": ("qwen-oauth", "ann"),
    "iflow": ("iflow", "ann@example.com"),
    "llmux-claude": ("claude-oauth", "default"),
    "llmux-claude-long": ("claude-oauth", "default"),
    "llmux-chatgpt": ("chatgpt-oauth", "ann@example.com"),
    "claude-code": ("claude-oauth", "default"),
    "sketch-claude": ("claude-oauth", "ann@example.com"),
    "sketch-ctonew": ("ctonew", "default"),
    "sketch-metadata": ("claude-oauth", "ann@example.com"),
}


@pytest.mark.parametrize("which", sorted(SAMPLES))
def test_each_file_says_whose_account_it_is(which: str) -> None:
    credential = read_document(SAMPLES[which][0], text(which), None)
    assert (credential.provider, credential.label) == PROVIDER_AND_LABEL[which]


def test_facts_times_and_secrets_are_found_where_each_program_puts_them() -> None:
    claude = read_document("claude-a.json", text("claude"), None)
    assert claude.facts["account_uuid"] == "0b5ae4de-0001" and claude.facts["organization_uuid"] == "77aa21c0-0001"
    assert claude.expires_at == 1_788_256_800.0 and claude.issued_at == 1_788_228_000.123456
    chatgpt = read_document("tokens.json", text("llmux-chatgpt"), None)
    assert chatgpt.facts == {"account_id": "acc-0001", "plan": "plus", "user_id": "user-0001"}
    assert chatgpt.email == "ann@example.com" and chatgpt.expires_at == 1_800_003_600.0
    assert chatgpt.secrets["id_token"] and chatgpt.unknown == {"OPENAI_API_KEY": None}
    gemini = read_document("gemini-a.json", text("gemini"), None)
    assert gemini.facts["project_id"] == "useful-fold-1" and gemini.expires_at == 1_788_231_600.5
    assert gemini.unknown["token"]["client_secret"] == "canary-client-secret"
    assert "refresh_token" not in gemini.unknown["token"] and gemini.unknown["auto"] is True
    iflow = read_document("iflow-a.json", text("iflow"), None)
    assert iflow.access.reveal() == "sk-canary-iflow-key" and iflow.refresh.reveal() == "canary-iflow-refresh"
    assert iflow.secrets["access_token"].reveal() == "canary-iflow-access"
    code = read_document(".credentials.json", text("claude-code"), None)
    assert code.facts["plan"] == "max" and code.expires_at == 1_800_000_000.0
    assert "canary-of-another-service" not in str(dict(code.unknown))
    assert read_document("qwen-a.json", text("qwen"), None).facts["resource_url"] == "portal.qwen.ai"
    assert read_document("a.json", text("sketch-metadata"), None).facts["organization_uuid"] == "org-123"
    cookie = read("ctonew-x.json", {"clerk_jwt_cookie": "__client=a.b.c; Path=/"})
    header = read("ctonew-x.json", {"clerk_jwt_cookie": "__session=x.y.z; __client=a.b.c"})
    assert header.refresh == Secret("a.b.c")
    assert cookie.refresh.reveal() == "a.b.c" and not cookie.access
    vendors = read("ctonew-x.json", {"access_token": "a", "refresh_token": "b"})
    assert vendors.refresh.reveal() == "b" and vendors.facts["way"] == "oauth"
    both = read("ctonew-x.json", {"clerk_jwt_cookie": "a.b.c", "refresh_token": "b"})
    assert both.refresh.reveal() == "a.b.c" and both.secrets["oauth_refresh_token"].reveal() == "b"
    copilot = read("copilot-x.json", {"type": "copilot", "access_token": "ghu_canary"})
    assert copilot.refresh.reveal() == "ghu_canary" and not copilot.access
    counted = read(
        "antigravity-x.json", {"type": "antigravity", "access_token": "a", "timestamp": 1.8e12, "expires_in": 60}
    )
    assert counted.expires_at == 1_800_000_060.0


@pytest.mark.parametrize(
    "document",
    [{}, {"type": "other", "access_token": "x"}, {"a": 1}, [], 5, VERTEX, STORAGE_STATE, {"provider": "aistudio"}],
)
def test_what_is_no_account_is_told_from_a_damaged_one(document: Any) -> None:
    assert refusal("thing.json", document).kind == "nothing"


def test_an_account_file_without_tokens_says_what_is_missing() -> None:
    error = refusal("claude-a.json", {"type": "claude", "email": "ann@example.com"})
    assert (error.kind, error.ours) == (
        "corrupt",
        False,
    ) and "neither an access token nor a refresh token" in error.reason
    key = refusal("auth.json", {"OPENAI_API_KEY": "sk-canary", "tokens": {}, "last_refresh": None})
    assert "providers.openai.api_keys" in key.reason and "canary" not in key.reason


@pytest.mark.parametrize("token", ["canary\r\nx-evil: 1", "canary\x00", "canaryé"])
def test_a_token_that_no_header_can_hold_is_refused_when_it_is_read(token: str) -> None:
    for field in ("access_token", "refresh_token"):
        refused = refusal("claude-a.json", {"type": "claude", field: token})
        assert refused.kind == "corrupt" and "has a token that has a" in refused.reason
        assert "canary" not in refused.reason


def test_text_that_is_no_json_is_corrupt_only_under_a_name_that_means_an_account() -> None:
    assert refusal("notes.json", b"{").kind == "nothing"
    foreign = refusal("claude-ann@example.com.json", b'{"access_token": "canary')
    assert (foreign.kind, foreign.ours, foreign.named) == ("corrupt", False, False)
    assert refusal("claude-oauth-a.json", b"").named
    assert refusal("thing.json", b'{"switchyard": 1, "provider": ').ours


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({"switchyard": 2}, "newer", "newer version"),
        ({"switchyard": "1"}, "corrupt", "must be 1"),
        ({"provider": "future-oauth"}, "newer", "does not know"),
        ({"provider": None}, "corrupt", "names no provider"),
        ({"label": "../../etc"}, "corrupt", "slashes"),
        ({"priority": "first"}, "corrupt", "$.priority"),
        ({"weight": 0}, "corrupt", "$.weight"),
        ({"expires_at": "soon"}, "corrupt", "$.expires_at"),
        ({"facts": {"a": 1}}, "corrupt", "$.facts"),
        ({"access": 5}, "corrupt", "$.access"),
        ({"sealed": "%%%"}, "corrupt", "damaged"),
        ({"sealed": 7}, "corrupt", "damaged"),
    ],
)
def test_a_wrong_file_of_ours_says_what_is_wrong(changes: dict[str, Any], kind: str, reason: str) -> None:
    error = refusal("x.json", {"switchyard": 1, "provider": "claude-oauth", "label": "a"} | changes, VAULT.open)
    assert (error.kind, error.ours) == (kind, True) and reason in error.reason


def test_a_sealed_part_opens_with_its_key_for_its_account_alone() -> None:
    ours = Credential(provider="claude-oauth", label="a", access=Secret("canary"))
    written = write_document(ours, VAULT.seal)
    assert b"canary" not in written
    for open_sealed in (None, Vault(b"o" * 32).open):
        error = refusal("x.json", written, open_sealed)
        assert (error.kind, error.account, error.ours) == ("locked", "claude-oauth/a", True)
    stolen = json.loads(written) | {"label": "b"}
    assert refusal("x.json", stolen, VAULT.open).kind == "locked"


def test_the_public_part_may_be_edited_and_never_replaces_a_secret() -> None:
    ours = Credential(provider="claude-oauth", label="a", access=Secret("right"), proxy="http://u:canary@p", weight=2)
    document = json.loads(write_document(ours, VAULT.seal))
    assert "canary" not in json.dumps(document)
    edited = read("x.json", document | {"weight": 9, "disabled": True, "access": "wrong", "note": "mine"}, VAULT.open)
    assert (edited.weight, edited.disabled, edited.proxy) == (9, True, "http://u:canary@p")
    assert edited.access.reveal() == "right" and edited.unknown == {"note": "mine"}


def test_our_files_are_not_taken_for_another_programs() -> None:
    ours = json.loads(write_document(Credential(provider="claude-oauth", label="a", access=Secret("x")), None))
    assert "type" not in ours and next(iter(ours)) == "switchyard"
    assert sign_in_of("x.json", {"type": 5, "provider": None}) is None


@pytest.mark.parametrize("which", sorted(SAMPLES))
def test_no_secret_shows_in_what_is_printed(which: str) -> None:
    credential = read_document(SAMPLES[which][0], text(which), None)
    assert "canary" not in f"{credential!r} {credential} {credential.__rich_repr__()}"


def test_no_secret_shows_in_an_error() -> None:
    for content in (
        {
            "switchyard": 1,
            "provider": "claude-oauth",
            "label": "a",
            "access": ["canary"],
            "secrets": {"x": {"y": "canary"}},
        },
        {"switchyard": 1, "provider": "canary", "label": "a"},
        {"switchyard": 1, "provider": "claude-oauth", "label": "can ary canary"},
        {"type": "claude", "access_token": ["canary"]},
        b'{"type": "claude", "access_token": "canary',
    ):
        error = refusal("claude-a.json", content, VAULT.open)
        assert "canary" not in "".join(traceback.format_exception(error))
