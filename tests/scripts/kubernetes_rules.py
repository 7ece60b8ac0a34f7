"""What a Kubernetes server would refuse or drop: its own schemas, and between the objects what no schema says.

`kubernetes-schemas.json` is made by `scripts/dev/kubernetes_schemas.py`. A word of a schema that is not known here is
an error, so that no rule is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SCHEMAS = json.loads(Path(__file__).with_name("kubernetes-schemas.json").read_text())
KEYS = "x-kubernetes-list-map-keys"
TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "integer": (int,),
    "number": (int, float), "null": (type(None),),
}  # fmt: skip
BOUNDS = {"int32": 1 << 31, "int64": 1 << 63}
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
QUANTITY = re.compile(r"[+-]?\d+(\.\d+)?(m|k|[MGTPE]|[KMGTPE]i|[eE]-?\d+)?")
VALUES: Mapping[str, set[str]] = {
    "podManagementPolicy": {"OrderedReady", "Parallel"},
    "accessModes": {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"},
    "policyTypes": {"Ingress", "Egress"},
    "protocol": {"TCP", "UDP", "SCTP"},
    "medium": {"", "Memory", "HugePages"},
    "fieldPath": {"metadata.name", "metadata.namespace", "status.podIP", "spec.nodeName"},
}
"""Of fields that the schemas call any text."""


def schema_mistakes(found: Mapping[str, Any]) -> Iterator[str]:
    """What the schema of an object does not take."""
    kinds = {(each["properties"]["apiVersion"]["enum"][0], each["properties"]["kind"]["enum"][0]): each
             for each in SCHEMAS["kinds"]}  # fmt: skip
    schema = kinds.get((found.get("apiVersion", ""), found.get("kind", "")))
    if schema is None:
        yield f"there is no {found.get('kind')} of {found.get('apiVersion')}"
    else:
        yield from _against(schema, found, str(found["kind"]))


def _is(value: Any, name: str) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _against(schema: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
    if "$ref" in schema:
        yield from _against(SCHEMAS["definitions"][schema["$ref"]], value, at)
        return
    for word, rule in schema.items():
        yield from _RULES[word](schema, rule, value, at)


def _type(_: Any, rule: Any, value: Any, at: str) -> Iterator[str]:
    names = [rule] if isinstance(rule, str) else rule
    if not any(_is(value, name) for name in names):
        yield f"{at}: {value!r} is no {' or '.join(names)}"


def _properties(_: Any, rule: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
    for name, inner in value.items() if isinstance(value, dict) else ():
        if name in rule:
            yield from _against(rule[name], inner, f"{at}.{name}")


def _additional(schema: Mapping[str, Any], rule: Any, value: Any, at: str) -> Iterator[str]:
    others = [name for name in value if name not in schema.get("properties", {})] if isinstance(value, dict) else []
    for name in others:
        if rule is False:
            yield f"{at}.{name} is no field"
        elif isinstance(rule, dict):
            yield from _against(rule, value[name], f"{at}.{name}")


def _required(_: Any, rule: list[str], value: Any, at: str) -> Iterator[str]:
    yield from (f"{at}.{name} is missing" for name in rule if isinstance(value, dict) and name not in value)


def _items(_: Any, rule: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
    for number, inner in enumerate(value if isinstance(value, list) else ()):
        yield from _against(rule, inner, f"{at}[{number}]")


def _enum(_: Any, rule: list[Any], value: Any, at: str) -> Iterator[str]:
    if value not in rule:
        yield f"{at}: {value!r} is none of {rule}"


def _one_of(_: Any, rule: list[Mapping[str, Any]], value: Any, at: str) -> Iterator[str]:
    if sum(not list(_against(each, value, at)) for each in rule) != 1:
        yield f"{at}: {value!r} fits not exactly one of {rule}"


def _format(_: Any, rule: str, value: Any, at: str) -> Iterator[str]:
    if rule in BOUNDS and isinstance(value, int) and not -BOUNDS[rule] <= value < BOUNDS[rule]:
        yield f"{at}: {value} is no {rule}"


def _map_keys(_: Any, rule: list[str], value: Any, at: str) -> Iterator[str]:
    keys = [tuple(each.get(name) for name in rule) for each in value if isinstance(each, dict)] if value else []
    yield from (f"{at} has {key} twice" for key in {key for key in keys if keys.count(key) > 1})


_RULES: Mapping[str, Any] = {
    "type": _type, "properties": _properties, "additionalProperties": _additional, "required": _required,
    "items": _items, "enum": _enum, "oneOf": _one_of, "format": _format, KEYS: _map_keys,
}  # fmt: skip


def fields(value: Any, at: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every field below a value: its name, its place, what is in it; each element of a list by itself."""
    if isinstance(value, dict):
        for name, inner in value.items():
            for each in inner if isinstance(inner, list) else [inner]:
                yield name, f"{at}.{name}", each
                yield from fields(each, f"{at}.{name}")


