"""What the documents mention must exist: links, settings, metrics, endpoints, verbs, files, headers, packages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

import typer
import yaml

from router import places
from router.api.surfaces import GEMINI_METHODS, POSTS
from router.api.web_cookies import NAMES as WEBAI
from router.cli import main as verbs
from router.models.capabilities import CapabilityMistakes
from router.observe.metrics import AccountStates, DiskFree, Metrics, QuotaWindows
from router.routing.table import RoutingMistakes
from router.settings.describe import describe
from router.settings.load import load
from router.settings.mistakes import SettingsError
from router.snapshot import snapshot_of

ROOT = places.ROOT
_FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.M)
_SETTING = re.compile(r"^(?:server|auth|providers|models|routing|retry|policies|relay|observe)(?:\.[a-z_]+(?:\[\])?)+$")
_METRIC = re.compile(r"\bswitchyard_[a-z_]+")
_PATH = re.compile(r"(?<![\w.@-])/(?:v1beta|v1|v0|healthz|readyz|metrics|dashboard)(?![\w])[\w/{}:.-]*")
_VERB = re.compile(r"\bswitchyard ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")
_MAKE = re.compile(r"\bmake ([a-z][a-z-]*)\b")
_FILE = re.compile(r"^(?:router|scripts|tests|config|requirements|docs)/[\w./*-]+$")
_HEADER = re.compile(r"\bx-switchyard-[a-z-]+")
_VARIABLE = re.compile(r"\bSWITCHYARD__[A-Z0-9_]+")
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_MADE_LATER = ("config/config.yaml", "config/aistudio.yaml", "config/webai.yaml", "config/conf.d")
_WRITTEN = (ROOT / "docs" / "cli.md", ROOT / "docs" / "errors.md")
"""Pages that a program writes."""
_LONG = 90
"""Characters of a line that nobody writes twice."""
_BLOCKS = {"server", "auth", "providers", "models", "routing", "retry", "policies", "relay", "observe"}


def documents() -> list[Path]:
    """Every page that is checked."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def mistakes() -> list[str]:
    """Everything that is wrong in all pages, one line each."""
    found = [line for path in documents() for line in page_mistakes(path, path.read_text(encoding="utf-8"))]
    return [*found, *_unmentioned()]


def page_mistakes(path: Path, text: str) -> list[str]:
    """What is wrong in one page. path: where it lies, for its relative links."""
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return [f"{name}: {problem}" for check in CHECKS for problem in check(path, text)]


def _links(path: Path, text: str) -> Iterator[str]:
    for target in _LINK.findall(_FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.exists():
            yield f"the link {target} leads nowhere"
        elif anchor and there.suffix == ".md" and anchor not in anchors(there.read_text(encoding="utf-8")):
            yield f"the link {target} names a heading that is not there"


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(_FENCE.sub("", text)))
    return {heading.strip().replace(" ", "-") for heading in plain}


def _spans(text: str) -> list[str]:
    return _SPAN.findall(_FENCE.sub("", text))


@cache
def _settings() -> frozenset[str]:
    """Paths of settings with every parent, as the reference has them."""
    found = set(re.findall(r"^\| `([^`]+)`", describe(), re.M))
    shared = {
        path.removesuffix(".…"): meaning for path, meaning in re.findall(r"\| `([^`]+)` \| \| ([^|]+)", describe())
    }
    for path, meaning in shared.items():
        for like in re.findall(r"`([^`]+)`", meaning):
            found |= {path + one.removeprefix(like) for one in list(found) if one.startswith(f"{like}.")}
    parents = {".".join(path.split(".")[:depth]) for path in found for depth in range(1, path.count(".") + 1)}
    return frozenset({path.replace("[]", "") for path in found | parents})


def _mentioned_settings(path: Path, text: str) -> Iterator[str]:
    for span in _spans(text):
        plain = span.split(":")[0].split("=")[0].strip()
        if (
            _SETTING.match(plain)
            and plain.replace("[]", "") not in _settings()
            and not plain.endswith((".yaml", ".md"))
        ):
            yield f"there is no setting {plain}"
    for variable in _VARIABLE.findall(text):
        plain = re.sub(r"\.\d+", "", variable.removeprefix("SWITCHYARD__").lower().replace("__", "."))
        if plain not in _settings():
            yield f"{variable} names no setting"


