"""The dashboard asks for metrics that exist, and leaves none out."""

import json
import re

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from telecardio.operations.figures import forget_figures
from telecardio.processes import ROOT
from tests.operations.test_metrics import TOKEN, WITH_TOKEN

DASHBOARD = ROOT / "docs" / "grafana.json"
ENDS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket",)}


@pytest.fixture
def named() -> set[str]:
    """Return the metrics that the dashboard's panels name."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    exprs = [target["expr"] for panel in panels for target in panel["targets"]]
    assert all(expr.count("(") == expr.count(")") for expr in exprs)
    return {name for expr in exprs for name in re.findall(r"telecardio_\w+", expr)}


def test_it_names_every_metric_of_a_scrape_and_no_other(
    db: None, client: Client, settings, named: set[str]
) -> None:
    settings.METRICS_TOKEN = TOKEN
    forget_figures()
    text = client.get("/metrics", headers=WITH_TOKEN).text
    scraped = {
        family.name + end
        for family in text_string_to_metric_families(text)
        for end in ENDS[family.type]
    }
    assert named == scraped


def test_it_is_a_dashboard_that_asks_for_its_data_source() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    [variable] = dashboard["templating"]["list"]
    assert variable["type"] == "datasource"
    assert len({panel["id"] for panel in dashboard["panels"]}) >= 15
    for panel in dashboard["panels"]:
        assert panel["datasource"]["uid"] == f"${{{variable['name']}}}"
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