def _selected(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return bool(wanted) and wanted.items() <= labels.items()


def _ports(pod: Mapping[str, Any]) -> dict[str | int, int]:
    """Ports of a pod's containers, by name and by number."""
    listed = [port for each in pod["containers"] for port in each.get("ports", ())]
    return {key: port["containerPort"] for port in listed for key in (port.get("name"), port["containerPort"]) if key}


def value_mistakes(found: Mapping[str, Any]) -> Iterator[str]:
    """Values of an object that the schemas call any text or number, and the server does not."""
    where = f"{found['kind']} {found['metadata']['name']}"
    for name, at, value in fields(found):
        if name in VALUES and isinstance(value, str) and value not in VALUES[name]:
            yield f"{where}{at}: {value!r} is none of {sorted(VALUES[name])}"
        if name in ("requests", "limits"):
            yield from (f"{where}{at}: {each!r} is no quantity" for each in value.values() if not _quantity(each))
        if name == "sizeLimit" and not _quantity(value):
            yield f"{where}{at}: {value!r} is no quantity"
        if name in ("port", "containerPort") and isinstance(value, int) and not 0 < value < 65536:
            yield f"{where}{at}: {value} is no port"
        if name == "name" and not NAME.fullmatch(str(value)) and not at.endswith(".env.name"):
            yield f"{where}{at}: {value!r} is no name"
        if name == "mountPath" and not value.startswith("/"):
            yield f"{where}{at}: {value!r} is no absolute path"
        if name == "seccompProfile" and (value["type"] == "Localhost") is not ("localhostProfile" in value):
            yield f"{where}{at}: {value['type']} and localhostProfile do not go together"


def _quantity(value: Any) -> bool:
    return QUANTITY.fullmatch(str(value)) is not None


def container_mistakes(container: Mapping[str, Any], volumes: set[str]) -> Iterator[str]:
    """volumes: the names of those that its pod has."""
    at = f"container {container['name']}"
    own = _ports({"containers": [container]})
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = container.get(name)
        if probe is None:
            continue
        ways = [way for way in ("httpGet", "exec", "tcpSocket", "grpc") if way in probe]
        if len(ways) != 1:
            yield f"{at}.{name} has {len(ways)} ways to ask"
        port = probe.get("httpGet", {}).get("port")
        if port is not None and port not in own:
            yield f"{at}.{name} asks at {port!r}, which is none of its ports"
        if probe.get("successThreshold", 1) != 1 and name != "readinessProbe":
            yield f"{at}.{name}.successThreshold must be 1"
    yield from (f"{at} mounts {each['name']}, which the pod has not"
                for each in container.get("volumeMounts", ()) if each["name"] not in volumes)  # fmt: skip
    asked, most = (container.get("resources", {}).get(name, {}) for name in ("requests", "limits"))
    yield from (f"{at} has no limit of memory" for _ in [0] if "memory" in asked and "memory" not in most)
    for each in container.get("env", ()):
        if ("value" in each) is ("valueFrom" in each):
            yield f"{at}: {each['name']} needs one of value and valueFrom"


def set_mistakes(found: Mapping[str, Any], services: set[str]) -> Iterator[str]:
    """What does not hang together in a StatefulSet. services: the names of those that there are."""
    spec = found["spec"]
    pod = spec["template"]["spec"]
    if not _selected(spec["selector"]["matchLabels"], spec["template"]["metadata"].get("labels", {})):
        yield f"{found['metadata']['name']} does not select its own pods"
    if spec.get("serviceName") not in services:
        yield f"there is no service {spec.get('serviceName')}"
    claims = [each["metadata"]["name"] for each in spec.get("volumeClaimTemplates", ())]
    volumes = [each["name"] for each in pod.get("volumes", ())]
    yield from (f"volume {name} is there twice" for name in {*claims} & {*volumes})
    for each in pod.get("volumes", ()):
        if len(each) != 2:
            yield f"volume {each['name']} has {len(each) - 1} sources"
    for container in pod["containers"]:
        yield from container_mistakes(container, {*claims, *volumes})


def mistakes(found: list[dict[str, Any]]) -> list[str]:
    """Everything that is wrong with these objects, alone and together."""
    wrong = [each for every in found for each in schema_mistakes(every)]
    if wrong:
        return wrong  # the rest needs their form
    wrong = [each for every in found for each in value_mistakes(every)]
    sets = [each for each in found if each["kind"] == "StatefulSet"]
    services = {each["metadata"]["name"] for each in found if each["kind"] == "Service"}
    wrong += [each for every in sets for each in set_mistakes(every, services)]
    for each in found:
        spec, name = each.get("spec", {}), f"{each['kind']} {each['metadata']['name']}"
        if each["kind"] not in ("Service", "NetworkPolicy", "PodDisruptionBudget"):
            continue
        selector = spec.get("selector") or spec.get("podSelector") or {}
        wanted = selector.get("matchLabels", selector)
        chosen = [s["spec"]["template"] for s in sets if _selected(wanted, s["spec"]["template"]["metadata"]["labels"])]
        if len(chosen) != 1:
            wrong.append(f"{name} selects the pods of {len(chosen)} sets")
            continue
        ports = list(spec.get("ports", ())) + [port for rule in spec.get("ingress", ()) for port in rule["ports"]]
        for port in ports:
            target = port.get("targetPort", port.get("port"))
            if target not in _ports(chosen[0]["spec"]):
                wrong.append(f"{name} leads to {target!r}, which is no port of its pods")
    return wrong
