"""Grafana: a dashboard over what Prometheus has of Konan, from symptoms to causes (pure).

The JSON is that of an exported dashboard: whoever imports it is asked which Prometheus to read. A deployment
is chosen on top; every panel says in its description what it means.
"""

import json
from typing import Any

from konan.infrastructure.panels import FIRING, ROWS, Panel

UID = "konan-deployments"
_WIDTH = 24
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_COLORS = {"good": "green", "warning": "orange", "bad": "red"}


def files() -> dict[str, str]:
    """The dashboard and how a Grafana finds it, by the names of their files."""
    return {
        "konan.json": json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n",
        "provisioning/dashboards/konan.yml": _PROVIDER,
    }


_PROVIDER = """\
# Grafana finds the dashboard with this file in its folder provisioning/dashboards;
# the path is that of the folder with konan.json.
apiVersion: 1
providers:
  - name: "konan"
    type: "file"
    options:
      path: "/var/lib/grafana/dashboards"
"""


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    return {
        "uid": UID,
        "title": "Konan: deployments",
        "description": "Traffic, drift, quality and processes of models that Konan serves.",
        "tags": ["konan", "machine learning"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "timezone": "browser",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": _variables()},
        "annotations": {"list": [_firing()]},
        "links": [],
        "panels": _panels(),
    }


def _variables() -> list[dict[str, Any]]:
    return [
        {
            "name": "datasource",
            "label": "Prometheus",
            "type": "datasource",
            "query": "prometheus",
            "hide": 0,
            "multi": False,
            "includeAll": False,
        },
        _labels("project", "Project", "konan_alarm_state", multi=False),
        _labels("deployment", "Deployment", 'konan_alarm_state{project="$project"}', multi=True),
        _labels("metric", "Metric", 'konan_performance{project="$project"}', multi=True),
    ]


def _labels(label: str, title: str, metric: str, *, multi: bool) -> dict[str, Any]:
    query = f"label_values({metric}, {label})"
    return {
        "name": label,
        "label": title,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": "variable"},
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "multi": multi,
        "includeAll": multi,
        "current": {"text": "All", "value": "$__all"} if multi else {},
    }


def _firing() -> dict[str, Any]:
    """Marks on every chart when an alarm begins to fire."""
    return {
        "name": "Alarms",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": _COLORS["bad"],
        "expr": f"{FIRING} == 1",
        "titleFormat": "{{alarm}} fires",
        "step": "60s",
    }


def _panels() -> list[dict[str, Any]]:
    placed: list[dict[str, Any]] = []
    top = 0
    for title, panels in ROWS:
        place = {"x": 0, "y": top, "w": _WIDTH, "h": 1}
        identifier = len(placed) + 1
        row = {"id": identifier, "type": "row", "title": title, "collapsed": False, "gridPos": place}
        placed.append(row | {"panels": []})
        top += 1
        left = 0
        for panel in panels:
            if left + panel.width > _WIDTH:
                left, top = 0, top + panel.height
            place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            placed.append(_panel(panel, len(placed) + 1, place))
            left += panel.width
        top += panels[-1].height
    return placed


def _panel(panel: Panel, identifier: int, place: dict[str, int]) -> dict[str, Any]:
    instant = panel.kind in {"stat", "bargauge"}
    return {
        "id": identifier,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.meaning,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": _SOURCE,
                "expr": expression,
                "legendFormat": name,
                "instant": instant,
                "range": not instant,
            }
            for at, (expression, name) in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": {"unit": panel.unit, "thresholds": _thresholds(panel)}, "overrides": []},
        "options": {},
    }


def _thresholds(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": _COLORS["good"], "value": None}]
    for name, value in (("warning", panel.warning), ("bad", panel.bad)):
        if value is not None:
            steps.append({"color": _COLORS[name], "value": value})
    return {"mode": "absolute", "steps": steps}