def _mentioned_metrics(path: Path, text: str) -> Iterator[str]:
    metrics = Metrics()
    metrics.collect(AccountStates(list))
    metrics.collect(QuotaWindows(list))
    metrics.collect(DiskFree({}))
    known = re.findall(r"^# TYPE (\S+)", metrics.exposition().decode(), re.M)
    watch = (ROOT / "services" / "healthwatch" / "watch.py").read_text(encoding="utf-8")
    known += re.findall(r"# TYPE (\S+)", watch)
    for name in set(_METRIC.findall(text)):
        if name not in known:
            yield f"there is no metric {name}"


@cache
def _endpoints() -> frozenset[str]:
    """Every path, a parameter as ``{}``."""
    app = (ROOT / "router" / "app.py").read_text(encoding="utf-8")
    told = (ROOT / "router" / "api" / "announcements.py").read_text(encoding="utf-8")
    found = (
        set(re.findall(r'Route\("([^"]+)"', app + told))
        | {f"/v1/auth/{name}" for name in WEBAI}
        | {"/v1/models", "/v1beta/models", "/dashboard"}
    )
    found |= {"/v1/models/{}", "/v1beta/models/{}"}
    found |= {f"/v1/{path}" for path in POSTS} | {"/v1/ws"}
    methods = ("generateContent", "streamGenerateContent", *GEMINI_METHODS)
    found |= {f"/{version}/models/{{}}:{method}" for version in ("v1", "v1beta") for method in methods}
    pinned = {"/v1/providers/{}" + path.removeprefix("/v1") for path in found if path.startswith("/v1/")}
    return frozenset(found | pinned | _sign_in_endpoints() | _managed_endpoints())


def _managed_endpoints() -> set[str]:
    """Those of the table of management; the whole paths beside it are those of other routes."""
    files = (ROOT / "router" / "api" / "manage").glob("*.py")
    paths = re.findall(r'path="(/(?!v1/)[^"]+)"', "".join(file.read_text(encoding="utf-8") for file in files))
    return {f"/v0/management{path.replace(':path}', '}')}" for path in paths}


@cache
def _service_endpoints() -> frozenset[str]:
    """Those of the WebAI service, which its own page has."""
    routes = (ROOT / "services" / "webai" / "app.py").read_text(encoding="utf-8")
    return frozenset(re.findall(r'(?:Route|posted)\(\s*"(/[^"]*)"', routes))


def _sign_in_endpoints() -> set[str]:
    """Those below ``/v1/auth``, as pages write them."""
    routes = "".join((ROOT / "router" / "api" / name).read_text() for name in ("sign_in.py", "account_routes.py"))
    login = "/v1/auth/{provider}/login"
    return {login, f"{login}/{{id}}", f"{login}/{{id}}/callback"} | {
        path.replace(":path", "") for path in re.findall(r'Route\("([^"]+)"', routes)
    }


NOT_SERVED = ("/v1/responses/{id}", "/v1/plain")
"""Paths that pages name to say that they are not served, and the one of an example."""


def _mentioned_endpoints(path: Path, text: str) -> Iterator[str]:
    for raw in {*_PATH.findall(re.sub(r"https?://127\.0\.0\.1:\d+", " ", text))}:
        plain = raw.rstrip(".:/")
        if plain in ("/v1", "/v1beta", "/v1/providers", "/v0/management", "/v1beta/models") or raw in NOT_SERVED:
            continue
        pattern = re.sub(r"^/v1/providers/[^/]+", "/v1/providers/{}", plain)
        pattern = re.sub(r"^/v1/auth/[^{].*/login(?=$|/)", "/v1/auth/{provider}/login", pattern)
        pattern = pattern.replace("/v1/auth/ctonew", "/v1/auth/{account}")
        pattern = re.sub(r"^(/v1|/v1beta|/v1/providers/{})/models/[^:]+", r"\1/models/{}", pattern)
        if re.sub(r"^/v1/accounts/[^/]+", "/v1/accounts/{name}", pattern) in _service_endpoints():
            continue
        if pattern not in _endpoints() and not any(known.startswith(f"{pattern}/") for known in _endpoints()):
            yield f"there is no endpoint {raw}"


@cache
def _verbs() -> frozenset[str]:
    for group in verbs.GROUPS:
        verbs.add_group(group)
    command: object = typer.main.get_command(verbs.app)
    found: set[str] = set()
    for name, inner in getattr(command, "commands", {}).items():
        below = getattr(inner, "commands", {})
        found |= {f"{name} {verb}" for verb in below} | {name}
    return frozenset(found)


