"""Alerts and dashboard ask for metrics that exist, and Prometheus' own tool takes the rules and proves them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from router.observe.metrics import AccountStates, DiskFree, Metrics, QuotaWindows
from services.aistudio.metrics import exposition
from services.healthwatch.settings import Plan, Rules
from services.healthwatch.watch import Watch

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "config" / "prometheus"
GRAFANA = ROOT / "config" / "grafana"
STATUS = {"busy": 1, "waiting": 2, "pages": 3, "memory_bytes": 4, "recycled": {"crash": 5, "page": 0}}


def known() -> set[str]:
    """Every series of the router and the services."""
    metrics = Metrics()
    metrics.collect(AccountStates(list))
    metrics.collect(QuotaWindows(list))
    metrics.collect(DiskFree({}))
    folder = Path("nowhere")
    made = Plan(rules=Rules(), programs=(), state=folder, logs=folder, socket="")
    watch = Watch(lambda: made, None, now=lambda: 0.0)  # type: ignore[arg-type]
    text = metrics.exposition().decode() + watch.metrics() + exposition(STATUS)
    names = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)", text, re.M):
        names |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"} if kind == "histogram" else {name}
    return names


def asked(text: str) -> set[str]:
    return set(re.findall(r"\bswitchyard_[a-z_]+", text))


def test_alerts_ask_for_series_that_exist_and_say_what_to_do() -> None:
    (group,) = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]:
        assert asked(rule["expr"]) <= known(), rule["alert"]
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "action"}
    assert len({rule["alert"] for rule in group["rules"]}) == len(group["rules"]) >= 10


def test_every_panel_asks_for_series_that_exist() -> None:
    dashboard = json.loads((GRAFANA / "dashboards" / "switchyard.json").read_text())
    sources = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    uids = {source["uid"] for source in sources}
    places = set()
    for panel in dashboard["panels"]:
        assert panel["targets"] and panel["datasource"]["uid"] in uids
        for target in panel["targets"]:
            assert asked(target["expr"]) <= known(), panel["title"]
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & places, panel["title"]
        places |= cells
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed: apt-get install prometheus")
@pytest.mark.parametrize(
    "words",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "config", "--syntax-only", "containers.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
)
def test_prometheus_takes_the_files_and_the_alerts_fire_when_they_should(words: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *words], cwd=RULES, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_service_tells_what_it_has_replaced() -> None:
    text = exposition(STATUS)
    assert 'switchyard_aistudio_recycled_total{what="crash"} 5' in text
    assert "switchyard_aistudio_waiting 2" in text
