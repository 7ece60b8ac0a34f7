"""The manifests are what a server takes, by Kubernetes' own schemas and the rules between them; nobody runs as root."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scripts.kubernetes_rules import mistakes

FOLDER = Path(__file__).resolve().parents[2] / "config" / "kubernetes"
SECRETS = {"switchyard-keys", "switchyard-providers"}
"""What docs/kubernetes.md tells to make."""


def resources() -> list[dict[str, Any]]:
    names = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    return [each for name in names for each in yaml.safe_load_all((FOLDER / name).read_text()) if each]


def pods() -> list[dict[str, Any]]:
    return [each for each in resources() if each["kind"] == "StatefulSet"]


def test_every_file_is_listed_and_every_listed_one_is_there() -> None:
    listed = set(yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"])
    assert listed == {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    names = [(each["kind"], each["metadata"]["name"]) for each in resources()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("which", pods(), ids=lambda each: each["metadata"]["name"])
def test_what_a_pod_names_exists_and_it_may_do_little(which: dict[str, Any]) -> None:
    spec = which["spec"]["template"]["spec"]
    known = {(each["kind"], each["metadata"]["name"]) for each in resources()}
    assert ("Service", which["spec"]["serviceName"]) in known
    claims = {each["metadata"]["name"] for each in which["spec"]["volumeClaimTemplates"]}
    volumes = {each["name"]: each for each in spec["volumes"]}
    for volume in volumes.values():
        if "secret" in volume:
            assert volume["secret"]["secretName"] in SECRETS
        if "configMap" in volume:
            assert ("ConfigMap", volume["configMap"]["name"]) in known
    assert spec["securityContext"]["runAsNonRoot"] and spec["automountServiceAccountToken"] is False
    for container in spec["containers"]:
        assert {each["name"] for each in container["volumeMounts"]} <= claims | volumes.keys()
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        assert "livenessProbe" in container and container["resources"]["limits"]["memory"]


def test_a_server_would_take_them_as_they_are() -> None:
    assert mistakes(resources()) == []


def at(found: list[dict[str, Any]], path: str) -> tuple[Any, Any]:
    """The parent of a place like ``aistudio/spec/replicas`` (a StatefulSet; ``Kind:name`` of others), and its key."""
    first, *steps = path.split("/")
    kind, _, name = first.rpartition(":")
    value: Any = next(
        each for each in found if (each["kind"], each["metadata"]["name"]) == (kind or "StatefulSet", name)
    )
    for step in steps[:-1]:
        value = value[int(step) if step.isdigit() else step]
    return value, int(steps[-1]) if steps[-1].isdigit() else steps[-1]


POD, CONTAINER = "spec/template/spec", "spec/template/spec/containers/0"
WRONG = (
    (f"aistudio/{POD}/restartPolicies", "Always", "restartPolicies is no field"),
    (f"aistudio/{CONTAINER}/livenessProbe/httpGet/ports", 1, "ports is no field"),
    ("aistudio/spec/replicas", "2", "'2' is no integer"),
    ("aistudio/spec/replicas", True, "True is no integer"),
    ("aistudio/spec/replicas", 1 << 40, "is no int32"),
    (f"aistudio/{POD}/terminationGracePeriodSeconds", "60s", "is no integer"),
    (f"aistudio/{CONTAINER}/env/0/value", 8317, "8317 is no string"),
    (f"aistudio/{CONTAINER}/env/1/name", "SWITCHYARD__PROVIDERS__AISTUDIO__RELAY__URLS", "twice"),
    (f"aistudio/{CONTAINER}/livenessProbe/httpGet/port", "http", "none of its ports"),
    (f"aistudio/{CONTAINER}/livenessProbe/exec", {"command": ["true"]}, "2 ways to ask"),
    (f"aistudio/{CONTAINER}/resources/limits/memory", "4 Gi", "no quantity"),
    (f"aistudio/{CONTAINER}/resources/requests/cpu", "1core", "no quantity"),
    (f"aistudio/{CONTAINER}/volumeMounts/0/name", "stat", "which the pod has not"),
    (f"aistudio/{CONTAINER}/volumeMounts/0/mountPath", "var", "no absolute path"),
    (f"aistudio/{CONTAINER}/securityContext/runAsNonRoot", "yes", "is no boolean"),
    (f"aistudio/{POD}/securityContext/seccompProfile/type", "Localhost", "do not go together"),
    (f"aistudio/{POD}/volumes/1/emptyDir/sizeLimit", "lots", "no quantity"),
    (f"aistudio/{POD}/volumes/1/secret", {"secretName": "x"}, "2 sources"),
    (f"aistudio/{POD}/volumes/0/secret/defaultMode", "0440", "is no integer"),
    ("aistudio/spec/template/metadata/labels", {"app": "x"}, "does not select its own pods"),
    ("aistudio/spec/serviceName", "studio", "no service studio"),
    ("aistudio/spec/podManagementPolicy", "All", "none of"),
    ("aistudio/apiVersion", "apps/v1beta1", "there is no StatefulSet of apps/v1beta1"),
    ("Service:router/spec/ports/0/targetPort", "web", "no port of its pods"),
    ("Service:router/spec/selector", {"app": "x"}, "selects the pods of 0 sets"),
    ("NetworkPolicy:the-router-has-one-port/spec/ingress/0/ports/0/port", 80, "no port of its pods"),
    ("NetworkPolicy:services-are-not-reached/spec/policyTypes/0", "In", "none of"),
    ("PodDisruptionBudget:router/spec/maxUnavailable", [1], "not exactly one of"),
    ("ConfigMap:switchyard-settings/data/config.yaml", {"providers": {}}, "is no string"),
)


@pytest.mark.parametrize(("path", "value", "told"), WRONG, ids=[f"{path} {value}"[-60:] for path, value, _ in WRONG])
def test_a_mistake_in_them_is_found(path: str, value: Any, told: str) -> None:
    found = resources()
    parent, key = at(found, path)
    parent[key] = value
    assert [each for each in mistakes(found) if told in each]


@pytest.mark.parametrize(
    "path", [f"router/{CONTAINER}/name", "router/spec/selector", f"router/{CONTAINER}/ports/0/containerPort"]
)
def test_what_is_missing_is_found(path: str) -> None:
    found = resources()
    parent, key = at(found, path)
    del parent[key]
    assert [each for each in mistakes(found) if each.endswith(f"{path.rpartition('/')[2]} is missing")]


def test_settings_that_are_not_there_yet_keep_no_pod_from_starting() -> None:
    (router,) = [each for each in pods() if each["metadata"]["name"] == "router"]
    spec = router["spec"]["template"]["spec"]
    (settings,) = [each["configMap"] for each in spec["volumes"] if "configMap" in each]
    assert settings["optional"] is True
    (container,) = spec["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["DEPLOY"] == "cloud"
    (port,) = container["ports"]
    assert variables["SWITCHYARD__SERVER__PORT"] == str(port["containerPort"])  # the probes' too, whatever settings say


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_the_browsers_own_sandbox_is_a_folder_of_its_own() -> None:
    profiles = {}
    for folder in ("kubernetes", "kubernetes-sandbox"):
        done = subprocess.run(
            ["kubectl", "kustomize", str(FOLDER.parent / folder)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        everything = list(yaml.safe_load_all(done.stdout))
        assert mistakes(everything) == []
        made = [each for each in everything if each["kind"] == "StatefulSet"]
        profiles[folder] = {
            each["metadata"]["name"]: each["spec"]["template"]["spec"]["securityContext"]["seccompProfile"]
            for each in made
        }
    assert profiles["kubernetes"]["aistudio"] == {"type": "RuntimeDefault"}
    assert profiles["kubernetes-sandbox"] == {
        "router": {"type": "RuntimeDefault"},
        "aistudio": {"type": "Localhost", "localhostProfile": "switchyard/browser.json"},
    }