def _mentioned_verbs(path: Path, text: str) -> Iterator[str]:
    code = [*_spans(text), *(body for _, body in _FENCED.findall(text))]
    for first, second in (found for piece in code for found in _VERB.findall(piece)):
        groups = {verb.split(" ")[0] for verb in _verbs() if " " in verb}
        if first not in _verbs() or (first in groups and second and f"{first} {second}" not in _verbs()):
            yield f"there is no verb: switchyard {first} {second}".rstrip()


def _mentioned_targets(path: Path, text: str) -> Iterator[str]:
    known = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    code = [*_spans(text), *(body for _, body in _FENCED.findall(text))]
    for target in {found for piece in code for found in _MAKE.findall(piece)}:
        if target not in known:
            yield f"there is no target: make {target}"


def _mentioned_files(path: Path, text: str) -> Iterator[str]:
    for span in _spans(text):
        name = span.split(" ")[0]
        if not _FILE.match(name) or name.startswith(_MADE_LATER):
            continue
        if not (any(ROOT.glob(name)) if "*" in name else (ROOT / name).exists()):
            yield f"there is no file {name}"


@cache
def _headers() -> frozenset[str]:
    sources = (ROOT / "router").rglob("*.py")
    return frozenset(name for path in sources for name in _HEADER.findall(path.read_text(encoding="utf-8")))


def _mentioned_headers(path: Path, text: str) -> Iterator[str]:
    for name in sorted(set(_HEADER.findall(text)) - _headers()):
        yield f"the program knows no header {name}"


def _yaml_blocks(path: Path, text: str) -> Iterator[str]:
    """Blocks that are settings load without a mistake."""
    for language, body in _FENCED.findall(text):
        if language != "yaml":
            continue
        try:
            value = yaml.safe_load(body)
        except yaml.YAMLError as error:
            yield f"a block is not YAML: {error}"
            continue
        if isinstance(value, dict) and set(value) <= _BLOCKS:
            yield from _settings_block(body)


def _settings_block(body: str) -> Iterator[str]:
    try:
        environ = {"OPENAI_API_KEY": "sk-of-a-page"}
        loaded = load(body, environ, lambda name: "secret", client_keys_exist=True, source="block")
        snapshot_of(loaded.settings, environ)
    except (SettingsError, RoutingMistakes, CapabilityMistakes) as error:
        yield f"a block of settings has mistakes: {error}"


def _said_twice(path: Path, text: str) -> Iterator[str]:
    """What merges leave behind: a long line, or a row of a table by its first two cells, that stands there twice."""
    if path in _WRITTEN:
        return
    prose = _FENCE.sub("", text)
    for block in prose.split("\n\n"):
        rows = [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in block.split("\n") if line[:1] == "|"]
        for row, times in Counter(row for row in rows if all(row)).items():
            if times > 1 and not set("".join(row)) <= set("-:"):
                yield f"a table has the row {' | '.join(row)[:80]} {times} times"
    for line, times in Counter(line for line in prose.split("\n") if len(line) > _LONG and line[0] != "|").items():
        if times > 1:
            yield f"a line stands there {times} times: {line[:80]}"


CHECKS: tuple[Callable[[Path, str], Iterator[str]], ...] = (
    _links,
    _mentioned_settings,
    _mentioned_metrics,
    _mentioned_endpoints,
    _mentioned_verbs,
    _mentioned_targets,
    _mentioned_files,
    _mentioned_headers,
    _yaml_blocks,
    _said_twice,
)


def _unmentioned() -> Iterator[str]:
    """What exists and is on no page: headers, metrics, packages, endpoints."""
    wanted: Mapping[str, Collection[str]] = {
        "docs/headers.md": _headers(),
        "docs/metrics.md": re.findall(r"^# TYPE (\S+)(?<!_created) ", Metrics().exposition().decode(), re.M),
        "docs/dependencies.md": packages(),
        "docs/endpoints.md": [path.replace("{}", "{model}") for path in _endpoints() if "/providers/" not in path],
    }
    for page, names in wanted.items():
        text = (ROOT / page).read_text(encoding="utf-8")
        for name in names:
            if f"`{name}`" not in text:
                yield f"{page}: does not mention {name}"


def packages() -> list[str]:
    """The direct dependencies of all requirement files."""
    lines = [line for path in (ROOT / "requirements").glob("*.in") for line in path.read_text("utf-8").splitlines()]
    found = [re.match(r"[A-Za-z0-9_.-]+", line) for line in lines if not line.startswith(("#", "-"))]
    return sorted({match[0].lower() for match in found if match is not None})


__all__ = ["anchors", "documents", "mistakes", "packages", "page_mistakes"]
