"""What each client reads: files, keys of its settings, variables. Facts of docs/clients, one function per client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from router.cli.setup.splices import CannotEdit
from router.cli.setup.target import Target
from router.cli.setup.wishes import FileWish, Recipe, Wish

NAME = "switchyard"
KEY_VARIABLE = "SWITCHYARD_KEY"


def _needs_model(target: Target, client: str) -> str:
    if target.model is None:
        raise CannotEdit(f"{client} must be told a model: add --model NAME (`switchyard models` lists them)")
    return target.model


def claude(target: Target) -> Recipe:
    """Claude Code: the `env` of its settings."""
    path = target.folder("CLAUDE_CONFIG_DIR", ".claude") / "settings.json"
    wishes = [
        Wish(("env", "ANTHROPIC_BASE_URL"), target.address),
        Wish(("env", "ANTHROPIC_AUTH_TOKEN"), target.key.reveal(), secret=True),
    ]
    if target.model is not None:
        wishes.append(Wish(("env", "ANTHROPIC_MODEL"), target.model))
    told = "claude: a sign-in of its own rests while ANTHROPIC_AUTH_TOKEN is set, and serves again after --undo"
    overriding = ("ANTHROPIC_API_KEY",)
    return Recipe(
        files=(FileWish(path=path, format="json", wishes=tuple(wishes)),), told=(told,), overriding=overriding
    )


def codex(target: Target) -> Recipe:
    """Codex: a provider of its own, and its key in a variable."""
    provider = ("model_providers", NAME)
    wishes = [] if target.model is None else [Wish(("model",), target.model)]
    wishes += [
        Wish(("model_provider",), NAME),
        Wish((*provider, "name"), "Switchyard"),
        Wish((*provider, "base_url"), target.v1),
        Wish((*provider, "env_key"), KEY_VARIABLE),
        Wish((*provider, "wire_api"), "responses"),
    ]
    path = target.folder("CODEX_HOME", ".codex") / "config.toml"
    told = f"codex: it reads the key from {KEY_VARIABLE}, which its shell must have (below)"
    files = (FileWish(path=path, format="toml", wishes=tuple(wishes)),)
    return Recipe(files=files, variables=((KEY_VARIABLE, target.key_in_shell),), told=(told,))


def gemini(target: Target) -> Recipe:
    """Gemini CLI: the kind of sign-in in its settings, address and key in its `.env`."""
    folder = target.folder("GEMINI_CLI_HOME") / ".gemini"
    wishes = [Wish(("security", "auth", "selectedType"), "gemini-api-key")]
    if target.model is not None:
        wishes.append(Wish(("model", "name"), target.model))
    variables = (
        Wish(("GOOGLE_GEMINI_BASE_URL",), target.address),
        Wish(("GEMINI_API_KEY",), target.key.reveal(), secret=True),
    )
    told = (
        "gemini: an .env file of a project is read in place of ~/.gemini/.env; such a project needs the two lines too"
    )
    return Recipe(
        files=(
            FileWish(path=folder / "settings.json", format="json", wishes=tuple(wishes)),
            FileWish(path=folder / ".env", format="env", wishes=variables),
        ),
        told=(told,),
        overriding=("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"),
    )


def qwen(target: Target) -> Recipe:
    """Qwen Code: as Gemini CLI, in the OpenAI dialect."""
    model = _needs_model(target, "qwen")
    folder = target.home / ".qwen"
    settings = (Wish(("security", "auth", "selectedType"), "openai"), Wish(("model", "name"), model))
    variables = (
        Wish(("OPENAI_BASE_URL",), target.v1),
        Wish(("OPENAI_API_KEY",), target.key.reveal(), secret=True),
        Wish(("OPENAI_MODEL",), model),
    )
    return Recipe(
        files=(
            FileWish(path=folder / "settings.json", format="json", wishes=settings),
            FileWish(path=folder / ".env", format="env", wishes=variables),
        ),
        overriding=("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"),
    )


def opencode(target: Target) -> Recipe:
    """opencode: a provider of its own, which reads the key from its file."""
    model = _needs_model(target, "opencode")
    folder = target.folder("XDG_CONFIG_HOME", ".config") / "opencode"
    path = folder / "opencode.jsonc"
    path = path if path.exists() else folder / "opencode.json"
    provider = ("provider", NAME)
    wishes = (
        Wish((*provider, "npm"), "@ai-sdk/openai-compatible"),
        Wish((*provider, "name"), "Switchyard"),
        Wish((*provider, "options", "baseURL"), target.v1),
        Wish((*provider, "options", "apiKey"), f"{{file:{target.key_file}}}"),
        Wish((*provider, "models", model, "name"), model),
        Wish(("model",), f"{NAME}/{model}"),
    )
    start = '{\n  "$schema": "https://opencode.ai/config.json"\n}\n'
    return Recipe(
        files=(FileWish(path=path, format="json", wishes=wishes, start=start),), overriding=("OPENCODE_CONFIG",)
    )


def aider(target: Target) -> Recipe:
    """aider: its settings in the home folder."""
    model = _needs_model(target, "aider")
    wishes = (
        Wish(("model",), f"openai/{model}"),
        Wish(("openai-api-base",), target.v1),
        Wish(("openai-api-key",), target.key.reveal(), secret=True),
    )
    told = "aider: a .aider.conf.yml of a repository or of the current folder wins over the one in the home folder"
    path = target.home / ".aider.conf.yml"
    files = (FileWish(path=path, format="yaml", wishes=wishes),)
    return Recipe(
        files=files, told=(told,), overriding=("AIDER_OPENAI_API_KEY", "AIDER_OPENAI_API_BASE", "AIDER_MODEL")
    )


def continue_(target: Target) -> Recipe:
    """Continue: one model of its list."""
    model = _needs_model(target, "continue")
    folder = target.folder("CONTINUE_GLOBAL_DIR", ".continue")
    path = folder / "config.yaml"
    if not path.exists() and (folder / "config.json").exists():
        raise CannotEdit(
            f"Continue reads {folder / 'config.json'} here, and a config.yaml would take its place. Turn it into "
            "config.yaml first (Continue's settings offer that), then run this again"
        )
    name = f"Switchyard {model}"
    item = {
        "name": name,
        "provider": "openai",
        "model": model,
        "apiBase": target.v1,
        "apiKey": target.key.reveal(),
        "roles": ["chat", "edit", "apply"],
    }
    wish = Wish(("models", f"[name={name}]"), item, secret=True)
    start = "name: Switchyard\nversion: 1.0.0\nschema: v1\n"
    told = f"continue: choose {name!r} in its list of models"
    return Recipe(files=(FileWish(path=path, format="yaml", wishes=(wish,), start=start),), told=(told,))


def cline(target: Target) -> Recipe:
    """Cline: the file of its command line; the extension keeps its settings where no other program can write."""
    model = _needs_model(target, "cline")
    folder = target.home / ".cline"
    told = (
        "cline: in VS Code open Cline's settings, choose the API Provider `OpenAI Compatible` and enter"
        f"\n  Base URL  {target.v1}\n  API Key   the key in {target.key_file}\n  Model ID  {model}"
    )
    if not folder.is_dir():
        return Recipe(
            told=(f"cline: its command line has not run here ({folder} is missing), so no file is changed", told)
        )
    provider = ("providers", "openai-compatible")
    settings = (*provider, "settings")
    wishes = (
        Wish((*settings, "provider"), "openai-compatible"),
        Wish((*settings, "apiKey"), target.key.reveal(), secret=True),
        Wish((*settings, "model"), model),
        Wish((*settings, "baseUrl"), target.v1),
        Wish((*provider, "updatedAt"), "1970-01-01T00:00:00.000Z", loose=True),  # a file without it is thrown away
        Wish((*provider, "tokenSource"), "manual", loose=True),
        Wish(("lastUsedProvider",), "openai-compatible"),
    )
    path = folder / "data" / "settings" / "providers.json"
    start = '{\n  "version": 1,\n  "modes": {}\n}\n'
    return Recipe(files=(FileWish(path=path, format="json", wishes=wishes, start=start),), told=(told,))


def llm(target: Target) -> Recipe:
    """llm: an entry of its OpenAI-style models, and a key by name."""
    model = _needs_model(target, "llm")
    usual = ("Library", "Application Support") if target.platform == "darwin" else (".config",)
    folder = target.folder("LLM_USER_PATH", *usual, "io.datasette.llm")
    called = f"sy-{model}"
    item = {
        "model_id": called,
        "model_name": model,
        "api_base": target.v1,
        "api_key_name": NAME,
        "can_stream": True,
        "supports_tools": True,
        "supports_schema": True,
        "vision": True,
    }
    models = (Wish((f"[model_id={called}]",), item),)
    keys = (Wish((NAME,), target.key.reveal(), secret=True),)
    return Recipe(
        files=(
            FileWish(path=folder / "extra-openai-models.yaml", format="yaml", wishes=models),
            FileWish(path=folder / "keys.json", format="json", wishes=keys),
        ),
        told=(f"llm: ask with `llm -m {called} '...'`",),
    )


def shell(target: Target) -> Recipe:
    """Programs made with the official SDKs: variables alone."""
    variables = [
        ("OPENAI_BASE_URL", target.v1),
        ("OPENAI_API_KEY", target.key_in_shell),
        ("ANTHROPIC_BASE_URL", target.address),
        ("ANTHROPIC_AUTH_TOKEN", target.key_in_shell),
        ("GOOGLE_GEMINI_BASE_URL", target.address),
        ("GEMINI_API_KEY", target.key_in_shell),
    ]
    if target.model is not None:
        variables += [("OPENAI_MODEL", target.model), ("ANTHROPIC_MODEL", target.model)]
    return Recipe(variables=tuple(variables))


CLIENTS: Mapping[str, Callable[[Target], Recipe]] = MappingProxyType(
    {
        "claude": claude,
        "codex": codex,
        "gemini": gemini,
        "opencode": opencode,
        "qwen": qwen,
        "aider": aider,
        "continue": continue_,
        "cline": cline,
        "llm": llm,
        "shell": shell,
    }
)
OTHER_NAMES: Mapping[str, str] = MappingProxyType(
    {"claude-code": "claude", "codex-cli": "codex", "gemini-cli": "gemini", "qwen-code": "qwen", "sdk": "shell"}
)


def block(variables: tuple[tuple[str, str], ...], file: Path | None) -> str:
    """The lines that set variables, in the language of the shell whose start file it is."""
    fish = file is not None and file.suffix == ".fish"
    return "".join(f"set -gx {name} {value}\n" if fish else f"export {name}={value}\n" for name, value in variables)
