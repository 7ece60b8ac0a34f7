"""The manifests hang together: what is named exists, what is selected is labelled, nobody runs as root.

No package with Kubernetes' schemas is needed: the fields that the manifests use are listed here, so that a misspelt
one, which a server would drop or refuse, is found; their types are not looked at.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def test_what_is_selected_is_labelled() -> None:
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in pods()]
    for each in resources():
        spec = each.get("spec", {})
        selector = spec.get("selector") or spec.get("podSelector")
        if selector:
            wanted = selector.get("matchLabels", selector)
            assert sum(wanted.items() <= found.items() for found in labels) == 1, each["metadata"]["name"]


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
    assert spec["terminationGracePeriodSeconds"] > 30  # more than server.timeouts.drain
    for container in spec["containers"]:
        assert {each["name"] for each in container["volumeMounts"]} <= claims | volumes.keys()
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        assert "livenessProbe" in container and container["resources"]["limits"]["memory"]


PROBE = {"httpGet": {"path", "port"}, "exec": {"command"}}
PROBED = {"periodSeconds", "failureThreshold", "timeoutSeconds", "initialDelaySeconds"}
CONTAINER = {
    "name", "image", "command", "ports", "env", "envFrom", "securityContext", "resources", "startupProbe",
    "livenessProbe", "readinessProbe", "volumeMounts",
}  # fmt: skip
POD = {
    "automountServiceAccountToken", "terminationGracePeriodSeconds", "securityContext", "containers", "volumes",
}  # fmt: skip
POD_SECURITY = {"runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup", "seccompProfile"}
CONTAINER_SECURITY = {"allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities"}
STATEFUL_SET = {"serviceName", "replicas", "podManagementPolicy", "selector", "template", "volumeClaimTemplates"}
VOLUME = {
    "configMap": {"name", "optional"},
    "secret": {"secretName", "defaultMode"},
    "emptyDir": {"medium", "sizeLimit"},
}


def unknown_fields(which: dict[str, Any]) -> Iterator[str]:
    """Fields of a StatefulSet that are none, each with its place."""

    def beyond(where: str, found: dict[str, Any], known: set[str]) -> Iterator[str]:
        yield from (f"{where}.{name}" for name in found if name not in known)

    spec = which["spec"]
    pod = spec["template"]["spec"]
    yield from beyond("spec", spec, STATEFUL_SET)
    yield from beyond("template.spec", pod, POD)
    yield from beyond("securityContext", pod["securityContext"], POD_SECURITY)
    for container in pod["containers"]:
        yield from beyond("container", container, CONTAINER)
        yield from beyond("container.securityContext", container["securityContext"], CONTAINER_SECURITY)
        yield from beyond("resources", container["resources"], {"requests", "limits"})
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container.get(name, {})
            yield from beyond(name, probe, PROBED | PROBE.keys())
            for kind, fields in PROBE.items():
                yield from beyond(f"{name}.{kind}", probe.get(kind, {}), fields)
        for mount in container["volumeMounts"]:
            yield from beyond("volumeMounts", mount, {"name", "mountPath", "readOnly"})
        for variable in container.get("env", ()):
            yield from beyond("env", variable, {"name", "value", "valueFrom"})
            assert isinstance(variable.get("value", ""), str), variable  # a number would be refused
    for volume in pod["volumes"]:
        yield from beyond("volumes", volume, {"name", *VOLUME})
        for kind, fields in VOLUME.items():
            yield from beyond(f"volumes.{kind}", volume.get(kind, {}), fields)


@pytest.mark.parametrize("which", pods(), ids=lambda each: each["metadata"]["name"])
def test_no_field_is_misspelt(which: dict[str, Any]) -> None:
    assert list(unknown_fields(which)) == []


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
        made = [each for each in yaml.safe_load_all(done.stdout) if each["kind"] == "StatefulSet"]
        profiles[folder] = {
            each["metadata"]["name"]: each["spec"]["template"]["spec"]["securityContext"]["seccompProfile"]
            for each in made
        }
    assert profiles["kubernetes"]["aistudio"] == {"type": "RuntimeDefault"}
    assert profiles["kubernetes-sandbox"] == {
        "router": {"type": "RuntimeDefault"},
        "aistudio": {"type": "Localhost", "localhostProfile": "switchyard/browser.json"},
    }
