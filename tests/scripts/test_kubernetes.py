"""The manifests hang together: what is named exists, what is selected is labelled, nobody runs as root."""

from __future__ import annotations

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
