from __future__ import annotations

from collections.abc import Iterator

from annotated_types import Ge, Le
from pydantic import BaseModel

from router.settings.describe import TARGET, describe
from router.settings.load import load
from router.settings.presets import SHIPPED, shipped_presets
from router.settings.schema import Settings
from router.settings.validation import inner

EXAMPLE = SHIPPED.with_name("config.example.yaml")


def blocks(block: type[BaseModel] = Settings) -> Iterator[type[BaseModel]]:
    yield block
    for field in block.model_fields.values():
        kind = inner(field.annotation)
        for part in (kind, *getattr(kind, "__args__", ())):
            below = inner(part)
            if isinstance(below, type) and issubclass(below, BaseModel):
                yield from blocks(below)


def test_the_reference_page_is_fresh() -> None:
    assert TARGET.read_text(encoding="utf-8") == describe(), "run make docs"


def test_every_setting_says_what_it_means_and_when_it_applies() -> None:
    seen = 0
    for block in blocks():
        for name, field in block.model_fields.items():
            extra = field.json_schema_extra
            assert field.description and field.description.endswith("."), f"{block.__name__}.{name}"
            assert isinstance(extra, dict) and extra["effect"] in ("reload", "restart"), f"{block.__name__}.{name}"
            seen += 1
    assert seen > 80


def test_no_bound_of_a_setting_is_hidden_by_that_of_its_type() -> None:
    """pydantic keeps to the last of two, which is that of the type."""
    for block in blocks():
        for name, field in block.model_fields.items():
            bounds = [type(each) for each in field.metadata if isinstance(each, Le | Ge)]
            assert len(bounds) == len(set(bounds)), f"{block.__name__}.{name}"


def test_the_reference_names_every_setting_and_preset() -> None:
    page = describe()
    for block in blocks():
        for name in block.model_fields:
            assert f".{name}`" in page or f".{name}." in page or f".{name}[]" in page or f"## {name}" in page, name
    for name, preset in shipped_presets().items():
        assert f"`{name}`" in page and preset.base_url in page


def test_the_example_loads_without_warnings_and_has_the_users_routes() -> None:
    result = load(EXAMPLE.read_text(encoding="utf-8"), {}, lambda path: "")
    assert result.warnings == ()
    routes = {
        route.pattern: [name for rank in route.providers for name in rank] for route in result.settings.models.routing
    }
    assert routes["^gpt-5"][:2] == ["llmux-chatgpt", "ctonew"]
    assert routes["^claude-sonnet"][:2] == ["llmux-claude", "claude-oauth"]
    assert routes["gemini-.*-aistudio$"] == ["aistudio"]
    assert {"claude-sonnet", "claude-sonnet-reasoning", "gpt-5-1"} <= set(result.settings.models.aliases)


def test_the_comments_of_the_example_are_valid_settings_too() -> None:
    """Every commented block, taken out of its comment, still loads."""
    lines = []
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        bare = line.lstrip()
        indent = line[: len(line) - len(bare)]
        uncommented = bare.removeprefix("# ")
        is_setting = bare.startswith("# ") and (
            uncommented.lstrip().startswith(
                ("- ", "models:", "base_url:", "api_keys:", "service_account_file:", "location:")
            )
            or (uncommented.split(":")[0].strip() in {*NAMES} and ":" in uncommented)
            or uncommented.lstrip().startswith(("key_file:", "format:"))
        )
        lines.append(indent + uncommented if is_setting else line)
    environ = dict.fromkeys(
        ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GROQ_API_KEY", "OFFICE_KEY"), "k"
    )
    result = load("\n".join(lines), environ | {"CLAUDE_PROXY_KEY": "k"}, lambda path: f"sk-sy-0123456789abcdef{path}")
    providers = result.settings.providers
    assert providers.vertex is not None and len(providers.openai.api_keys) == 2
    assert [entry.name for entry in providers.openai_compatible] == ["office"]
    assert [entry.name for entry in providers.anthropic_compatible] == ["claude-proxy"]
    assert set(providers.presets) == {"groq", "ollama"}
    assert result.settings.observe.format == "json"


NAMES = (
    *("keys", "openai", "anthropic", "gemini", "vertex", "groq", "ollama", "openai-compatible", "anthropic-compatible"),
    *("observe", "fast"),
)
