"""The parts of the documents that follow from the code, as Markdown."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Sequence

import msgspec
from prometheus_client import Metric

from router.faults import MEANINGS as KINDS
from router.faults import Fault
from router.observe.metrics import AccountStates, DiskFree, Metrics, QuotaWindows
from router.providers.demo.models import ANSWERING, ERRORS, model_names
from router.providers.executor import OPERATIONS
from router.providers.registry import BUILT_IN, KNOWN
from router.settings.presets import shipped_presets
from router.wire.capabilities import Capabilities
from router.wire.dialects import DIALECTS
from scripts.docs.facts import CAUSES, MEANINGS


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _code(names: Iterable[object]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"


def errors() -> str:
    """Every kind of fault: what each dialect answers, why, and what to do."""
    parts = []
    for kind, meaning in KINDS.items():
        cause, fix = CAUSES[kind]
        shown = []
        for name, spec in DIALECTS.items():
            status, _, body = spec.render_fault(Fault(kind, "…"), "")
            error = body["error"]
            code = error.get("code")
            words = [error["status"]] if name == "gemini" else [error["type"]]
            words += [code] if isinstance(code, str) else []
            shown.append((name, str(status), _code(words)))
        elsewhere = "tried elsewhere first" if meaning.moves_on else "returned at once"
        again = "may be tried again later" if meaning.retryable else "the same call will not succeed later by itself"
        parts.append(
            f"### `{kind}`\n\n{cause}\n\n**Fix:** {fix}\n\nA fault of the {meaning.whose}; {elsewhere}; {again}.\n\n"
            + table(("Dialect", "Status", "Type, code"), shown)
        )
    return "\n".join(parts)


def metrics() -> str:
    """Every metric with its labels."""
    found = Metrics()
    states = AccountStates(lambda: [("account", "provider", "ready")])
    declared = [value for value in vars(found).values() if hasattr(value, "describe") and hasattr(value, "_labelnames")]
    rows = [_metric_row(next(iter(metric.describe())), metric._labelnames) for metric in declared]
    rows += [_metric_row(family, ("account", "provider", "state")) for family in states.collect()]
    rows += [_metric_row(family, ("account", "provider", "window")) for family in QuotaWindows(list).collect()]
    rows += [_metric_row(family, ("folder",)) for family in DiskFree({}).collect()]
    return table(("Metric", "Type", "Labels", "Meaning"), rows)


def _metric_row(family: Metric, labels: Sequence[str]) -> tuple[str, ...]:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return f"`{name}`", family.type, _code(labels), family.documentation


def built_in() -> str:
    """The providers that need no address, and what they can be asked."""
    rows = []
    for name, known in KNOWN.items():
        keys = known.keys or "none"
        rows.append(
            (
                f"`{name}`",
                _code(BUILT_IN[name]),
                keys,
                _code(known.base_urls),
                _code(known.dialects),
                ", ".join(sorted(OPERATIONS[known.kind])),
            )
        )
    return table(("Provider", "Also", "Key", "Address", "Speaks", "Operations"), rows)


def presets() -> str:
    """The ready-made servers."""
    rows = []
    for name, preset in shipped_presets().items():
        quirks = "; ".join(f"{key}: {_value(value)}" for key, value in preset.quirks.items())
        keys = _code(preset.env) if preset.env else "none needed"
        rows.append(
            (f"`{name}`", _code(preset.names), keys, f"`{preset.base_url}`", _code(preset.dialects), quirks or "–")
        )
    return table(("Preset", "Also", "Variable", "Address", "Speaks", "Quirks"), rows)


def demo() -> str:
    """The demo models."""
    rows = [(f"`demo/{name}`", text.removeprefix("Demo: ")) for name, text in ANSWERING.items()]
    rows += [(f"`demo/error-{status}`", f"answers with this fault (`{kind}`)") for status, (kind, _) in ERRORS.items()]
    others = {
        "too-long": "says that the prompt is too long (`too_long`)",
        "embed": "embeddings of 64 numbers, or as many as are asked for",
        "image": "a picture of one pixel",
    }
    rows += [(f"`demo/{name}`", text) for name, text in others.items()]
    told = dict(rows)
    rows = [(name, told[name]) for name in (f"`demo/{name}`" for name in model_names())]  # a new one needs its words
    return table(("Model", "What it does"), rows)


def capabilities() -> str:
    """Every fact about a model, with its default and meaning."""
    said = dict(re.findall(r"^    (\w+):.*?# (.+)$", inspect.getsource(Capabilities), re.M))
    rows = [
        (f"`{field.name}`", f"`{_value(field.default)}`", said.get(field.name) or MEANINGS[field.name])
        for field in msgspec.structs.fields(Capabilities)
    ]
    return table(("Fact", "Default", "Meaning"), rows)


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value or '""'
