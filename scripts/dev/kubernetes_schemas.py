"""Write the part of Kubernetes' own schemas that our manifests need: tests/scripts/kubernetes-schemas.json.

They come from the package `kubernetes-validate` (Apache-2.0), which ships the strict schemas of every version of
Kubernetes, 22 MB in all; the tests need a hundredth of one version and no package. For a newer version:

    pip download --no-deps kubernetes-validate
    python scripts/dev/kubernetes_schemas.py kubernetes_validate-*.whl v1.38.0
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

KINDS = (
    "statefulset-apps-v1", "service-v1", "configmap-v1", "namespace-v1", "networkpolicy-networking-v1",
    "poddisruptionbudget-policy-v1",
)  # fmt: skip
KEYS = "x-kubernetes-list-map-keys"
PLACE = Path(__file__).resolve().parents[2] / "tests/scripts/kubernetes-schemas.json"
WORDS = {"type", "properties", "additionalProperties", "required", "items", "enum", "oneOf", "format", KEYS}


def bare(schema: Any, needed: set[str]) -> Any:
    """A schema with the words that say what is valid. needed: gets the names of what it refers to."""
    if isinstance(schema, list):
        return [bare(each, needed) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(target := schema.get("$ref"), str):
        needed.add(name := target.rpartition("/")[2])
        return {"$ref": name}
    kept = {}
    for word, value in schema.items():
        if word == "properties":  # whose names may be those of words
            kept[word] = {name: bare(each, needed) for name, each in value.items()}
        elif word in WORDS:
            kept[word] = bare(value, needed)
        elif not word.startswith(("x-", "$", "description")):
            raise SystemExit(f"tests/scripts/kubernetes_rules.py knows no {word}: {value}")
    return kept


def main(package: str, version: str) -> None:
    """Write the file. package: of the wheel."""
    with zipfile.ZipFile(package) as wheel:
        folder = f"kubernetes_validate/kubernetes-json-schema/{version}-local-strict"
        definitions = json.loads(wheel.read(f"{folder}/_definitions.json"))
        definitions = definitions.get("$defs") or definitions["definitions"]
        needed: set[str] = set()
        kinds = [bare(json.loads(wheel.read(f"{folder}/{name}.json")), needed) for name in KINDS]
    found: dict[str, Any] = {}
    while missing := sorted(needed - found.keys()):
        for name in missing:
            found[name] = bare(definitions[name], needed)
    made = {"version": version, "licence": "Apache-2.0, The Kubernetes Authors", "kinds": kinds, "definitions": found}
    PLACE.write_text(json.dumps(made, sort_keys=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
