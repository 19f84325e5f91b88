"""The Grafana dashboard asks for what is counted, and leaves nothing of it out."""

import json
import re
from pathlib import Path

from prometheus_client import REGISTRY

from callctl.live import metrics

DASHBOARD = Path(__file__).parents[2] / "deploy" / "docker" / "grafana" / "dashboards" / "callctl.json"
NOT_SHOWN = {"callctl_sockets", "callctl_live_writes_dropped"}


def test_every_panel_asks_for_what_there_is():
    asked = {
        re.sub(r"_(bucket|count|total)$", "", name)
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel["targets"]
        for name in re.findall(r"callctl_\w+", target["expr"])
    }
    counted = {family.name for family in REGISTRY.collect() if family.name.startswith("callctl_")}
    assert metrics.redis_up is not None
    assert asked == counted - NOT_SHOWN
